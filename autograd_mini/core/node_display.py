"""What a notebook shows of one node: a table, and a small picture with its operands."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

from ..operation_signs import BETWEEN
from ..textbook_names import textbook_names

_MOST = 6
"""Operands shown; of more, the last of them gives way to how many there are."""
_WRITTEN = 3
"""Operands of an operation that is written out."""
_DEEPEST = 4
"""Operations within each other that are written out."""
_STYLE = """\
.autograd-node { color: #767676; font: 13px sans-serif }
@media (prefers-color-scheme: dark) { .autograd-node { color: #a0a0a0 } }
"""
"""Greys that can be read on white and on black, as nobody tells an image what is behind it."""


class _Shown(NamedTuple):
    """One operand in words; the path is what its name stands for."""

    name: str
    path: str
    data: str
    grad: str
    local: str


def as_table(node: Any) -> str:
    """The node and its operands as an HTML table, in the colours of the page.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> "<td>3</td>" in as_table(Value(3.0, "w"))
    True
    """
    words = _Words(node)
    operands, more = _operands(node, words)
    rows = [
        "<tr><th></th><th>value</th><th>gradient</th><th>local derivative</th></tr>",
        _row(_Shown(words.title(node), node.label, _number(node.data), _gradient(node), "")),
        *map(_row, operands),
    ]
    if more:
        rows.append(f'<tr><td colspan="4">and {more:,} more operands</td></tr>')
    return f"<table>{''.join(rows)}</table>"


def _row(shown: _Shown) -> str:
    name, path = escape(shown.name), escape(_shortened(shown.path, 300), quote=True)
    head = f'<th title="{path}" style="text-align: left">{name}</th>'
    return f"<tr>{head}{''.join(f'<td>{escape(text)}</td>' for text in shown[2:])}</tr>"


def as_picture(node: Any) -> str:
    """The node behind its operands as SVG, the local derivatives on the edges.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> as_picture(Value(3.0, "w") * 2.0).count("<polyline")
    2
    """
    words = _Words(node)
    operands, more = _operands(node, words)
    count = len(operands) + (more > 0)
    height, left = max(count, 1) * 54 + 6, 300 if operands else 10
    title = escape(words.title(node))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="autograd-node" role="img" '
        f'width="{left + 160}" height="{height}" viewBox="0 0 {left + 160} {height}">'
        f"<title>{title}</title><style>{_STYLE}</style>"
    ]
    for i, operand in enumerate(operands):
        y = 30 + 54 * i
        parts += [*_edge(y, height / 2, operand.local), _box(10, y, operand.name, operand.data)]
    if more:
        parts.append(_text(85, height - 26, f"and {more:,} more"))
    lines = [words.head(node) if operands else words.title(node), _number(node.data)]
    lines += [f"gradient {_gradient(node)}"] if _gradient(node) else []
    return "".join([*parts, _box(left, height / 2, *lines), "</svg>"])


def _edge(y: float, end: float, local: str) -> list[str]:
    points = f"160,{y} 240,{y} 300,{end}"
    line = f'<polyline points="{points}" fill="none" stroke="currentColor"/>'
    return [line, _text(200, y - 5, local)]


def _box(x: float, y: float, *lines: str) -> str:
    """Lines of text in a frame around (x + 75, y), the first in bold."""
    height = 12 + 15 * len(lines)
    top = y - height / 2
    frame = f'<rect x="{x}" y="{top}" width="150" height="{height}" rx="6" fill="none" '
    texts = [_text(x + 75, top + 18 + 15 * i, line, bold=i == 0) for i, line in enumerate(lines)]
    return "".join([frame, 'stroke="currentColor"/>', *texts])


def _text(x: float, y: float, text: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    shown = escape(_shortened(text, 22))
    return f'<text x="{x}" y="{y}" text-anchor="middle" fill="currentColor"{weight}>{shown}</text>'


def _operands(node: Any, words: _Words) -> tuple[list[_Shown], int]:
    """The first operands, and how many are left out."""
    parents = node.parents
    shown = len(parents) if len(parents) <= _MOST else _MOST - 1
    operands = [
        _Shown(
            words.operand(parent),
            parent.label,
            _number(parent.data),
            _gradient(parent),
            "" if parent.op == "constant" else _number(local),
        )
        for parent, local in zip(parents[:shown], node.local_derivatives[:shown], strict=False)
    ]
    return operands, len(parents) - shown


def _gradient(node: Any) -> str:
    """None of a constant: it is not asked for."""
    return "" if node.op == "constant" else _number(node.grad)


def _number(number: Any) -> str:
    try:
        return f"{number:.6g}".replace("-", "−")
    except (ArithmeticError, TypeError, ValueError):  # something else was assigned
        return type(number).__name__


class _Words:
    """What a node and those that it is made of are called, no two parameters alike."""

    def __init__(self, node: Any) -> None:
        nodes = [*{id(each): each for each in _mentioned(node)}.values()]
        known = textbook_names([each.label for each in nodes])
        self._names = {id(each): name.text for each, name in zip(nodes, known, strict=True) if name}

    def head(self, node: Any) -> str:
        """The label, or the operation, of a node that stands beside its operands."""
        return f"{self._called(node)} = {_sign(node)}" if node.label else _sign(node)

    def title(self, node: Any) -> str:
        """Name and operation: ``y = w × x``."""
        if not node.parents:
            return self._called(node) if node.label else node.op or "Value"
        operation = self._operation(node, _DEEPEST)
        return f"{self._called(node)} = {operation}" if node.label else operation

    def operand(self, node: Any) -> str:
        """What stands in the box of an operand."""
        return (
            self._inside(node, _DEEPEST - 1, "") if node.parents else self._name(node, "constant")
        )

    def _operation(self, node: Any, depth: int) -> str:
        """The operation over its operands; those without a label written out, if not too deep."""
        names = [self._inside(parent, depth - 1, node.op) for parent in node.parents[:_WRITTEN]]
        if len(node.parents) == 2 and node.op in BETWEEN:
            return f" {_sign(node)} ".join(names)
        rest = ["…"] if len(node.parents) > _WRITTEN else []
        return f"{node.op}({', '.join([*names, *rest])})"

    def _inside(self, node: Any, depth: int, around: str) -> str:
        if node.label or not node.parents or not depth:
            return self._name(node)
        text = self._operation(node, depth)
        needs_brackets = (
            node.op in BETWEEN and around in BETWEEN and (node.op, around) != ("mul", "add")
        )
        return f"({text})" if needs_brackets else text

    def _name(self, node: Any, constant: str = "") -> str:
        if node.label:
            return self._called(node)
        if node.op == "constant":
            return constant or _number(node.data)
        return _sign(node) or "leaf"

    def _called(self, node: Any) -> str:
        known = self._names.get(id(node))
        return known or _shortened(" ".join(node.label.split()), 40)


def _mentioned(node: Any) -> Iterator[Any]:
    """The node, its operands that are shown, and what those without a label are made of."""
    yield node
    layer = node.parents[:_MOST]
    for _ in range(_DEEPEST):
        yield from layer
        layer = [part for each in layer if not each.label for part in each.parents[:_WRITTEN]]


def _sign(node: Any) -> str:
    return str(BETWEEN.get(node.op, node.op))


def _shortened(text: str, most: int) -> str:
    """A text in one line that is not too long, of characters that an SVG may hold."""
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(c if c.isprintable() else "\ufffd" for c in short)
