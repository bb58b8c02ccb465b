"""Names for the nodes of one graph, and the table's formulas over these names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ..core.graph import topological_order
from ..core.value import Value
from ..table.primitives import PRIMITIVES
from .algebra import call, number, symbol
from .bound_row import BoundRow, is_number, is_plain, shown_elements
from .notation import ELLIPSIS

_INLINE = 4
"""The most symbols an unlabelled node may have to be written out instead of getting a name."""


class Symbols:
    """Names for the nodes of one graph, and the table's formulas over these names.

    A node is called by its label; a second node of the same label ``w`` is ``w#2``.  A number is
    itself.  A node without a label is written out if that is short, and is ``v1``, ``v2``, ... if
    not, in the order in which they are needed (``output`` for the root).

    Parameters
    ----------
    root, leaf : Value
        The graph is all that they depend on.
    seen : callable, optional
        What a reader sees of a name, where a notation writes it otherwise: two nodes are told apart
        by that, too.

    Attributes
    ----------
    used : list of Value
        The nodes that were called by a name so far, in order.
    writes_sigma : bool
        Whether a sigmoid was written as ``sigma`` so far.

    Examples
    --------
    >>> x = Value(2.0, "x")
    >>> y = Value.tanh(3 * x)
    >>> ast.unparse(Symbols(y, x).factor(y, 0))
    '1.0 - tanh(3.0 * x) ** 2.0'
    """

    def __init__(self, root: Value, leaf: Value, seen: Callable[[str], str] = str) -> None:
        self.used: list[Value] = []
        self.writes_sigma = False
        self._root, self._seen = root, seen
        self._met: set[Value] = set()
        self._names: dict[Value, str] = {}
        self._long: set[Value] = set()
        self._taken: set[str] = set()
        self._automatic = 0
        self._copies: dict[str, int] = {}
        sizes: dict[Value, int] = {}
        for node in topological_order(root, leaf):
            if label := printable(node.label):
                self._names[node] = self._unique(label)
            elif node.parents:
                size = _overhead(node) + sum(sizes.get(parent, 1) for parent in node.parents)
                if size > _INLINE:
                    self._long.add(node)
                else:
                    sizes[node] = size
        if not self.has_name(root) and self._needs_names(root):
            self._long.add(root)

    def _needs_names(self, node: Value) -> bool:
        """Whether a node that is written out would mention automatic names."""
        return any(
            parent not in self._names if self.has_name(parent) else self._needs_names(parent)
            for parent in node.parents
        )

    def _unique(self, label: str) -> str:
        name = label
        while not self._taken.isdisjoint((name, self._seen(name))):
            self._copies[label] = self._copies.get(label, 1) + 1
            name = f"{label}#{self._copies[label]}"
        self._taken |= {name, self._seen(name)}
        return name

    def has_name(self, node: Value) -> bool:
        """Whether the node is called by a name, rather than written out."""
        return node in self._names or node in self._long or not (node.parents or is_number(node))

    def of(self, node: Value) -> ast.expr:
        """The node as it stands in a formula."""
        if not self.has_name(node):
            return self.definition(node) if node.parents else number(node.data)
        if node not in self._names:
            self._names[node] = self._unique(self._next_name(node))
        if node not in self._met:
            self._met.add(node)
            self.used.append(node)
        return symbol(self._names[node])

    def _next_name(self, node: Value) -> str:
        if node is self._root and "output" not in self._taken:
            return "output"
        while True:
            self._automatic += 1
            if (name := f"v{self._automatic}") not in self._taken:
                return name

    def definition(self, node: Value, focus: int = 0) -> ast.expr:
        """The operation that made the node, over its operands.

        Of many operands the first, the last and the one at position `focus` are shown.
        """
        row = PRIMITIVES.get(node.op)
        if row is not None and is_plain(row):
            _, element = row.locate(focus, len(node.parents))
            return BoundRow(self, node, row, element).interpret(row.value_formula)
        return self._call(node, focus)

    def operation(self, node: Value, focus: int = 0) -> ast.expr:
        """The definition, as a call where it has come down to an operand: ``mul(x, 1)``."""
        formula = self.definition(node, focus)
        collapsed = isinstance(formula, (ast.Name, ast.Constant))
        return self._call(node, focus) if collapsed else formula

    def _call(self, node: Value, focus: int) -> ast.expr:
        shown = shown_elements(len(node.parents), focus)
        return self.apply(node.op, [None if i is None else self.of(node.parents[i]) for i in shown])

    def factor(self, node: Value, index: int) -> ast.expr:
        """The table's local derivative of the node toward its operand at position `index`."""
        row = PRIMITIVES.get(node.op)
        if row is None:  # a node from elsewhere: only its number is known
            return number(node.local_derivatives[index])
        operand, element = row.locate(index, len(node.parents))
        return BoundRow(self, node, row, element).interpret(row.partial_formulas[operand])

    def output(self, node: Value) -> ast.expr:
        """What ``y`` stands for in a local derivative: sigma(s) for a function of a named s."""
        if len(node.parents) == 1 and self.has_name(node.parents[0]):
            return self.definition(node)
        return self.of(node)

    def apply(self, function: str, arguments: Sequence[ast.expr | None]) -> ast.expr:
        """A call; None stands for arguments left out."""
        if function == "sigmoid" and "sigma" not in self._taken:
            function = "sigma"  # as textbooks write it
            self.writes_sigma = True
        return call(function, [symbol(ELLIPSIS) if a is None else a for a in arguments])


def printable(label: str) -> str:
    r"""A label in one line, without control characters.

    Examples
    --------
    >>> printable("two\nlines")
    'two lines'
    """
    text = " ".join(label.split())
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _overhead(node: Value) -> int:
    """What the operation itself adds to the size of a formula: 1 unless it joins operands."""
    row = PRIMITIVES.get(node.op)
    return 0 if row is not None and is_plain(row) and len(node.parents) > 1 else 1
