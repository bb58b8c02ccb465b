"""Options of all pictures alike: NumPy's numbers are numbers, and arrays are no texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from viz import draw_graph, draw_network, draw_program, explore

Draw = Callable[..., Any]


def layers(**options: Any) -> Any:
    return draw_network(nn.MLP(2, [3, 1], rng=0), **options).source


def graph(**options: Any) -> Any:
    return draw_graph(nn.MLP(2, [3, 1], rng=0)([0.5, -1.0]), **options).source


def program(**options: Any) -> Any:
    model = nn.MLP(2, [3, 1], rng=0)
    compiled = ad.compile(model, model)
    compiled(None, np.ones((2, 2)))
    return draw_program(compiled, **options).source


def page(**options: Any) -> Any:
    return explore(ad.Value(1.0), **options).html


COUNTS = [
    *((graph, option) for option in ("precision", "max_nodes", "collapse")),
    *((layers, option) for option in ("precision", "max_units")),
    *((program, "max_steps"), (page, "max_nodes")),
]
SWITCHES = [(graph, "legend"), (graph, "flow"), (layers, "numbers")]
CHOICES = [
    *((graph, option, "LR") for option in ("rankdir", "edges")),
    *((draw, "theme", "light") for draw in (graph, layers, program)),
    (layers, "show", "weights"),
]


@pytest.mark.parametrize(("draw", "option"), COUNTS)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_counts_may_be_numpys(draw: Draw, option: str, dtype: type) -> None:
    number = 50 if option.startswith("max") else 2
    assert draw(**{option: dtype(number)}) == draw(**{option: number})


@pytest.mark.parametrize(("draw", "option"), COUNTS)
@pytest.mark.parametrize("wrong", [True, np.True_, 2.0, np.float64(2.0), np.array([2, 3])])
def test_counts_are_whole(draw: Draw, option: str, wrong: object) -> None:
    with pytest.raises(TypeError, match=f"^{option} must be "):
        draw(**{option: wrong})


@pytest.mark.parametrize(("draw", "option"), COUNTS)
def test_counts_are_positive(draw: Draw, option: str) -> None:
    with pytest.raises(ValueError, match=rf"^{option} must be at least \d, got 0$"):
        draw(**{option: np.int64(0)})


@pytest.mark.parametrize(("draw", "option"), SWITCHES)
@pytest.mark.parametrize("answer", [True, False])
def test_switches_may_be_numpys(draw: Draw, option: str, answer: bool) -> None:
    assert draw(**{option: np.bool_(answer)}) == draw(**{option: answer})


@pytest.mark.parametrize(("draw", "option"), SWITCHES)
@pytest.mark.parametrize("wrong", [0, 1.0, "no", np.array([True]), np.int64(1)])
def test_switches_are_true_or_false(draw: Draw, option: str, wrong: object) -> None:
    with pytest.raises(TypeError, match=f"^{option} must be True or False, got "):
        draw(**{option: wrong})


@pytest.mark.parametrize(("draw", "option", "text"), CHOICES)
@pytest.mark.parametrize("times", [1, 2])
def test_choices_are_texts(draw: Draw, option: str, text: str, times: int) -> None:
    for wrong in (np.array([text] * times), [text] * times, times, {text}):
        with pytest.raises(ValueError, match=f"^{option} must be .*, got "):
            draw(**{option: wrong})


@pytest.mark.parametrize("array", [np.array(["data", "grad"]), np.array(["data"])])
def test_parts_may_stand_in_an_array(array: object) -> None:
    assert graph(show=array) == graph(show=list(array))  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=r"^each part in show must be one of"):
        graph(show=[array])
