"""Learning-rate schedules: functions of a count."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Value
from nn import SGD, ConstantSchedule, CosineSchedule, LinearSchedule, StepSchedule, WarmUp

rates = st.floats(0.0, 10.0)
counts = st.integers(0, 300)
lengths = st.integers(1, 100)


@given(rates, counts)
def test_a_constant_rate(rate: float, count: int) -> None:
    assert ConstantSchedule(rate)(count) == rate


@given(rates, lengths, rates, counts)
def test_linear_is_interpolation(start: float, length: int, end: float, count: int) -> None:
    expected = np.interp(count, [0, length], [start, end])
    assert LinearSchedule(start, length, end)(count) == pytest.approx(
        expected, rel=1e-12, abs=1e-14
    )


@given(rates, lengths, rates, counts)
def test_cosine_is_the_paper_s(start: float, length: int, end: float, count: int) -> None:
    t = min(count, length)
    expected = end + 0.5 * (start - end) * (1 + math.cos(t / length * math.pi))
    assert CosineSchedule(start, length, end)(count) == pytest.approx(
        expected, rel=1e-12, abs=1e-14
    )


@given(rates, st.integers(1, 20), st.floats(0.1, 1.0), st.integers(0, 100))
def test_steps_multiply(start: float, every: int, factor: float, count: int) -> None:
    expected = start
    for passed in range(1, count + 1):
        if passed % every == 0:
            expected *= factor
    assert StepSchedule(start, every, factor)(count) == pytest.approx(expected, rel=1e-12)


@given(rates, lengths, lengths, counts)
def test_warm_up_rises_evenly_to_what_follows(
    start: float, length: int, after: int, count: int
) -> None:
    follows = CosineSchedule(start, after)
    schedule = WarmUp(follows, length)
    seen = [schedule(i) for i in range(length + 1)]
    even = start * np.arange(1, length + 2) / (length + 1)
    np.testing.assert_allclose(seen, even, rtol=1e-12)
    assert seen[-1] == start
    assert schedule(length + count) == follows(count)


@given(rates, lengths, rates)
def test_the_ends_are_exact(start: float, length: int, end: float) -> None:
    for schedule in (LinearSchedule(start, length, end), CosineSchedule(start, length, end)):
        assert (schedule(0), schedule(length), schedule(10**9)) == (start, end, end)
        passed = [schedule(count) for count in range(length + 1)]
        low, high = sorted([start, end])
        assert all(low * (1 - 1e-15) <= rate <= high * (1 + 1e-15) for rate in passed)


def pytorch_s(make: Callable[[Any], Any]) -> list[float]:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler, passed = make(torch.optim.lr_scheduler)(optimizer), []
    for _ in range(20):
        passed.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return passed


def test_schedules_are_pytorch_s() -> None:
    pairs: list[tuple[Any, Any]] = [
        (ConstantSchedule(0.5), lambda s: lambda o: s.ConstantLR(o, factor=1.0)),
        (
            LinearSchedule(0.5, 15, end=0.1),
            lambda s: lambda o: s.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=15),
        ),
        (StepSchedule(0.5, 6, factor=0.3), lambda s: lambda o: s.StepLR(o, 6, gamma=0.3)),
        (
            CosineSchedule(0.5, 19, end=0.1),
            lambda s: lambda o: s.CosineAnnealingLR(o, T_max=19, eta_min=0.1),
        ),
        (
            WarmUp(ConstantSchedule(0.5), 7),
            lambda s: lambda o: s.LinearLR(o, start_factor=1 / 8, end_factor=1.0, total_iters=7),
        ),
    ]
    for schedule, make in pairs:
        passed = [schedule(count) for count in range(20)]
        np.testing.assert_allclose(passed, pytorch_s(make), rtol=1e-12)


def test_any_function_may_follow_a_warm_up() -> None:
    schedule = WarmUp(lambda count: 1.0 / (count + 1), length=1)
    assert [schedule(count) for count in range(4)] == [0.5, 1.0, 0.5, 1 / 3]


def test_a_schedule_sets_the_learning_rate() -> None:
    optimizer = SGD([Value(0.0)], learning_rate=1.0)
    for count in range(3):
        optimizer.learning_rate = LinearSchedule(0.5, length=2)(count)
    assert optimizer.learning_rate == 0.0


ALL = [
    ConstantSchedule(0.1),
    LinearSchedule(0.1, 10),
    CosineSchedule(0.1, length=10, end=0.01),
    StepSchedule(0.1, every=3),
    WarmUp(StepSchedule(0.1, 3), length=4),
]


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_schedules_are_plain_values(schedule: Any) -> None:
    assert eval(repr(schedule)) == schedule
    assert copy.deepcopy(schedule) == pickle.loads(pickle.dumps(schedule)) == schedule
    assert hash(schedule) == hash(copy.copy(schedule))
    with pytest.raises(FrozenInstanceError):
        schedule.length = 5
    assert all(type(schedule(count)) is float for count in (0, 3, np.int64(5), 1000))


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_bad_counts(schedule: Any) -> None:
    for count in (1.0, "1", None, True, Value(1.0), [1]):
        with pytest.raises(TypeError, match="count must be an int, got"):
            schedule(count)
    with pytest.raises(ValueError, match="count must be at least 0, got -1"):
        schedule(-1)


def test_numpy_s_numbers_are_taken_as_plain_ones() -> None:
    schedule = CosineSchedule(np.float64(0.5), np.int64(3), np.float32(0.25))  # type: ignore[arg-type]
    assert repr(schedule) == "CosineSchedule(start=0.5, length=3, end=0.25)"


NUMBERS: dict[str, Any] = {
    "text": "0.1",
    "None": None,
    "bool": True,
    "Value": Value(0.1),
    "list": [0.1],
}
RANGE = {"negative": -0.1, "nan": math.nan, "inf": math.inf}
MAKERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "ConstantSchedule": (ConstantSchedule, {"rate": 0.1}),
    "LinearSchedule": (LinearSchedule, {"start": 0.1, "length": 3, "end": 0.0}),
    "CosineSchedule": (CosineSchedule, {"start": 0.1, "length": 3, "end": 0.0}),
    "StepSchedule": (StepSchedule, {"start": 0.1, "every": 3, "factor": 0.5}),
    "WarmUp": (WarmUp, {"schedule": ConstantSchedule(0.1), "length": 3}),
}


@pytest.mark.parametrize("name", MAKERS)
def test_bad_numbers(name: str) -> None:
    make, usual = MAKERS[name]
    for argument in usual:
        for bad in NUMBERS.values():
            with pytest.raises(TypeError, match=f"^{argument} must be"):
                make(**{**usual, argument: bad})
        if argument in ("length", "every"):
            for bad in (0, -1):
                with pytest.raises(ValueError, match=f"^{argument} must be at least 1, got {bad}"):
                    make(**{**usual, argument: bad})
        elif argument != "schedule":
            for bad in RANGE.values():
                with pytest.raises(ValueError, match=f"^{argument} must be finite and at least 0"):
                    make(**{**usual, argument: bad})


def test_a_factor_that_grows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"factor must be at most 1, got 2\.0"):
        StepSchedule(0.1, 3, factor=2)


KEYWORDS = {
    "ConstantSchedule": {"lr": "rate", "learning_rate": "rate"},
    "LinearSchedule": {"total_iters": "length", "end_factor": "end", "lr": "start"},
    "CosineSchedule": {"T_max": "length", "eta_min": "end", "steps": "length"},
    "StepSchedule": {"step_size": "every", "gamma": "factor", "epochs": "every"},
    "WarmUp": {"warmup_steps": "length", "after": "schedule"},
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_other_names_are_told_ours(name: str) -> None:
    for unknown, meant in KEYWORDS[name].items():
        with pytest.raises(TypeError, match=f"{name} takes .*'{unknown}'; did you mean {meant}"):
            MAKERS[name][0](**{unknown: 3})


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        (ConstantSchedule(0.5), 0.5),
        (LinearSchedule(0.5, length=4, end=0.25), 0.25),
        (CosineSchedule(0.5, length=4, end=0.25), 0.25),
        (StepSchedule(0.5, every=2), 0.0),
        (StepSchedule(0.5, every=2, factor=1.0), 0.5),
        (StepSchedule(0.5, every=2, factor=1 - 2**-53), 0.0),
        (WarmUp(LinearSchedule(0.5, length=10**401), length=3), 0.45),
        (WarmUp(ConstantSchedule(0.5), length=10**401), 0.05),
    ],
)
def test_counts_that_no_float_holds(schedule: Any, rate: float) -> None:
    assert schedule(10**400) == pytest.approx(rate, rel=1e-12)
