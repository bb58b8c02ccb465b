"""Adam, and optimizers on vectors as compiled programs train them.

What SGD does to the parameters themselves is in `test_parameters`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from autograd_mini import Value
from nn import MLP, SGD, Adam, optim, parameters_to_vector
from tests.nn.test_parameters import BAD_PARAMETERS, BAD_RATES, interrupted

RNG = np.random.default_rng(0)
START, GRADIENTS = RNG.normal(size=3), RNG.normal(size=(20, 3))
GRADIENTS[5] = 0.0
GRADIENTS[7] *= 1e6
SETTINGS: dict[str, dict[str, float]] = {
    "paper": {},
    "other betas": {"beta1": 0.5, "beta2": 0.75},
    "no memory": {"beta1": 0.0, "beta2": 0.0},
    "large epsilon": {"learning_rate": 0.5, "epsilon": 1.0},
}


def leaves(data: Iterable[float] = START) -> list[Value]:
    return [Value(number) for number in data]


def stepped(optimizer: SGD | Adam, gradients: Iterable[Iterable[float]]) -> list[list[float]]:
    """The parameters' data after each step along the given gradients."""
    trajectory = []
    for gradient in gradients:
        for parameter, number in zip(optimizer.parameters, gradient, strict=True):
            parameter.grad = float(number)
        optimizer.step()
        trajectory.append([parameter.data for parameter in optimizer.parameters])
    return trajectory


def adam_of_one(
    x: float,
    gradients: Sequence[float] | NDArray[np.float64],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> list[float]:
    """Algorithm 1 of Kingma & Ba 2015 for one number, the running means summed afresh each time."""
    trajectory = []
    for t in range(1, len(gradients) + 1):
        past = list(enumerate(gradients[:t], start=1))
        m = math.fsum((1 - beta1) * beta1 ** (t - i) * g for i, g in past)
        v = math.fsum((1 - beta2) * beta2 ** (t - i) * g * g for i, g in past)
        x -= learning_rate * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + epsilon)
        trajectory.append(x)
    return trajectory


@pytest.mark.parametrize("case", SETTINGS)
def test_adam_is_the_paper_s(case: str) -> None:
    settings = SETTINGS[case]
    expected = [adam_of_one(x, g, **settings) for x, g in zip(START, GRADIENTS.T, strict=True)]
    trajectory = stepped(Adam(leaves(), **settings), GRADIENTS)
    np.testing.assert_allclose(trajectory, np.transpose(expected), rtol=1e-12)


@pytest.mark.parametrize("case", SETTINGS)
def test_adam_is_pytorch_s(case: str) -> None:
    torch = pytest.importorskip("torch")
    settings = {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
    settings.update(SETTINGS[case])
    theta = torch.tensor(START, requires_grad=True)
    optimizer = torch.optim.Adam(
        [theta],
        lr=settings["learning_rate"],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
    )
    expected = []
    for gradient in GRADIENTS:
        theta.grad = torch.tensor(gradient)
        optimizer.step()
        expected.append(theta.tolist())
    trajectory = stepped(Adam(leaves(), **settings), GRADIENTS)
    np.testing.assert_allclose(trajectory, expected, rtol=1e-12)


@given(st.floats(1e-3, 1e150), st.sampled_from([-1, 1]), st.floats(1e-6, 10))
def test_the_first_step_is_as_long_as_the_learning_rate(
    size: float, sign: int, rate: float
) -> None:
    [[data]] = stepped(Adam([Value(0.0)], learning_rate=rate), [[sign * size]])
    assert data == pytest.approx(-sign * rate, rel=1e-4)


def test_adam_finds_the_minimum_of_a_narrow_valley() -> None:
    x, y = Value(-1.0), Value(1.0)
    optimizer = Adam([x, y], learning_rate=0.02)
    for _ in range(5_000):
        optimizer.zero_grad()
        ((1 - x) ** 2 + 100 * (y - x * x) ** 2).backward()  # Rosenbrock
        optimizer.step()
    assert [x.data, y.data] == pytest.approx([1.0, 1.0], abs=1e-3)


MAKERS: dict[str, Callable[[Iterable[Value]], SGD | Adam]] = {
    "SGD": lambda parameters: SGD(parameters, learning_rate=0.1),
    "Adam": lambda parameters: Adam(parameters, learning_rate=0.1),
}


@pytest.mark.parametrize("name", MAKERS)
def test_update_moves_a_vector_as_step_moves_parameters(name: str) -> None:
    expected = stepped(MAKERS[name](leaves()), GRADIENTS)
    parameters = leaves(np.zeros(3))
    optimizer = MAKERS[name](parameters)
    theta, start = START, START.copy()
    for gradient, moved in zip(GRADIENTS, expected, strict=True):
        before = theta.copy()
        new = optimizer.update(theta, gradient)
        assert new.tolist() == moved
        assert theta.tolist() == before.tolist()  # a new vector
        theta = new
    assert START.tolist() == start.tolist()
    assert [p.data for p in parameters] == [p.grad for p in parameters] == [0.0] * 3


@pytest.mark.parametrize("name", MAKERS)
def test_learning_rate_may_change(name: str) -> None:
    optimizer = MAKERS[name](leaves())
    optimizer.learning_rate = np.float64(0.0)
    assert optimizer.update(START, GRADIENTS[0]).tolist() == START.tolist()
    optimizer.learning_rate = 0.25
    assert (optimizer.update(START, GRADIENTS[0]) != START).all()
    assert repr(optimizer) == f"{name}(3 parameters, learning_rate=0.25)"


REFUSED_GRADIENTS = {
    "nan": ([0.0, math.nan, 0.0], r"gradient of parameters\[1\] is nan: no parameter was changed"),
    "inf": ([0.0, 0.0, -math.inf], r"gradient of parameters\[2\] is -inf.*learning rate"),
    "overflow": ([1.0, 1.0, 1e200], r"1e\+200, too large to square"),
    "out of range": ([1.7e308, 0.0, 0.0], "parameters"),
}


@pytest.mark.parametrize("case", REFUSED_GRADIENTS)
def test_a_refused_step_leaves_no_trace(case: str) -> None:
    gradient, message = REFUSED_GRADIENTS[case]
    reference = stepped(Adam(leaves()), GRADIENTS)
    optimizer = Adam(leaves())
    assert stepped(optimizer, GRADIENTS[:10]) == reference[:10]
    with pytest.raises(ValueError, match=message):
        stepped(optimizer, [gradient])
    with pytest.raises(ValueError, match=message):
        optimizer.update(START, gradient)
    assert [p.data for p in optimizer.parameters] == reference[9]
    assert stepped(optimizer, GRADIENTS[10:]) == reference[10:]  # nor in what it remembers


def test_the_refused_parameter_is_named() -> None:
    optimizer = Adam([Value(1.0, label="w")])
    with pytest.raises(ValueError, match="the gradient of 'w' is nan"):
        stepped(optimizer, [[math.nan]])


@pytest.mark.parametrize("line", range(1, 120))
def test_an_interrupted_step_is_whole(line: int) -> None:
    optimizer = Adam(leaves(), learning_rate=0.1)
    reference = stepped(copy.deepcopy(optimizer), GRADIENTS[:2])
    stepped(optimizer, GRADIENTS[:1])
    for parameter, number in zip(optimizer.parameters, GRADIENTS[1], strict=True):
        parameter.grad = float(number)
    files = ("nn/parameters.py", "nn/optim.py")
    stopped = interrupted(optimizer.step, line, files)
    done = [p.data for p in optimizer.parameters] == reference[1]
    assert done or [p.data for p in optimizer.parameters] == reference[0]
    assert done or stopped
    if not done:  # what it remembers has not moved either
        optimizer.step()
        assert [p.data for p in optimizer.parameters] == reference[1]


def test_what_is_remembered_moves_with_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted_write(*_: object) -> None:
        raise KeyboardInterrupt

    reference = stepped(Adam(leaves()), GRADIENTS)
    optimizer = Adam(leaves())
    assert stepped(optimizer, GRADIENTS[:10]) == reference[:10]
    with monkeypatch.context() as patch:
        patch.setattr(optim, "assign_data", interrupted_write)
        with pytest.raises(KeyboardInterrupt):
            stepped(optimizer, GRADIENTS[10:11])
    assert stepped(optimizer, GRADIENTS[10:]) == reference[10:]


BAD_VECTORS: dict[str, tuple[Any, type[Exception], str]] = {
    "text": (["a", "b", "c"], TypeError, "real numbers"),
    "complex": ([1j, 0, 0], TypeError, "real numbers"),
    "Values": ([Value(1.0)] * 3, TypeError, "real numbers"),
    "short": ([1.0, 2.0], ValueError, r"shape \(3,\).*got \(2,\)"),
    "one number": (1.0, ValueError, r"got \(\)"),
    "column": (np.zeros((3, 1)), ValueError, r"got \(3, 1\)"),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("case", BAD_VECTORS)
def test_bad_vectors(name: str, case: str) -> None:
    vector, error, message = BAD_VECTORS[case]
    optimizer = MAKERS[name](leaves())
    with pytest.raises(error, match=f"theta must .*{message}"):
        optimizer.update(vector, GRADIENTS[0])
    with pytest.raises(error, match=f"gradient must .*{message}"):
        optimizer.update(START, vector)


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "beta1 of 1": ({"beta1": 1.0}, ValueError, "beta1"),
    "negative beta1": ({"beta1": -0.1}, ValueError, "beta1"),
    "beta2 nan": ({"beta2": math.nan}, ValueError, "beta2"),
    "beta2 text": ({"beta2": "0.9"}, TypeError, "beta2"),
    "beta2 Value": ({"beta2": Value(0.9)}, TypeError, "beta2"),
    "epsilon 0": ({"epsilon": 0.0}, ValueError, "epsilon"),
    "epsilon inf": ({"epsilon": math.inf}, ValueError, "epsilon"),
    "epsilon None": ({"epsilon": None}, TypeError, "epsilon"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings(case: str) -> None:
    settings, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        Adam(leaves(), **settings)


@pytest.mark.parametrize("case", BAD_RATES)
def test_bad_learning_rates(case: str) -> None:
    rate, error = BAD_RATES[case]
    with pytest.raises(error, match="learning_rate"):
        Adam(leaves(), learning_rate=rate)


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameters(case: str) -> None:
    parameters, error, message = BAD_PARAMETERS[case]
    with pytest.raises(error, match=message):
        Adam(parameters)


def test_adam_needs_parameters() -> None:
    with pytest.raises(ValueError, match="no parameters"):
        Adam([])
    with pytest.raises(TypeError, match=r"model\.parameters\(\)"):
        Adam(MLP(1, [1], rng=0))  # type: ignore[arg-type]


def test_adam_trains_a_model() -> None:
    model = MLP(1, [1], rng=0)
    before = parameters_to_vector(model)
    optimizer = Adam(model.parameters())
    model([1.0])[0].backward()
    optimizer.step()
    assert (parameters_to_vector(model) != before).all()
