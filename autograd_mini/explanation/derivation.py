"""Why a gradient is this number: the ledger of uses, and the chain rule written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..core.propagation import STORED, gradient_map
from ..core.value import Value
from .chainrule import LeafUse, product, uses_of
from .latex import LatexNotation
from .names import Symbols
from .notation import Notation
from .page import Form, Page, latex_rows, text_of
from .paths import check_limit, check_nodes, count_paths, edge_paths
from .text import TextNotation


@dataclass(frozen=True)
class PathTerm:
    """One path's share of a gradient.

    Attributes
    ----------
    path : tuple of Value
        The nodes from the root to the leaf.
    factors : tuple of str
        The local derivative of each step as a formula, in order, factors 1 included.
    formula : str
        Their product, tidied, in Python's syntax.
    value : float
        The product as a number.

    Examples
    --------
    >>> a, b = Value(2.0, "a"), Value(3.0, "b")
    >>> explain(a * b + 1, a).terms()[0].factors
    ('1', 'b')
    """

    path: tuple[Value, ...]
    factors: tuple[str, ...]
    formula: str
    value: float


@dataclass(frozen=True, repr=False)
class Derivation:
    """A gradient and its reason, as :func:`explain` finds it.

    The numbers are those of the moment of explaining.  The formulas are written when asked for.

    Attributes
    ----------
    root, leaf : Value
        What is differentiated, and toward what.
    gradient : float
        Derivative of the root toward the leaf.
    uses : tuple of LeafUse
        The ledger: every use of the leaf on which the root depends, in the order in which a
        backward pass meets them.  Their contributions add up to the gradient.

    Examples
    --------
    >>> w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-1.0, "b")
    >>> derivation = explain(Value.tanh(w * x + b), w)
    >>> derivation
    <Derivation: d tanh / d w = 2.0, from 1 use>
    >>> print(derivation)
    gradient of tanh(w * x + b) toward w: 2
    <BLANKLINE>
    uses of w
      used by w * x: local 2 × upstream 1 = 2
      sum = 2
    <BLANKLINE>
    chain rule
      d tanh(w * x + b) / d w = (1 - tanh(w * x + b)**2) * x = 2
    <BLANKLINE>
    where
      w = 0.5
      x = 2
      b = -1
    """

    root: Value
    leaf: Value
    gradient: float
    uses: tuple[LeafUse, ...]
    gradients: Mapping[Value, float] = field(repr=False, compare=False)
    """Gradient of the root toward every node it depends on; nodes it does not reach are absent."""

    def __repr__(self) -> str:
        root, leaf = (node.label or node.op or "leaf" for node in (self.root, self.leaf))
        uses = f"{len(self.uses):,} use{'s' * (len(self.uses) != 1)}"
        return f"<Derivation: d {root} / d {leaf} = {self.gradient!r}, from {uses}>"

    def __str__(self) -> str:
        return self.text()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    @property
    def paths(self) -> int:
        """The number of paths from the root to the leaf.

        Examples
        --------
        >>> a = Value(3.0, "a")
        >>> explain(a + a, a).paths
        2
        """
        return count_paths(self.root, self.leaf)

    def terms(self, *, limit: int = 20, precision: int = 6) -> tuple[PathTerm, ...]:
        """The gradient as a sum over paths, as data.

        Parameters
        ----------
        limit : int, optional
            The most paths to write out.
        precision : int, optional
            Significant digits of the numbers in formulas; 17 tell every float exactly.

        Returns
        -------
        tuple of PathTerm
            One for each path, as :func:`path_derivatives` goes.

        Raises
        ------
        ValueError
            If there are more paths, or an argument is out of range.

        Examples
        --------
        >>> a, b = Value(2.0, "a"), Value(3.0, "b")
        >>> [(term.formula, term.value) for term in explain(a * b + 4 * a, a).terms()]
        [('b', 3.0), ('4', 4.0)]
        """
        _check_precision(precision)
        notation, symbols = TextNotation(precision), Symbols(self.root, self.leaf)
        terms = []
        for edges, value in edge_paths(self.root, self.leaf, limit):
            path = (*(node for node, _ in edges), self.leaf)
            factors = tuple(notation.interpret(symbols.factor(*edge)) for edge in edges)
            formula = notation.total([product(symbols, edges)])
            terms.append(PathTerm(path, factors, formula, value))
        return tuple(terms)

    def text(self, form: Form = "auto", *, limit: int = 20, precision: int = 6) -> str:
        r"""The ledger, the chain rule and what its symbols stand for, as text.

        Parameters
        ----------
        form : {"auto", "paths", "delta"}, optional
            The chain rule as a sum over paths, or recursively: the error signal ``delta(v)``, the
            derivative of the root toward v, is the sum over the uses of v.  ``"auto"`` takes the
            paths if there are at most `limit`, of at most 60 steps each.
        limit : int, optional
            The most uses, paths, error signals and symbols to write out.  Uses, error signals and
            symbols beyond are counted; they stay in the data.
        precision : int, optional
            Significant digits of numbers; 17 tell every float exactly.

        Returns
        -------
        str
            Several lines; a formula in them is Python's syntax.

        Raises
        ------
        ValueError
            If `form` is unknown, or is ``"paths"`` where there are more than `limit`, or another
            argument is out of range.

        Examples
        --------
        >>> w, x = Value(0.5, "w"), Value(2.0, "x")
        >>> s = w * x
        >>> s.label = "s"
        >>> loss = s * s + s
        >>> loss.label = "L"
        >>> print(explain(loss, w).text("delta").replace("\n\n", "\n"))
        gradient of L toward w: 6
        uses of w
          used by s = w * x: local 2 × upstream 3 = 6
          sum = 6
        chain rule, with delta(v) = d L / d v
          delta(s) = 1 + s + s = 3
          d L / d w = delta(s) * x = 6
        where
          L = s**2 + s = 2
          w = 0.5
          s = w * x = 1
          x = 2
        """
        return text_of(self._page(TextNotation, form, limit, precision), self.uses)

    def latex(self, form: Form = "auto", *, limit: int = 20, precision: int = 6) -> str:
        r"""The chain rule in LaTeX, for math mode; notebooks show it by themselves.

        Parameters
        ----------
        form, limit, precision
            As in :meth:`text`.

        Returns
        -------
        str
            An ``aligned`` environment.

        Raises
        ------
        ValueError
            As in :meth:`text`.

        Examples
        --------
        >>> w, x = Value(0.5, "w_1"), Value(2.0, "x")
        >>> print(explain(Value.tanh(w * x), w).latex().replace(r"\\", "\n"))  # doctest: +ELLIPSIS
        \begin{aligned}\frac{\partial \tanh(w_{1} \, x)}{\partial w_{1}} &= ...
        """
        rows = latex_rows(self._page(LatexNotation, form, limit, precision))
        return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"

    def _page(
        self, notation: Callable[[int], Notation], form: Form, limit: int, precision: int
    ) -> Page:
        if form not in ("auto", "paths", "delta"):
            raise ValueError(f"form must be 'auto', 'paths' or 'delta', got {form!r:.80}")
        check_limit(limit)
        _check_precision(precision)
        return Page(self.root, self.leaf, self.gradients, notation(precision), form, limit)


def _check_precision(precision: int) -> None:
    if isinstance(precision, bool) or not isinstance(precision, int):
        raise TypeError(f"precision must be an int, got {type(precision).__name__}")
    if not 1 <= precision <= 17:
        raise ValueError(f"precision must be 1 to 17 digits, got {precision}")


def explain(root: Value, leaf: Value) -> Derivation:
    """Explain the derivative of `root` toward `leaf`: which uses make it up, and by which formulas.

    Nothing is changed, no ``grad`` either.  The time is that of a backward pass.

    Parameters
    ----------
    root : Value
        What is differentiated.
    leaf : Value
        Toward what; it may be any node of the graph.

    Returns
    -------
    Derivation
        The ledger of uses as data; ``print`` it for text, or leave it to a notebook for LaTeX.  A
        leaf that does not reach the root has gradient 0 and no uses; the root itself has gradient
        1.

    Raises
    ------
    TypeError
        If an argument is not a Value.

    Examples
    --------
    >>> a, b = Value(2.0, "a"), Value(3.0, "b")
    >>> c = a * b + a
    >>> derivation = explain(c, a)
    >>> derivation.gradient, [use.contribution for use in derivation.uses]
    (4.0, [1.0, 3.0])
    >>> a.grad
    0.0
    """
    check_nodes(root, leaf)
    gradients = gradient_map([(root, 1.0)], STORED)
    uses = uses_of(root, leaf, gradients)
    return Derivation(root, leaf, gradients.get(leaf, 0.0), uses, gradients)
