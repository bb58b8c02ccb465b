"""Lowering, reverse pass and emission, each alone, by the reference interpreter of array programs.

The interpreter reads by indices and adds up by einsum, without views, buffers or source.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import assume, example, given, note, settings
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler.array_interpreter import State, interpret
from autograd_mini.compiler.backends.numpy.source import emit
from autograd_mini.compiler.canonical import canonical_form
from autograd_mini.compiler.ir.array_program import ArrayProgram
from autograd_mini.compiler.ir.facts import last_indices
from autograd_mini.compiler.ir.marks import Marks
from autograd_mini.compiler.ir.spaces import COMPUTED
from autograd_mini.compiler.lower.packs import lower
from autograd_mini.compiler.reverse.rules import differentiate
from autograd_mini.compiler.runtime import Functions, Workspace
from autograd_mini.compiler.trace import InputSpec, trace
from tests.compiler.agreement import assert_close, eager, flat
from tests.compiler.test_random_graphs import Model, has_no_gradient
from tests.compiler.test_random_layers import Layers
from tests.random_graphs import Program, programs

Array = npt.NDArray[Any]


@dataclass
class Case:
    """A function of one example, its parameters, and a batch; perhaps aux beside its loss."""

    function: Callable[..., Any]
    parameters: Sequence[Value]
    batch: Sequence[Array]
    batched: bool = True
    has_aux: bool = False

    def __repr__(self) -> str:
        seed = f"seed {self.function.seed}, " if isinstance(self.function, Layers) else ""
        how = f"batched {self.batched}, has_aux {self.has_aux}"
        return f"<{self.function}, {seed}batch {self.batch}, {how}>"

    def loss_and_aux(self, *example: Any) -> Any:
        """The loss; itself, what is made of it, leaves, a number, and what has no part in it."""
        loss, first = self.function(*example), [*flat(example), self.parameters[0]][0]
        apart = ad.sin(self.parameters[0] * first)
        return loss, [loss, ad.tanh(loss), first, self.parameters[-1], 2.5, apart]

    def aux(self, *example: Any) -> Any:
        return self.loss_and_aux(*example)[1]

    @property
    def theta(self) -> Array:
        return np.array([parameter.data for parameter in self.parameters])

    @property
    def columns(self) -> list[Array]:
        """The arguments as the array program reads them: the examples last."""
        if not self.batched:
            return [np.ravel(argument[0]) for argument in self.batch]
        return [argument.reshape(len(argument), -1).T for argument in self.batch]

    def lowered(self, nan_safe: bool) -> ArrayProgram:
        specs = [InputSpec(x.shape[1:], x.dtype.kind in "iu") for x in self.batch]
        function = self.loss_and_aux if self.has_aux else self.function
        traced = trace(function, self.parameters, specs, lambda given: given, self.has_aux)
        scalars = canonical_form(traced, nan_safe)
        sizes = [int(np.prod(spec.shape)) for spec in specs]
        program = lower(scalars, len(self.parameters), sizes, self.batched, nan_safe).program
        program.verify()
        return program

    def reversed(self, nan_safe: bool) -> ArrayProgram:
        program = differentiate(self.lowered(nan_safe), nan_safe)
        program.verify()
        return program


class Network:
    """Blocks over a row of numbers, each as wide as the next: residuals, gates, picks, pieces."""

    def __init__(self, blocks: Sequence[str], rng: np.random.Generator) -> None:
        self.blocks = blocks
        self._width = 3
        self._parameters = [Value(x) for x in rng.uniform(-1, 1, 2 * 3 * 4).tolist()]

    def __repr__(self) -> str:
        return f"<network of {', '.join(self.blocks)}>"

    def __call__(self, x: Sequence[Value], k: Any) -> Any:
        row = list(x)
        for block in self.blocks:
            row = getattr(self, block)(row, k)
        return ad.sum([ad.sin(v) for v in row])

    def rows(self, start: int) -> list[list[Value]]:
        size = self._width + 1
        return [self._parameters[start + size * j :][:size] for j in range(self._width)]

    def dense(self, row: list[Any], k: Any, start: int = 0) -> list[Any]:
        return [ad.dot(w[:-1], row, w[-1]) for w in self.rows(start)]

    def residual(self, row: list[Any], k: Any) -> list[Any]:
        return [a + ad.tanh(b) for a, b in zip(row, self.dense(row, k), strict=True)]

    def doubled(self, row: list[Any], k: Any) -> list[Any]:
        sums = [a + b for a, b in zip(row, self.dense(row, k), strict=True)]
        return [s + ad.cos(s) for s in sums]

    def gated(self, row: list[Any], k: Any) -> list[Any]:
        gates = map(ad.sigmoid, self.dense(row, k, start=len(self._parameters) // 2))
        return [a * g for a, g in zip(row, gates, strict=True)]

    def scaled(self, row: list[Any], k: Any) -> list[Any]:
        return [(j + 0.5) * a * a - 2.0 * a for j, a in enumerate(row)]

    def picked(self, row: list[Any], k: Any) -> list[Any]:
        return [a + b for a, b in zip(row, ad.take(self.rows(0), k), strict=False)]

    def one_picked(self, row: list[Any], k: Any) -> list[Any]:
        return [*row[1:], ad.take(row, k) * self._parameters[0]]

    def pieces(self, row: list[Any], k: Any) -> list[Any]:
        mixed = [self._parameters[1], *row[:-1]]
        other = [*row[1:], self._parameters[0]]
        return [ad.exp(-a * a) * ad.tanh(b) for a, b in zip(mixed, other, strict=True)]

    def causal(self, row: list[Any], k: Any) -> list[Any]:
        weights = self._parameters[: len(row)]
        return [ad.dot(weights[: t + 1], row[: t + 1]) for t in range(len(row))]

    def windows(self, row: list[Any], k: Any) -> list[Any]:
        """Those at the ends see beyond the border."""
        weights, last = self._parameters[4:7], len(row) - 1
        return [
            ad.dot(weights[max(0, 1 - t) : 2 + last - t], row[max(0, t - 1) : t + 2])
            for t in range(len(row))
        ]

    def prefixes(self, row: list[Any], k: Any) -> list[Any]:
        return [ad.logsumexp(row[: t + 1]) for t in range(len(row))]

    def softmax(self, row: list[Any], k: Any) -> list[Any]:
        return list(ad.softmax(row))

    def chosen(self, row: list[Any], k: Any) -> list[Any]:
        return [ad.where(a > 0, ad.sqrt(a), 0.25 * a) for a in row]


BLOCKS = [name for name in vars(Network) if not name.startswith("_") and name != "rows"]


@st.composite
def networks(draw: st.DrawFn) -> Case:
    blocks = draw(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 100)))
    network = Network(blocks, rng)
    n = draw(st.integers(1, 4))
    batch = [rng.uniform(-1.5, 1.5, size=(n, 3)), rng.integers(0, 3, n)]
    return Case(network, network._parameters, batch, draw(st.booleans()))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """With aux or without."""
    case = draw(losses())
    case.has_aux = draw(st.booleans())
    return case


@st.composite
def losses(draw: st.DrawFn) -> Case:
    """Networks, small graphs of all rows, lists that nearly become matrix products."""
    kind = draw(st.sampled_from(["network", "network", "graph", "lists"]))
    if kind == "network":
        return draw(networks())
    batched = draw(st.booleans())
    if kind == "graph":
        program: Program = draw(programs(max_leaves=5, max_steps=8))
        model = Model(program, draw(st.randoms(use_true_random=False)))
        assume(not has_no_gradient(model))
        note(str(program))
        return Case(model, model.flat_parameters, [model.batch], batched)
    seed = draw(st.integers(0, 10_000))
    layers = Layers(seed)
    rng = np.random.default_rng(seed)
    n = draw(st.integers(1, 4))
    batch: list[Array] = [rng.uniform(-1.5, 1.5, size=(n, layers.width))]
    if layers.has_index:
        batch.append(rng.integers(0, layers.classes, n))
    return Case(layers, layers.table, batch, batched)


def examples(case: Case) -> list[Array]:
    return list(case.batch) if case.batched else [argument[:1] for argument in case.batch]


@settings(max_examples=120)
@given(cases(), st.booleans())
def test_lowering_computes_what_the_scalars_do(case: Case, nan_safe: bool) -> None:
    expected = eager(case.function, case.parameters, *examples(case))
    outputs, gradient, aux = interpret(case.lowered(nan_safe), case.theta, case.columns)
    assert gradient is None
    found = np.broadcast_to(outputs.ravel(), len(expected.outputs))
    assert_close(found, expected.outputs[:, 0], 4 * expected.output_sizes[:, 0])
    assert (aux is None) is not case.has_aux
    if aux is not None:
        expected = eager(case.aux, case.parameters, *examples(case))
        found = np.broadcast_to(aux.T, expected.outputs.shape)
        assert_close(found, expected.outputs, 4 * expected.output_sizes)


@settings(max_examples=120)
@given(cases(), st.booleans())
def test_the_reverse_pass_gives_the_gradient_of_the_scalars(case: Case, nan_safe: bool) -> None:
    expected = eager(case.function, case.parameters, *examples(case))
    n = len(expected.outputs)
    gradient = interpret(case.reversed(nan_safe), case.theta, case.columns, 1 / n).gradient
    assert gradient is not None
    size = 4 * expected.gradient_sizes + expected.output_sizes.mean()
    if isinstance(case.function, Model):
        size = size + case.function.gradient_sizes()
    assert_close(gradient, expected.gradient, size)


@settings(max_examples=60)
@given(cases(), st.randoms(use_true_random=False))
def test_the_reverse_pass_is_the_slope_of_the_forward_pass(case: Case, rng: random.Random) -> None:
    """Along a random direction: no other engine is asked."""
    direction = np.array([rng.uniform(-1, 1) for _ in case.parameters])
    program, step = case.reversed(nan_safe=False), 1e-5
    gradient = interpret(program, case.theta, case.columns).gradient
    assert gradient is not None

    def along(t: float) -> Any:
        outputs = interpret(program, case.theta + t * direction, case.columns).outputs
        rows = len(case.batch[0]) if case.batched else 1
        return np.broadcast_to(outputs.ravel(), rows).sum()

    values = [along(k * step) for k in (-2, -1, 1, 2)]
    assume(np.ptp(values) < 1)
    slope = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * step)
    other = (values[2] - values[1]) / (2 * step)
    assume(abs(slope - other) <= 1e-4 * (1 + abs(slope)))  # away from kinks and steep curves
    np.testing.assert_allclose(gradient @ direction, slope, rtol=1e-4, atol=1e-4)


@settings(max_examples=120)
@given(cases(), st.booleans())
def test_emitted_source_computes_every_array_of_the_interpreter(case: Case, nan_safe: bool) -> None:
    program = case.reversed(nan_safe)
    state = State(program, case.theta, case.columns)
    emitted = emit(program)
    assert set(emitted.calls) == called(emitted.source)
    workspace = Workspace(program, emitted, state.n, np.float64)
    gradient = np.full(len(case.theta), np.nan)
    picks = [case.columns[k].astype(np.intp) for k in sorted(last_indices(program))]
    with np.errstate(all="ignore"):
        result = Functions(emitted, np.float64)["value_and_grad"](
            case.theta, *case.columns, *picks, gradient, 0.5, workspace.of["value_and_grad"]
        )
    outputs, slopes, aux = interpret(program, case.theta, case.columns, 0.5 / state.n)
    if aux is not None:
        result, entries = result
        close(np.broadcast_to(entries.reshape(len(aux), -1), aux.shape), aux)
    close(np.broadcast_to(result, outputs.shape), outputs)
    assert slopes is not None
    state.run(program.forward)
    written = Marks(program.sizes, COMPUTED)
    for step in program.forward:
        written.set(step.out)
    for step in program.forward:
        found = workspace[step.out.space.name][step.out.indices()]
        close(found.reshape(*step.out.shape, -1), state.read(step.out), str(step))
    rows = program.seed is None or program.has_rows(program.seed.space)
    close(gradient, slopes * (state.n if rows else 1))


def weighted_variances() -> Case:
    """Two sums whose terms have the same coefficients, which differ from term to term."""
    x = Value(0.5)

    def loss() -> Value:
        total: Value = 0.7 * ad.variance([0.0, x]) + 1.3 * ad.variance([0.0, x])
        return total

    return Case(loss, [x], [], False, False)


@given(cases(), st.booleans())
@example(weighted_variances(), False)
def test_equal_references_of_a_program_are_one_object(case: Case, nan_safe: bool) -> None:
    steps = case.reversed(nan_safe).steps
    objects = {id(r): r for step in steps for r in (*step.reads, step.out)}
    assert len(objects) == len(set(objects.values()))


def called(source: str) -> set[str]:
    """The functions of NumPy and SciPy that stand in a text."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {name for name in map(ast.unparse, calls) if name.startswith(("np.", "special."))}


def close(found: Any, expected: Any, step: str = "") -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10, err_msg=step)
