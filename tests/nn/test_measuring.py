"""Which metrics an epoch has, what they are given, and what is made of their numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini import Value
from nn.training.examination import Examination, examine
from nn.training.measuring import check_probabilities, measured, metric_functions, try_metrics


def shown(loss: Any = nn.half_squared_error, outputs: int = 1, target: Any = 0.0) -> Examination:
    target = np.asarray(target)
    return examine(lambda x: [Value(0.25)] * outputs, loss, np.zeros(1), target, "y[0]")


def doubled(outputs: Any, targets: Any) -> Any:
    return 2.0


class Counting:
    """A metric that is an object."""

    def __call__(self, outputs: Any, targets: Any) -> int:
        return len(outputs)


# Which there are.


@pytest.mark.parametrize(
    ("loss", "outputs", "target", "names"),
    [
        (nn.half_squared_error, 1, 0.0, ["mean_absolute_error"]),
        (nn.half_squared_error, 2, [0.0, 1.0], ["mean_absolute_error"]),
        (nn.cross_entropy, 3, 1, ["accuracy"]),
        (nn.hinge, 1, -1, ["accuracy"]),
        (nn.binary_cross_entropy, 1, 1, ["accuracy"]),
        (nn.binary_cross_entropy_with_logits, 1, 1, ["accuracy"]),
        (lambda o, t: 3.0 * nn.cross_entropy(o, t), 3, 1, ["accuracy"]),  # only wrapped
        (lambda o, t: nn.cross_entropy(o, 1 - t), 3, 1, []),  # another target
        (lambda o, t: nn.cross_entropy(o[:2], t), 3, 1, []),  # other outputs
        (lambda o, t: o[0] * t, 1, 1.0, []),
    ],
)
def test_a_loss_implies_its_metric(loss: Any, outputs: int, target: Any, names: list[str]) -> None:
    one = shown(loss, outputs, target)
    assert list(metric_functions((), [one])) == names
    assert metric_functions(None, [one]) == {}


@pytest.mark.parametrize(
    ("loss", "number", "right"),
    [
        (nn.binary_cross_entropy, 0.25, 0.0),  # below one half
        (nn.binary_cross_entropy_with_logits, 0.25, 1.0),  # above 0
        (nn.hinge, 0.25, 1.0),
    ],
)
def test_accuracy_divides_where_the_loss_does(loss: Any, number: float, right: float) -> None:
    for given_metrics in ((), [nn.accuracy]):
        functions = metric_functions(given_metrics, [shown(loss, 1, 1)])
        outputs = np.full((3, 1), number)
        assert measured(functions, outputs, np.ones(3), (1,)) == {"accuracy": right}


def test_metrics_go_by_their_names() -> None:
    functions = metric_functions(
        [doubled, Counting(), partial(nn.accuracy, threshold=9.0)], [shown()]
    )
    assert list(functions) == ["doubled", "Counting", "accuracy"]
    assert measured(functions, np.zeros((4, 1)), np.zeros(4), (1,)) == {
        "doubled": 2.0, "Counting": 4.0, "accuracy": 1.0,
    }  # fmt: skip


def test_outputs_of_different_number_have_no_metrics() -> None:
    both = [shown(outputs=1), shown(outputs=2, target=[0.0, 1.0])]
    assert metric_functions((), both) == {}
    with pytest.raises(ValueError, match="pass metrics=None"):
        metric_functions([doubled], both)


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        (nn.accuracy, TypeError, r"write metrics=\[nn.accuracy\]"),
        (["accuracy"], TypeError, "a metric must be a function of outputs and targets"),
        ([Counting], TypeError, "a metric must be a function"),
        ([doubled, doubled], ValueError, "another curve 'doubled'"),
    ],
)
def test_what_is_no_list_of_metrics(metrics: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        metric_functions(metrics, [shown()])


# What they are given, and return.


@given(st.integers(1, 5), st.sampled_from([(), (1,), (2,), (2, 3)]))
def test_outputs_come_in_the_shape_of_the_models(n: int, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    numbers = np.arange(n * size, dtype=float).reshape(n, size)
    seen: list[Any] = []

    def look(outputs: Any, targets: Any) -> float:
        seen.append((outputs.copy(), targets.copy()))
        return 0.0

    measured({"look": look}, numbers, np.zeros((n, 7)), shape)
    [(outputs, targets)] = seen
    assert outputs.shape == (n, *shape)
    assert outputs.ravel().tolist() == numbers.ravel().tolist()
    assert targets.shape == (n, 7)
    measured({"look": look}, numbers, np.zeros(n * size), shape)
    assert seen[1][0].shape == seen[1][1].shape  # one number against one number


def test_targets_of_different_shapes_are_a_list_that_cannot_be_written() -> None:
    targets = [np.zeros(1), np.zeros(2)]

    def spoil(outputs: Any, targets: Any) -> float:
        targets[1][0] = 1.0
        return 0.0

    with pytest.raises(ValueError, match="read-only"):
        measured({"spoil": spoil}, np.zeros((2, 1)), targets, (1,))
    targets[1][0] = 1.0  # the user's own stay as they were


@pytest.mark.parametrize(
    ("result", "number"), [(3, 3.0), (np.float32(0.5), 0.5), (np.array(2), 2.0), (np.True_, 1.0)]
)
def test_numbers_of_any_kind(result: Any, number: float) -> None:
    row = measured({"m": lambda o, t: result}, np.zeros((1, 1)), np.zeros(1), (1,))
    assert row == {"m": number}
    assert type(row["m"]) is float


@pytest.mark.parametrize("result", [None, "0.5", np.zeros(2), Value(1.0), 1j])
def test_what_is_no_number_is_refused(result: Any) -> None:
    with pytest.raises(TypeError, match="the metric m must return a number, got"):
        measured({"m": lambda o, t: result}, np.zeros((1, 1)), np.zeros(1), (1,))


def test_only_metrics_of_this_package_are_tried() -> None:
    def fails(outputs: Any, targets: Any) -> float:
        raise AssertionError

    one = shown(nn.cross_entropy, 3, 1)
    try_metrics({"fails": fails}, one, np.zeros(4, dtype=int))
    with pytest.raises(ValueError, match="shape"):
        try_metrics({"mean_absolute_error": nn.mean_absolute_error}, one, np.zeros(4))


# Probabilities.


@given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=6), st.integers(0, 1))
def test_numbers_that_are_no_probabilities_are_found(numbers: list[float], place: int) -> None:
    rows = np.full((len(numbers), 2), 7.0)
    rows[:, place] = numbers
    wrong = [k for k, number in enumerate(numbers) if not 0.0 <= number <= 1.0]
    check_probabilities(rows, [], "X")
    if not wrong:
        check_probabilities(rows, [place], "X")
        return
    with pytest.raises(ValueError, match=rf"for X\[{wrong[0]}\]"):
        check_probabilities(rows, [place], "X")
    indices = np.arange(100, 100 + len(numbers))
    with pytest.raises(ValueError, match=rf"for X\[{100 + wrong[0]}\]"):
        check_probabilities(rows, [place], "X", indices)


def test_a_nan_is_for_others_to_find() -> None:
    check_probabilities(np.array([[np.nan]]), [0], "X")
    with pytest.raises(ValueError, match=r"for X\[1\]"):
        check_probabilities(np.array([[np.nan], [2.0]]), [0], "X")
