"""``python -m autograd_mini.table``: write anew what is generated from the rows.

It goes into the project, or into a folder that is given.
"""

import sys
from pathlib import Path

from .primitives import PRIMITIVES
from .reference import generated

if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    for path, text in generated(PRIMITIVES.values()).items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(target)
