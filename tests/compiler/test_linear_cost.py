"""Twice as large a graph takes twice the work: instructions are counted, not seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler import schedule as schedules
from autograd_mini.compiler.canonical import canonical_form
from autograd_mini.compiler.ir.scalars import Elementwise, Leaf, Literal, ScalarProgram, Sum
from autograd_mini.compiler.ir.spaces import THETA, input_space
from autograd_mini.compiler.schedule import earliest, schedule
from autograd_mini.compiler.trace import InputSpec, Trace, trace
from tests.work import instructions

Step = Callable[[Any, Any, Any], Any]

CHAINS: dict[str, Step] = {
    "sum": lambda t, w, x: t + w * x,
    "sum from the left": lambda t, w, x: w * x + t,
    "alternating": lambda t, w, x: x * w - t,
    "alternating numbers": lambda t, w, x: x - t,
    "minus": lambda t, w, x: -(t + w * x),
    "halved": lambda t, w, x: 0.5 * (t + w * x),
    "doubled and halved": lambda t, w, x: 2 * (0.5 * (t + w * x) - x * x),
    "halved with numbers": lambda t, w, x: 0.5 * (t + w),
    "tripled": lambda t, w, x: 3.0 * (t + w * x),
    "averaged": lambda t, w, x: (t + w * x) / 7.0,
    "minus and plus": lambda t, w, x: w - (-w - t),
    "not moderate": lambda t, w, x: 1e300 * w - (t + w * x),
}


def chain(step: Step, count: int) -> Trace:
    w = [Value(1.0 + k) for k in range(count)]

    def function(x: Sequence[Any]) -> Any:
        total: Any = w[0] * x[0]
        for a, b in zip(w[1:], x[1:], strict=True):
            total = step(total, a, b)
        return total

    return trace(function, w, [InputSpec((count,), integer=False)], lambda arguments: arguments)


def ratio(work: Callable[[int], int], count: int) -> float:
    """How the work grows from `count` to twice as much, without what both have in common."""
    return (work(4 * count) - work(2 * count)) / (work(2 * count) - work(count))


@pytest.mark.parametrize("name", CHAINS)
def test_a_long_sum_is_put_together_in_linear_work(name: str) -> None:
    def work(count: int) -> int:
        graph = chain(CHAINS[name], count)
        return instructions(lambda: canonical_form(graph))

    assert 1.5 < ratio(work, 100) < 2.3


def random_program(count: int, seed: int) -> ScalarProgram:
    """Rows and sums over few earlier nodes, most of them near: long, ragged, with much to wait."""
    rng = random.Random(seed)
    nodes: list[Any] = [Leaf(THETA, 0), Leaf(input_space(0), 0), Literal(2.0)]
    while len(nodes) < count:
        near = max(0, len(nodes) - rng.choice([3, 10, 100]))
        a, b = rng.randrange(near, len(nodes)), rng.randrange(len(nodes))
        nodes.append(
            rng.choice(
                [
                    Elementwise(rng.choice(["sin", "cos", "exp", "tanh"]), (a,)),
                    Elementwise("maximum", (a, b)),
                    Sum(((1.0, a, b),), (), float(len(nodes))),
                    Sum((), ((1.0, a), (0.5, b)), 0.0),
                ]
            )
        )
    return ScalarProgram(tuple(nodes), (len(nodes) - 1,))


def loss_at_every_step(steps: int) -> ScalarProgram:
    """A recurrence; what hangs on each state can wait until all of it is done together."""
    w = [Value(0.5), Value(1.0)]

    def function(x: Sequence[Any]) -> Any:
        state: Any = w[0]
        losses = []
        for number in x:
            state = ad.tanh(w[0] * state + number)
            losses.append(ad.square(ad.sin(w[1] * state) - number))
        return ad.sum(losses)

    specs = [InputSpec((steps,), integer=False)]
    return canonical_form(trace(function, w, specs, lambda arguments: arguments))


def two_chains(count: int) -> ScalarProgram:
    """A long and a short chain of random rows: the short one always has something to wait for."""
    rng = random.Random(0)
    nodes: list[Any] = [Leaf(THETA, 0)]
    ends = []
    for length in (count, count // 2):
        last = 0
        for _ in range(length):
            nodes.append(Elementwise(rng.choice(["sin", "cos", "exp", "tanh"]), (last,)))
            last = len(nodes) - 1
        ends.append(last)
    nodes.append(Elementwise("maximum", (ends[0], ends[1])))
    return ScalarProgram(tuple(nodes), (len(nodes) - 1,))


GRAPHS: dict[str, Callable[[int], ScalarProgram]] = {
    "ragged": lambda count: random_program(count, seed=count),
    "a loss at every step": loss_at_every_step,
    "two chains": two_chains,
}


@pytest.mark.parametrize("name", ["a loss at every step", "two chains"])
def test_the_schedule_is_found_in_linear_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far there is to look ahead: looks are counted, here to 4 for each operand."""
    monkeypatch.setattr(schedules, "_LOOKS", 4)
    work = []
    for count in (800, 1600):
        program = GRAPHS[name](count)
        rowed = [False] * len(program.nodes)
        work.append(instructions(lambda: schedule(program, rowed)))  # noqa: B023 - called at once
    assert work[1] < 2.2 * work[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_a_look_costs_some_hundred_instructions(name: str) -> None:
    program = GRAPHS[name](800)
    operands = sum(len(node.operands) for node in program.nodes)
    work = instructions(lambda: schedule(program, [False] * len(program.nodes)))
    assert work < schedules._LOOKS * 100 * (operands + len(program.nodes))


def packs(program: ScalarProgram, levels: Sequence[int]) -> int:
    places = [node.place or "plain" for node in program.nodes]
    kinds = [node.kind(places) for node in program.nodes]
    return len(set(zip(kinds, levels, strict=True)))


def test_what_can_wait_for_all_steps_does() -> None:
    program = loss_at_every_step(300)
    levels = schedule(program, [False] * len(program.nodes))
    assert (
        packs(program, levels) < packs(program, earliest([n.operands for n in program.nodes])) / 2
    )
    losses = [
        level for node, level in zip(program.nodes, levels, strict=True) if "sin" in str(node)
    ]
    assert len(set(losses)) == 1
