"""Conv2D against PyTorch, against loops, and compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import Conv2D, Dropout, Layer, Sequential, flatten, vector_to_parameters
from tests.nn.layer_checks import check_layer


def randomised(conv: Conv2D, rng: np.random.Generator) -> Conv2D:
    vector_to_parameters(rng.normal(size=len(conv.parameters())), conv)
    return conv


def all_ones(conv: Conv2D) -> Conv2D:
    """The same with weights of 1 and without biases."""
    ones = Conv2D(**{**conv._config(), "bias": False})  # type: ignore[arg-type]
    vector_to_parameters(np.ones(len(ones.parameters())), ones)
    return ones


def data(nested: Any) -> Any:
    return [data(part) for part in nested] if isinstance(nested, list) else nested.data


def by_definition(conv: Conv2D, image: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.array(data(conv.weights))
    bias = np.zeros(conv.n_outputs) if conv.biases is None else np.array(data(conv.biases))
    image = np.pad(image, ((0, 0), *((p, p) for p in conv.padding)))
    (down, right), (height, width) = conv.stride, conv.kernel_size
    return np.array(
        [
            [
                [
                    (weights[o] * image[:, i : i + height, j : j + width]).sum() + bias[o]
                    for j in range(0, image.shape[2] - width + 1, right)
                ]
                for i in range(0, image.shape[1] - height + 1, down)
            ]
            for o in range(conv.n_outputs)
        ]
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Conv2D, NDArray[np.float64]]:
    """A convolution and an image that it fits."""
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, kernel[0] - 1)), draw(st.integers(0, kernel[1] - 1))
    stride = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    sizes = [draw(st.integers(max(1, k - 2 * p), 5)) for k, p in zip(kernel, padding, strict=True)]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    channels = draw(st.integers(1, 2))
    conv = Conv2D(
        channels,
        draw(st.integers(1, 3)),
        kernel,
        stride=stride,
        padding=padding,
        bias=draw(st.booleans()),
    )
    return randomised(conv, rng), rng.normal(size=(channels, *sizes))


@given(cases())
def test_definition(case: tuple[Conv2D, NDArray[np.float64]]) -> None:
    conv, image = case
    expected = by_definition(conv, image)
    for same in (image, image.tolist(), [[[Value(x) for x in row] for row in c] for c in image]):
        np.testing.assert_allclose(data(conv(same)), expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=25)
@given(cases(), st.booleans())
def test_compiled_equals_eager(case: tuple[Conv2D, NDArray[np.float64]], of_inputs: bool) -> None:
    conv, image = case

    def loss(x: Any) -> Any:
        seen = x if of_inputs else [[[ad.tanh(a) for a in row] for row in channel] for channel in x]
        return ad.sum([ad.square(y) for y in flatten(conv(seen))])

    images = np.random.default_rng(1).normal(size=(3, *image.shape))
    check_layer(loss, conv.parameters(), images, gathers=0 if _sees_enough(conv, image) else 9)


def _sees_enough(conv: Conv2D, image: NDArray[np.float64]) -> bool:
    """Whether some place sees with the whole kernel, and most see with much of it."""
    seen = by_definition(all_ones(conv), np.ones_like(image))[0]
    whole = conv.n_inputs * math.prod(conv.kernel_size)
    return bool(seen.max() == whole <= 2.5 * seen.mean())


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [5, 6])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("padding", [0, 1])
def test_one_product_of_matrices_for_a_layer(
    stride: int, size: int, layers: int, padding: int
) -> None:
    """The patches of all places are one view, also of an image with a border of zeros."""
    convs = [
        Conv2D(2, 2, 3, stride=stride if k == 0 else 1, padding=padding, activation="tanh", rng=k)
        for k in range(layers)
    ]
    if padding == 0 and stride == layers == 2:
        convs[1] = Conv2D(2, 2, 2, activation="tanh", rng=1)
    model = Sequential(*convs, flatten)
    program = ad.compile(lambda x: ad.sum(model(x)), model.parameters())
    program.value_and_grad(None, np.random.default_rng(0).normal(size=(3, 2, size, size)))
    assert program.stats.matrix_products == layers
    assert program.stats.gathers == 0


@settings(max_examples=25)
@given(cases())
def test_pytorch(case: tuple[Conv2D, NDArray[np.float64]]) -> None:
    torch = pytest.importorskip("torch")
    conv, image = case
    given_image = torch.tensor(image, requires_grad=True)
    weights = torch.tensor(data(conv.weights), dtype=torch.float64, requires_grad=True)
    bias = None if conv.biases is None else torch.tensor(data(conv.biases), dtype=torch.float64)
    expected = torch.nn.functional.conv2d(
        given_image[None], weights, bias, stride=conv.stride, padding=conv.padding
    )[0]
    leaves = [[[Value(x) for x in row] for row in channel] for channel in image]
    outputs = conv(leaves)
    np.testing.assert_allclose(data(outputs), expected.detach(), rtol=1e-12, atol=1e-12)
    seed = np.random.default_rng(0).normal(size=expected.shape)
    (expected * torch.tensor(seed)).sum().backward()
    ad.dot(flatten(outputs), seed.ravel().tolist()).backward()
    slopes = [[[x.grad for x in row] for row in channel] for channel in leaves]
    np.testing.assert_allclose(slopes, given_image.grad, rtol=1e-12, atol=1e-12)
    slopes = np.array([w.grad for w in flatten(conv.weights)]).reshape(weights.shape).tolist()
    np.testing.assert_allclose(slopes, weights.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", ad.tanh, ad.square])
def test_activation(activation: Any) -> None:
    conv = Conv2D(1, 2, 2, activation=activation, rng=0)
    plain = Conv2D(1, 2, 2, rng=0)
    image = np.random.default_rng(0).normal(size=(1, 3, 3))
    function = nn.ACTIVATIONS.get(activation, activation)
    expected = [function(y).data for y in flatten(plain(image))]
    assert [y.data for y in flatten(conv(image))] == expected


def test_initial_weights_and_labels() -> None:
    conv = Conv2D(2, 3, (2, 1), rng=0)
    drawn = nn.glorot_uniform(4, 3, rng=0)
    assert data(conv.weights) == drawn.reshape(3, 2, 2, 1).tolist()
    assert [b.data for b in conv.biases or []] == [0.0] * 3
    labels = [p.label for p in conv.parameters()]
    assert (labels[0], labels[-1]) == ("weights.0.0.0.0", "biases.2")


def test_images_are_learned_through_convolution_and_dropout() -> None:
    """Horizontal bars against vertical ones."""
    rng = np.random.default_rng(0)
    images, classes = np.zeros((24, 1, 5, 5)), np.arange(24) % 2
    for k, image in enumerate(images[:, 0]):
        at = rng.integers(5)
        image[(at, slice(None)) if classes[k] else (slice(None), at)] = 1.0
    images += rng.normal(0, 0.1, images.shape)
    model = Sequential(
        Conv2D(1, 3, 3, stride=2, padding=1, activation="relu", rng=0),
        flatten,
        Dropout(0.2),
        Layer(27, 1, activation="identity", rng=1),
    )
    with nn.counting() as requests:
        model(images[0])

    def loss(x: Any, t: Any, numbers: Any) -> Any:
        with nn.feeding(numbers):
            return nn.binary_cross_entropy_with_logits(model(x), t)

    program = ad.compile(loss, model.parameters())
    optimizer = nn.Adam(model.parameters(), 0.03)
    theta, losses = nn.parameters_to_vector(model), []
    for _ in range(150):
        value, gradient = program.value_and_grad(
            theta, images, classes, nn.draw(requests, rng, len(images))
        )
        theta = optimizer.update(theta, gradient)
        losses.append(value)
    vector_to_parameters(theta, model)
    assert np.mean(losses[-20:]) < 0.2 < losses[0]
    assert len(set(losses)) == len(losses)  # a new mask every time
    assert len(program.traces) == 1
    assert nn.accuracy(model.predict(images), classes, threshold=0.0) == 1.0


untyped: Any = nn


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, 1, 3), {}, ValueError, "n_inputs must be at least 1"),
        ((1, 1.0, 3), {}, TypeError, "n_outputs must be an int"),
        ((1, 1, 0), {}, ValueError, "kernel_size must be at least 1, got 0"),
        ((1, 1, (3, 3, 3)), {}, ValueError, "kernel_size must be an int or a pair"),
        ((1, 1, "3"), {}, TypeError, "kernel_size must be an int, got '3'"),
        ((1, 1, True), {}, TypeError, "kernel_size must be an int"),
        ((1, 1, 3), {"stride": 0}, ValueError, "stride must be at least 1"),
        ((1, 1, 3), {"padding": -1}, ValueError, "padding must be at least 0, got -1"),
        ((1, 1, 3), {"padding": 3}, ValueError, "padding must be smaller than the kernel"),
        ((1, 1, 3), {"activation": "rleu"}, ValueError, "unknown activation 'rleu'"),
        ((1, 1, 3), {"bias": None}, TypeError, "bias must be True or False"),
        ((1, 1, 3), {"init": "glorot"}, ValueError, "glorot"),
    ],
)
def test_bad_arguments(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        untyped.Conv2D(*arguments, **options)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (1.0, TypeError, "takes one image, not a batch.*got float"),
        (np.zeros((4, 4)), TypeError, r"got shape \(4, 4\)"),
        (np.zeros((7, 2, 4, 4)), TypeError, r"got shape \(7, 2, 4, 4\)"),
        (np.zeros((3, 4, 4)), ValueError, r"with 2 channels; got shape \(3, 4, 4\)"),
        (np.zeros((2, 2, 4)), ValueError, "at least as large as its kernel, got 2 rows"),
        (np.zeros((2, 4, 2)), ValueError, "got 2 columns"),
        ([[[1.0] * 3] * 3, [[1.0] * 3] * 4], ValueError, "different lengths"),
        ([[[1.0] * 3] * 3, [[1.0] * 3, [1.0] * 2, [1.0] * 3]], ValueError, "different lengths"),
        ([[[None] * 3] * 3] * 2, TypeError, "None"),
        (None, TypeError, "got NoneType"),
        ([], TypeError, r"got shape \(0,\)"),
    ],
)
def test_bad_images(image: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Conv2D(2, 1, 3, rng=0)(image)


@pytest.mark.parametrize(
    ("conv", "text"),
    [
        (Conv2D(1, 2, 3), "Conv2D(1, 2, kernel_size=(3, 3))"),
        (
            Conv2D(1, 2, (3, 2), stride=2, padding=(1, 0), activation="relu", bias=False),
            "Conv2D(1, 2, kernel_size=(3, 2), stride=(2, 2), padding=(1, 0), activation='relu', "
            "bias=False)",
        ),
    ],
)
def test_repr_and_config(conv: Conv2D, text: str) -> None:
    assert repr(conv) == text
    options: Any = conv._config()
    assert repr(Conv2D(**options)) == text
    assert Conv2D(1, 1, 1, activation=ad.square)._config()["activation"] is ad.square


@pytest.mark.parametrize("image", [[[[1.0, 2.0], 3.0]], [[[1.0]], 2.0]])
def test_numbers_among_rows_are_refused(image: Any) -> None:
    with pytest.raises(TypeError, match="got numbers among the rows or channels"):
        Conv2D(len(image), 1, 1, rng=0)(image)
