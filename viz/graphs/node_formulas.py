"""What each value is, as a formula over the labels of its operands."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from autograd_mini.explanation.names import Symbols, printable
from autograd_mini.explanation.notation import ATOM, POWER, Term
from autograd_mini.explanation.text import TextNotation
from autograd_mini.operation_signs import SIGNS
from autograd_mini.textbook_names import textbook_name, textbook_names
from viz.graphs.graph_nodes import Node

__all__ = ["Formulas", "textbook_titles"]


class _Together:
    """Several roots as the operands of one, so that no two of their values share a name."""

    op, label, data, grad = "together", "", 0.0, 0.0

    def __init__(self, roots: Sequence[Node]) -> None:
        self.parents = tuple(roots)


class PictureNotation(TextNotation):
    """Formulas with the signs of pictures, and parameters of layers named as in textbooks.

    Examples
    --------
    >>> PictureNotation().interpret(ast.parse("sigma(x) ** 2", mode="eval").body)
    'σ(x)^2'
    """  # noqa: RUF002 - the sign itself

    def name(self, name: str) -> str:
        """A label, or the textbook's name of a parameter."""
        known = textbook_name(name)
        return super().name(name) if known is None else Term(known.text)

    def joined(self, factors: list[str]) -> str:
        """Factors with a cross between."""
        return " \N{MULTIPLICATION SIGN} ".join(factors)

    def power(self, base: str, exponent: str) -> Term:
        """As the operation is drawn."""
        return Term(f"{self.at_least(ATOM, base)}^{self.at_least(ATOM, exponent)}", POWER)

    def apply(self, op: str, operands: Sequence[str]) -> str:
        """A call; the sigmoid by its sign."""
        return super().apply(SIGNS["sigmoid"] if op == "sigma" else op, operands)


def textbook_titles(nodes: Iterable[Node]) -> dict[int, str]:
    """The textbook's name of each parameter of a layer, by its ``id``, no two of them alike."""
    leaves = [node for node in nodes if node.label]
    names = textbook_names([node.label for node in leaves])
    return {id(node): name.text for node, name in zip(leaves, names, strict=True) if name}


class Formulas:
    """The formulas of a graph's values.

    A value without a label is written out where that is short, and called ``v1``, ``v2``, ... where
    it is not.

    Parameters
    ----------
    roots : sequence of Node
        What the graph ends in.

    Examples
    --------
    >>> from autograd_mini import Value, tanh
    >>> w, x = Value(2.0, "w"), Value(3.0, "x")
    >>> y = tanh(w + x)
    >>> Formulas([y]).of(y)
    'tanh(w + x)'
    """

    def __init__(self, roots: Sequence[Node]) -> None:
        root: Any = roots[0] if len(roots) == 1 else _Together(roots)
        self._notation = PictureNotation()
        self._symbols = Symbols(root, root, lambda name: str(self._notation.name(name)))

    def of(self, node: Any) -> str:
        """The operation that made the value; nothing for a leaf."""
        return self._text(self._symbols.definition(node)) if node.parents else ""

    def name(self, node: Any) -> str:
        """What the value is called in formulas; nothing if by its label, or if written out."""
        label = printable(node.label)
        if not self._symbols.has_name(node) or not (node.parents or label):
            return ""
        name = self._text(self._symbols.of(node))
        return "" if name == TextNotation().name(label) else name

    def _text(self, formula: ast.expr) -> str:
        return str(self._notation.interpret(formula))
