"""A derivation set out on the page: as text in sections, and as rows of LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from ..core.value import Constant, Value
from .algebra import Product
from .chainrule import STEPS, LeafUse, Signals, error_signals, few_short_paths, partial, product
from .names import Symbols
from .notation import ATOM, ELLIPSIS, Notation
from .paths import Edge, counted, edge_paths, on_paths

Form = Literal["auto", "paths", "delta"]

_COUNTED = 10**12
"""Where the text stops to count paths exactly; `count_paths` does not."""


class Page:
    """One derivation in one notation; its symbols are numbered in the order of writing.

    Parameters
    ----------
    root, leaf : Value
        What is differentiated, and toward what.
    gradients : mapping of Value to float
        Derivative of the root toward each node.
    notation : Notation
        How to write.
    form : {"auto", "paths", "delta"}
        The form of the chain rule.
    limit : int
        The most that is written of anything.
    """

    def __init__(
        self,
        root: Value,
        leaf: Value,
        gradients: Mapping[Value, float],
        notation: Notation,
        form: Form = "auto",
        limit: int = 20,
    ) -> None:
        self.root, self.leaf, self.gradients = root, leaf, gradients
        self.notation, self.form, self.limit = notation, form, limit
        self.symbols = Symbols(root, leaf, notation.seen)
        self.root_name, self.leaf_name = self.node(root), self.node(leaf)
        self.left = notation.interpret(partial(self.symbols, root, leaf))
        self.gradient = notation.number(gradients.get(leaf, 0.0))

    def node(self, node: Value) -> str:
        """A node as it stands in formulas."""
        return self.notation.interpret(self.symbols.of(node))

    def definition(self, node: Value) -> str:
        """What a node is in terms of its operands, tidied."""
        return self.notation.interpret(self.symbols.definition(node))

    def operation(self, node: Value, focus: int) -> str:
        """The operation that made a node, with the operand at `focus` shown."""
        return self.notation.interpret(self.symbols.operation(node, focus))

    def silence(self) -> str:
        """Why there is no chain rule to write; empty if there is one."""
        if self.leaf is self.root:
            return f"{self.leaf_name} is the output itself"
        if isinstance(self.leaf, Constant):
            return f"{self.leaf_name} is a constant: no gradient flows toward it"
        if not on_paths(self.root, self.leaf):
            return f"{self.root_name} does not depend on {self.leaf_name}"
        return ""

    def paths(self) -> list[tuple[tuple[Edge, ...], float]] | None:
        """The paths to write out, or None where the recursive form is wanted."""
        if self.form == "delta":
            return None
        if self.form == "auto" and not few_short_paths(self.root, self.leaf, self.limit):
            return None
        return list(edge_paths(self.root, self.leaf, self.limit))

    def products(self, paths: Sequence[tuple[tuple[Edge, ...], float]]) -> list[Product]:
        """The product over each path."""
        return [product(self.symbols, edges) for edges, _ in paths]

    def signals(self) -> Signals:
        """The recursive form."""
        return error_signals(self.symbols, self.root, self.leaf, self.gradients, self.limit)

    def pending(self) -> Iterator[Value]:
        """The nodes named so far and those named while they are defined, up to the limit."""
        done = 0
        while done < min(len(self.symbols.used), self.limit):
            yield self.symbols.used[done]
            done += 1


def text_of(page: Page, uses: Sequence[LeafUse]) -> str:
    """The ledger, the chain rule and the legend as text.

    Parameters
    ----------
    page : Page
        A page in text notation.
    uses : sequence of LeafUse
        The ledger.

    Returns
    -------
    str
        Sections with an empty line between.
    """
    heading = f"gradient of {page.root_name} toward {page.leaf_name}: {page.gradient}"
    silence = page.silence()
    sections = [[heading + (f" ({silence})" if silence else "")]]
    if not silence:
        sections += [_ledger(page, uses), _chain_rule(page)]
    sections.append(_legend(page))
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _ledger(page: Page, uses: Sequence[LeafUse]) -> list[str]:
    number = page.notation.number
    lines = [f"uses of {page.leaf_name}"]
    for use in uses[: page.limit]:
        name = f"{page.node(use.node)} = " if page.symbols.has_name(use.node) else ""
        several = (
            use.node.parents.index(page.leaf) != use.operand
            or page.leaf in (use.node.parents[use.operand + 1 :])
        )
        which = f" (operand {use.operand + 1})" if several else ""
        lines.append(
            f"  used by {name}{page.operation(use.node, use.operand)}{which}: "
            f"local {number(use.local)} × upstream {number(use.upstream)} "
            f"= {number(use.contribution)}"
        )
    if len(uses) > page.limit:
        rest = sum(use.contribution for use in uses[page.limit :])
        lines.append(f"  and {len(uses) - page.limit:,} more uses, together {number(rest)}")
    return [*lines, f"  sum = {page.gradient}"]


def _chain_rule(page: Page) -> list[str]:
    paths = page.paths()
    return _by_signals(page) if paths is None else _by_paths(page, paths)


def _by_paths(page: Page, paths: Sequence[tuple[tuple[Edge, ...], float]]) -> list[str]:
    products = page.products(paths)
    result = f"  {page.left} = {_with_number(page.notation.total(products), page.gradient)}"
    if len(paths) == 1:
        return ["chain rule", result]
    lines = [f"chain rule, a sum over {len(paths)} paths"]
    for i, ((edges, value), term) in enumerate(zip(paths, products, strict=True), start=1):
        nodes = [node for node, _ in edges if page.symbols.has_name(node) or node is page.root]
        route = " <- ".join([*map(page.node, nodes), page.leaf_name])
        formula = page.notation.total([term])
        lines.append(f"  path {i}, {route}: {_with_number(formula, page.notation.number(value))}")
    return [*lines, result]


def _by_signals(page: Page) -> list[str]:
    signals = page.signals()
    root = page.notation.at_least(ATOM, page.root_name)
    lines = [f"chain rule, with delta(v) = d {root} / d v"]
    if page.form == "auto":
        lines.append(f"  ({_why_not_by_paths(page)}: written recursively instead)")
    for equation in signals.equations:
        if equation is signals.equations[-1] and signals.left_out:
            lines.append(f"  ... ({signals.left_out:,} more)")
        left = page.notation.interpret(equation.left)
        right = page.notation.total(equation.terms)
        lines.append(f"  {left} = {_with_number(right, page.notation.number(equation.value))}")
    return lines


def _with_number(formula: str, number: str) -> str:
    return formula if formula == number else f"{formula} = {number}"


def _why_not_by_paths(page: Page) -> str:
    count = counted(page.root, page.leaf, on_paths(page.root, page.leaf), _COUNTED)
    if count <= page.limit:
        return f"a path has more than {STEPS} steps"
    more = "at least " if count == _COUNTED else ""
    return f"{more}{count:,} path{'s' * (count > 1)}, more than limit={page.limit}"


def _legend(page: Page) -> list[str]:
    lines = ["where"]
    for node in page.pending():
        formula = f" = {page.definition(node)}" if node.parents else ""
        lines.append(f"  {page.node(node)}{formula} = {page.notation.number(node.data)}")
    if page.symbols.writes_sigma:
        lines.append("  sigma = sigmoid")
    if len(page.symbols.used) > page.limit:
        lines.append(f"  and {len(page.symbols.used) - page.limit:,} more")
    return lines if len(lines) > 1 else []


def latex_rows(page: Page) -> list[str]:
    """The chain rule, and the automatic names in it, as rows of an ``aligned`` environment.

    Parameters
    ----------
    page : Page
        A page in LaTeX notation.

    Returns
    -------
    list of str
        Each with ``&`` where it is aligned.
    """
    rows = _latex_chain_rule(page)
    for node in page.pending():
        if not node.label.strip():
            formula = f"{page.definition(node)} = " if node.parents else ""
            rows.append(f"{page.node(node)} &= {formula}{page.notation.number(node.data)}")
    return rows


def _latex_chain_rule(page: Page) -> list[str]:
    if page.silence():
        return [f"{page.left} &= {page.gradient}"]
    number = page.notation.number
    paths = page.paths()
    if paths is not None:
        products = page.products(paths)
        first, *others = (page.notation.signed(term, i == 0) for i, term in enumerate(products))
        if not others:
            first = page.notation.total(products)
        rows = [f"{page.left} &= {first}", *(rf"&\quad {other}" for other in others)]
        return rows if [first] == [page.gradient, *others] else [*rows, f"&= {page.gradient}"]
    rows = []
    signals = page.signals()
    for equation in signals.equations:
        if equation is signals.equations[-1] and signals.left_out:
            rows.append(rf"&\;\; {page.notation.name(ELLIPSIS)}")
        left = page.notation.interpret(equation.left)
        right = page.notation.total(equation.terms)
        rows.append(f"{left} &= {_with_number(right, number(equation.value))}")
    return rows
