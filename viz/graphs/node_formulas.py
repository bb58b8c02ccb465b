"""What each value is, as a formula over the labels of its operands."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from autograd_mini.explanation.names import Symbols
from autograd_mini.explanation.notation import ATOM, POWER, Term
from autograd_mini.explanation.text import TextNotation
from autograd_mini.textbook_names import textbook_name
from viz._node_text import SIGNS
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
        stem, mark, copy = name.partition("#")
        known = textbook_name(stem)
        if known is None or (mark and not copy.isdigit()):
            return super().name(name)
        return Term(primed(known.text, int(copy or 1)))

    def joined(self, factors: list[str]) -> str:
        """Factors with a cross between."""
        return " \N{MULTIPLICATION SIGN} ".join(factors)

    def power(self, base: str, exponent: str) -> Term:
        """As the operation is drawn."""
        return Term(f"{self.at_least(ATOM, base)}^{self.at_least(ATOM, exponent)}", POWER)

    def apply(self, op: str, operands: Sequence[str]) -> str:
        """A call; the sigmoid by its sign."""
        return super().apply(SIGNS["sigmoid"] if op == "sigma" else op, operands)


def primed(name: str, copy: int) -> str:
    """The textbook's name of one of several parameters of this name, as LaTeX has it.

    Examples
    --------
    >>> primed("w¹₁₂", 1), primed("w¹₁₂", 2), primed("w¹₁₂", 12)
    ('w¹₁₂', 'w′¹₁₂', 'w¹₁₂#12')
    """  # noqa: RUF002 - the sign itself
    return f"{name}#{copy}" if copy > 9 else name[0] + "\N{PRIME}" * (copy - 1) + name[1:]


def textbook_titles(nodes: Iterable[Node]) -> dict[int, str]:
    """The textbook's name of each parameter of a layer, by its ``id``, no two of them alike."""
    titles: dict[int, str] = {}
    copies: Counter[str] = Counter()
    for node in nodes:
        known = textbook_name(node.label) if node.label else None
        if known is not None:
            copies[known.text] += 1
            titles[id(node)] = primed(known.text, copies[known.text])
    return titles


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
        """What the value is called in formulas; nothing if it is written out."""
        if not (node.parents and self._symbols.has_name(node)):
            return ""
        return self._text(self._symbols.of(node))

    def _text(self, formula: ast.expr) -> str:
        return str(self._notation.interpret(formula))
