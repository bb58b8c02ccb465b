"""States of models by name, and what a file says of a model. Files are in `test_saving`."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini import Value, relu
from nn.models.states import MatchedKeys, described, load_state, state_of

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


class Pair(nn.Module):
    """A user's module."""

    def __init__(self, first: float = 1.0, second: float = 2.0) -> None:
        self.first, self.second = Value(first), [Value(second)]


@given(NUMBERS, NUMBERS)
def test_a_state_is_the_data_by_path(first: float, second: float) -> None:
    state = state_of(Pair(first, second))
    assert list(state.items()) == [("first", first), ("second.0", second)]
    other = Pair()
    assert load_state(other, state, strict=True) == MatchedKeys([], [])
    assert (other.first.data, other.second[0].data) == (first, second)


@given(st.dictionaries(st.sampled_from(["first", "second.0", "third", "4"]), NUMBERS))
def test_without_strict_what_has_a_name_is_written(state: dict[str, float]) -> None:
    model, before = Pair(), state_of(Pair())
    keys = load_state(model, state, strict=False)
    assert set(keys.missing_keys) == before.keys() - state.keys()
    assert set(keys.unexpected_keys) == state.keys() - before.keys()
    assert state_of(model) == {name: state.get(name, number) for name, number in before.items()}
    if any(keys):
        with pytest.raises(RuntimeError, match="key\\(s\\) in state_dict"):
            load_state(model, dict.fromkeys(state, 9.0), strict=True)
        assert 9.0 not in state_of(model).values()


@pytest.mark.parametrize("bad", [math.nan, -math.inf, "1.0", None, [1.0], 10**400])
def test_a_bad_number_changes_nothing(bad: Any) -> None:
    model = Pair()
    with pytest.raises((TypeError, ValueError, OverflowError)):
        load_state(model, {"first": 5.0, "second.0": bad}, strict=True)
    assert state_of(model) == {"first": 1.0, "second.0": 2.0}


def test_matched_keys_print_as_pytorch_s_do() -> None:
    assert repr(MatchedKeys([], [])) == "<All keys matched successfully>"
    assert repr(MatchedKeys(["a"], [])) == "MatchedKeys(missing_keys=['a'], unexpected_keys=[])"


def own(x: Value) -> Value:
    return x * x


@pytest.mark.parametrize(
    ("make", "config"),
    [
        (lambda: nn.Dropout(0.25), {"rate": 0.25}),
        (lambda: nn.Sequential(relu), {"modules": ["relu"]}),
        (lambda: nn.Sequential(own), {"modules": [{"function": None}]}),
        (Pair, None),
    ],
)
def test_a_description_names_what_a_constructor_needs(make: Any, config: Any) -> None:
    model = make()
    package = type(model).__module__.partition(".")[0]
    assert described(model) == {"class": f"{package}.{type(model).__qualname__}", "config": config}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda: nn.MLP(2, [3, 1], rng=0), lambda: nn.MLP(2, [4, 1], rng=0)),
        (lambda: nn.MLP(2, [3, 1], rng=0), lambda: nn.MLP(2, [3, 1], activation="relu", rng=0)),
        (lambda: nn.Dropout(0.5), lambda: nn.Dropout(0.25)),
        (lambda: nn.GRUCell(2, 3, rng=0), lambda: nn.RNNCell(2, 3, rng=0)),
        (lambda: nn.Sequential(nn.Dropout(0.5)), lambda: nn.Sequential(nn.Dropout(0.1))),
    ],
)
def test_descriptions_tell_models_apart_and_not_their_weights(first: Any, second: Any) -> None:
    one, again, other = first(), first(), second()
    for parameter in again.parameters():
        parameter.data += 1.0
    assert described(one) == described(again) != described(other)
    assert json.loads(json.dumps(described(one))) == described(one)


def test_a_configuration_that_a_users_class_inherits_does_not_count() -> None:
    class Mine(nn.Dropout): ...

    assert described(Mine(0.5))["config"] is None


def test_a_state_has_no_part_in_the_model() -> None:
    model = Pair()
    state = state_of(model)
    state["first"] = np.nan
    assert model.first.data == 1.0
