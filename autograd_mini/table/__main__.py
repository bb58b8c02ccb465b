"""``python -m autograd_mini.table``: write anew what is generated from the rows."""

from pathlib import Path

from .primitives import PRIMITIVES
from .reference import generated

if __name__ == "__main__":
    for path, text in generated(PRIMITIVES.values()).items():
        target = Path(__file__).parents[2] / path
        target.write_text(text, encoding="utf-8")
        print(target)
