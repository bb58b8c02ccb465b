"""Results that are older than the call of the model: refused where they depend on parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from nn import SGD, Layer, Module, half_squared_error

X = np.random.default_rng(0).normal(size=(6, 1))
Y = 3 * X[:, 0]


class Derived(Module):
    """Has a result of its parameter from the beginning, or makes one at each call."""

    def __init__(self, derive: Callable[[Derived], Any]) -> None:
        self.a, self.calls = Value(0.5), 0
        self.derive = derive
        self.d = derive(self)

    def __call__(self, inputs: Any) -> Any:
        self.calls += 1
        return self.d * inputs[0] + self.a


def with_derived(derive: Callable[[Derived], Any]) -> Derived:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which the construction says
        return Derived(derive)


def trained(model: Any, parameters: list[Value], **options: Any) -> nn.History:
    optimizer = SGD(parameters, learning_rate=0.1)
    given: dict[str, Any] = {"loss": half_squared_error, "epochs": 2, "rng": 0} | options
    return nn.fit(model, X, Y, optimizer=optimizer, **given)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_derived_attribute_is_refused_before_anything_is_trained(compiled: bool) -> None:
    model = with_derived(lambda m: ad.exp(m.a * 3.0))
    message = r"Derived\.d, the result of 'exp'.* Derived\.a .*compute it inside __call__"
    with pytest.raises(ValueError, match=message):
        trained(model, model.parameters(), compiled=compiled)
    assert model.a.data == 0.5
    assert model.calls == 0


@pytest.mark.parametrize("compiled", [True, False])
def test_what_is_not_trained_must_only_be_up_to_date(compiled: bool) -> None:
    """Nothing moves in `evaluate`; in `fit`, what the optimizer holds."""
    model, w = with_derived(lambda m: ad.exp(m.a * 3.0)), Value(1.0)

    def scaled(inputs: Any) -> Any:
        return w * model(inputs)

    def evaluated(one: Any) -> dict[str, float]:
        return nn.evaluate(one, X, Y, loss=half_squared_error, compiled=compiled)

    own = nn.evaluate(
        lambda x: np.exp(1.5) * x[0] + model.a, X, Y, loss=half_squared_error, compiled=compiled
    )
    assert evaluated(model)["loss"] == pytest.approx(own["loss"], rel=1e-12)
    assert trained(scaled, [w], compiled=compiled).epochs == 2
    model.a.data = 0.75
    message = r"the result of 'exp'.* has kept its number.*compute it inside __call__"
    with pytest.raises(ValueError, match=rf"Derived\.d, {message}"):
        evaluated(model)
    with pytest.raises(ValueError, match=message):
        trained(scaled, [w], compiled=compiled)


def test_features_of_a_frozen_part_may_be_computed_once() -> None:
    class Frozen(Module):
        def __init__(self) -> None:
            self.body, self.head = nn.Linear(1, 2, rng=0), nn.Linear(2, 1, rng=1)
            self.features = self.body([0.5])

        def __call__(self, inputs: Any) -> Any:
            return self.head([f * inputs[0] for f in self.features])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Frozen()
    histories = [
        trained(model, model.head.parameters(), compiled=compiled, epochs=1)
        for compiled in (True, False)
    ]
    assert [history.epochs for history in histories] == [1, 1]
    with pytest.raises(ValueError, match=r"Frozen\.features\.\d, .* would keep"):
        trained(model, model.parameters())


def test_its_path_is_named_also_within_a_part_and_a_list() -> None:
    inner = with_derived(lambda m: m.a * 3.0)
    model = nn.Sequential(nn.Linear(1, 1, rng=0), inner)
    with pytest.raises(ValueError, match=r"Sequential\.modules\.1\.d, the result of 'mul'"):
        trained(model, model.parameters())


def test_a_function_that_keeps_what_it_computed() -> None:
    a = Value(0.5, "a")

    @cache
    def slope() -> Value:
        return a * 3.0

    with pytest.raises(ValueError, match=r"a node, the result of 'mul'.* from 'a' before"):
        trained(lambda x: slope() * x[0], [a])


def test_one_in_the_loss() -> None:
    model = Layer(1, 1, rng=0)
    penalty = nn.l2_penalty(model, 0.1)

    def loss(outputs: Any, target: Any) -> Value:
        return half_squared_error(outputs, target) + penalty

    with pytest.raises(ValueError, match=r"was computed from Layer\.neurons\.0.* before"):
        trained(model, model.parameters(), loss=loss)


def test_what_does_not_depend_on_a_parameter_may_stay() -> None:
    fixed = Value(2.0)
    model = with_derived(lambda m: fixed * 3.0)
    assert trained(model, model.parameters()).epochs == 2
    constant = with_derived(lambda m: (m.a * 3.0).detach())
    assert trained(constant, constant.parameters()).epochs == 2
    lone = Value(1.0)
    both = lone * 3.0  # of a function, what the optimizer does not hold is no parameter
    assert trained(lambda x: both * x[0] + fixed, [fixed]).epochs == 2


class Caching(Module):
    """Computes a part once in each call, and keeps it as long as the call lasts."""

    def __init__(self) -> None:
        self.a = Value(0.5)
        self.kept: Value | None = None

    def part(self) -> Value:
        if self.kept is None:
            self.kept = self.a * 3.0
        return self.kept

    def __call__(self, inputs: Any) -> Any:
        return self.part() * inputs[0] + self.part()


@pytest.mark.parametrize("compiled", [True, False])
def test_a_model_that_keeps_results_within_a_call(compiled: bool) -> None:
    model, plain = Caching(), Value(0.5)
    history = trained(model, model.parameters(), compiled=compiled)
    other = trained(lambda x: (plain * 3.0) * x[0] + plain * 3.0, [plain])
    np.testing.assert_allclose(history.loss, other.loss, rtol=1e-12)
    assert model.a.data == pytest.approx(plain.data, rel=1e-12)
