"""Embedding: a row of a table, by a plain or a traced integer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import Embedding, glorot_uniform
from tests.compiler.agreement import assert_agrees


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 9))
def test_a_token_picks_its_row(n_tokens: int, width: int, seed: int) -> None:
    embedding = Embedding(n_tokens, width, rng=seed)
    assert (embedding.n_tokens, embedding.width) == (n_tokens, width)
    table = glorot_uniform(width, n_tokens, rng=seed)
    for token in range(n_tokens):
        for same in (token, np.int64(token), Value(float(token))):
            row = embedding(same)
            assert [v.data for v in row] == table[token].tolist()
            assert row == embedding.weights[token]
            assert row is not embedding.weights[token]  # what is done to it leaves the table alone


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 9))
def test_compiled_equals_eager_and_gathers_only_the_pick(
    n_tokens: int, width: int, length: int, seed: int
) -> None:
    embedding = Embedding(n_tokens, width, rng=seed)
    rng = np.random.default_rng(seed)
    scale = rng.normal(size=(length, width)).tolist()

    def loss(tokens: Any) -> Any:
        rows = [ad.dot(embedding(t), s) for t, s in zip(tokens, scale, strict=True)]
        return ad.sum([ad.tanh(row) for row in rows])

    tokens = rng.integers(0, n_tokens, size=(3, length))
    program = assert_agrees(loss, embedding.parameters(), tokens)
    assert program.stats.gathers == 0


def test_the_gradient_reaches_the_rows_that_were_picked() -> None:
    embedding = Embedding(3, 2, rng=0)
    program = ad.compile(lambda t: ad.sum(embedding(t)), embedding.parameters())
    _, gradient = program.value_and_grad(None, np.array([2, 2, 0, 2]))
    assert gradient.tolist() == [0.25, 0.25, 0.0, 0.0, 0.75, 0.75]


@pytest.mark.parametrize(
    ("token", "error", "message"),
    [
        (3, IndexError, r"Embedding\(3, 2\) knows tokens from 0 to 2, got 3"),
        (-1, IndexError, "from 0 to 2, got -1"),
        (0.5, TypeError, "whole number"),
        ("a", TypeError, "whole number"),
        (None, TypeError, "whole number"),
        (True, TypeError, "whole number"),
        ([0, 1], TypeError, r"takes one token.*\[embedding\(token\) for token in tokens\]"),
        (np.array([0, 1]), TypeError, "takes one token"),
    ],
)
def test_bad_tokens(token: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Embedding(3, 2, rng=0)(token)


def test_bad_tokens_of_a_program() -> None:
    embedding = Embedding(3, 2, rng=0)
    program = ad.compile(embedding, embedding.parameters())
    with pytest.raises(IndexError):
        program(None, np.array([0, 3]))
    with pytest.raises(TypeError, match="integer dtype"):
        program(None, np.array([0.0, 1.0]))


untyped: Any = nn


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [((0, 1), ValueError, "n_tokens must be at least 1"), ((1, "2"), TypeError, "width must be")],
)
def test_bad_arguments(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        untyped.Embedding(*arguments)


def test_labels_repr_and_config() -> None:
    embedding = Embedding(2, 1, rng=0)
    assert [p.label for p in embedding.parameters()] == ["weights.0.0", "weights.1.0"]
    assert repr(embedding) == "Embedding(2, 1)"
    assert repr(Embedding(**embedding._config())) == repr(embedding)
