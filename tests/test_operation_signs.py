"""One table of signs: what it names exists, and every picture and text draws on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograd_mini import PRIMITIVES, Value
from autograd_mini.operation_signs import BETWEEN, SIGNS
from viz._node_text import operation_sign

ROOT = Path(__file__).parent.parent


def test_signs_are_of_rows() -> None:
    assert set(BETWEEN) < set(SIGNS) <= set(PRIMITIVES)


@pytest.mark.parametrize("op", PRIMITIVES)
def test_a_node_has_its_sign_or_its_name(op: str) -> None:
    assert operation_sign(op) == SIGNS.get(op, op)


@pytest.mark.parametrize("op", BETWEEN)
def test_a_line_of_text_has_the_sign_between(op: str) -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b, "pow": a**b}[op]
    text = re.sub(r"<[^>]*>", "", y._repr_html_())
    assert f"a {BETWEEN[op]} b" in text


def test_no_other_file_has_a_table_of_signs() -> None:
    table = re.compile(r"""["'](?:mul|add)["']: *["'](?:\\N\{MULT|[+×])""")
    files = [p for room in ("autograd_mini", "viz", "nn") for p in (ROOT / room).rglob("*.py")]
    found = [p.name for p in files if table.search(p.read_text(encoding="utf-8"))]
    assert found == ["operation_signs.py"]
