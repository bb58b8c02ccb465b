"""Checks of arguments that the files of `nn` share: what is said of a name that is not known."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nn import _calls
from nn._calls import KeywordsChecked, call_checked, did_you_mean, refuse_unknown_keywords

NAMES = ["learning_rate", "momentum", "weight_decay", "beta1", "beta2"]
ALIASES = {"lr": "learning_rate", "betas": "beta1 beta2", "eps": "epsilon"}


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("lr", "; did you mean learning_rate?"),
        ("betas", "; did you mean beta1 or beta2?"),
        ("learnin_rate", "; did you mean learning_rate?"),
        ("Momentum", "; did you mean momentum?"),
        ("eps", f"; there are {', '.join(NAMES)}"),  # an alias of what is not known here
        ("colour", f"; there are {', '.join(NAMES)}"),
        ("", f"; there are {', '.join(NAMES)}"),
    ],
)
def test_what_was_meant(name: str, end: str) -> None:
    assert did_you_mean(name, NAMES, ALIASES) == end


def test_what_is_not_there_at_all_is_not_taken_for_what_is_spelled_alike() -> None:
    assert did_you_mean("momentum_", NAMES, {}) == "; did you mean momentum?"
    assert did_you_mean("momentum_", NAMES, {"momentum_": ""}) == f"; there are {', '.join(NAMES)}"


def test_nothing_known_is_nothing_meant() -> None:
    assert did_you_mean("lr", []) == did_you_mean("lr", [], ALIASES) == ""


@given(st.sampled_from(NAMES), st.integers(0, 11), st.characters())
def test_a_name_mistyped_by_a_letter_is_found(name: str, place: int, letter: str) -> None:
    mistyped = name[:place] + letter + name[place + 1 :]
    assume(mistyped not in NAMES)
    meant = did_you_mean(mistyped, NAMES)
    assert meant == f"; did you mean {name}?" or name.startswith("beta")


@given(st.text())
def test_only_known_names_are_proposed(name: str) -> None:
    proposed = did_you_mean(name, NAMES, ALIASES).removeprefix("; did you mean ").rstrip("?")
    names = proposed.removeprefix("; there are ").replace(" or ", ", ").split(", ")
    assert set(names) <= set(NAMES)


def function(a: int, /, b: int, *rest: int, c: int, d: int = 0) -> None:
    """Takes b, c and d by name."""


def anything(**keywords: int) -> None:
    """Takes every name."""


@given(st.lists(st.sampled_from(["b", "c", "d"]), unique=True))
def test_known_keywords_pass(keywords: list[str]) -> None:
    taken = []
    for of, names in ((function, keywords), (anything, [*keywords, "e"])):
        refuse_unknown_keywords(of, names)
        taken.append(inspect.signature(of).bind_partial(**dict.fromkeys(names, 1)).kwargs)
    assert set(taken[0]) <= {"b", "c", "d"}


@pytest.mark.parametrize("unknown", ["a", "rest", "e"])
def test_unknown_keywords_are_refused(unknown: str) -> None:
    message = f"^function takes no argument '{unknown}'; there are b, c, d$"
    with pytest.raises(TypeError, match=message):
        refuse_unknown_keywords(function, ["b", unknown])


def test_a_decorated_function_is_the_same_function() -> None:
    @call_checked({"x": "number"})
    def multiplied(number: int, *, times: int = 2) -> int:
        """Multiply a number."""
        return number * times

    assert multiplied(3) == multiplied(number=3) == multiplied(3, times=2) == 6
    assert (multiplied.__name__, multiplied.__doc__) == ("multiplied", "Multiply a number.")
    call: Any = multiplied
    with pytest.raises(TypeError, match="multiplied takes no argument 'x'; did you mean number"):
        call(x=3)
    with pytest.raises(TypeError, match="multiplied takes no argument 'tims'; did you mean times"):
        call(3, tims=3)
    with pytest.raises(TypeError, match=r"^multiplied needs number: write multiplied\(number\)$"):
        call()
    message = "multiplied takes number by position and got 2 arguments: write times=3$"
    with pytest.raises(TypeError, match=message):
        call(1, 3)


def test_a_call_that_fits_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    @call_checked({})
    def loss(outputs: int, target: int, shift: int = 0, *, delta: int = 1) -> int:
        return (outputs - target + shift) * delta

    def refused(*given: Any, **options: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(_calls, "refuse_call", refused)
    found = [loss(3, 1), loss(3, target=1), loss(outputs=3, target=1, shift=0), loss(3, 1, delta=1)]
    assert found == [2, 2, 2, 2]
    call: Any = loss
    for arguments, keywords in [((3,), {"shift": 1}), ((), {"target": 1, "delta": 3})]:
        with pytest.raises(AssertionError):
            call(*arguments, **keywords)


def test_the_keywords_of_a_class_are_those_of_its_constructor() -> None:
    class Base(KeywordsChecked):
        _ALIASES = ALIASES

        def __init__(self, learning_rate: float) -> None:
            self.learning_rate = learning_rate

    class Derived(Base):
        def __init__(self, epsilon: float) -> None:
            super().__init__(learning_rate=0.5)
            self.epsilon = epsilon

    assert Base(learning_rate=0.1).learning_rate == 0.1
    assert Derived(epsilon=0.1).learning_rate == 0.5
    for make, keyword, meant in [(Base, "lr", "learning_rate"), (Derived, "eps", "epsilon")]:
        call: Any = make
        with pytest.raises(TypeError, match=f"^{make.__name__} takes .*did you mean {meant}"):
            call(**{keyword: 0.1})
