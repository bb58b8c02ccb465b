"""Optimizers: what all of them promise. Where they go is in `test_optimizer_trajectories`."""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Value
from nn import (
    MLP,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    CosineSchedule,
    Optimizer,
    RMSProp,
    parameters_to_vector,
)
from nn._assignment import assign_data
from nn.optimizers import optimizer as optimizer_module
from nn.optimizers.optimizer import StepError
from nn.optimizers.step_vectors import Memory, Vector
from tests.nn.test_parameters import BAD_PARAMETERS, BAD_RATES, interrupted

RNG = np.random.default_rng(0)
START, GRADIENTS = RNG.normal(size=3), RNG.normal(size=(20, 3))
GRADIENTS[5] = 0.0
GRADIENTS[7] *= 1e6
MAKERS: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "SGD": (SGD, {}),
    "momentum": (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    "AdaGrad": (AdaGrad, {}),
    "RMSProp": (RMSProp, {"beta": 0.75, "clip_value": 10.0}),
    "Adam": (Adam, {}),
    "AdamW": (AdamW, {"clip_norm": 5.0, "weight_decay": 0.5}),
}
ALL = pytest.mark.parametrize("name", MAKERS)


def leaves(data: Iterable[float] = START) -> list[Value]:
    return [Value(number) for number in data]


def made(name: str, parameters: Any = None, **settings: Any) -> Any:
    cls, options = MAKERS[name]
    make: Any = cls
    given_parameters = leaves() if parameters is None else parameters
    return make(given_parameters, **{"learning_rate": 0.1, **options, **settings})


def stepped(optimizer: Optimizer, gradients: Iterable[Iterable[float]]) -> list[list[float]]:
    """The parameters' data after each step along the given gradients."""
    trajectory = []
    for gradient in gradients:
        for parameter, number in zip(optimizer.parameters, gradient, strict=True):
            parameter.grad = float(number)
        optimizer.step()
        trajectory.append([parameter.data for parameter in optimizer.parameters])
    return trajectory


def bits(optimizer: Optimizer) -> str:
    """All that an optimizer holds, as text without rounding."""
    state = {name: np.asarray(entry).tolist() for name, entry in optimizer.state_dict().items()}
    return repr((state, [(p.data, p.grad) for p in optimizer.parameters]))


# Steps.


@given(st.floats(1e-3, 1e150), st.sampled_from([-1, 1]), st.floats(1e-6, 10))
def test_the_first_step_is_as_long_as_the_learning_rate(
    size: float, sign: int, rate: float
) -> None:
    """But for epsilon, which is added to the gradient's size."""
    for cls in (Adam, AdaGrad):
        optimizer = cls([Value(0.0)], learning_rate=rate)
        [[data]] = stepped(optimizer, [[sign * size]])
        expected = -sign * rate * (size / (size + optimizer.epsilon))
        assert data == pytest.approx(expected, rel=1e-12)


def test_adam_finds_the_minimum_of_a_narrow_valley() -> None:
    x, y = Value(-1.0), Value(1.0)
    optimizer = Adam([x, y], learning_rate=0.02)
    for _ in range(5_000):
        optimizer.zero_grad()
        ((1 - x) ** 2 + 100 * (y - x * x) ** 2).backward()  # Rosenbrock
        optimizer.step()
    # at a constant rate Adam does not come to rest: it swings within 3e-5 of the minimum
    assert [x.data, y.data] == pytest.approx([1.0, 1.0], abs=1e-4)


@ALL
def test_update_moves_a_vector_as_step_moves_parameters(name: str) -> None:
    expected = stepped(made(name), GRADIENTS)
    parameters = leaves(np.zeros(3))
    optimizer = made(name, parameters)
    theta, start = START, START.copy()
    for gradient, moved in zip(GRADIENTS, expected, strict=True):
        before, given_gradient = theta.copy(), gradient.copy()
        new = optimizer.update(theta, gradient)
        assert new.tolist() == moved
        assert theta.tolist() == before.tolist()  # a new vector
        assert gradient.tolist() == given_gradient.tolist()
        theta = new
    assert START.tolist() == start.tolist()
    assert [p.data for p in parameters] == [p.grad for p in parameters] == [0.0] * 3


@ALL
def test_what_update_returns_and_remembers_is_its_own(name: str) -> None:
    reference, optimizer = made(name), made(name)
    theta, gradient = START.copy(), np.zeros(3)
    expected = START
    for row in GRADIENTS:
        expected = reference.update(expected, row)
        gradient[:] = row  # a buffer, as a compiled program might return it
        new = optimizer.update(theta, gradient)
        gradient[:] = math.nan
        theta[:] = math.nan
        theta = new
    assert theta.tolist() == expected.tolist()


@ALL
def test_learning_rate_may_change(name: str) -> None:
    optimizer = made(name)
    optimizer.learning_rate = np.float64(0.0)
    assert optimizer.update(START, GRADIENTS[0]).tolist() == START.tolist()
    optimizer.learning_rate = 0.25
    assert (optimizer.update(START, GRADIENTS[0]) != START).all()
    assert type(optimizer.learning_rate) is float


@ALL
def test_memory_is_replaced_and_never_changed(name: str) -> None:
    optimizer = made(name)
    theta = optimizer.update(START, GRADIENTS[0])
    kept, before = optimizer.memory, copy.deepcopy(optimizer.memory)
    first = optimizer.update(theta, GRADIENTS[1])
    optimizer.update(first, GRADIENTS[2])
    assert repr(kept) == repr(before)
    optimizer.memory = kept  # back to where it stood
    assert optimizer.update(theta, GRADIENTS[1]).tolist() == first.tolist()


def test_an_optimizer_of_one_s_own() -> None:
    class Heavy(Optimizer):
        """The parameters' last move, and half of the one before it again."""

        def initial_memory(self) -> Memory:
            return {"move": np.zeros(len(self.parameters))}

        def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
            move = memory["move"] / 2 - self.learning_rate * gradient
            return theta + move, {"move": move}

    optimizer, sgd = Heavy(leaves(), 0.25), SGD(leaves(), 0.25, momentum=0.5)
    np.testing.assert_allclose(stepped(optimizer, GRADIENTS), stepped(sgd, GRADIENTS), rtol=1e-12)
    other = Heavy(leaves(), 1.0, clip_norm=2.0)
    other.load_state_dict(optimizer.state_dict())
    theta = other.update(START, GRADIENTS[0])
    assert theta.tolist() == optimizer.update(START, GRADIENTS[0]).tolist()
    with pytest.raises(TypeError, match=r"Heavy takes no argument 'lr'; did you mean learning_r"):
        Heavy(leaves(), lr=0.1)  # type: ignore[call-arg]


class HeavyBall(Optimizer):
    """One of somebody's own, with numbers of its own."""

    def __init__(
        self, parameters: Any, learning_rate: float = 0.1, beta: float = 0.9, *, kind: str = "old"
    ) -> None:
        self.scale = None if kind == "old" else 2.0
        super().__init__(parameters, learning_rate)
        self.beta = beta
        self.kind, self.is_new = kind, kind == "new"

    def initial_memory(self) -> Memory:
        return {"velocity": np.zeros(len(self.parameters))}

    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        velocity = self.beta * memory["velocity"] + (self.scale or 1.0) * gradient
        return theta - self.learning_rate * velocity, {"velocity": velocity}


def test_numbers_of_an_optimizer_of_one_s_own_are_part_of_its_state() -> None:
    optimizer = HeavyBall(leaves(), 0.25, 0.7, kind="new")
    state = optimizer.state_dict()
    own = {"beta": 0.7, "kind": "new", "is_new": True, "scale": 2.0}
    assert {name: state[name] for name in own} == own
    assert repr(optimizer) == (
        "HeavyBall(3 parameters, learning_rate=0.25, scale=2.0, beta=0.7, kind='new', is_new=True)"
    )
    assert "scale=None, kind='old'" not in repr(HeavyBall(leaves()))
    theta = optimizer.update(START, GRADIENTS[0])
    other = HeavyBall(leaves())
    velocity = state.pop("velocity")
    other.load_state_dict(json.loads(json.dumps(state)) | {"velocity": velocity})
    assert other.update(START, GRADIENTS[0]).tolist() == theta.tolist()
    other.beta = 0.5
    twins: list[Any] = [copy.deepcopy(other), pickle.loads(pickle.dumps(other))]
    for twin in twins:
        assert str(twin.state_dict()) == str(other.state_dict())
        with pytest.raises(AttributeError, match="did you mean beta"):
            twin.bta = 0.5


def test_an_unknown_name_is_refused_once_an_optimizer_of_one_s_own_is_made() -> None:
    optimizer: Any = HeavyBall(leaves())
    for name in ("bta", "bata"):
        with pytest.raises(AttributeError, match=f"HeavyBall has no attribute '{name}'.*mean beta"):
            setattr(optimizer, name, 0.5)
    with pytest.raises(AttributeError, match="did you mean learning_rate"):
        optimizer.lr = 0.5
    before = str(optimizer.state_dict())
    wrongs: list[dict[str, Any]] = [{"beta": [0.5]}, {"kind": {}}, {"learning_rate": -1.0}]
    for wrong in wrongs:
        with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
            optimizer.load_state_dict({**optimizer.state_dict(), **wrong})
        assert str(optimizer.state_dict()) == before
    lacking = {k: v for k, v in optimizer.state_dict().items() if k != "beta"}
    with pytest.raises(ValueError, match="lacks 'beta'"):
        optimizer.load_state_dict(lacking)


def test_what_is_no_number_of_an_optimizer_of_one_s_own_is_no_part_of_its_state() -> None:
    class Scheduled(HeavyBall):
        usual = 0.5

        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters)
            self.schedule = CosineSchedule(0.1, length=3)

    optimizer = Scheduled(leaves())
    assert "schedule" not in optimizer.state_dict()
    assert optimizer.state_dict()["usual"] == 0.5
    optimizer.usual = 0.25
    other = Scheduled(leaves())
    other.load_state_dict(optimizer.state_dict())
    assert other.usual == 0.25


def test_what_is_remembered_under_a_name_is_memory() -> None:
    class Twice(HeavyBall):
        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters)
            self.velocity = None

    optimizer, other = Twice(leaves()), Twice(leaves())
    theta = optimizer.update(START, GRADIENTS[0])
    other.load_state_dict(optimizer.state_dict())
    assert other.update(theta, GRADIENTS[1]).tolist() == (
        optimizer.update(theta, GRADIENTS[1]).tolist()
    )


# Clipping.

rows = st.lists(st.floats(-1e300, 1e300), min_size=3, max_size=3)


@given(rows, st.floats(1e-3, 1e3))
def test_clipping_by_value(gradient: list[float], limit: float) -> None:
    clipped = SGD(leaves(), 0.5, clip_value=limit).update(START, gradient)
    expected = SGD(leaves(), 0.5).update(START, [max(-limit, min(limit, g)) for g in gradient])
    assert clipped.tolist() == expected.tolist()


@given(rows, st.floats(1e-3, 1e3))
def test_clipping_by_norm(gradient: list[float], limit: float) -> None:
    move = -SGD(leaves(), 1.0, clip_norm=limit).update(np.zeros(3), gradient)
    length = math.hypot(*gradient)
    if length + 1e-6 <= limit:
        assert move.tolist() == gradient
    else:
        factor = limit / (length + 1e-6) if length < 1e150 else limit / length
        np.testing.assert_allclose(move, np.array(gradient) * factor, rtol=1e-12, atol=1e-300)
        assert math.hypot(*move) <= limit * (1 + 1e-12)


@pytest.mark.parametrize("size", [1e155, 1e200, 1.7e308])
def test_a_gradient_whose_square_overflows_is_clipped(size: float) -> None:
    optimizer = Adam(leaves(np.zeros(3)), learning_rate=0.1, clip_norm=1.0)
    assert (optimizer.update(np.zeros(3), [size, -size, size]) * [-1, 1, -1] > 0.09).all()
    move = SGD(leaves(), 1.0, clip_norm=1.0).update(np.zeros(3), [size, size, size])
    assert move.tolist() == pytest.approx([-1 / math.sqrt(3)] * 3, rel=1e-12)


@pytest.mark.parametrize("limits", [{"clip_value": 1.0}, {"clip_norm": 1.0}])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@ALL
def test_clipping_hides_no_gradient_that_is_not_finite(
    name: str, bad: float, limits: dict[str, float]
) -> None:
    optimizer = made(name, **limits)
    before = bits(optimizer)
    with pytest.raises(ValueError, match=rf"gradient of parameters\[1\] is {bad}"):
        optimizer.update(START, [0.0, bad, 0.0])
    assert bits(optimizer) == before


# Steps that are refused or interrupted.

REFUSED_GRADIENTS = {
    "nan": ([0.0, math.nan, 0.0], r"gradient of parameters\[1\] is nan: no parameter was changed"),
    "inf": ([0.0, 0.0, -math.inf], r"gradient of parameters\[2\] is -inf.*learning rate"),
    "overflow": ([1.0, 1.0, 1e200], r"1e\+200, too large to square"),
    "out of range": ([1.7e308, 0.0, 0.0], "parameters"),
}


@pytest.mark.parametrize("case", REFUSED_GRADIENTS)
@pytest.mark.parametrize("cls", [AdaGrad, RMSProp, Adam, AdamW])
def test_a_refused_step_leaves_no_trace(cls: type[Adam], case: str) -> None:
    gradient, message = REFUSED_GRADIENTS[case]
    reference = stepped(cls(leaves()), GRADIENTS)
    optimizer = cls(leaves())
    assert stepped(optimizer, GRADIENTS[:10]) == reference[:10]
    with pytest.raises(ValueError, match=message):
        stepped(optimizer, [gradient])
    with pytest.raises(ValueError, match=message):
        optimizer.update(START, gradient)
    assert [p.data for p in optimizer.parameters] == reference[9]
    assert stepped(optimizer, GRADIENTS[10:]) == reference[10:]  # nor in what it remembers


def test_velocity_that_overflows_is_refused() -> None:
    optimizer = SGD([Value(0.0)], learning_rate=1e-300, momentum=0.99)
    theta = optimizer.update([0.0], [1e308])
    before = bits(optimizer)
    with pytest.raises(ValueError, match=r"takes parameters\[0\] from .* to -inf"):
        optimizer.update(theta, [1.7e308])
    assert bits(optimizer) == before


def test_a_sum_of_squares_that_overflows_is_refused() -> None:
    optimizer = AdaGrad([Value(0.0)])
    theta = optimizer.update([0.0], [1e154])
    with pytest.raises(ValueError, match=r"is 1\.2e\+154, too large to square"):
        optimizer.update(theta, [1.2e154])


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_a_rule_cannot_hide_a_gradient_that_is_not_finite(bad: float) -> None:
    class Still(Optimizer):
        def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
            return np.zeros_like(theta), memory

    optimizer = Still(leaves(), 1.0)
    assert optimizer.update(START, [1e300, -1e300, 0.0]).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=rf"the gradient of parameters\[1\] is {bad}"):
        optimizer.update(START, [1.0, bad, 0.0])


def test_large_numbers_are_no_infinities() -> None:
    theta = SGD(leaves(), 1.0).update([1e200, -1e300, 1.0], [1e200, 0.0, 2.0])
    assert theta.tolist() == [0.0, -1e300, -1.0]


def test_the_refused_parameter_is_named() -> None:
    optimizer = Adam([Value(1.0, label="w")])
    with pytest.raises(ValueError, match="the gradient of 'w' is nan"):
        stepped(optimizer, [[math.nan]])


FILES = ("nn/models/parameters.py", "nn/_assignment.py", "nn/optimizers/optimizer.py")


@pytest.mark.parametrize("line", range(1, 120))
@ALL
def test_an_interrupted_step_is_whole(name: str, line: int) -> None:
    optimizer = made(name)
    reference = stepped(copy.deepcopy(optimizer), GRADIENTS[:2])
    stepped(optimizer, GRADIENTS[:1])
    for parameter, number in zip(optimizer.parameters, GRADIENTS[1], strict=True):
        parameter.grad = float(number)
    stopped = interrupted(optimizer.step, line, FILES)
    done = [p.data for p in optimizer.parameters] == reference[1]
    assert done or [p.data for p in optimizer.parameters] == reference[0]
    assert done or stopped
    if not done:  # what it remembers has not moved either
        optimizer.step()
        assert [p.data for p in optimizer.parameters] == reference[1]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_step_interrupted_between_two_instructions_is_whole(name: str) -> None:
    start = made(name)
    stepped(start, GRADIENTS[:1])
    before = bits(start)
    after, outcomes = copy.deepcopy(start), set()
    after.step()
    for instruction in range(1, 10_000):
        optimizer = copy.deepcopy(start)
        stopped = interrupted(optimizer.step, instruction, FILES, "opcode")
        outcomes.add(bits(optimizer))
        if not stopped:
            break
    assert not stopped
    assert outcomes == {before, bits(after)}


def test_what_is_remembered_moves_with_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    write = assign_data

    def interrupted_write(parameters: list[Value], data: list[float]) -> None:
        """Written all the same: the interruption came just after, and everything goes back."""
        patch.setattr(optimizer_module, "assign_data", write)
        write(parameters, data)
        raise KeyboardInterrupt

    reference = stepped(Adam(leaves()), GRADIENTS)
    optimizer = Adam(leaves())
    assert stepped(optimizer, GRADIENTS[:10]) == reference[:10]
    with monkeypatch.context() as patch:
        patch.setattr(optimizer_module, "assign_data", interrupted_write)
        with pytest.raises(KeyboardInterrupt):
            stepped(optimizer, GRADIENTS[10:11])
    assert [p.data for p in optimizer.parameters] == reference[9]
    assert stepped(optimizer, GRADIENTS[10:]) == reference[10:]


# State.


@pytest.mark.parametrize("n_steps", [0, 1, 10])
@ALL
def test_a_loaded_state_goes_on_bit_for_bit(name: str, n_steps: int) -> None:
    optimizer = made(name, clip_norm=3.0)
    expected = stepped(optimizer, GRADIENTS[:n_steps])
    state = optimizer.state_dict()
    scalars = {key: entry for key, entry in state.items() if not isinstance(entry, np.ndarray)}
    state.update(json.loads(json.dumps(scalars, allow_nan=False)))
    data = expected[-1] if expected else START
    resumed = type(optimizer)(leaves(data), learning_rate=7.0)
    resumed.load_state_dict(state)
    rest = stepped(optimizer, GRADIENTS[n_steps:])
    assert repr(resumed) == repr(optimizer)
    for entry in state.values():  # copies, both ways
        if isinstance(entry, np.ndarray):
            entry[:] = math.nan
    assert stepped(resumed, GRADIENTS[n_steps:]) == rest
    assert bits(resumed) == bits(optimizer)


def test_a_state_holds_plain_numbers_and_its_class() -> None:
    state = Adam(leaves(), np.float64(0.5), beta1=np.float64(0.5)).state_dict()
    arrays = {name: state.pop(name).tolist() for name in ("mean", "mean_square")}
    assert arrays == {"mean": [0.0] * 3, "mean_square": [0.0] * 3}
    assert state == {
        "optimizer": "Adam",
        "learning_rate": 0.5,
        "weight_decay": 0.0,
        "clip_value": None,
        "clip_norm": None,
        "beta1": 0.5,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "steps": 0,
    }
    assert {type(entry) for entry in state.values()} == {str, float, int, type(None)}


BAD_STATES: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "another class": ({"optimizer": "SGD"}, ValueError, "is that of SGD, this optimizer is Adam"),
    "unknown": ({"velocity": np.zeros(3)}, ValueError, "unknown 'velocity'"),
    "short": ({"mean": np.zeros(2)}, ValueError, r"mean must have shape \(3,\).*got \(2,\)"),
    "one number": ({"mean_square": 1.0}, ValueError, r"mean_square must have shape \(3,\)"),
    "nan": ({"mean": np.array([0.0, math.nan, 0.0])}, ValueError, "mean must be finite, got nan"),
    "inf": ({"mean_square": [0.0, 0.0, math.inf]}, ValueError, "mean_square .* finite, got inf"),
    "negative": ({"mean_square": [0.0, -1.0, 0.0]}, ValueError, "mean_square .* at least 0"),
    "text array": ({"mean": ["a"] * 3}, TypeError, "mean must hold real numbers"),
    "None": ({"mean": None}, TypeError, "mean must hold real numbers"),
    "float steps": ({"steps": 1.0}, TypeError, r"steps must be an int, got 1\.0"),
    "bool steps": ({"steps": True}, TypeError, "steps must be an int, got True"),
    "negative steps": ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
    "rate": ({"learning_rate": -1.0}, ValueError, "learning_rate"),
    "rate nan": ({"learning_rate": math.nan}, ValueError, "learning_rate"),
    "beta": ({"beta1": 1.0}, ValueError, "beta1"),
    "text": ({"epsilon": "1e-8"}, TypeError, "epsilon"),
    "clip": ({"clip_norm": 0.0}, ValueError, "clip_norm"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_a_bad_state_is_refused_and_changes_nothing(case: str) -> None:
    change, error, message = BAD_STATES[case]
    optimizer, other = Adam(leaves()), Adam(leaves(), learning_rate=0.5, beta1=0.5)
    stepped(optimizer, GRADIENTS[:3])
    stepped(other, GRADIENTS[3:9])
    before = bits(optimizer)
    with pytest.raises(error, match=message):
        optimizer.load_state_dict({**other.state_dict(), **change})
    assert bits(optimizer) == before


@ALL
def test_a_state_that_lacks_something_is_refused(name: str) -> None:
    optimizer = made(name)
    state = optimizer.state_dict()
    before = bits(optimizer)
    for missing in state:
        rest = {key: entry for key, entry in state.items() if key != missing}
        with pytest.raises(ValueError, match=f"lacks '{missing}'"):
            optimizer.load_state_dict(rest)
    for given_state in ([], None, "state", list(state.items())):
        with pytest.raises(TypeError, match=r"must be the state_dict\(\) of"):
            optimizer.load_state_dict(given_state)
    assert bits(optimizer) == before


@ALL
def test_copies_are_whole(name: str) -> None:
    optimizer = made(name)
    stepped(optimizer, GRADIENTS[:5])
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert bits(other) == bits(optimizer)
        assert repr(other) == repr(optimizer)
    shallow = copy.copy(optimizer)
    shallow.learning_rate = 9.0
    assert optimizer.learning_rate == 0.1


# Arguments, attributes.

BAD_VECTORS: dict[str, tuple[Any, type[Exception], str]] = {
    "text": (["a", "b", "c"], TypeError, "real numbers"),
    "complex": ([1j, 0, 0], TypeError, "real numbers"),
    "Values": ([Value(1.0)] * 3, TypeError, "real numbers"),
    "short": ([1.0, 2.0], ValueError, r"shape \(3,\).*got \(2,\)"),
    "one number": (1.0, ValueError, r"got \(\)"),
    "column": (np.zeros((3, 1)), ValueError, r"got \(3, 1\)"),
}


@pytest.mark.parametrize("case", BAD_VECTORS)
@ALL
def test_bad_vectors(name: str, case: str) -> None:
    vector, error, message = BAD_VECTORS[case]
    optimizer = made(name)
    with pytest.raises(error, match=f"theta must .*{message}"):
        optimizer.update(vector, GRADIENTS[0])
    with pytest.raises(error, match=f"gradient must .*{message}"):
        optimizer.update(START, vector)


BAD_SHARES: dict[str, tuple[Any, type[Exception]]] = {
    "1": (1.0, ValueError),
    "negative": (-0.1, ValueError),
    "nan": (math.nan, ValueError),
    "text": ("0.9", TypeError),
    "Value": (Value(0.9), TypeError),
    "None": (None, TypeError),
    "bool": (False, TypeError),
}
BAD_ABOVE_ZERO: dict[str, tuple[Any, type[Exception]]] = {
    "0": (0.0, ValueError),
    "negative": (-1.0, ValueError),
    "inf": (math.inf, ValueError),
    "nan": (math.nan, ValueError),
    "text": ("1", TypeError),
    "bool": (True, TypeError),
}
BAD_NUMBERS: dict[str, tuple[list[type[Optimizer]], dict[str, tuple[Any, type[Exception]]]]] = {
    "momentum": ([SGD], BAD_SHARES),
    "beta": ([RMSProp], BAD_SHARES),
    "beta1": ([Adam, AdamW], BAD_SHARES),
    "beta2": ([Adam, AdamW], BAD_SHARES),
    "epsilon": (
        [AdaGrad, RMSProp, Adam, AdamW],
        {**BAD_ABOVE_ZERO, "None": (None, TypeError)},
    ),
    "clip_value": ([SGD, AdaGrad, RMSProp, Adam, AdamW], BAD_ABOVE_ZERO),
    "clip_norm": ([SGD, AdaGrad, RMSProp, Adam, AdamW], BAD_ABOVE_ZERO),
    "weight_decay": ([SGD, AdaGrad, RMSProp, Adam, AdamW], BAD_RATES),
    "learning_rate": ([SGD, AdaGrad, RMSProp, Adam, AdamW], BAD_RATES),
    "nesterov": ([SGD], {"1": (1, TypeError), "text": ("yes", TypeError)}),
}


@pytest.mark.parametrize("setting", BAD_NUMBERS)
def test_bad_numbers(setting: str) -> None:
    classes, cases = BAD_NUMBERS[setting]
    for cls in classes:
        make: Any = cls
        optimizer = make(leaves(), learning_rate=0.1)
        before = bits(optimizer)
        for number, error in cases.values():
            with pytest.raises(error, match=f"^{setting} must be "):
                make(leaves(), **{"learning_rate": 0.1, setting: number})
            with pytest.raises(error, match=f"^{setting} must be "):
                setattr(optimizer, setting, number)
        assert bits(optimizer) == before


@ALL
def test_every_number_may_be_set(name: str) -> None:
    reference = made(name, learning_rate=0.25, weight_decay=0.5, clip_norm=0.75, clip_value=2.0)
    optimizer = made(name)
    for setting, number in reference.state_dict().items():
        if setting not in ("optimizer", *reference.memory):
            assert getattr(optimizer, setting) == optimizer.state_dict()[setting]
            setattr(optimizer, setting, number)
            assert getattr(optimizer, setting) == number
    assert stepped(optimizer, GRADIENTS) == stepped(reference, GRADIENTS)


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(ValueError, match=r"nesterov=True needs .*momentum=0\.9"):
        SGD(leaves(), 0.1, nesterov=True)


@pytest.mark.parametrize("case", BAD_PARAMETERS)
@ALL
def test_bad_parameters(name: str, case: str) -> None:
    parameters, error, message = BAD_PARAMETERS[case]
    with pytest.raises(error, match=message):
        made(name, parameters if parameters is not None else [None])


@ALL
def test_parameters_are_what_a_model_lists(name: str) -> None:
    cls = MAKERS[name][0].__name__
    model = MLP(1, [1], rng=0)
    for given_parameters, got in [(model, "MLP"), (model.parameters, "method"), (7, "int")]:
        message = rf"model\.parameters\(\), got {got}; write {cls}\(model\.parameters\(\)"
        with pytest.raises(TypeError, match=message):
            made(name, given_parameters)
    for given_parameters, message in [
        ([], "no parameters"),
        ("weights", "got str"),
        (model.named_parameters(), "got tuple.*without their names"),
        ([{"params": model.parameters()}], "got dict; make one optimizer for each group"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            made(name, given_parameters)


def test_a_schedule_is_no_learning_rate() -> None:
    schedule = CosineSchedule(0.1, length=10)
    message = r"got CosineSchedule\(start=0.1.*optimizer\.learning_rate = schedule\(count\)"
    with pytest.raises(TypeError, match=message):
        Adam(leaves(), learning_rate=schedule)  # type: ignore[arg-type]
    optimizer = Adam(leaves())
    with pytest.raises(TypeError, match=message):
        optimizer.learning_rate = schedule  # type: ignore[assignment]


KEYWORDS = {
    "SGD": {
        **dict.fromkeys(["lr", "learning_rat", "learningRate", "eta"], "learning_rate"),
        **{"wd": "weight_decay", "momentun": "momentum", "momentum_": "momentum"},
        **{"Nesterov": "nesterov", "params": "parameters", "max_norm": "clip_norm"},
        **{"clipvalue": "clip_value", "decay": "weight_decay", "mu": "momentum"},
    },
    "RMSProp": {"alpha": "beta or learning_rate", "rho": "beta or learning_rate"},
    "Adam": {"betas": "beta1 or beta2", "eps": "epsilon", "lr": "learning_rate", "beta": "beta1"},
    "AdamW": {"wd": "weight_decay", "clipnorm": "clip_norm"},
    "AdaGrad": {"eps": "epsilon", "lr": "learning_rate"},
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_unknown_keywords_and_attributes_are_refused(name: str) -> None:
    make: Any = MAKERS[name][0]
    for unknown, meant in KEYWORDS[name].items():
        with pytest.raises(
            TypeError, match=f"^{name} takes no .*'{unknown}'; did you mean {meant}"
        ):
            make(leaves(), **{unknown: 0.1})
        optimizer = made(name)
        before = bits(optimizer)
        message = f"^{name} has no attribute '{unknown}'; did you mean {meant}"
        with pytest.raises(AttributeError, match=message):
            setattr(optimizer, unknown, 0.1)
        with pytest.raises(AttributeError, match=message):
            getattr(optimizer, unknown)
        assert not hasattr(optimizer, unknown)
        assert bits(optimizer) == before


def test_habits_of_pytorch_are_told_what_to_write() -> None:
    optimizer: Any = SGD(leaves(), 0.1)
    with pytest.raises(AttributeError, match="did you mean learning_rate"):
        optimizer.param_groups[0]["lr"] = 0.01
    with pytest.raises(AttributeError, match="did you mean memory"):
        print(optimizer.state)
    with pytest.raises(AttributeError, match="there are parameters, memory, learning_rate"):
        optimizer.colour = 1
    with pytest.raises(AttributeError):
        optimizer.parameters = leaves()


def test_a_representation_says_what_was_chosen() -> None:
    assert repr(SGD(leaves(), 0.25)) == "SGD(3 parameters, learning_rate=0.25)"
    assert repr(Adam(leaves())) == "Adam(3 parameters, learning_rate=0.001)"
    assert repr(AdamW(leaves(), 0.1, weight_decay=0.5, clip_norm=1, beta1=0.5)) == (
        "AdamW(3 parameters, learning_rate=0.1, weight_decay=0.5, clip_norm=1.0, beta1=0.5)"
    )


def test_adam_trains_a_model() -> None:
    model = MLP(1, [1], rng=0)
    before = parameters_to_vector(model)
    optimizer = Adam(model.parameters())
    model([1.0])[0].backward()
    optimizer.step()
    assert (parameters_to_vector(model) != before).all()


def test_nesterov_needs_a_momentum_later_on_too() -> None:
    optimizer = SGD([Value(1.0)], 0.1, momentum=0.9, nesterov=True)
    with pytest.raises(ValueError, match="momentum above 0"):
        optimizer.momentum = 0.0
    state = optimizer.state_dict() | {"momentum": 0.0}
    other = SGD([Value(1.0)], 0.2)
    with pytest.raises(ValueError, match="momentum above 0"):
        other.nesterov = True
    with pytest.raises(ValueError, match="momentum above 0"):
        other.load_state_dict(state)
    assert (optimizer.momentum, other.nesterov, other.learning_rate) == (0.9, False, 0.2)


def test_a_refused_step_says_what_was_found() -> None:
    optimizer = SGD([Value(0.0, label="w")], learning_rate=0.1)
    with pytest.raises(
        StepError, match=r"no parameter was changed; .*, a division or an"
    ) as caught:
        optimizer.update([0.0], [np.nan])
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert error.found == "the gradient of 'w' is nan"
        assert str(error) == str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 10**400}, "steps is out of range"),
        ({"beta1": 10**400}, "beta1 must be within the range of a float"),
        ({"learning_rate": -(10**400)}, "learning_rate must be within the range of a float"),
    ],
)
def test_numbers_too_large_for_a_float_are_refused(changes: Any, message: str) -> None:
    optimizer = Adam([Value(1.0)])
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(before | changes)
    assert str(optimizer.state_dict()) == str(before)
    optimizer.load_state_dict(before | {"steps": 2**63 - 1})
    assert np.isfinite(optimizer.update([1.0], [1.0])).all()


@pytest.mark.parametrize("optimizer", [SGD, AdaGrad, RMSProp, Adam, AdamW])
def test_all_take_what_is_shared_and_show_it(optimizer: Any) -> None:
    shared: dict[str, Any] = {"weight_decay": 0.0, "clip_value": None, "clip_norm": None}
    if optimizer is AdamW:
        shared["weight_decay"] = 0.01
    parameters = inspect.signature(optimizer).parameters
    assert {name: parameters[name].default for name in shared} == shared
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    assert next(iter(parameters)) == "parameters"
    made = optimizer([Value(1.0)], learning_rate=0.1)
    assert {name: getattr(made, name) for name in shared} == shared
    changed = {"weight_decay": 0.5, "clip_value": 2.0, "clip_norm": 3.0}
    made = optimizer([Value(1.0)], learning_rate=0.1, **changed)
    assert {name: getattr(made, name) for name in shared} == changed
    with pytest.raises(TypeError, match="'wieght_decay'; did you mean weight_decay"):
        optimizer([Value(1.0)], learning_rate=0.1, wieght_decay=0.1)


def test_pytorchs_arguments_of_step_and_zero_grad_are_told_what_to_write() -> None:
    optimizer: Any = SGD([Value(1.0)], learning_rate=0.1)
    with pytest.raises(TypeError, match="zero_grad takes no argument 'set_to_none': gradients are"):
        optimizer.zero_grad(set_to_none=True)
    with pytest.raises(TypeError, match="'closure': call loss"):
        optimizer.step(closure=lambda: 1.0)
    with pytest.raises(TypeError, match=r"^SGD.step takes nothing by position and got 1 argument$"):
        optimizer.step(lambda: 1.0)


class Shifted(SGD):
    """Hands on all other keywords but one."""

    def __init__(self, parameters: Any, extra: float, **keywords: Any) -> None:
        self._shift = keywords.pop("shift", 0.0)
        super().__init__(parameters, 0.1, **keywords)
        self.extra = extra


def test_keywords_that_a_subclass_hands_on_are_checked() -> None:
    w = Value(1.0)
    assert Shifted([w], 3, clip_norm=1.0, shift=2.0, momentum=0.5).momentum == 0.5
    for name, meant in [
        ("clipnorm", "clip_norm"),
        ("momentun", "momentum"),
        ("wd", "weight_decay"),
    ]:
        message = f"^Shifted takes no argument '{name}'; did you mean {meant}"
        with pytest.raises(TypeError, match=message):
            Shifted([w], 3, **{name: 1.0})


def test_numbers_by_position_are_told_their_names() -> None:
    make: Any = SGD
    message = r"^SGD takes parameters and learning_rate by position and got 5 arguments: write "
    with pytest.raises(TypeError, match=f"{message}momentum=0.9, nesterov=True, weight_decay=0.1$"):
        make([Value(1.0)], 0.1, 0.9, True, 0.1)
    with pytest.raises(TypeError, match=r"^SGD needs learning_rate: write SGD\(parameters, learni"):
        make([Value(1.0)])
