"""What a function returns beside its loss: read from the same run, and without an error signal."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.compiler import compiled as compiled_module
from tests.compiler.agreement import Array, assert_close, eager
from tests.compiler.test_program import RNG, run_together
from tests.compiler.test_random_graphs import Model, has_no_gradient
from tests.compiler.test_random_layers import Layers
from tests.random_graphs import FUNCTIONS, Program, programs

Function = Callable[..., Any]


def assert_aux_agrees(
    function: Function, parameters: Sequence[Value], *batch: Any, condition: Any = 0.0
) -> ad.ProgramWithAux:
    """Loss, gradient and aux are the engine's, batched and one by one."""
    expected = eager(lambda *example: function(*example)[0], parameters, *batch)
    beside = eager(lambda *example: function(*example)[1], parameters, *batch)
    program = ad.compile(function, parameters, has_aux=True)
    (value, aux), gradient = program.value_and_grad(None, *batch)
    assert isinstance(value, float)
    assert_close(value, expected.value, expected.value_size)
    assert_close(gradient, expected.gradient, expected.gradient_sizes + condition)
    assert_close(aux.reshape(beside.outputs.shape), beside.outputs, beside.output_sizes)
    losses, again = program(None, *batch)
    assert_close(losses, expected.outputs[:, 0], expected.output_sizes[:, 0])
    np.testing.assert_array_equal(again, aux)
    one = ad.compile(function, parameters, has_aux=True, batched=False)
    for k, example in enumerate(zip(*batch, strict=True)):
        (value, aux), _ = one.value_and_grad(None, *example)
        assert_close(value, expected.outputs[k, 0], expected.output_sizes[k, 0])
        assert_close(np.atleast_1d(aux), beside.outputs[k], beside.output_sizes[k])
        loss, again = one(None, *example)
        assert loss.shape == ()
        np.testing.assert_array_equal(again, aux)
    return program


# Random programs


@settings(max_examples=80)
@given(programs(max_leaves=5, max_steps=10), st.randoms(use_true_random=False))
def test_any_nodes_of_random_graphs_may_be_read(program: Program, rng: random.Random) -> None:
    """Leaves, numbers, the loss, what it is made of, and what is made of it or of neither."""
    note(str(program))
    model = Model(program, rng)
    if has_no_gradient(model):
        return
    picks = [rng.randrange(len(program.leaves) + len(program.steps)) for _ in range(4)]

    def function(example: Sequence[Sequence[Any]]) -> Any:
        nodes = program.run_all(model.leaves(0, example[0]), FUNCTIONS)
        loss = model(example)
        apart = ad.sin(nodes[picks[0]]) * ad.as_value(nodes[picks[1]])
        return loss, [[nodes[k] for k in picks], (apart, loss), ad.tanh(loss), 2.5]

    assert_aux_agrees(
        function, model.flat_parameters, model.batch, condition=model.gradient_sizes()
    )


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_any_nodes_of_random_layers_may_be_read(first: int) -> None:
    """Parts of packs: some of their members are in the loss, others are read, or both."""
    for seed in range(first, first + 50):
        layers, rng = Layers(seed), RNG(seed)
        batch: list[Array] = [rng.uniform(-1.5, 1.5, size=(3, layers.width))]
        if layers.has_index:
            batch.append(rng.integers(0, layers.classes, 3))

        def function(*example: Any, layers: Layers = layers, seed: int = seed) -> Any:
            lists, loss = layers.lists_and_loss(*example)
            chosen = random.Random(seed)
            nodes = [value for values in lists for value in values]
            return loss, [value for value in nodes if chosen.random() < 0.4] or nodes

        assert_aux_agrees(function, layers.table, *batch)


# What aux may be


def model_and_loss(outputs: int = 10) -> tuple[nn.MLP, Function]:
    model = nn.MLP(4, [6, outputs], rng=3)

    def loss(x: Any, k: Any) -> Any:
        logits = model(x)
        return nn.cross_entropy(logits, k), logits

    return model, loss


def examples(n: int = 8) -> tuple[Array, Array]:
    return RNG(4).normal(size=(n, 4)), RNG(5).integers(0, 10, n)


def test_the_outputs_beside_their_loss() -> None:
    model, loss = model_and_loss()
    x, k = examples()
    program = assert_aux_agrees(loss, model.parameters(), x, k)
    (value, logits), gradient = program.value_and_grad(None, x, k)
    plain = ad.compile(lambda x, k: loss(x, k)[0], model.parameters())
    assert value == plain.value_and_grad(None, x, k)[0]
    np.testing.assert_array_equal(gradient, plain.value_and_grad(None, x, k)[1])
    np.testing.assert_array_equal(logits, ad.compile(model, model.parameters())(None, x))


def test_the_forward_pass_is_done_once() -> None:
    model, loss = model_and_loss()
    program = ad.compile(loss, model.parameters(), has_aux=True)
    plain = ad.compile(lambda x, k: loss(x, k)[0], model.parameters())
    for either in (program, plain):
        either.value_and_grad(None, *examples())
    assert program.stats.packs == plain.stats.packs
    assert program.source.count("np.") == plain.source.count("np.")


def backward_lines(program: ad.Program | ad.ProgramWithAux) -> list[tuple[str, str]]:
    """For each line of the reverse pass, which function it calls and what shape it gives."""
    lines = program.source.partition("# BP1")[2].splitlines()[1:-1]
    called = [re.search(r"np[.\w]+|fill", line) for line in lines]
    return [
        (c[0] if c else "", line.partition("# ")[2]) for c, line in zip(called, lines, strict=True)
    ]


def test_what_aux_alone_needs_has_no_reverse_pass() -> None:
    """Though it is of the same kind as what the loss needs, or made of it."""
    model, _ = model_and_loss()
    w = model.parameters()

    def loss(x: Any) -> Any:
        logits = model(x)
        hidden = [ad.tanh(v) for v in logits[:5]]
        others = [ad.tanh(v) for v in logits[5:]]
        guarded = [ad.where(v > 0, ad.exp(v), v) for v in hidden]  # 0 must carry nothing there
        return ad.sum([ad.sin(v) for v in hidden]), others + guarded

    x, _ = examples()
    program = assert_aux_agrees(loss, w, x)
    plain = ad.compile(lambda x: loss(x)[0], w)
    for either in (program, plain):
        either.value_and_grad(None, x)
    assert len(backward_lines(plain)) > 4
    assert backward_lines(program) == backward_lines(plain)


def test_integers_that_are_gathered() -> None:
    w = Value(2.0)
    k = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.int8)
    program = ad.compile(lambda k: (w * 2.0, [k[3], k[0], k[1]]), [w], has_aux=True)
    (value, aux), gradient = program.value_and_grad(None, k)
    assert aux.tolist() == [[4.0, 1.0, 2.0], [8.0, 5.0, 6.0]]
    assert (value, gradient.tolist()) == (4.0, [2.0])


def test_shapes_of_aux() -> None:
    w, x = Value(2.0), np.array([1.0, 2.0, 3.0])
    shapes = {
        (): lambda v: v,
        (1,): lambda v: [v],
        (2,): lambda v: (v, v),
        (3,): lambda v: [[v, 1.0], v],  # flat, as the outputs of a function
    }
    for shape, aux in shapes.items():

        def function(x: Any, aux: Any = aux) -> Any:
            return w * x, aux(x * x)

        batched = ad.compile(function, [w], has_aux=True)
        assert batched.value_and_grad(None, x)[0][1].shape == (3, *shape)
        assert [part.shape for part in batched(None, x)] == [(3,), (3, *shape)]
        one = ad.compile(function, [w], has_aux=True, batched=False)
        assert one.value_and_grad(None, 2.0)[0][1].shape == shape
        assert [part.shape for part in one(None, 2.0)] == [(), shape]


AUX: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "loss": lambda loss, w, x, k: loss,
    "input": lambda loss, w, x, k: x,
    "integer": lambda loss, w, x, k: k,
    "parameter": lambda loss, w, x, k: w[1],
    "parameters": lambda loss, w, x, k: w,
    "number": lambda loss, w, x, k: 2.5,
    "numbers": lambda loss, w, x, k: [1.0, -0.0, 3],
    "folded": lambda loss, w, x, k: [ad.exp(w[0]) * 0, w[0] - w[0]],
    "apart": lambda loss, w, x, k: [ad.sin(w[2] * x[0]), ad.exp(w[2])],
    "of the loss": lambda loss, w, x, k: [loss * loss, ad.tanh(loss)],
    "picked": lambda loss, w, x, k: ad.take(w, k),
    "mixed": lambda loss, w, x, k: [loss, x[1], w[0], 1.0, k, w[0] * x[0]],
}
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda w, x: (w[0] * x[0] + w[1] * x[1]) ** 2,
    "parameter": lambda w, x: w[0],
    "input": lambda w, x: x[0],
    "parameters alone": lambda w, x: w[0] * w[1],
    "entry": lambda w, x: ad.softmax([w[0] * x[0], w[1] * x[1], 1.0])[1],
}


@pytest.mark.parametrize("aux", AUX)
@pytest.mark.parametrize("loss", LOSSES)
def test_special_cases(loss: str, aux: str) -> None:
    w = [Value(0.5), Value(-1.5), Value(0.25)]

    def function(x: Any, k: Any) -> Any:
        result = LOSSES[loss](w, x)
        return result, AUX[aux](result, w, x, k)

    x, k = RNG(6).normal(size=(5, 2)), np.array([0, 2, 1, 0, 2])
    program = assert_aux_agrees(function, w, x, k)
    if "parameters" not in loss:
        assert program.value_and_grad(None, x, k)[1][2] == 0.0  # w[2] is in aux alone


def test_aux_that_is_the_argument_is_a_copy() -> None:
    w = [Value(1.0), Value(2.0)]
    program = ad.compile(lambda x: (w[0] * x[0], [*w, *x]), w, has_aux=True)
    same = ad.compile(lambda x: (w[0] * x[0], x), w, has_aux=True, batched=False)
    theta, x = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    for aux in (program.value_and_grad(theta, x[None])[0][1], same.value_and_grad(theta, x)[0][1]):
        assert not np.shares_memory(aux, theta)
        assert not np.shares_memory(aux, x)
        aux[...] = 0
    assert theta.tolist() == [1.0, 2.0]
    assert x.tolist() == [3.0, 4.0]


def test_results_are_not_overwritten_by_the_next_call() -> None:
    model, loss = model_and_loss()
    program = ad.compile(loss, model.parameters(), has_aux=True)
    x, k = examples()
    first = program.value_and_grad(None, x, k)[0][1], program(None, x, k)[1]
    copies = [aux.copy() for aux in first]
    program.value_and_grad(None, 2 * x, k)
    program(None, 2 * x, k)
    for aux, copy in zip(first, copies, strict=True):
        np.testing.assert_array_equal(aux, copy)
        aux[...] = np.nan
    np.testing.assert_array_equal(program.value_and_grad(None, x, k)[0][1], copies[0])


def test_float32() -> None:
    model, loss = model_and_loss()
    x, k = examples()
    program = ad.compile(loss, model.parameters(), has_aux=True, dtype=np.float32)
    (_, aux), gradient = program.value_and_grad(None, x, k)
    assert aux.dtype == gradient.dtype == np.float32
    # float32 has seven digits, and terms of the sums cancel
    expected = ad.compile(model, model.parameters())(None, x)
    np.testing.assert_allclose(aux, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_chunks_are_put_together(reduction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, loss = model_and_loss()
    x, k = examples(150)
    whole = ad.compile(loss, model.parameters(), has_aux=True, reduction=reduction)
    (value, aux), gradient = whole.value_and_grad(None, x, k)
    monkeypatch.setattr(compiled_module, "_CHUNK_BYTES", 1)
    chunked = ad.compile(loss, model.parameters(), has_aux=True, reduction=reduction)
    (other, other_aux), other_gradient = chunked.value_and_grad(None, x, k)
    assert_close(other, value, 150)
    assert_close(other_aux, aux, 10.0)
    assert_close(other_gradient, gradient, 150)
    np.testing.assert_array_equal(chunked(None, x, k)[1], other_aux)


def test_threads_share_a_program() -> None:
    model, loss = model_and_loss()
    program = ad.compile(loss, model.parameters(), has_aux=True)
    reference = ad.compile(loss, model.parameters(), has_aux=True)
    batches = [examples(n) for n in (1, 3, 8, 20)]
    expected = [reference.value_and_grad(None, *batch)[0][1] for batch in batches]

    def task(k: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(40):
                aux = program.value_and_grad(None, *batches[k])[0][1]
                np.testing.assert_array_equal(aux, expected[k])

        return run

    run_together([task(k) for k in range(len(batches))])


# What is not finite


def test_where_only_aux_meets_an_infinity_it_is_worked_out_again() -> None:
    """Softmax at an infinite logit: 0 * inf in the fast program, a number in the engine."""
    w = Value(2.0)

    def function(x: Any) -> Any:
        hidden = ad.grad(lambda v: ad.sqrt(v * v))(0.0 * x)
        return w * x, [hidden, w * x]

    x = np.array([1.0, 2.0, 3.0])
    expected = [[ad.as_value(v).data for v in function(Value(a))[1]] for a in x.tolist()]
    program = ad.compile(function, [w], has_aux=True)
    (value, aux), gradient = program.value_and_grad(None, x)
    np.testing.assert_array_equal(aux, expected)
    np.testing.assert_array_equal(program(None, x)[1], expected)
    assert (value, gradient.tolist()) == (4.0, [2.0])


def test_a_loss_that_is_worked_out_again_has_its_aux() -> None:
    w = Value(0.0)

    def function(x: Any) -> Any:
        root = ad.sqrt(w * w)
        return root + w * x, [root, x, w * x]

    x = np.array([[1.0], [2.0]])[:, 0]
    (value, aux), gradient = ad.compile(function, [w], has_aux=True).value_and_grad(None, x)
    assert (value, gradient.tolist()) == (0.0, [1.5])
    np.testing.assert_array_equal(aux, [[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]])


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_in_its_row(bad: float) -> None:
    """It is the engine's, and what has no part in the loss does not touch its gradient."""
    w, v = Value(2.0), Value(3.0)

    def function(x: Any) -> Any:
        return w * x[0], [v * x[1], ad.log(x[0] - 1), ad.sqrt(v * x[1])]

    x = np.array([[1.0, 2.0], [4.0, bad], [3.0, 0.5]])
    program = ad.compile(function, [w, v], has_aux=True)
    with np.errstate(all="ignore"):
        expected = eager(lambda x: function(x)[1], [w, v], x).outputs
    for _, aux in (program.value_and_grad(None, x)[0], program(None, x)):
        np.testing.assert_allclose(aux, expected, rtol=1e-12)
    (value, _), gradient = program.value_and_grad(None, x)
    assert_close(value, 16.0 / 3, 10.0)
    assert_close(gradient, [8.0 / 3, 0.0], 10.0)


def test_holes_of_padded_sums() -> None:
    """Sums of different lengths are one product with zeros, which an infinity makes NaN."""
    w = [Value(0.5 + k) for k in range(4)]

    def function(x: Any) -> Any:
        return w[0] * x[0], [ad.dot(w[: k + 1], x[: k + 1]) for k in range(4)]

    x = np.array([[1.0, 2.0, 3.0, np.inf], [1.0, -1.0, 2.0, 0.5]])
    program = ad.compile(function, w, has_aux=True)
    expected = [[0.5, 3.5, 11.0, np.inf], [0.5, -1.0, 4.0, 5.75]]
    for _, aux in (program.value_and_grad(None, x)[0], program(None, x)):
        np.testing.assert_array_equal(aux, expected)
    assert program.value_and_grad(None, x)[1].tolist() == [1.0, 0.0, 0.0, 0.0]


# Errors

BAD: dict[str, tuple[Function, str]] = {
    "one Value": (lambda w, x: w * x, r"expected a pair \(loss, aux\)"),
    "three": (lambda w, x: (w * x, x, w), r"expected a pair \(loss, aux\)"),
    "a list as loss": (lambda w, x: ([w * x, w], x), "as its loss, expected one Value"),
    "no aux": (lambda w, x: (w * x, []), "aux is empty"),
    "an array": (lambda w, x: (w * x, np.array([x])), r"take its tolist\(\)"),
    "a dict": (lambda w, x: (w * x, {"x": x}), "has_aux=True: aux is dict, expected a Value or"),
    "a generator": (lambda w, x: (w * x, (v for v in [x])), "aux is generator, expected a Value"),
    "None": (lambda w, x: (w * x, None), "aux is NoneType, expected a Value or a list of Values"),
    "text": (lambda w, x: (w * x, "x"), "aux is str, expected a Value or a list of Values"),
    "None in a list": (lambda w, x: (w * x, [x, [None]]), "aux holds NoneType, expected a Value"),
    "a constant loss": (lambda w, x: (2.0, x), "depends on no parameter"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_pair_of_loss_and_aux(what: str) -> None:
    w, (function, message) = Value(1.0), BAD[what]
    program = ad.compile(lambda x: function(w, x), [w], has_aux=True)
    with pytest.raises(ad.TraceError, match=message):
        program.value_and_grad(None, [1.0, 2.0])


def test_a_pair_without_has_aux() -> None:
    w = Value(1.0)
    program = ad.compile(lambda x: (w * x, x), [w])
    with pytest.raises(ValueError, match="has_aux=True"):
        program.value_and_grad(None, [1.0, 2.0])
