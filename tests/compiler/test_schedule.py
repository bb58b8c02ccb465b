"""The schedule alone: every node above its operands, and no more packs than without waiting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from autograd_mini.compiler.ir.scalars import Elementwise, Largest, Leaf, ScalarProgram, Sum, Take
from autograd_mini.compiler.ir.spaces import THETA, input_space
from autograd_mini.compiler.schedule import earliest, schedule

LEAVES = [Leaf(THETA, 0), Leaf(THETA, 1), Leaf(input_space(0), 0)]
DRAWN = st.tuples(
    st.sampled_from(["sin", "exp", "maximum", "product", "linear", "take", "largest"]),
    st.integers(1, 30),
    st.integers(1, 30),
)


def node(what: str, a: int, b: int) -> Any:
    """A node of a kind over two earlier ones."""
    if what == "product":
        return Sum(((1.0, a, b),), (), 0.0)
    if what == "linear":
        return Sum((), ((1.0, a), (2.0, b)), 0.0)
    if what == "take":
        return Take(a, (a, b))
    if what == "largest":
        return Largest((a, b))
    return Elementwise(what, (a, b) if what == "maximum" else (a,))


def program_of(drawn: Sequence[tuple[str, int, int]]) -> ScalarProgram:
    """Nodes that reach back by some steps, and what keeps all ends alive."""
    nodes: list[Any] = list(LEAVES)
    for what, a, b in drawn:
        nodes.append(node(what, max(0, len(nodes) - a), max(0, len(nodes) - b)))
    used = {operand for each in nodes for operand in each.operands}
    ends = [i for i in range(len(nodes)) if i not in used]
    return ScalarProgram((*nodes, Sum((), tuple([(1.0, i) for i in ends]), 0.0)), (len(nodes),))


def packs(program: ScalarProgram, levels: Sequence[int], rowed: Sequence[bool]) -> int:
    """The number of kinds on all levels."""
    places = [
        each.place or ("rows" if r else "plain")
        for each, r in zip(program.nodes, rowed, strict=True)
    ]
    kinds = [(each.kind(places), r) for each, r in zip(program.nodes, rowed, strict=True)]
    return len(set(zip(kinds, levels, strict=True)))


def rows(program: ScalarProgram) -> list[bool]:
    """Which nodes depend on the input."""
    found: list[bool] = []
    for each in program.nodes:
        found.append(each.place is input_space(0) or any(found[i] for i in each.operands))
    return found


@given(st.lists(DRAWN, max_size=40))
def test_levels_of_any_graph(drawn: Sequence[tuple[str, int, int]]) -> None:
    program = program_of(drawn)
    note(str(program))
    below = [each.operands for each in program.nodes]
    rowed = rows(program)
    levels, least = schedule(program, rowed), earliest(below)
    assert all(levels[i] == 0 for i, needed in enumerate(below) if not needed)
    assert all(levels[i] > levels[j] for i, needed in enumerate(below) for j in needed)
    assert all(level >= early for level, early in zip(levels, least, strict=True))
    assert max(levels) == max(least)
    assert packs(program, levels, rowed) <= packs(program, least, rowed)


def test_a_row_that_needs_one_step_less_waits_for_the_others() -> None:
    """As the first row of causal attention, whose sum has one term."""
    leaves = [Leaf(THETA, k) for k in range(4)]
    powers = [Elementwise("exp", (k,)) for k in range(4)]
    sums = [Sum((), tuple([(1.0, 4 + i) for i in range(k)]), 0.0) for k in range(2, 5)]
    logarithms = [Elementwise("log", (i,)) for i in (4, 8, 9, 10)]
    total = Sum((), tuple([(1.0, i) for i in range(11, 15)]), 0.0)
    program = ScalarProgram((*leaves, *powers, *sums, *logarithms, total), (15,))
    assert schedule(program, [False] * 16) == [0] * 4 + [1] * 4 + [2] * 3 + [3] * 4 + [4]


def test_a_node_waits_for_its_kind_in_a_longer_chain() -> None:
    chain = Elementwise("exp", (0,)), Elementwise("tanh", (2,)), Elementwise("sin", (3,))
    beside = Elementwise("cos", (1,)), Elementwise("sin", (5,)), Elementwise("maximum", (4, 6))
    program = ScalarProgram((Leaf(THETA, 0), Leaf(THETA, 1), *chain, *beside), (7,))
    assert earliest([node.operands for node in program.nodes]) == [0, 0, 1, 2, 3, 1, 2, 4]
    assert schedule(program, [False] * 8) == [0, 0, 1, 2, 3, 1, 3, 4]
