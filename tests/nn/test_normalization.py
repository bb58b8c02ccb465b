"""LayerNorm and RMSNorm against their definitions and PyTorch."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import LayerNorm, RMSNorm, vector_to_parameters
from tests.nn.layer_checks import check_layer

NORMS: list[Any] = [
    LayerNorm,
    lambda width: LayerNorm(width, gain=False, bias=False, epsilon=0.1),
    lambda width: LayerNorm(width, bias=False),
    RMSNorm,
    lambda width: RMSNorm(width, gain=False, epsilon=0.1),
]


def randomised(norm: Any, rng: np.random.Generator) -> Any:
    vector_to_parameters(rng.normal(size=len(norm.parameters())), norm)
    return norm


def by_definition(norm: Any, x: NDArray[np.float64]) -> Any:
    if isinstance(norm, LayerNorm):
        y = (x - x.mean()) / np.sqrt(x.var() + norm.epsilon)
    else:
        y = x / np.sqrt((x**2).mean() + norm.epsilon)
    gain = 1.0 if norm.gain is None else np.array([g.data for g in norm.gain])
    bias = getattr(norm, "bias", None)
    return y * gain + (0.0 if bias is None else np.array([b.data for b in bias]))


@given(st.sampled_from(NORMS), st.integers(1, 7), st.integers(0, 99))
def test_definition(make: Any, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    norm, x = randomised(make(width), rng), rng.normal(1.0, 3.0, size=width)
    outputs = [y.data for y in norm(x)]
    np.testing.assert_allclose(outputs, by_definition(norm, x), rtol=1e-12, atol=1e-12)


@settings(max_examples=30)
@given(st.sampled_from(NORMS), st.integers(2, 6), st.integers(0, 99))
def test_compiled_equals_eager_without_gathers(make: Any, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    norm, weights = randomised(make(width), rng), rng.normal(size=width).tolist()

    def loss(x: Any) -> Any:
        return ad.dot(norm(x), weights)

    check_layer(loss, norm.parameters(), rng.normal(size=(3, width)))


def test_gains_start_at_1_and_biases_at_0() -> None:
    norm = LayerNorm(3)
    assert [g.data for g in norm.gain or []] == [1.0] * 3
    assert [b.data for b in norm.bias or []] == [0.0] * 3
    assert [p.label for p in norm.parameters()][::3] == ["gain.0", "bias.0"]
    assert len(RMSNorm(3).parameters()) == 3
    assert LayerNorm(3, gain=False, bias=False).parameters() == []


@pytest.mark.parametrize("make", NORMS)
def test_pytorch(make: Any) -> None:
    torch = pytest.importorskip("torch")
    tensor = partial(torch.tensor, dtype=torch.float64)
    rng = np.random.default_rng(0)
    norm, x = randomised(make(5), rng), rng.normal(size=5)
    options = {
        "weight": None if norm.gain is None else tensor([g.data for g in norm.gain]),
        "eps": norm.epsilon,
    }
    given_x = torch.tensor(x, requires_grad=True)
    if isinstance(norm, LayerNorm):
        bias = None if norm.bias is None else tensor([b.data for b in norm.bias])
        expected = torch.nn.functional.layer_norm(given_x, (5,), bias=bias, **options)
    else:
        expected = torch.nn.functional.rms_norm(given_x, (5,), **options)
    leaves = [Value(v) for v in x]
    outputs = norm(leaves)
    np.testing.assert_allclose([y.data for y in outputs], expected.detach(), rtol=1e-12)
    (expected * torch.arange(5)).sum().backward()
    ad.dot(outputs, range(5)).backward()
    np.testing.assert_allclose([v.grad for v in leaves], given_x.grad, rtol=1e-12)


untyped: Any = nn


@pytest.mark.parametrize("name", ["LayerNorm", "RMSNorm"])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0,), {}, ValueError, "width must be at least 1"),
        ((1.0,), {}, TypeError, "width must be an int"),
        ((2,), {"gain": 1}, TypeError, "gain must be True or False"),
        ((2,), {"epsilon": 0.0}, ValueError, "epsilon must be finite and above 0"),
        ((2,), {"epsilon": float("nan")}, ValueError, "epsilon must be finite"),
        ((2,), {"epsilon": "a"}, TypeError, "epsilon must be"),
    ],
)
def test_bad_arguments(
    name: str, arguments: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(nn, name)(*arguments, **options)


@pytest.mark.parametrize("norm", [LayerNorm(2), RMSNorm(2)], ids=repr)
@pytest.mark.parametrize(
    ("inputs", "error"),
    [([1.0], ValueError), (np.zeros((5, 2)), (TypeError, ValueError)), (1.0, TypeError),
     ([[1.0, 2.0], [3.0, 4.0]], TypeError)],
)  # fmt: skip
def test_bad_inputs(norm: Any, inputs: Any, error: Any) -> None:
    with pytest.raises(error, match="takes"):
        norm(inputs)


@pytest.mark.parametrize(
    ("norm", "text"),
    [
        (LayerNorm(3), "LayerNorm(3)"),
        (LayerNorm(3, bias=False, epsilon=0.5), "LayerNorm(3, bias=False, epsilon=0.5)"),
        (RMSNorm(3), "RMSNorm(3)"),
        (RMSNorm(3, gain=False), "RMSNorm(3, gain=False)"),
    ],
)
def test_repr_and_config(norm: Any, text: str) -> None:
    assert repr(norm) == text
    assert repr(type(norm)(**norm._config())) == text
