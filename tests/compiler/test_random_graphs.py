"""Random programs of all primitives, compiled and run by the scalar engine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from tests import naive_engine
from tests.compiler.agreement import assert_close, eager
from tests.random_graphs import FUNCTIONS, ROWS, Program, programs, random_program

GRAPHS = 1100


class Model:
    """Copies of a random program whose leaves are parameters, inputs or numbers.

    Copies are as many members of each pack; they have parameters of their own or share them.
    Examples and copies lie a little apart, inside the domains and on the same side of kinks.
    """

    def __init__(self, program: Program, rng: random.Random) -> None:
        self.program = program
        self.kinds = [rng.choice(["parameter", "input", "input", "number"]) for _ in program.leaves]
        if "parameter" not in self.kinds:
            self.kinds[rng.randrange(len(self.kinds))] = "parameter"
        self.copies = rng.choice([1, 1, 2, 3])
        self.shared = rng.random() < 0.3
        self.n = rng.choice([1, 2, 3, 5])
        self.weights = [round(rng.uniform(0.5, 1.5), 2) for _ in range(self.copies)]

        def near() -> list[float]:
            return [x * (1 + rng.uniform(-1e-3, 1e-3)) for x in program.leaves]

        owners = 1 if self.shared else self.copies
        self.parameters = [
            [Value(x) for x in self.only("parameter", near())] for _ in range(owners)
        ]
        rows = [[self.only("input", near()) for _ in range(self.copies)] for _ in range(self.n)]
        width = self.kinds.count("input")
        self.batch = np.array(rows, dtype=float).reshape(self.n, self.copies, width)

    def only(self, kind: str, leaves: Sequence[Any]) -> list[Any]:
        return [x for x, k in zip(leaves, self.kinds, strict=True) if k == kind]

    @property
    def flat_parameters(self) -> list[Value]:
        return [p for own in self.parameters for p in own]

    def leaves(self, copy: int, inputs: Sequence[Any]) -> list[Any]:
        own = iter(self.parameters[0 if self.shared else copy])
        given = iter(inputs)
        chosen: list[Any] = []
        for kind, number in zip(self.kinds, self.program.leaves, strict=True):
            source = {"parameter": own, "input": given}.get(kind)
            chosen.append(number if source is None else next(source))
        return chosen

    def __call__(self, example: Sequence[Sequence[Any]]) -> Any:
        terms = [
            weight * self.program.run(self.leaves(copy, example[copy]), FUNCTIONS)
            for copy, weight in enumerate(self.weights)
        ]
        return ad.sum(terms)

    def gradient_sizes(self) -> Any:
        """The condition of every entry of the mean gradient."""
        total = np.zeros((len(self.parameters), self.kinds.count("parameter")))
        for example in self.batch.tolist():
            for copy, weight in enumerate(self.weights):
                leaves = self.leaves(copy, example[copy])
                numbers = [x.data if isinstance(x, Value) else x for x in leaves]
                found = naive_engine.condition(self.program, numbers)
                own = total[0 if self.shared else copy]
                own += weight * np.array(self.only("parameter", found)) / self.n
        return total.ravel()


COMPARISONS = {"greater", "greater_equal", "less", "less_equal", "equal"}


def has_no_gradient(model: Model) -> bool:
    """Whether nothing depends on a leaf, or a choice hangs on a number that rounds to 0."""
    result = model(model.batch[0].tolist())
    if not isinstance(result, Value) or isinstance(result, ad.Constant):
        return True
    return any(
        node.op == "where"
        and node.parents[0].data == 0
        and node.parents[0].parents
        and node.parents[0].op not in COMPARISONS
        for node in ad.topological_order(result)
    )


def check(model: Model, one_by_one: bool = True) -> None:
    parameters, batch = model.flat_parameters, model.batch
    expected = eager(model, parameters, batch)
    condition = model.gradient_sizes() + expected.gradient_sizes
    program = ad.compile(model, parameters)
    value, gradient = program.value_and_grad(None, batch)
    assert_close(program(None, batch), expected.outputs[:, 0], expected.output_sizes[:, 0])
    assert_close(value, expected.value, expected.value_size, model.program)
    assert_close(gradient, expected.gradient, condition, model.program)
    if not one_by_one:
        return
    one = ad.compile(model, parameters, batched=False, reduction="sum")
    results = [one.value_and_grad(None, example) for example in batch]
    value = float(np.mean([v for v, _ in results]))
    gradient = np.mean([g for _, g in results], axis=0)
    assert_close(value, expected.value, expected.value_size, model.program)
    assert_close(gradient, expected.gradient, condition, model.program)


def random_models(seeds: range) -> Iterator[tuple[int, Model]]:
    for seed in seeds:
        rng = random.Random(seed)
        model = Model(random_program(rng, max_leaves=5, max_steps=14), rng)
        if not has_no_gradient(model):
            yield seed, model


@pytest.mark.parametrize("first", range(0, GRAPHS, 100))
def test_compiled_random_graphs_agree_with_the_scalar_engine(first: int) -> None:
    for seed, model in random_models(range(first, first + 100)):
        check(model, one_by_one=seed % 3 == 0)


def test_random_models_are_many_and_hold_every_row() -> None:
    models = [model for _, model in random_models(range(GRAPHS))]
    assert len(models) >= 1000
    assert set().union(*(model.program.primitives for model in models)) == set(ROWS)
    assert len({tuple(model.kinds) for model in models}) > 100


@settings(max_examples=60)
@given(programs(max_leaves=5, max_steps=10), st.randoms(use_true_random=False))
def test_compiled_random_graphs_agree_shrinking(program: Program, rng: random.Random) -> None:
    note(str(program))
    model = Model(program, rng)
    if not has_no_gradient(model):
        check(model)
