"""Lowering, reverse pass and emission take twice the work for a program twice as long."""

from __future__ import annotations

import gc
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler.backends.numpy.array_names import Names
from autograd_mini.compiler.backends.numpy.source import emit
from autograd_mini.compiler.canonical import canonical_form
from autograd_mini.compiler.ir.array_program import ArrayProgram
from autograd_mini.compiler.ir.references import View
from autograd_mini.compiler.ir.scalars import ScalarProgram
from autograd_mini.compiler.ir.spaces import THETA
from autograd_mini.compiler.lower.packs import lower
from autograd_mini.compiler.lower.placement import Placement
from autograd_mini.compiler.reverse.rules import differentiate
from autograd_mini.compiler.trace import InputSpec, trace
from tests.work import instructions


def pendulum(steps: int) -> tuple[Callable[[Any], Any], list[Value]]:
    """Semi-implicit Euler: nothing of it repeats side by side, so each operation is a pack."""
    gravity, damping, start = Value(9.8), Value(0.1), Value(0.3)

    def angle(speed: Any) -> Any:
        q: Any = start
        p = speed
        for _ in range(steps):
            p = p - 0.01 * (gravity * ad.sin(q) + damping * p)
            q = q + 0.01 * p
        return q * q

    return angle, [gravity, damping, start]


def lowered(steps: int) -> ArrayProgram:
    function, parameters = pendulum(steps)
    graph = trace(function, parameters, [InputSpec((), integer=False)], lambda given: given)
    return lower(canonical_form(graph), len(parameters), [1], batched=False).program


def stage(name: str, steps: int) -> Callable[[], object]:
    function, parameters = pendulum(steps)
    graph = trace(function, parameters, [InputSpec((), integer=False)], lambda given: given)
    scalars = canonical_form(graph)
    forward = lower(scalars, len(parameters), [1], batched=False).program
    both = differentiate(forward)
    stages: dict[str, Callable[[], object]] = {
        "lower": lambda: lower(scalars, len(parameters), [1], batched=False),
        "differentiate": lambda: differentiate(forward),
        "emit": lambda: emit(both),
        "verify": both.verify,
    }
    return stages[name]


@pytest.mark.parametrize("name", ["lower", "differentiate", "emit", "verify"])
def test_a_stage_takes_linear_work(name: str) -> None:
    stage(name, 2)()  # formulas are looked at once
    work = [instructions(stage(name, count)) for count in (20, 40, 80)]
    assert 1.8 < (work[2] - work[1]) / (work[1] - work[0]) < 2.2


@pytest.mark.parametrize(
    ("name", "most"), [("lower", 1250), ("differentiate", 2500), ("emit", 2250)]
)
def test_a_pack_of_one_node_takes_few_instructions(name: str, most: int) -> None:
    """Where nothing repeats there are as many packs as operations: four a step of time."""
    stage(name, 2)()
    work = [instructions(stage(name, count)) for count in (20, 40)]
    assert work[1] - work[0] < most * 4 * 20


def test_coefficients_become_nodes_without_copying_all_before_them() -> None:
    def copies(count: int) -> int:
        placement = Placement(ScalarProgram((), ()), (0,), batched=False)
        memories = set()
        kept = []
        for k in range(count):
            assert placement.constant_node(k + 0.5) == placement.constant_node(k + 0.5)
            kept.append(placement.offset)  # so that no id is used again
            memories.add(id(placement.offset))
        assert placement.offset[:count].tolist() == list(range(count))
        return len(memories)

    assert copies(2000) <= copies(1000) + 1 <= 12


def test_names_are_found_without_counting_up() -> None:
    program = lowered(2)

    def work(count: int) -> int:
        names = Names(program, [])
        scattered = [View(THETA, 3 * k, (1, 2), (2, 1)) for k in range(count)]
        for view in scattered:  # blocks are looked at once, whatever their number is
            names.of_view(view)
        return instructions(lambda: [names.of_view(view) for view in scattered])

    assert work(400) < 2.2 * work(200)


def test_the_source_of_a_program_goes_with_it() -> None:
    def entries() -> set[str]:
        return {name for name in linecache.cache if "autograd_mini program" in name}

    w = Value(2.0)
    before = entries()
    for _ in range(3):
        program = ad.compile(lambda x: ad.sqrt(w * x), [w])
        program.value_and_grad(None, np.array([1.0, 2.0]))
        (name,) = entries() - before
        assert "".join(linecache.getlines(name)) == program.source
        del program
        gc.collect()
        assert entries() == before
