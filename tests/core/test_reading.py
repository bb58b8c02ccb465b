"""What ``c = a * b; c.backward()`` runs through is little enough to be read in half an hour."""

from __future__ import annotations

import ast
import sys
import tokenize
from pathlib import Path
from types import FrameType
from typing import Any

import autograd_mini as ad
from autograd_mini import Value

PACKAGE = Path(ad.__file__).parent
WRITES_OPERATORS = "core/operators.py"
READING = {"core/value.py", "core/graph.py", "core/backward.py"}


def files_run() -> set[str]:
    """The engine's files that run, and the one that writes the operators."""
    found = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        path = frame.f_code.co_filename
        if path.startswith("<autograd_mini"):
            found.add(WRITES_OPERATORS)
        elif path.startswith(str(PACKAGE)):
            found.add(Path(path).relative_to(PACKAGE).as_posix())

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        a, b = Value(2.0, "a"), Value(3.0, "b")
        c = a * b
        c.backward()
    finally:
        sys.setprofile(before)
    assert (c.data, a.grad, b.grad) == (6.0, 3.0, 2.0)
    return found


def lines_of_code(path: Path) -> int:
    """Lines that hold code: no blank ones, no comments, no documentation."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    silent |= {tokenize.ENCODING, tokenize.ENDMARKER}
    lines: set[int] = set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in silent:
                lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = node.value if isinstance(node, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            lines.difference_update(range(text.lineno, (text.end_lineno or 0) + 1))
    return len(lines)


def test_a_product_and_its_gradient_run_through_500_lines() -> None:
    files = files_run() | READING
    counts = {name: lines_of_code(PACKAGE / name) for name in sorted(files)}
    assert sum(counts.values()) <= 500, counts


def test_each_file_that_runs_stands_in_the_reading_order() -> None:
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    order = text[text.index("## Reading order") :]
    assert all(f"`{Path(name).stem}`" in order for name in files_run() | READING)


def test_no_method_of_a_value_is_replaced() -> None:
    """What stands in the class is what runs; the generated methods are stubs in it."""
    source = ast.parse((PACKAGE / "core" / "value.py").read_text(encoding="utf-8"))
    (value,) = [n for n in source.body if isinstance(n, ast.ClassDef) and n.name == "Value"]
    for method in value.body:
        if isinstance(method, ast.FunctionDef) and not method.decorator_list:
            code = getattr(Value, method.name).__code__
            assert code.co_filename == str(PACKAGE / "core" / "value.py"), method.name
