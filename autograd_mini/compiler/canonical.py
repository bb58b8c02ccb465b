"""Stage 2: the canonical form of the scalar graph.

Single-use chains of ``+``, ``-``, ``*`` and constant factors become one *sum of products*, so that
``sum(w*x for ...) + b`` written out and ``dot(w, x, b)`` are the same thing.  Constants are
folded, equal nodes are one node, and what no output needs is not there.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from ..core.value import Value
from ..table.grammar import parts
from ..table.interpreter import VectorInterpreter
from ..table.primitives import PRIMITIVES, Primitive
from ..table.reductions import joined_lists
from ..table.vectors import Vector as GroupOf
from .builder import Builder, Item
from .choices import decides, deciding_operands, has_two_forms, is_written_out
from .ir.scalars import (
    Leaf,
    Literal,
    Scalar,
    ScalarProgram,
    Sum,
    Take,
    in_reading_order,
)
from .ir.spaces import THETA, input_space
from .open_sums import OpenSum
from .trace import Trace


def _sum(builder: Builder, items: Sequence[Item]) -> Item:
    return builder.add([(1.0, item) for item in items])


def _dot(builder: Builder, items: Sequence[Item]) -> Item:
    half = len(items) // 2
    pairs = zip(items[:half], items[half : 2 * half], strict=True)
    rest = [(1.0, item) for item in items[2 * half :]]
    if any(isinstance(x, OpenSum) or x in builder.numbers for x in items[: 2 * half]):
        return builder.add([*[(1.0, builder.multiply(a, b)) for a, b in pairs], *rest])
    total = OpenSum()
    total.add_products(pairs)  # type: ignore[arg-type]  # nodes, as just seen
    return builder.add([(1.0, total), *rest])


def _power(builder: Builder, items: Sequence[Item]) -> Item:
    exponent = builder.literal(items[1])
    if exponent == 1.0:
        return items[0]
    if exponent == 2.0:
        node = builder.close(items[0])
        return builder.multiply(node, node)
    return builder.elementwise("pow", items)


def _divide(builder: Builder, items: Sequence[Item]) -> Item:
    divisor = builder.literal(items[1])
    if divisor is None:
        return builder.elementwise("div", items)
    return builder.divide(items[0], divisor)


def _logsumexp(builder: Builder, items: Sequence[Item]) -> Item:
    return builder.add(builder.logarithm([builder.close(item) for item in items], 1.0))


def _log_softmax(builder: Builder, items: Sequence[Item]) -> Item:
    members = [builder.close(item) for item in items]
    return builder.add([(1.0, members[0]), *builder.logarithm(members, -1.0)])


def _softmax(builder: Builder, items: Sequence[Item]) -> Item:
    members = [builder.close(item) for item in items]
    shift, total = builder.exponentials(members)
    return builder.elementwise("div", [builder.shifted_exp(members[0], shift), total])


def _take(builder: Builder, items: Sequence[Item]) -> Item:
    """Pick first and add the rest afterwards, where all choices add the same: log_softmax."""
    index, *choices = [builder.close(item) for item in items]
    rest = _common_rest([builder.nodes[choice] for choice in choices])
    if rest is None:
        return builder.node(Take(index, tuple(choices)))
    sums: list[Any] = [builder.nodes[choice] for choice in choices]
    picked = builder.node(Take(index, tuple([total.linear[0][1] for total in sums])))
    return OpenSum.of(replace(rest, linear=((1.0, picked), *rest.linear)))


def _common_rest(choices: Sequence[Scalar]) -> Sum | None:
    """What all choices add to a first linear term with coefficient 1."""
    rests = [
        replace(choice, linear=choice.linear[1:])
        for choice in choices
        if isinstance(choice, Sum) and len(choice.linear) > 1 and choice.linear[0][0] == 1
    ]
    several = 1 < len(rests) == len(choices)
    return rests[0] if several and len({rest.identity for rest in rests}) == 1 else None


Rule = Callable[[Builder, Sequence[Item]], Item]
_RULES: dict[str, Rule] = {
    "add": _sum,
    "sub": lambda builder, items: builder.add([(1.0, items[0]), (-1.0, items[1])]),
    "neg": lambda builder, items: builder.scale(items[0], -1.0),
    "mul": lambda builder, items: builder.multiply(items[0], items[1]),
    "multiply_no_nan": lambda builder, items: builder.multiply(items[0], items[1]),
    "div": _divide,
    "pow": _power,
    "sum": _sum,
    "dot": _dot,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "take": _take,
}
"""Sums, products, quotients and powers, and the family of logsumexp; the rest is in the table."""


def _rule(op: str, exact: bool) -> Rule:
    """What becomes of a row: a rule, what its formula does, or a node for the row itself."""
    if not (exact and has_two_forms(op)):
        if op in _RULES:
            return _RULES[op]
        if is_written_out(PRIMITIVES[op]):
            return partial(_written_out, PRIMITIVES[op])
    return partial(Builder.row, op=op)


def _written_out(row: Primitive, builder: Builder, items: Sequence[Item]) -> Item:
    """What the value formula of a row does to its operands."""
    used = Counter(part.id for part in parts(row.value_formula) if isinstance(part, ast.Name))
    names = row.bind(items)
    for name, span in zip(row.names, row.spans(len(items)), strict=True):
        if used[name] > 1:  # an open sum has one user
            closed = [builder.close(item) for item in items[span]]
            names[name] = GroupOf(closed) if name in row.vectors else closed[0]
    return _Formula(builder, names).interpret(row.value_formula)  # type: ignore[no-any-return]


class _Formula(VectorInterpreter):
    """Reads the value formula of a row over the items of a builder."""

    def __init__(self, builder: Builder, names: Mapping[str, Any]) -> None:
        super().__init__(names)
        self.builder = builder

    def number(self, value: float) -> Item:
        """A constant."""
        return self.builder.node(Literal(float(value)))

    def name(self, name: str) -> Any:
        """An operand; a number for one that is left out."""
        found = super().name(name)
        return self.number(found) if isinstance(found, float) else found

    def apply(self, op: str, operands: Sequence[Any]) -> Any:
        """Element by element; what meets every element of a vector has more than one user."""
        if any(isinstance(operand, GroupOf) for operand in operands):
            operands = [o if isinstance(o, GroupOf) else self.builder.close(o) for o in operands]
        return super().apply(op, operands)

    def scalar(self, op: str, operands: Sequence[Item]) -> Item:
        """A row without vectors, by its own rule."""
        return _rule(op, exact=False)(self.builder, operands)

    def reduction(self, op: str, groups: Sequence[Any]) -> Item:
        """A row with vectors, by its own rule."""
        return _rule(op, exact=False)(self.builder, joined_lists(groups))


def canonical_form(trace: Trace, nan_safe: bool = False) -> ScalarProgram:
    """Turn a traced graph into its canonical form.

    Parameters
    ----------
    trace : Trace
        The graph.
    nan_safe : bool, optional
        Keep ``multiply_no_nan``, softmax and its kin as the table has them.  Without, these are
        written out as products and sums, which become part of matrix products: right, unless a
        NaN comes out.  What a choice depends on stays as the table has it in any case.

    Returns
    -------
    ScalarProgram
        The canonical graph.
    """
    builder, leaves = Builder(), _leaves(trace)
    parents = [node.parents for node in trace.nodes]
    uses = Counter(chain.from_iterable(parents))
    uses.update((*trace.outputs, *trace.aux))
    exact = set(trace.nodes) if nan_safe else _deciding(trace.nodes, parents)
    rules: dict[tuple[str, bool], Rule] = {}
    items: dict[Value, Item] = {}
    shared: set[Value] = set()
    for node, operands in zip(trace.nodes, parents, strict=True):
        if node in leaves or not operands:
            items[node] = builder.node(leaves.get(node) or Literal(node.data))
            continue
        key = node.op, node in exact
        if key not in rules:
            rules[key] = _rule(*key)
        item = rules[key](builder, _arguments(operands, items, shared))
        if uses[node] > 1 and key != ("logsumexp", False):
            item = builder.close(item)
        elif uses[node] > 1:  # shift and logarithm stay apart, so that x - logsumexp is exact
            shared.add(node)
        items[node] = item
    outputs = [builder.close(items[output]) for output in trace.outputs]
    aux = [builder.close(items[output]) for output in trace.aux]
    return in_reading_order(builder.nodes, outputs, aux)


def _leaves(trace: Trace) -> dict[Value, Scalar]:
    parameters: dict[Value, Scalar] = {p: Leaf(THETA, k) for p, k in trace.parameters.items()}
    return parameters | {x: Leaf(input_space(k), place) for x, (k, place) in trace.inputs.items()}


def has_other_nan_safe_form(trace: Trace) -> bool:
    """Whether the NaN-safe form of a trace is another one."""
    return any(has_two_forms(op) for op in {node.op for node in trace.nodes})


def _deciding(nodes: Sequence[Value], parents: Sequence[Sequence[Value]]) -> set[Value]:
    """The nodes of which a NaN might end in a number, and so would not be repaired."""
    choosing = {op for op in {node.op for node in nodes} if decides(op)}
    found: set[Value] = set()
    for node, operands in zip(reversed(nodes), reversed(parents), strict=True):
        if node in found:
            found.update(operands)
        elif node.op in choosing:
            found.update(deciding_operands(node.op, operands))
    return found


def _arguments(
    operands: Sequence[Value], items: Mapping[Value, Item], shared: set[Value]
) -> list[Item]:
    """The items of the operands, to grow in the hands of this user."""
    found = [items[operand] for operand in operands]
    if not shared or shared.isdisjoint(operands):
        return found
    return [
        item.copy() if operand in shared and isinstance(item, OpenSum) else item
        for operand, item in zip(operands, found, strict=True)
    ]
