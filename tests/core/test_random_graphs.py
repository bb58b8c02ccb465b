"""Random programs: the engine agrees with the sum over paths and with PyTorch.

To 1e-12 relative where the problem allows it: every tolerance adds a few rounding units times the
measured condition of the entry, which is how much it moves when all intermediate results move.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, note, settings

import autograd_mini as ad
from autograd_mini import gradients
from tests import naive_engine
from tests.random_graphs import FUNCTIONS, ROWS, Program, Ref, Step, programs, random_program

EPSILON = 2.0**-52
GRAPHS = 3000
PARTS = 5


@cache
def many_programs(part: int) -> list[Program]:
    return [random_program(random.Random(seed)) for seed in range(part, GRAPHS, PARTS)]


@pytest.fixture(scope="module", params=range(PARTS))
def some(request: pytest.FixtureRequest) -> list[Program]:
    """Each part of the programs in turn: no test of them is long, and processes share them."""
    return many_programs(request.param)


@cache
def scales(program: Program) -> list[float]:
    return naive_engine.condition(program, program.leaves)


@cache
def second_scales(program: Program) -> list[float]:
    curvature = naive_engine.condition(program, program.leaves, direction(program))
    return [a + b for a, b in zip(scales(program), curvature, strict=True)]


def direction(program: Program) -> list[float]:
    """A vector for Hessian-vector products."""
    return [(-1) ** i * (0.5 + 0.25 * i) for i in range(len(program.leaves))]


def assert_agree(
    ours: Sequence[float], other: Sequence[float], scale: Sequence[float], program: Program
) -> None:
    for i, (a, b, size) in enumerate(zip(ours, other, scale, strict=True)):
        tolerance = 1e-12 * abs(b) + 32 * EPSILON * size
        assert abs(a - b) <= tolerance, f"entry {i}: {a!r} and {b!r}\n{program}"


def backpropagated(program: Program) -> list[float]:
    leaves = [ad.Value(x) for x in program.leaves]
    program.run(leaves, FUNCTIONS).backward()
    return [leaf.grad for leaf in leaves]


def second_order(program: Program, vector: Sequence[float]) -> list[float]:
    leaves = [ad.Value(x) for x in program.leaves]
    slopes = gradients(program.run(leaves, FUNCTIONS), leaves, create_graph=True)
    along = ad.dot(slopes, vector)
    if isinstance(along, ad.Constant):  # nothing in it depends on a leaf
        return [0.0] * len(leaves)
    return [float(g) for g in gradients(along, leaves)]


def test_random_programs_are_many_and_use_every_row() -> None:
    graphs = [program for part in range(PARTS) for program in many_programs(part)]
    assert len(set(graphs)) >= 2000
    assert set().union(*(program.primitives for program in graphs)) == set(ROWS)
    shared = [p for p in graphs if len(uses := _uses(p)) > len(set(uses))]
    assert len(shared) >= 1000


def _uses(program: Program) -> list[int]:
    return [
        target
        for step in program.steps
        for target in program.references(step)
        if target is not None and target >= len(program.leaves)
    ]


def test_gradients_agree_with_the_sum_over_paths(some: list[Program]) -> None:
    exact_enough = entries = 0
    for program in some:
        ours = backpropagated(program)
        oracle = naive_engine.gradient(program, program.leaves)
        assert_agree(ours, oracle, scales(program), program)
        exact_enough += sum(map(_within_1e_12, ours, oracle))
        entries += len(ours)
    assert exact_enough >= 0.99 * entries


def _within_1e_12(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=0.0)


@settings(max_examples=200)
@given(programs(max_steps=12))
def test_gradients_agree_with_the_sum_over_paths_shrinking(program: Program) -> None:
    note(str(program))
    oracle = naive_engine.gradient(program, program.leaves)
    assert_agree(backpropagated(program), oracle, scales(program), program)


@settings(max_examples=100)
@given(programs())
def test_a_program_gives_the_same_value_over_floats_and_values(program: Program) -> None:
    note(str(program))
    over_values = program.run([ad.Value(x) for x in program.leaves], FUNCTIONS)
    assert program.run(program.leaves, FUNCTIONS) == over_values.data


def test_hessian_vector_products_agree_with_the_sum_over_paths(some: list[Program]) -> None:
    exact_enough = entries = 0
    for program in some[: 2000 // PARTS]:
        vector = direction(program)
        ours = second_order(program, vector)
        oracle = naive_engine.hessian_vector_product(program, program.leaves, vector)
        assert_agree(ours, oracle, second_scales(program), program)
        exact_enough += sum(map(_within_1e_12, ours, oracle))
        entries += len(ours)
    assert exact_enough >= 0.97 * entries


def test_first_and_second_order_agree_with_pytorch(some: list[Program]) -> None:
    from tests.torch_rows import TORCH, WITHOUT_DERIVATIVE, tensor

    compared = 0
    for program in some:
        if any(
            program.refers(op, position)
            for op, positions in WITHOUT_DERIVATIVE.items()
            for position in positions
            if op != "where"
        ):
            continue
        compared += 1
        leaves = [tensor(x, requires_grad=True) for x in program.leaves]
        slopes = _pytorch_gradient(program.run(leaves, TORCH), leaves)
        oracle = [slope.item() for slope in slopes]
        assert_agree(backpropagated(program), oracle, scales(program), program)
        vector = direction(program)
        along = sum(slope * v for slope, v in zip(slopes, vector, strict=True))
        oracle = [entry.item() for entry in _pytorch_gradient(along, leaves)]
        assert_agree(second_order(program, vector), oracle, second_scales(program), program)
    assert compared >= 2000 / PARTS


def _pytorch_gradient(output: Any, leaves: Sequence[Any]) -> Sequence[Any]:
    from tests.torch_rows import tensor, torch

    if not output.requires_grad:  # it depends on the leaves through comparisons only
        return [tensor(0.0)] * len(leaves)
    gradient: Sequence[Any] = torch.autograd.grad(
        output, leaves, create_graph=True, materialize_grads=True
    )
    return gradient


def test_the_sum_over_paths_tells_a_wrong_derivative(
    register_unchecked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle can fail: a primitive with a wrong partial is told from the right one."""
    wrong = register_unchecked("wrong_cube", "x", "x ** 3", ["2 * x ** 2"], [(0.5, 2.0)])
    right = naive_engine._unary(lambda z: z**3, lambda z: 3 * z**2)
    monkeypatch.setitem(naive_engine.RULES, "wrong_cube", right)
    monkeypatch.setitem(FUNCTIONS, "wrong_cube", wrong)
    program = Program((1.5,), (Step("wrong_cube", (Ref(0),)),))
    with pytest.raises(AssertionError, match="entry 0"):
        assert_agree(
            backpropagated(program),
            naive_engine.gradient(program, program.leaves),
            scales(program),
            program,
        )
