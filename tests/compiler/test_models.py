"""Models written in scalars, compiled and run by the scalar engine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from examples import char_gpt
from tests.compiler.agreement import Array, assert_agrees, assert_close, eager

RNG = np.random.default_rng


def one_hot(classes: Array, count: int) -> Array:
    return np.eye(count)[classes]


def values(rng: np.random.Generator, *shape: int, scale: float = 0.5) -> Any:
    """Nested lists of parameters."""
    if not shape:
        return Value(rng.normal(0, scale))
    return [values(rng, *shape[1:], scale=scale) for _ in range(shape[0])]


def flat(nested: Any) -> list[Value]:
    return [v for item in nested for v in flat(item)] if isinstance(nested, list) else [nested]


# Multilayer perceptrons


def take_cross_entropy(logits: Sequence[Value], target: Any) -> Any:
    return -ad.take(ad.log_softmax(logits), target)


LOSSES: dict[str, tuple[Callable[..., Value], str, Callable[..., Array]]] = {
    "half_squared_error": (nn.half_squared_error, "identity", lambda r, n: r.normal(size=(n, 3))),
    "binary_cross_entropy": (
        nn.binary_cross_entropy,
        "sigmoid",
        lambda r, n: r.integers(0, 2, (n, 3)).astype(float),
    ),
    "binary_cross_entropy_with_logits": (
        nn.binary_cross_entropy_with_logits,
        "identity",
        lambda r, n: r.uniform(size=(n, 3)),
    ),
    "cross_entropy_one_hot": (
        nn.cross_entropy,
        "identity",
        lambda r, n: one_hot(r.integers(0, 3, n), 3),
    ),
    "cross_entropy_class": (nn.cross_entropy, "identity", lambda r, n: r.integers(0, 3, n)),
    "cross_entropy_by_take": (take_cross_entropy, "identity", lambda r, n: r.integers(0, 3, n)),
}


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_mlp(activation: str, loss: str) -> None:
    function, output, targets = LOSSES[loss]
    model = nn.MLP(4, [6, 5, 3], activation=activation, output_activation=output, rng=1)
    rng = RNG(2)

    def example_loss(x: Any, t: Any) -> Value:
        return function(model(x), t)

    program = None
    for n in (1, 7, 32):
        batch = rng.normal(size=(n, 4)), targets(rng, n)
        program = assert_agrees(example_loss, model.parameters(), *batch, program=program)
        outputs = ad.compile(model, model.parameters())(None, batch[0])
        assert outputs.shape == (n, 3)
        expected = eager(model, model.parameters(), batch[0])
        assert_close(outputs, expected.outputs, expected.output_sizes)


def test_mlp_of_written_out_sums() -> None:
    rng = RNG(3)
    weights, biases = values(rng, 5, 3), values(rng, 5)
    last, bias = values(rng, 5), values(rng)

    def net(x: Sequence[Value], t: Value) -> Any:
        hidden = []
        for row, b in zip(weights, biases, strict=True):
            total = b
            for w, element in zip(row, x, strict=True):
                total = total + w * element
            hidden.append(total.tanh())
        return (sum(w * h for w, h in zip(last, hidden, strict=True)) + bias - t) ** 2

    parameters = [*flat(weights), *biases, *last, bias]
    program = assert_agrees(net, parameters, rng.normal(size=(7, 3)), rng.normal(size=7))
    assert program.stats.matrix_products == 2


def test_l2_regularisation() -> None:
    """A part that depends on parameters alone counts once for the mean, whatever the batch."""
    model = nn.MLP(3, [4, 2], rng=0)
    parameters = model.parameters()
    rng = RNG(4)
    batch = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))

    def loss(x: Any, t: Any) -> Any:
        return nn.half_squared_error(model(x), t) + 0.05 * ad.sum([p * p for p in parameters])

    program = assert_agrees(loss, parameters, *batch)
    total, gradient = ad.compile(loss, parameters, reduction="sum").value_and_grad(None, *batch)
    value, mean_gradient = program.value_and_grad(None, *batch)
    assert math.isclose(total, 9 * value, rel_tol=1e-12)
    np.testing.assert_allclose(gradient, 9 * mean_gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "batch",
    [[1.0, -2.0, 0.5], [1e308, 1e308, -1e308], [math.inf, -math.inf, 1.0], [math.inf, 1.0, 1.0]],
)
def test_error_signals_are_added_up_before_they_meet_what_examples_share(
    batch: list[float],
) -> None:
    """Where their sum is not finite, each meets it alone, as in the engine."""
    w = [Value(0.01 * k) for k in range(-20, 20)]  # 0 among them

    def net(x: Any) -> Any:
        return x * (ad.tanh(x) + ad.dot(w, w))

    program = ad.compile(net, w, reduction="sum")
    _, gradient = program.value_and_grad(None, batch)
    assert "np.add.reduce" in program.source.split("BP1")[1]
    assert "einsum" not in program.source.split("BP1")[1]
    for v in w:
        v.grad = 0.0
    for x in batch:
        net(x).backward()
    np.testing.assert_allclose(gradient, [v.grad for v in w], rtol=1e-12)


def test_one_parameter_serves_several_layers() -> None:
    rng = RNG(5)
    tied, slope = values(rng, 4, 4), values(rng)

    def net(x: Sequence[Value]) -> Any:
        h = [ad.dot(row, x, slope).tanh() for row in tied]
        h = [ad.dot(row, h, slope).tanh() for row in tied]
        back = [ad.dot(column, h) for column in zip(*tied, strict=True)]
        return ad.sum([(a - b) ** 2 for a, b in zip(back, x, strict=True)])

    assert_agrees(net, [*flat(tied), slope], rng.normal(size=(6, 4)))


# Normalisation


def test_layer_norm() -> None:
    rng = RNG(6)
    weights, gain, shift = values(rng, 6, 4), values(rng, 6), values(rng, 6)

    def net(x: Sequence[Value]) -> Any:
        h = [ad.dot(row, x) for row in weights]
        mean, deviation = ad.mean(h), ad.sqrt(ad.variance(h) + 1e-5)
        normal = [g * (a - mean) / deviation + b for a, g, b in zip(h, gain, shift, strict=True)]
        return ad.sum([ad.sin(a) for a in normal])

    assert_agrees(net, [*flat(weights), *gain, *shift], rng.normal(size=(7, 4)))


def test_rms_norm_and_unit_length() -> None:
    rng = RNG(7)
    weights = values(rng, 5, 4)

    def net(x: Sequence[Value]) -> Any:
        h = nn.RMSNorm(5, gain=False)([ad.dot(row, x) for row in weights])
        length = ad.norm(h)
        return ad.dot([a / length for a in h], [0.5, -1.0, 2.0, 0.25, 1.0])

    assert_agrees(net, flat(weights), rng.normal(size=(7, 4)))


# Convolutions


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(2, 5), st.data())
def test_sums_over_parts_of_rows(
    n_rows: int, n_places: int, width: int, data: st.DataObject
) -> None:
    """As at the border of an image: each place sees some of the terms, the same of every row."""
    rng = RNG(data.draw(st.integers(0, 99)))
    weights, shift = values(rng, n_rows, width), values(rng, n_rows)
    kept = st.lists(st.booleans(), min_size=width, max_size=width).filter(any)
    parts = [data.draw(kept) for _ in range(n_places)]
    seen = [rng.permutation(8)[:width].tolist() for _ in range(n_places)]
    coefficient = data.draw(st.sampled_from([1.0, 1.0, -0.3]))
    computed = data.draw(st.booleans())

    def net(x: Sequence[Value]) -> Any:
        x = [ad.tanh(a) for a in x] if computed else x
        sums = []
        for row, b in zip(weights, shift, strict=True):
            for part, places in zip(parts, seen, strict=True):
                terms = [w * x[k] for w, k, keep in zip(row, places, part, strict=True) if keep]
                sums.append(ad.sum([coefficient * terms[0], *terms[1:], b]))
        return ad.sum([ad.square(z) for z in sums])

    assert_agrees(net, [*flat(weights), *shift], rng.normal(size=(3, 8)))


def _beyond_the_border(
    kernel: Sequence[Sequence[Value]], image: Sequence[Sequence[Value]], border: int
) -> list[Value]:
    """What a square kernel sees at each place of an image; nothing beyond the border."""
    size, width = len(kernel), len(image[0])

    def seen(y: int, x: int) -> Value:
        rows = [(kernel[i], image[y + i]) for i in range(size) if 0 <= y + i < len(image)]
        pairs = [(a, row[x + j]) for w, row in rows for j, a in enumerate(w) if 0 <= x + j < width]
        total: Value = ad.dot([w for w, _ in pairs], [a for _, a in pairs])
        return total

    down, right = (range(-border, n + border - size + 1) for n in (len(image), width))
    return [seen(y, x) for y in down for x in right]


@settings(max_examples=25)
@given(st.integers(3, 6), st.integers(3, 6), st.integers(0, 2), st.integers(0, 3), st.data())
def test_windows_beyond_the_border(
    height: int, width: int, crop: int, seed: int, data: st.DataObject
) -> None:
    """Also of a part of an image, of parameters, of what is computed from both."""
    rng = RNG(seed)
    kernels, shift = values(rng, 2, 3, 3), values(rng, height + crop, width + crop)
    seen_in = data.draw(st.sampled_from(["input", "parameters", "both"]))

    def net(given: Sequence[Sequence[Value]]) -> Any:
        pairs = zip(given, shift, strict=True)
        both = [[ad.tanh(a + b) for a, b in zip(*rows, strict=True)] for rows in pairs]
        whole = {"input": given, "parameters": shift, "both": both}[seen_in]
        image = [row[crop:] for row in whole[crop:]]
        sums = [z for kernel in kernels for z in _beyond_the_border(kernel, image, border=1)]
        return ad.sum([ad.square(z) for z in sums])

    parameters = [*flat(kernels), *flat(shift)]
    program = assert_agrees(net, parameters, rng.normal(size=(3, height + crop, width + crop)))
    assert program.stats.gathers == 0
    assert program.stats.matrix_products == 1


@pytest.mark.parametrize("border", [0, 1, 2])
def test_many_windows_that_overlap(border: int) -> None:
    """Their error signals are added up in slices."""
    rng = RNG(border)
    kernel, shift = values(rng, 3, 3), values(rng, 12, 11)

    def net(image: Sequence[Sequence[Value]]) -> Any:
        rows = zip(image, shift, strict=True)
        hidden = [[ad.tanh(a * b) for a, b in zip(*row, strict=True)] for row in rows]
        return ad.sum([ad.square(z) for z in _beyond_the_border(kernel, hidden, border)])

    parameters = [*flat(kernel), *flat(shift)]
    program = assert_agrees(net, parameters, rng.normal(size=(2, 12, 11)))
    assert program.stats.gathers == 0
    assert "reduceat" not in program.source


def test_zeros_around_an_image_carry_nothing() -> None:
    """Beside infinite weights they are NaN in the fast program; the other one is asked then."""
    kernel = values(RNG(0), 3, 3)
    kernel[0][0].data = math.inf
    program = ad.compile(lambda image: _beyond_the_border(kernel, image, border=1), flat(kernel))
    image = np.ones((1, 4, 4))
    expected = [v.data for v in _beyond_the_border(kernel, image[0].tolist(), border=1)]
    assert sum(map(math.isinf, expected)) == 9
    np.testing.assert_allclose(program(None, image)[0], expected, rtol=1e-12)


@settings(max_examples=40)
@given(st.data())
def test_strided_windows(data: st.DataObject) -> None:
    """Windows over two axes, in nested loops whose factors are views."""
    rng = RNG(data.draw(st.integers(0, 99)))
    size, kernel, step = (
        [data.draw(st.integers(low, high)) for _ in range(2)]
        for low, high in ((3, 5), (1, 3), (1, 2))
    )
    starts = [range(0, n - k + 1, s) for n, k, s in zip(size, kernel, step, strict=True)]
    weights = values(rng, 2, *kernel)
    scale = data.draw(st.sampled_from([1.0, 0.7]))

    def net(x: Any) -> Any:
        sums = [
            ad.sum(
                [
                    (scale if a == b == 0 else 1.0) * w[a][b] * x[i + a][j + b]
                    for a in range(kernel[0])
                    for b in range(kernel[1])
                ]
            )
            for i in starts[0]
            for j in starts[1]
            for w in weights
        ]
        return ad.sum([ad.tanh(z) for z in sums])

    assert_agrees(net, flat(weights), rng.normal(size=(3, *size)))


# Sequences


def test_recurrent_net_over_20_steps() -> None:
    rng = RNG(8)
    inward, recurrent, bias = values(rng, 5, 2), values(rng, 5, 5, scale=0.4), values(rng, 5)
    outward = values(rng, 5)

    def net(sequence: Sequence[Sequence[Value]], target: Value) -> Any:
        state: list[Any] = [0.0] * 5
        for x in sequence:
            state = [
                (ad.dot(w, x) + ad.dot(r, state, b)).tanh()
                for w, r, b in zip(inward, recurrent, bias, strict=True)
            ]
        return (ad.dot(outward, state) - target) ** 2

    parameters = [*flat(inward), *flat(recurrent), *bias, *outward]
    assert_agrees(net, parameters, rng.normal(size=(3, 20, 2)), rng.normal(size=3))


def test_gated_recurrent_net() -> None:
    rng = RNG(9)
    names = ("update", "reset", "new")
    gates = {name: (values(rng, 3, 2), values(rng, 3, 3), values(rng, 3)) for name in names}

    def gate(name: str, x: Sequence[Any], h: Sequence[Any]) -> list[Any]:
        inward, recurrent, bias = gates[name]
        rows = zip(inward, recurrent, bias, strict=True)
        return [ad.dot(w, x) + ad.dot(r, h) + b for w, r, b in rows]

    def net(sequence: Sequence[Sequence[Value]]) -> Any:
        h: list[Any] = [Value(0.0)] * 3
        for x in sequence:
            update = [ad.sigmoid(a) for a in gate("update", x, h)]
            reset = [ad.sigmoid(a) for a in gate("reset", x, h)]
            new = [
                ad.tanh(a) for a in gate("new", x, [r * b for r, b in zip(reset, h, strict=True)])
            ]
            h = [(1 - u) * a + u * b for u, a, b in zip(update, new, h, strict=True)]
        return ad.sum([a * a for a in h])

    parameters = [p for parts in gates.values() for p in flat(list(parts))]
    assert_agrees(net, parameters, rng.normal(size=(4, 6, 2)))


def test_pendulum_with_trained_friction() -> None:
    """A leapfrog integrator: long, thin and irregular."""
    friction, stiffness, gain = Value(0.3), Value(9.81), Value(0.1)

    def loss(start: Sequence[Value], target: Value) -> Value:
        angle, speed = start
        dt = 0.05
        for step in range(40):
            force = -stiffness * ad.sin(angle) - friction * speed * abs(speed)
            if step % 7 == 0:
                force = force + gain * ad.cos(0.3 * step + angle)
            speed = speed + dt * force
            angle = angle + dt * speed
        energy = 0.5 * speed**2 + stiffness * (1 - ad.cos(angle))
        return (angle - target) ** 2 + 0.01 * energy

    rng = RNG(10)
    batch = rng.uniform(0.3, 1.2, size=(5, 2)), rng.normal(size=5)
    program = ad.compile(loss, [friction, stiffness, gain])
    expected = eager(loss, [friction, stiffness, gain], *batch)
    value, gradient = program.value_and_grad(None, *batch)
    assert_close(value, expected.value, expected.value_size)
    assert_close(gradient, expected.gradient, expected.gradient_sizes)


# Convolutions


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution_over_a_line(stride: int) -> None:
    rng = RNG(11)
    kernels, bias, last = values(rng, 3, 2, 4), values(rng, 3), values(rng, 3)

    def net(signal: Sequence[Sequence[Value]]) -> Any:
        pooled = []
        for kernel, b in zip(kernels, bias, strict=True):
            responses = []
            for start in range(0, len(signal[0]) - 4 + 1, stride):
                windows = [channel[start : start + 4] for channel in signal]
                parts = [ad.dot(k, w) for k, w in zip(kernel, windows, strict=True)]
                responses.append(ad.relu(ad.sum([*parts, b])))
            pooled.append(ad.mean(responses))
        return ad.dot(last, pooled)

    parameters = [*flat(kernels), *bias, *last]
    assert_agrees(net, parameters, rng.normal(size=(3, 2, 13)))


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_over_a_plane(stride: int) -> None:
    rng = RNG(12)
    kernels, bias, last = values(rng, 2, 3, 3), values(rng, 2), values(rng, 2, 9)

    def net(image: Sequence[Sequence[Value]]) -> Any:
        total = []
        places = range(0, len(image) - 3 + 1, stride)
        for kernel, b, row in zip(kernels, bias, last, strict=True):
            responses = [
                ad.sum(
                    [kernel[i][j] * image[y + i][x + j] for i in range(3) for j in range(3)] + [b]
                )
                for y, x in itertools.product(places, places)
            ]
            h = [ad.tanh(r) for r in responses]
            total.append(ad.dot(itertools.islice(itertools.cycle(row), len(h)), h))
        return ad.sum(total)

    parameters = [*flat(kernels), *bias, *flat(last)]
    assert_agrees(net, parameters, rng.normal(size=(3, 7, 7)))


def test_max_pooling() -> None:
    rng = RNG(13)
    kernel = values(rng, 3)

    def net(signal: Sequence[Value]) -> Any:
        h = [ad.dot(kernel, signal[t : t + 3]) for t in range(8)]
        pooled = [ad.maximum(h[t], h[t + 1]) for t in range(0, 8, 2)]
        return ad.sum([p * p for p in pooled])

    assert_agrees(net, kernel, rng.normal(size=(5, 10)))


# The character GPT


@pytest.fixture(scope="module")
def gpt() -> char_gpt.GPT:
    return char_gpt.make_gpt(27, RNG(14))


def tokens(length: int, rng: np.random.Generator) -> tuple[Array, Array]:
    sequence = rng.integers(0, 27, length + 1)
    return sequence[:-1], sequence[1:]


def assert_gpt_agrees(
    loss: Callable[[Any, Any], Value], parameters: Sequence[Value], *example: Array
) -> ad.Program:
    expected = eager(loss, parameters, *[argument[None] for argument in example])
    program = ad.compile(loss, parameters, batched=False)
    value, gradient = program.value_and_grad(None, *example)
    assert_close(value, expected.value, expected.value_size)
    assert_close(gradient, expected.gradient, expected.gradient_sizes)
    return program


@pytest.mark.parametrize("length", range(1, char_gpt.BLOCK + 1))
def test_char_gpt(gpt: char_gpt.GPT, length: int) -> None:
    def loss(x: Any, y: Any) -> Value:
        return char_gpt.loss(gpt, x, y)

    assert_gpt_agrees(loss, gpt.parameters(), *tokens(length, RNG(length)))


def test_char_gpt_batched(gpt: char_gpt.GPT) -> None:
    def loss(x: Any, y: Any) -> Value:
        return char_gpt.loss(gpt, x, y)

    rng = RNG(15)
    examples = [tokens(4, rng) for _ in range(3)]
    batch = np.array([x for x, _ in examples]), np.array([y for _, y in examples])
    expected = eager(loss, gpt.parameters(), *batch)
    value, gradient = ad.compile(loss, gpt.parameters()).value_and_grad(None, *batch)
    assert_close(value, expected.value, expected.value_size)
    assert_close(gradient, expected.gradient, expected.gradient_sizes)


def written_out_dot(a: Any, b: Any) -> Any:
    total = 0.0
    for x, y in zip(a, b, strict=True):
        total = total + x * y
    return total


def written_out_softmax(logits: Any) -> Any:
    exponentials = [ad.exp(z) for z in logits]
    total = sum(exponentials)
    return [e / total for e in exponentials]


def written_out_log_softmax(logits: Any) -> Any:
    total = ad.log(sum(ad.exp(z) for z in logits))
    return [z - total for z in logits]


def test_char_gpt_of_written_out_sums(gpt: char_gpt.GPT, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop of * and + is a dot product, and gives the same matrix products."""
    example = tokens(4, RNG(16))

    def loss(x: Any, y: Any) -> Value:
        return char_gpt.loss(gpt, x, y)

    program = assert_gpt_agrees(loss, gpt.parameters(), *example)
    monkeypatch.setattr(ad, "dot", written_out_dot)
    written = assert_gpt_agrees(loss, gpt.parameters(), *example)
    assert written.stats.nodes > 3 * program.stats.nodes
    assert written.stats.matrix_products == program.stats.matrix_products
    assert written.stats.packs == program.stats.packs
    monkeypatch.setattr(ad, "softmax", written_out_softmax)
    monkeypatch.setattr(ad, "log_softmax", written_out_log_softmax)
    assert_gpt_agrees(loss, gpt.parameters(), *example)
