"""Attention against its definition in matrices and against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import Attention, vector_to_parameters
from tests.nn.layer_checks import check_layer


def randomised(attention: Attention, rng: np.random.Generator) -> Attention:
    vector_to_parameters(rng.normal(size=len(attention.parameters())), attention)
    return attention


def matrices(attention: Attention) -> list[NDArray[np.float64]]:
    modules = attention.query, attention.key, attention.value, attention.projection
    return [np.array([[w.data for w in row] for row in module.weights]) for module in modules]


def by_definition(attention: Attention, x: NDArray[np.float64]) -> NDArray[np.float64]:
    query, key, value, projection = matrices(attention)
    heads = []
    for q, k, v in zip(
        *(np.split(x @ w.T, attention.heads, axis=1) for w in (query, key, value)), strict=True
    ):
        scores = q @ k.T / np.sqrt(q.shape[1])
        if attention.causal:
            scores[np.triu_indices(len(x), 1)] = -np.inf
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        heads.append(weights / weights.sum(axis=1, keepdims=True) @ v)
    return np.hstack(heads) @ projection.T


def data(rows: list[list[Value]]) -> Any:
    return [[x.data for x in row] for row in rows]


SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.booleans())


@given(SIZES, st.integers(0, 99))
def test_definition(sizes: tuple[int, int, int, bool], seed: int) -> None:
    heads, size, length, causal = sizes
    rng = np.random.default_rng(seed)
    attention = randomised(Attention(heads * size, heads, causal=causal), rng)
    x = rng.normal(size=(length, heads * size))
    expected = by_definition(attention, x)
    np.testing.assert_allclose(data(attention(x)), expected, rtol=1e-11, atol=1e-12)


@settings(max_examples=20)
@given(SIZES)
def test_compiled_equals_eager(sizes: tuple[int, int, int, bool]) -> None:
    heads, size, length, causal = sizes
    rng = np.random.default_rng(length)
    attention = Attention(heads * size, heads, causal=causal, rng=rng)
    weights = rng.normal(size=(length, heads * size)).tolist()

    def loss(rows: Any) -> Any:
        squares = [list(map(ad.square, row)) for row in attention(rows)]
        return ad.sum([ad.dot(y, w) for y, w in zip(squares, weights, strict=True)])

    batch = rng.normal(size=(2, length, heads * size))
    # heads of one number have products of two numbers for scores: no matrix product, whose entries
    # beyond the diagonal nobody reads
    scattered = causal and size == 1 and length > 1
    check_layer(loss, attention.parameters(), batch, gathers=7 if scattered else 0)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [2, 3, 4, 7])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_products_of_matrices_without_gathers(heads: int, length: int, causal: bool) -> None:
    attention = Attention(2 * heads, heads, causal=causal, rng=0)
    program = ad.compile(
        lambda rows: ad.sum([ad.square(y) for row in attention(rows) for y in row]),
        attention.parameters(),
    )
    program.value_and_grad(None, np.random.default_rng(0).normal(size=(2, length, 2 * heads)))
    assert program.stats.matrix_products == 4  # queries, keys and values are one
    assert program.stats.gathers == 0


@pytest.mark.parametrize("later", [np.inf, np.nan, 1e200])
def test_what_comes_later_does_not_leak_into_a_compiled_causal_position(later: float) -> None:
    """Scores that no position sees are computed beside the others: they are in one product."""
    attention = Attention(4, 2, causal=True, rng=0)
    program = ad.compile(lambda rows: ad.sum(attention(rows)[1]), attention.parameters())
    x = np.random.default_rng(0).normal(size=(2, 5, 4))
    expected = program.value_and_grad(None, x)
    x[:, 3:] = later
    value, gradient = program.value_and_grad(None, x)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_pytorch(causal: bool) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    attention = randomised(Attention(6, 2, causal=causal), rng)
    theirs = torch.nn.MultiheadAttention(6, 2, bias=False, batch_first=True, dtype=torch.float64)
    query, key, value, projection = matrices(attention)
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.tensor(np.vstack([query, key, value])),
            "out_proj.weight": torch.tensor(projection),
        }
    )
    x = rng.normal(size=(4, 6))
    given_x = torch.tensor(x, requires_grad=True)
    mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1) if causal else None
    expected = theirs(*[given_x[None]] * 3, attn_mask=mask, need_weights=False)[0][0]
    leaves = [[Value(a) for a in row] for row in x]
    outputs = attention(leaves)
    np.testing.assert_allclose(data(outputs), expected.detach(), rtol=1e-12, atol=1e-12)
    (expected * torch.arange(6)).sum().backward()
    ad.sum([ad.dot(row, range(6)) for row in outputs]).backward()
    slopes = [[a.grad for a in row] for row in leaves]
    np.testing.assert_allclose(slopes, given_x.grad, rtol=1e-11, atol=1e-11)


def test_a_causal_position_sees_none_after_it() -> None:
    rng = np.random.default_rng(0)
    attention, x = Attention(4, 2, causal=True, rng=0), rng.normal(size=(5, 4))
    assert data(attention(x))[:3] == data(attention(x[:3]))
    full = Attention(4, 2, rng=0)
    assert data(full(x))[:3] != data(full(x[:3]))


untyped: Any = nn


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0,), {}, ValueError, "width must be at least 1"),
        ((4, 3), {}, ValueError, "width must be a multiple of heads, got 4 and 3"),
        ((4, 0), {}, ValueError, "heads must be at least 1"),
        ((4, 2), {"causal": 1}, TypeError, "causal must be True or False"),
        ((4, 2), {"rng": "0"}, TypeError, "rng"),
        ((4, 2), {"init": "glorot"}, ValueError, "glorot"),
    ],
)
def test_bad_arguments(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        untyped.Attention(*arguments, **options)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([1.0, 2.0], TypeError, "Attention takes one example, a sequence of rows of 2"),
        ([], ValueError, "at least one row"),
        ([[1.0]], ValueError, "2"),
        (np.zeros((4, 3, 2)), (TypeError, ValueError), "batch|rows"),
        (None, TypeError, "sequence of rows"),
    ],
)
def test_bad_inputs(rows: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Attention(2)(rows)


def test_labels_repr_and_config() -> None:
    attention = Attention(2, 2, causal=True, rng=0)
    labels = [p.label for p in attention.parameters()]
    assert labels[0] == "query.weights.0.0"
    assert labels[-1] == "projection.weights.1.1"
    assert repr(attention) == "Attention(2, 2, causal=True)"
    for made in (attention, Attention(4)):
        assert repr(Attention(**made._config())) == repr(made)
