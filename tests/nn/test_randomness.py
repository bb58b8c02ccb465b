"""Random numbers in training: off elsewhere, repeatable, and inputs of compiled programs."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import counting, draw, drawn, evaluation_mode, feeding, training_mode


def uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return generator.random(shape)


def whole(generator: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return generator.integers(0, 9, shape)


def ask(n: int) -> list[Value | float] | None:
    return drawn(n, uniform)


def test_nothing_is_drawn_outside_of_training() -> None:
    assert ask(3) is None
    with training_mode(0):
        assert ask(3) is not None
    assert ask(3) is None


def test_a_block_ends_by_an_error_too() -> None:
    with pytest.raises(KeyError), training_mode(0):
        raise KeyError
    with pytest.raises(KeyError), feeding([1.0, 2.0]):  # its own error, not that one is left over
        raise KeyError
    assert ask(1) is None


def test_the_innermost_block_counts() -> None:
    with training_mode(0):
        first = ask(2)
        with evaluation_mode():
            assert ask(2) is None
            with feeding([5.0]):
                assert ask(1) == [5.0]
        with counting() as requests:
            ask(7)
        second = ask(2)
    assert [request.n for request in requests] == [7]
    assert [*(first or []), *(second or [])] == np.random.default_rng(0).random(4).tolist()


def test_a_thread_trains_by_itself() -> None:
    seen = []
    with training_mode(0):
        thread = threading.Thread(target=lambda: seen.append(ask(1)))
        thread.start()
        thread.join()
    assert seen == [None]


def test_seeds() -> None:
    def numbers(rng: Any = None) -> Any:
        with training_mode(rng):
            return ask(5)

    assert numbers(0) == numbers(0) == numbers(np.random.default_rng(0))
    assert len({tuple(numbers()), tuple(numbers()), tuple(numbers(0)), tuple(numbers(1))}) == 4
    generator = np.random.default_rng(0)
    assert numbers(generator) != numbers(generator)


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=5), st.integers(1, 6))
def test_what_is_counted_is_drawn_and_fed(wanted: list[tuple[int, bool]], n_examples: int) -> None:
    samplers = [whole if is_whole else uniform for _, is_whole in wanted]

    def all_of_them() -> list[Any]:
        return [drawn(n, s) for (n, _), s in zip(wanted, samplers, strict=True)]

    with counting() as requests:
        dry = all_of_them()
    assert requests == [(n, s) for (n, _), s in zip(wanted, samplers, strict=True)]
    assert [len(numbers) for numbers in dry] == [n for n, _ in wanted]
    numbers = draw(requests, 3, n_examples)
    generator = np.random.default_rng(3)
    expected = [s(generator, (n_examples, n)) for n, s in requests]
    assert numbers.shape == (n_examples, sum(n for n, _ in wanted))
    assert numbers.dtype == np.float64
    for i, row in enumerate(numbers):
        with feeding(row):
            assert all_of_them() == [part[i].tolist() for part in expected]


def test_values_are_handed_out_as_they_are() -> None:
    given_values = [Value(1.0), Value(2.0)]
    with feeding(given_values):
        assert ask(1) == given_values[:1]
        assert ask(1) == given_values[1:]


def test_numbers_are_inputs_of_a_program() -> None:
    w = Value(2.0)

    def noisy(x: Value, numbers: list[Value]) -> Value:
        with feeding(numbers):
            shift, scale = (drawn(1, uniform) or [0.0])[0], (drawn(1, uniform) or [1.0])[0]
            return (w * x + shift) * scale

    program = ad.compile(noisy, [w])
    x, numbers = np.array([1.0, 2.0, 3.0]), np.random.default_rng(0).random((3, 2))
    for _ in range(2):
        np.testing.assert_allclose(
            program(None, x, numbers), (2 * x + numbers[:, 0]) * numbers[:, 1], rtol=1e-14
        )
        numbers = numbers + 1
    assert len(program.traces) == 1


@pytest.mark.parametrize(("n_given", "message"), [(1, "asked for more, at least 2"),
                                                  (3, "3 random.*asked for 2")])  # fmt: skip
def test_another_count_is_refused(n_given: int, message: str) -> None:
    def noisy(numbers: list[Value]) -> Any:
        with feeding(numbers):
            return ad.sum([*(ask(1) or []), *(ask(1) or [])])

    rows = np.ones((4, n_given))
    with pytest.raises(ValueError, match=f"{message}.*shape of its inputs"):
        noisy(rows[0])
    with pytest.raises(ValueError, match=f"{message}.*shape of its inputs"):
        ad.compile(noisy, [])(None, rows)


untyped: Any = nn  # arguments of wrong types are what is tested


@pytest.mark.parametrize(
    ("block", "n", "sampler", "error", "message"),
    [
        (training_mode(0), 0, uniform, ValueError, "n must be at least 1, got 0"),
        (training_mode(0), 1.5, uniform, TypeError, "n must be an int, got 1.5"),
        (training_mode(0), 1, 0.5, TypeError, "sampler must be a function.*got float"),
        (training_mode(0), 1, lambda g, shape: g.random(), ValueError, r"\(1,\) and returned \(\)"),
        (counting(), 2, lambda g, shape: g.random(3), ValueError, r"\(2,\) and returned \(3,\)"),
        (training_mode(0), 1, lambda g, shape: ["a"], TypeError, "an array of numbers, got one of"),
    ],
)
def test_bad_requests(
    block: AbstractContextManager[Any], n: Any, sampler: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message), block:
        drawn(n, sampler)


@pytest.mark.parametrize("rng", ["0", 0.5, True, np.random.RandomState(0)])
def test_bad_sources(rng: Any) -> None:
    with pytest.raises(TypeError, match="rng must be"), training_mode(rng):
        pass
    with pytest.raises(TypeError, match="rng must be"):
        draw([], rng, 1)


def test_bad_number_of_examples() -> None:
    with pytest.raises(ValueError, match="n_examples must be at least 1"):
        draw([], 0, 0)
    assert draw([], 0, 2).shape == (2, 0)
