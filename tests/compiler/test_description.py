"""A program described step by step: with the names, statements and shapes that its source has."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Program, ProgramStep, ProgramWithAux, Value
from autograd_mini.compiler.ir.spaces import THETA
from autograd_mini.compiler.runtime import strided
from examples import char_gpt

N = 7
AnyProgram = Program | ProgramWithAux


def network() -> AnyProgram:
    model = nn.MLP(2, [16, 16, 1], rng=0)
    program = ad.compile(lambda x, t: nn.half_squared_error(model(x), t), model)
    program.value_and_grad(None, np.ones((N, 2)), np.ones((N, 1)))
    return program


def classifier() -> AnyProgram:
    model = nn.MLP(6, [5, 3], rng=0)

    def loss(x: Any, t: Any) -> Any:
        logits = model(x)
        return nn.cross_entropy(logits, t), logits

    program = ad.compile(loss, model, has_aux=True)
    program.value_and_grad(None, np.ones((N, 6)), np.arange(N) % 3)
    return program


def recurrent() -> AnyProgram:
    cell = nn.RNNCell(3, 4, rng=0)

    def loss(xs: Any) -> Any:
        state: Any = [0.0] * 4
        for x in xs:
            state = cell(x, state)
        return ad.sum([ad.square(h) for h in state])

    program = ad.compile(loss, cell)
    program.value_and_grad(None, np.ones((N, 3, 3)))
    return program


def gathered() -> AnyProgram:
    rows = [[0, 2, 5, 7], [1, 3, 4, 8], [2, 6, 7, 9]]
    weights = [[Value(0.1 * k + j) for k in range(4)] for j in range(3)]

    def loss(x: Any) -> Any:
        hidden = [ad.tanh(ad.dot(w, [x[k] for k in row])) for row in rows for w in weights]
        return ad.logsumexp([ad.relu(ad.dot(w, hidden[:4])) + hidden[0] for w in weights])

    program = ad.compile(loss, [w for row in weights for w in row])
    program.value_and_grad(None, np.ones((N, 10)))
    return program


def language_model() -> AnyProgram:
    gpt = char_gpt.make_gpt(5, np.random.default_rng(0))
    program = ad.compile(lambda x, y: char_gpt.loss(gpt, x, y), gpt.parameters(), batched=False)
    program.value_and_grad(None, np.array([0, 3]), np.array([3, 1]))
    return program


def three_scalars() -> AnyProgram:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    program = ad.compile(lambda: ad.tanh(a * b + c) * a, [a, b, c], batched=False)
    program.value_and_grad(None)
    return program


def forward_alone() -> AnyProgram:
    model = nn.MLP(2, [3, 2], rng=0)
    program = ad.compile(model, model)
    program(None, np.ones((N, 2)))
    return program


def convolution() -> AnyProgram:
    layer = nn.Conv2D(1, 2, 3, rng=0)

    def loss(x: Any) -> Any:
        return ad.mean([ad.square(v) for channel in layer(x) for row in channel for v in row])

    program = ad.compile(loss, layer)
    program.value_and_grad(None, np.ones((N, 1, 6, 6)))
    return program


def put_together() -> AnyProgram:
    """Outputs that lie here and there: they are gathered to be handed out."""
    w = [Value(0.5), Value(1.5), Value(2.5)]

    def outputs(x: Any) -> Any:
        tilted = [ad.tanh(a * b) for a, b in zip(w, x, strict=True)]
        return [tilted[2], ad.exp(x[0]), tilted[0], x[1], ad.exp(x[2]), w[0], 0.5 * tilted[1]]

    program = ad.compile(outputs, w)
    program(None, np.ones((N, 3)))
    return program


PROGRAMS = [
    put_together,
    convolution,
    network,
    classifier,
    recurrent,
    gathered,
    language_model,
    three_scalars,
    forward_alone,
]
every_program = pytest.mark.parametrize("make", PROGRAMS)


def of_phase(program: AnyProgram, phase: str) -> list[ProgramStep]:
    return [step for step in program.steps if step.phase == phase]


@every_program
def test_statements_are_those_of_the_source(make: Callable[[], AnyProgram]) -> None:
    program = make()
    lines = [line.strip() for line in program.source.splitlines()]
    written = [line for step in program.steps for line in step.statement.splitlines()]
    assert set(written) <= set(lines)
    calls = [line for line in lines if line.startswith(("np.", "special."))]
    assert set(calls) <= set(written), "each statement belongs to a step"


@every_program
def test_names_are_bound_in_the_source(make: Callable[[], AnyProgram]) -> None:
    program = make()
    bound = set()
    for node in ast.walk(ast.parse(program.source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    assert {step.name for step in program.steps} <= bound


@every_program
def test_shapes_are_those_at_run_time(make: Callable[[], AnyProgram]) -> None:
    program = make()
    compiled = program._last()
    batched = program._batched
    arrays: dict[str, Any] = dict(compiled.workspace(N))
    theta = np.zeros(compiled.program.sizes[THETA])
    tail = (N,) if batched else ()
    arguments: dict[str, Any] = {"theta": theta, "gradient": theta, "strided": strided}
    for k, space in enumerate(compiled.program.inputs):
        arguments[f"input{k}"] = arguments[f"index{k}"] = np.zeros(
            (compiled.program.sizes[space], *tail)
        )
    for line in program.source.splitlines():
        name, _, head = line.strip().partition(" = ")
        if head.startswith(("theta[", "gradient[", "input", "index", "strided(")):
            arrays[name] = eval(head, arguments)
    checked = 0
    for step in program.steps:
        if step.name in arrays and not step.statement.startswith(f"{step.name}["):
            shape = tuple([N if size == "n" else size for size in step.shape])
            assert arrays[step.name].shape in (shape, (*shape, 1)), step
            checked += 1
    assert checked > 0.7 * len(program.steps)


@every_program
def test_matrix_products_are_those_of_the_statistics(make: Callable[[], AnyProgram]) -> None:
    program = make()
    products = [s for s in of_phase(program, "forward") if s.operation == "matrix product"]
    assert len(products) == program.stats.matrix_products


@every_program
def test_what_a_step_reads_stands_before_it(make: Callable[[], AnyProgram]) -> None:
    steps = make().steps
    for position, step in enumerate(steps):
        assert all(k < position for k in step.inputs), step
        assert step.phase != "given" or not step.inputs
        if step.signal_of is not None:
            assert step.phase == "backward"
            assert steps[step.signal_of].phase != "backward"


def test_the_edges_of_a_network() -> None:
    """Every array is read where the textbook reads it: BP1 to BP4."""
    steps = network().steps
    read = {(steps[k].name, step.name) for step in steps for k in step.inputs}
    for edge in [
        *[("w1", "z1"), ("x", "z1"), ("b1", "z1"), ("z1", "a1"), ("a1", "z2"), ("z2", "a2")],
        *[("delta3", "delta2"), ("wb3", "delta2"), ("a2", "delta2"), ("delta2", "delta1")],
        *[("delta2", "dwb2"), ("a1", "dwb2"), ("delta1", "dw1"), ("x", "dw1"), ("delta1", "db1")],
    ]:
        assert edge in read, edge
    assert not read & {("a1", "a2"), ("z1", "z2"), ("delta3", "dw1")}
    signals = {
        (step.name, steps[step.signal_of].name) for step in steps if step.signal_of is not None
    }
    assert {("delta1", "z1"), ("delta2", "z2"), ("dw1", "w1"), ("db1", "b1")} <= signals
    equations = {(step.name, step.equation) for step in steps if step.equation}
    assert equations == {
        *[("delta3", "BP1"), ("delta2", "BP2"), ("delta1", "BP2")],
        *[("dwb3", "BP4"), ("dwb2", "BP4"), ("dw1", "BP4"), ("db1", "BP3")],
    }


def test_the_seed_is_no_error_signal() -> None:
    model = nn.MLP(3, [5, 4, 2], rng=0)
    program = ad.compile(lambda x, t: nn.half_squared_error(model(x), t), model)
    program.value_and_grad(None, np.ones((7, 3)), np.ones((7, 2)))
    steps = [step for step in program.steps if step.phase == "backward"]
    assert [step.equation for step in steps if step.operation == "seed"] == [""]
    assert [step.name for step in steps if step.equation == "BP1"] == ["delta3"]


def test_numbers_and_terms_of_a_network() -> None:
    steps = network().steps
    products = [s for s in steps if s.phase == "forward" and s.operation == "matrix product"]
    assert [(s.nodes, s.terms) for s in products] == [(16, 2), (16, 17), (1, 17)]
    assert [s.nodes for s in steps if s.operation == "tanh"] == [16, 16]


def test_few_scalar_nodes_stand_with_the_steps_that_they_became() -> None:
    program = three_scalars()
    nodes = [node for step in program.steps for node in step.scalars]
    assert [node.number for node in nodes] == list(range(6))  # a, b, c, a * b + c, tanh, times a
    assert [node.operation for node in nodes] == ["", "", "", "product and sum", "tanh", "product"]
    assert [sorted(node.operands) for node in nodes[3:]] == [[0, 1, 2], [3], [0, 4]]
    owner = {node.number: step.name for step in program.steps for node in step.scalars}
    assert owner == {0: "a", 1: "b", 2: "c", 3: "z1", 4: "a1", 5: "output"}
    assert not any(step.scalars for step in network().steps)


def test_a_program_without_steps_is_described() -> None:
    w = Value(2.0, "w")
    program = ad.compile(lambda x: w, [w])
    program(None, np.ones(3))
    assert [(step.name, step.operation) for step in program.steps] == [("dw", "seed")]
    assert "dw.fill(seed)" in program.source


def test_the_trace_used_last_is_described() -> None:
    w = [Value(0.5), Value(1.5), Value(2.5)]
    program = ad.compile(lambda x: ad.sum([a * b for a, b in zip(w, x, strict=False)]), w)
    with pytest.raises(ValueError, match="nothing is traced yet"):
        assert program.steps
    for size in (2, 3, 2):
        program(None, np.ones((4, size)))
        (given,) = [step for step in program.steps if step.operation == "input"]
        assert given.shape == (size, "n")
