"""Where optimizers go: as the papers' formulas say, and as PyTorch goes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini import Value
from nn.optimizers.step_vectors import Memory, Vector
from tests.nn.optimizer_trajectories import (
    CASES,
    N_STEPS,
    START,
    STORED_STEPS,
    from_pytorch,
    gradient,
    stored,
    trajectory,
)

ROWS = [step - 1 for step in STORED_STEPS]
STORED = stored()


def made(cls: type[nn.Optimizer], settings: dict[str, Any], length: int = len(START)) -> Any:
    make: Any = cls
    return make([Value(0.0) for _ in range(length)], **settings)


def goes_with_pytorch(case: str, optimizer: nn.Optimizer) -> bool:
    passed = trajectory(optimizer.update)
    return np.allclose(passed[ROWS], STORED[case], rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_a_hundred_steps_of_pytorch_s(case: str) -> None:
    assert goes_with_pytorch(case, made(*CASES[case]))


@pytest.mark.parametrize("case", CASES)
def test_pytorch_goes_there(case: str) -> None:
    pytest.importorskip("torch")
    expected = from_pytorch(case)
    assert len(expected) == N_STEPS
    np.testing.assert_allclose(expected[ROWS], STORED[case], rtol=0.0, atol=1e-10)
    passed = trajectory(made(*CASES[case]).update)
    np.testing.assert_allclose(passed, expected, rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_step_and_update_give_the_same_bits(case: str) -> None:
    optimizer = made(*CASES[case])

    def stepped(theta: Vector, derivatives: Vector) -> Vector:
        for parameter, number, derivative in zip(
            optimizer.parameters, theta.tolist(), derivatives.tolist(), strict=True
        ):
            parameter.data, parameter.grad = number, derivative
        optimizer.step()
        return np.array([parameter.data for parameter in optimizer.parameters])

    assert (trajectory(stepped) == trajectory(made(*CASES[case]).update)).all()


# Wrong rules, each nearly right: a comparison that lets them pass would show nothing.


class _NesterovOnly(nn.SGD):
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        velocity = self.momentum * memory["velocity"] + gradient
        step = gradient + self.momentum * velocity
        return theta - self.learning_rate * step, {"velocity": velocity}


class _NeverNesterov(nn.SGD):
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        velocity = self.momentum * memory["velocity"] + gradient
        return theta - self.learning_rate * velocity, {"velocity": velocity}


class _DampenedMomentum(nn.SGD):
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        velocity = self.momentum * memory["velocity"] + (1 - self.momentum) * gradient
        return theta - self.learning_rate * velocity, {"velocity": velocity}


class _EpsilonUnderTheRoot(nn.RMSProp):
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        square = self.beta * memory["mean_square"] + (1 - self.beta) * gradient**2
        move = self.learning_rate * gradient / np.sqrt(square + self.epsilon)
        return theta - move, {"mean_square": square}


class _OneStepBehind(nn.AdaGrad):
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        squares = memory["sum_of_squares"]
        move = self.learning_rate * gradient / (np.sqrt(squares) + self.epsilon)
        return theta - move, {"sum_of_squares": squares + gradient**2}


class _Biased(nn.Adam):
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        return super().rule(theta, gradient, {**memory, "steps": 10**6})


class _EpsilonScaled(nn.Adam):
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """The paper's epsilon hat: its bias correction stays out of the sum with epsilon."""
        _, new = super().rule(theta, gradient, memory)
        scale = math.sqrt(1 - self.beta2 ** new["steps"])
        rate = self.learning_rate * scale / (1 - self.beta1 ** new["steps"])
        return theta - rate * new["mean"] / (np.sqrt(new["mean_square"]) + self.epsilon), new


class _CoupledDecay(nn.AdamW):
    _decayed = nn.Adam._decayed


class _DecoupledDecay(nn.Adam):
    _decayed = nn.AdamW._decayed


class _DecayBeforeClipping(nn.SGD):
    def _clipped(self, gradient: Vector) -> Vector:
        return super()._clipped(gradient + self.weight_decay * self._before)

    def _decayed(self, theta: Vector, gradient: Vector) -> tuple[Vector, Vector]:
        return theta, gradient

    def update(self, theta: Any, gradient: Any) -> Vector:
        self._before = theta
        return super().update(theta, gradient)


class _NormBeforeValue(nn.SGD):
    def _clipped(self, gradient: Vector) -> Vector:
        length = math.sqrt(math.fsum(gradient**2))
        shortened = gradient * min(1.0, (self.clip_norm or 1.0) / (length + 1e-6))
        return np.clip(shortened, -(self.clip_value or 1.0), self.clip_value)


class _NormOfEachTensor(nn.SGD):
    def _clipped(self, gradient: Vector) -> Vector:
        parts = [gradient[:2], gradient[2:]]
        return np.concatenate([super(_NormOfEachTensor, self)._clipped(part) for part in parts])


WRONG: list[tuple[str, type[nn.Optimizer]]] = [
    ("SGD momentum", _NesterovOnly),
    ("SGD momentum", _DampenedMomentum),
    ("SGD nesterov", _NeverNesterov),
    ("RMSProp other", _EpsilonUnderTheRoot),
    ("AdaGrad plain", _OneStepBehind),
    ("Adam plain", _Biased),
    ("Adam plain", _EpsilonScaled),
    ("Adam plain decay", _DecoupledDecay),
    ("AdamW plain", _CoupledDecay),
    ("SGD plain clip and decay", _DecayBeforeClipping),
    ("SGD plain clip twice", _NormBeforeValue),
    ("SGD plain clip norm", _NormOfEachTensor),
]


@pytest.mark.parametrize(("case", "wrong"), WRONG)
def test_a_wrong_rule_is_caught(case: str, wrong: type[nn.Optimizer]) -> None:
    cls, settings = CASES[case]
    assert issubclass(wrong, cls)
    assert not goes_with_pytorch(case, made(wrong, settings))


# The formulas as the papers have them, for one number: sums over all gradients so far.

Past: TypeAlias = Sequence[float]


def recent(past: Past, kept: float, power: int = 1) -> float:
    """The sum of the gradients' powers, each weighted by how long ago it was."""
    return math.fsum(kept ** (len(past) - i) * g**power for i, g in enumerate(past, start=1))


def sgd(past: Past, momentum: float, nesterov: bool, **_: Any) -> float:
    velocity = recent(past, momentum)
    return past[-1] + momentum * velocity if nesterov else velocity


def adagrad(past: Past, epsilon: float, **_: Any) -> float:
    return past[-1] / (math.sqrt(recent(past, 1.0, power=2)) + epsilon)


def rmsprop(past: Past, beta: float, epsilon: float, **_: Any) -> float:
    return past[-1] / (math.sqrt((1 - beta) * recent(past, beta, power=2)) + epsilon)


def adam(past: Past, beta1: float, beta2: float, epsilon: float, **_: Any) -> float:
    mean = (1 - beta1) * recent(past, beta1) / (1 - beta1 ** len(past))
    mean_square = (1 - beta2) * recent(past, beta2, power=2) / (1 - beta2 ** len(past))
    return mean / (math.sqrt(mean_square) + epsilon)


FORMULAS: dict[type[nn.Optimizer], Callable[..., float]] = {
    nn.SGD: sgd,
    nn.AdaGrad: adagrad,
    nn.RMSProp: rmsprop,
    nn.Adam: adam,
    nn.AdamW: adam,
}


def by_formula(
    cls: type[nn.Optimizer], settings: dict[str, Any], x: float, gradients: Past
) -> list[float]:
    past, passed = [], []
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    for g in gradients:
        if cls is nn.AdamW:
            x -= rate * decay * x
        else:
            g += decay * x
        past.append(g)
        x -= rate * FORMULAS[cls](past, **settings)
        passed.append(x)
    return passed


shares = st.floats(0.0, 0.99)
epsilons = st.floats(1e-10, 1.0)
COMMON = {"learning_rate": st.floats(0.0, 0.5), "weight_decay": st.floats(0.0, 1.0)}
SETTINGS: dict[type[nn.Optimizer], dict[str, st.SearchStrategy[Any]]] = {
    nn.SGD: {"momentum": st.floats(0.01, 0.99), "nesterov": st.booleans()},
    nn.AdaGrad: {"epsilon": epsilons},
    nn.RMSProp: {"beta": shares, "epsilon": epsilons},
    nn.Adam: {"beta1": shares, "beta2": shares, "epsilon": epsilons},
    nn.AdamW: {"beta1": shares, "beta2": shares, "epsilon": epsilons},
}
numbers = st.floats(-10.0, 10.0).map(lambda x: round(x, 3))


@pytest.mark.parametrize("cls", FORMULAS)
@given(data=st.data(), start=st.lists(numbers, min_size=3, max_size=3))
def test_the_papers_formulas(cls: type[nn.Optimizer], data: st.DataObject, start: Past) -> None:
    settings = data.draw(st.fixed_dictionaries({**COMMON, **SETTINGS[cls]}))
    rows = st.lists(numbers, min_size=3, max_size=3)
    gradients = data.draw(st.lists(rows, min_size=1, max_size=8))
    optimizer, theta, passed = made(cls, settings, length=3), np.array(start), []
    for row in gradients:
        theta = optimizer.update(theta, row)
        passed.append(theta)
    columns = zip(start, zip(*gradients, strict=True), strict=True)
    expected = [by_formula(cls, settings, x, column) for x, column in columns]
    np.testing.assert_allclose(passed, np.transpose(expected), rtol=1e-12, atol=1e-12)


def test_the_gradients_of_the_trajectories_come_in_all_sizes() -> None:
    seen = np.abs([gradient(theta, step) for step, theta in enumerate(STORED["SGD plain"])])
    assert (seen == 0.0).any()
    assert seen.max() > 1.0
