"""fit: what it computes, what it records, what an interruption leaves."""

from __future__ import annotations

import copy
import itertools
import pickle
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autograd_mini import Value
from nn import (
    MLP,
    SGD,
    Adam,
    Callback,
    DivergenceError,
    EarlyStopping,
    History,
    Module,
    Optimizer,
    Record,
    Training,
    accuracy,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    drawn,
    evaluate,
    fit,
    half_squared_error,
    hinge,
    mean_absolute_error,
    mean_loss,
    parameters_to_vector,
    vector_to_parameters,
)
from nn._assignment import assign_data
from tests.matrix_backprop import Network, backpropagate, to_vector

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 2))
CLASSES = (X[:, 0] * X[:, 1] > 0).astype(int)


def classifier(seed: int = 0) -> MLP:
    return MLP(2, [4, 2], rng=seed)


def train(model: Any, **changes: Any) -> History:
    arguments: dict[str, Any] = {
        "X": X,
        "y": CLASSES,
        "loss": cross_entropy,
        "optimizer": SGD(model.parameters(), learning_rate=0.5),
        "epochs": 3,
        "batch_size": 6,
        "rng": 0,
    } | changes
    return fit(model, arguments.pop("X"), arguments.pop("y"), **arguments)


# What it computes.


def test_fit_is_minibatch_gradient_descent() -> None:
    # The same training in matrices: the same order of examples, minibatches of 6, 6, 6 and 2.
    model = classifier()
    theta = parameters_to_vector(model)
    history = train(model)

    generator = np.random.default_rng(0)
    for epoch in range(3):
        order = generator.permutation(20)
        costs = []
        for start in range(0, 20, 6):
            batch = order[start : start + 6]
            network = Network.from_vector(theta, [2, 4, 2], "tanh", "softmax")
            T = np.eye(2)[CLASSES[batch]]
            cost, dWs, dbs = backpropagate(network, X[batch], T, "cross_entropy")
            theta = theta - 0.5 * to_vector(dWs, dbs)
            costs.append(cost * len(batch))
        assert history.loss[epoch] == pytest.approx(sum(costs) / 20, rel=1e-12)
    np.testing.assert_allclose(parameters_to_vector(model), theta, rtol=1e-12)


def test_arrays_lists_and_tables_train_alike() -> None:
    class Table:
        """Stands for a data frame: rows are not at table[i], but it turns into an array."""

        def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
            return X

    vectors = []
    for inputs, targets in [
        (X, CLASSES),
        (X.tolist(), CLASSES.tolist()),
        (tuple(map(tuple, X)), np.eye(2)[CLASSES]),
        (Table(), CLASSES.astype(np.uint8)),
    ]:
        model = classifier()
        train(model, X=inputs, y=targets)
        vectors.append(parameters_to_vector(model))
    for vector in vectors[1:]:
        np.testing.assert_allclose(vector, vectors[0], rtol=1e-12)


def test_examples_may_be_of_any_shape() -> None:
    class Mean(Module):
        def __init__(self) -> None:
            self.scale = Value(0.0)

        def __call__(self, numbers: list[float]) -> list[Value]:
            return [self.scale * (sum(numbers) / len(numbers))]

    model = Mean()
    train(
        model, X=[[1.0], [1.0, 3.0], [2.0, 2.0, 5.0]], y=[2.0, 4.0, 6.0], loss=half_squared_error,
        optimizer=SGD(model.parameters(), learning_rate=0.1), epochs=100, batch_size=1,
    )  # fmt: skip
    assert model.scale.data == pytest.approx(2.0, rel=1e-12)


def test_same_seed_same_training() -> None:
    vectors = []
    for rng in (0, 0, np.random.default_rng(0), 1):
        model = classifier()
        train(model, rng=rng)
        vectors.append(parameters_to_vector(model).tolist())
    assert vectors[0] == vectors[1] == vectors[2] != vectors[3]


def test_fit_learns() -> None:
    model = MLP(2, [8, 1], rng=0)
    optimizer = SGD(model.parameters(), learning_rate=0.5)
    history = train(
        model, loss=binary_cross_entropy_with_logits, optimizer=optimizer, epochs=150, batch_size=5
    )
    assert history.accuracy[-1] == 1.0
    assert evaluate(model, X, CLASSES, loss=binary_cross_entropy_with_logits)["accuracy"] == 1.0
    assert history.loss[-1] < 0.1 < history.loss[0]


def test_equal_weights_stay_equal_and_drawn_ones_do_not() -> None:
    symmetric, drawn = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=0)
    vector_to_parameters(np.full(13, 0.3), symmetric)
    for model in (symmetric, drawn):
        train(
            model, loss=binary_cross_entropy_with_logits, epochs=10,
            optimizer=SGD(model.parameters(), learning_rate=0.5),
        )  # fmt: skip

    def hidden(model: MLP) -> list[list[float]]:
        return [[p.data for p in neuron.parameters()] for neuron in model.layers[0].neurons]

    first, *others = hidden(symmetric)
    assert first != [0.3] * 3  # it did train
    assert all(other == first for other in others)
    assert len({w.data for w in symmetric.layers[1].neurons[0].weights}) == 1
    assert len(set(map(tuple, hidden(drawn)))) == 3


def test_a_model_may_be_any_function() -> None:
    scale = Value(0.0)
    optimizer = SGD([scale], learning_rate=0.1)
    fit(
        lambda x: [scale * x[0]], [[1.0], [2.0]], [2.0, 4.0], loss=half_squared_error,
        optimizer=optimizer, epochs=100, batch_size=1, rng=0,
    )  # fmt: skip
    assert scale.data == pytest.approx(2.0, rel=1e-12)


def test_part_of_a_model_may_be_trained() -> None:
    model = classifier()
    before = parameters_to_vector(model.layers[0])
    train(model, optimizer=SGD(model.layers[1].parameters(), learning_rate=0.5))
    assert parameters_to_vector(model.layers[0]).tolist() == before.tolist()


def test_a_frozen_part_that_a_callback_changes_is_seen() -> None:
    moved, alone = classifier(), classifier()
    constants = moved.layers[0].parameters()

    def move(record: Record) -> None:
        if record.epoch == 1:
            for parameter in constants:
                parameter.data = 0.25

    optimizer = SGD(moved.layers[1].parameters(), learning_rate=0.5)
    train(moved, optimizer=optimizer, epochs=2, shuffle=False, callbacks=[move])
    optimizer = SGD(alone.layers[1].parameters(), learning_rate=0.5)
    train(alone, optimizer=optimizer, epochs=1, shuffle=False)
    for parameter in alone.layers[0].parameters():
        parameter.data = 0.25
    train(alone, optimizer=optimizer, epochs=1, shuffle=False)
    assert parameters_to_vector(moved).tolist() == parameters_to_vector(alone).tolist()


def test_without_shuffling_the_order_stays() -> None:
    model = classifier()
    theta = parameters_to_vector(model)
    train(model, epochs=1, shuffle=False)
    for start in range(0, 20, 6):
        network = Network.from_vector(theta, [2, 4, 2], "tanh", "softmax")
        batch = slice(start, start + 6)
        _, dWs, dbs = backpropagate(network, X[batch], np.eye(2)[CLASSES[batch]], "cross_entropy")
        theta = theta - 0.5 * to_vector(dWs, dbs)
    np.testing.assert_allclose(parameters_to_vector(model), theta, rtol=1e-12)


def test_gradients_of_the_parameters_are_left_alone() -> None:
    for compiled in (True, False):
        model = classifier()
        for parameter in model.parameters():
            parameter.grad = 7.0
        train(model, compiled=compiled, validation=(X, CLASSES))
        assert {parameter.grad for parameter in model.parameters()} == {7.0}


def test_functions_are_traced_once() -> None:
    calls = 0

    def loss(outputs: Any, target: Any) -> Value:
        nonlocal calls
        calls += 1
        return cross_entropy(outputs, target)

    train(classifier(), loss=loss, epochs=50, validation=(X[:5], CLASSES[:5]))
    # two first examples that show what the loss is, one of them twice to tell what is older than
    # the call, a trace with and one without the gradient
    assert calls == 5


# What it records.


@pytest.mark.parametrize("compiled", [True, False])
def test_history_without_steps_is_the_evaluation(compiled: bool) -> None:
    # With a learning rate of 0 every epoch records what evaluate finds.
    model = classifier()
    optimizer = SGD(model.parameters(), learning_rate=0.0)
    held_out = X[:5], CLASSES[:5]
    history = train(model, optimizer=optimizer, validation=held_out, compiled=compiled)
    found = evaluate(model, X, CLASSES, loss=cross_entropy, compiled=compiled)
    assert history.loss == pytest.approx([found["loss"]] * 3, rel=1e-12)
    assert history.accuracy == pytest.approx([found["accuracy"]] * 3, rel=1e-12)
    found = evaluate(model, *held_out, loss=cross_entropy, compiled=compiled)
    assert history.validation_loss == [found["loss"]] * 3
    assert history.validation_accuracy == [found["accuracy"]] * 3


def test_validation_is_after_the_epoch_and_not_trained_on() -> None:
    model, alone = classifier(), classifier()
    history = train(model, epochs=1, validation=(X[:5], CLASSES[:5]))
    train(alone, epochs=1)
    assert parameters_to_vector(model).tolist() == parameters_to_vector(alone).tolist()
    expected = evaluate(model, X[:5], CLASSES[:5], loss=cross_entropy)
    assert {name: history[f"validation_{name}"][0] for name in expected} == expected


def test_evaluation_is_that_of_the_model() -> None:
    model = classifier()
    found = evaluate(model, X, CLASSES, loss=cross_entropy)
    outputs = [[output.data for output in model(x)] for x in X]
    mean = mean_loss(model, X, CLASSES, cross_entropy).data
    assert found["loss"] == pytest.approx(mean, rel=1e-12)
    assert found["accuracy"] == accuracy(outputs, CLASSES)
    assert evaluate(model, X, CLASSES, loss=cross_entropy, metrics=None) == {"loss": found["loss"]}


def test_accuracy_is_recorded_where_the_loss_says_what_is_right() -> None:
    def row(loss: Any, output: str, y: Any, **more: Any) -> dict[str, float]:
        model = MLP(2, [1], output_activation=output, rng=0)
        optimizer = SGD(model.parameters(), learning_rate=0.0)
        history = train(model, loss=loss, optimizer=optimizer, epochs=1, y=y, **more)
        return {name: numbers[0] for name, numbers in history.items() if name != "loss"}

    model = MLP(2, [1], output_activation="identity", rng=0)
    positive = np.array([model(x)[0].data > 0 for x in X])
    share = {"accuracy": pytest.approx((positive == CLASSES).mean(), rel=1e-12)}
    logits = binary_cross_entropy_with_logits
    assert row(logits, "identity", CLASSES) == share
    assert row(logits, "identity", CLASSES[:, None]) == share
    assert row(logits, "identity", CLASSES, metrics=[accuracy]) == share
    assert row(logits, "identity", CLASSES, metrics=None) == {}
    assert row(lambda o, t: 2.0 * logits(o, t), "identity", CLASSES) == share
    assert row(binary_cross_entropy, "sigmoid", CLASSES) == share
    assert row(hinge, "identity", 2 * CLASSES - 1) == share
    errors = row(half_squared_error, "identity", CLASSES)
    outputs = np.array([model(x)[0].data for x in X])
    expected = np.abs(outputs - CLASSES).mean()
    assert errors == {"mean_absolute_error": pytest.approx(expected, rel=1e-12)}
    # of other outputs or targets the loss does not say what these are
    assert row(lambda o, t: logits(o[0], 1 - t), "identity", CLASSES) == {}
    assert row(lambda o, t: logits([2.0 * o[0]], t), "identity", CLASSES) == {}
    assert row(lambda o, t: (o[0] - t) ** 2, "identity", CLASSES) == {}


def test_metrics_are_given_all_examples_of_an_epoch_as_they_were_seen() -> None:
    seen = []

    def spread(outputs: Any, targets: Any) -> float:
        seen.append((outputs.shape, targets.shape))
        return float(np.ptp(outputs))

    model = MLP(2, [3, 1], rng=0)
    optimizer = SGD(model.parameters(), learning_rate=0.0)
    history = train(
        model, loss=half_squared_error, optimizer=optimizer, metrics=[spread, mean_absolute_error],
        validation=(X[:7], CLASSES[:7]), epochs=2,
    )  # fmt: skip
    outputs = np.array([model(x)[0].data for x in X])
    assert seen == [((20,), (20,)), ((7,), (7,))] * 2
    assert history.spread == pytest.approx([np.ptp(outputs)] * 2, rel=1e-12)
    assert history.validation_spread == pytest.approx([np.ptp(outputs[:7])] * 2, rel=1e-12)
    expected = np.abs(outputs - CLASSES).mean()
    assert history.mean_absolute_error == pytest.approx([expected] * 2, rel=1e-12)


# What ends it.


class StopError(Exception):
    """Any error of the user's."""


def whole_steps(n: int = 12, **changes: Any) -> list[list[float]]:
    """Parameters after 0, 1, ..., n steps of `train`."""
    model = classifier()
    steps = [parameters_to_vector(model).tolist()]
    optimizer = Adam(model.parameters(), learning_rate=0.1)
    rule = optimizer.rule

    def noted(theta: Any, gradient: Any, memory: Any) -> Any:
        moved, left = rule(theta, gradient, memory)
        steps.append(moved.tolist())
        return moved, left

    vars(optimizer)["rule"] = noted
    train(model, optimizer=optimizer, **changes)
    assert len(steps) == n + 1
    return steps


@pytest.mark.parametrize("error", [KeyboardInterrupt, StopError])
@pytest.mark.parametrize("example", [0, 5, 6, 13, 20, 27])
def test_an_interruption_of_the_eager_gradient_keeps_the_last_whole_step(
    error: type[BaseException], example: int
) -> None:
    calls = 0

    def interrupted_loss(outputs: list[Value], target: Any) -> Value:
        nonlocal calls
        calls += 1
        if calls == example + 3:  # the first two calls are to look at the loss
            raise error
        return cross_entropy(outputs, target)

    model = classifier()
    arguments: dict[str, Any] = {
        "loss": interrupted_loss,
        "optimizer": Adam(model.parameters(), learning_rate=0.1),
        "compiled": False,
    }
    # Epochs have minibatches of 6, 6, 6, 2: how many whole ones came before the interruption?
    whole = int((np.cumsum([6, 6, 6, 2] * 3) <= example).sum())
    if error is KeyboardInterrupt:
        history = train(model, **arguments)
        assert (history.stopped, history.epochs) == ("interrupted", whole // 4)
    else:
        with pytest.raises(error):
            train(model, **arguments)
    assert parameters_to_vector(model).tolist() == whole_steps(compiled=False)[whole]


def lines_of(function: Callable[[], object]) -> int:
    """How many lines of the package run."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if "/nn/" not in frame.f_code.co_filename or "/tests/" in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)  # such as that of coverage
    return count


def interrupted_at(function: Callable[[], Any], line: int) -> tuple[Any, bool]:
    """Run a function with Ctrl-C before the n-th line of the package, if so many run.

    Its result, and whether there was a Ctrl-C: what is cached may make a run shorter.
    """
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if "/nn/" not in frame.f_code.co_filename or "/tests/" in frame.f_code.co_filename:
            return None
        if event == "line":
            count += 1
            if count == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return function(), count >= line
    finally:
        sys.settrace(before)  # such as that of coverage


@pytest.mark.parametrize("part", range(4))
def test_an_interruption_anywhere_keeps_the_last_whole_step(
    part: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(
        "nn.training.progress.time.monotonic", lambda: next(ticks)
    )  # always time to draw
    model = MLP(2, [1, 2], rng=0)
    beginning = parameters_to_vector(model)

    def run(*callbacks: Callback) -> tuple[History, Adam]:
        vector_to_parameters(beginning, model)
        optimizers.append(Adam(model.parameters(), learning_rate=0.1))
        history = train(
            model, optimizer=optimizers[-1], callbacks=callbacks, epochs=2, batch_size=12,
            validation=(X[:3], CLASSES[:3]), progress=True,
        )  # fmt: skip
        return history, optimizers[-1]

    optimizers: list[Adam] = []
    vectors = []
    for steps in range(5):  # two epochs of two minibatches
        run(StopBefore(steps))
        vectors.append(parameters_to_vector(model).tolist())
    inside = 0
    watch = EarlyStopping(3, restore_best=False)
    for line in range(1 + part, lines_of(lambda: run(watch)), 4 * 7):
        try:
            (history, _), interrupted = interrupted_at(lambda: run(watch), line)
        except KeyboardInterrupt:  # before the training, or after it
            assert parameters_to_vector(model).tolist() in (vectors[0], vectors[-1])
            continue
        inside += 1
        vector = parameters_to_vector(model).tolist()
        assert history.stopped == ("interrupted" if interrupted else None)
        assert drawn(1, lambda generator, shape: generator.random(shape)) is None
        assert optimizers[-1].memory["steps"] == vectors.index(vector)
        assert history.epochs <= vectors.index(vector) // 2
    assert inside > 20
    assert capsys.readouterr().out == ""


class StopBefore(Callback):
    """Stops before a step."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps

    def step(self, training: Training) -> None:
        if training.step == self.n_steps:
            training.stop("here")


def test_a_divergence_can_be_pickled_and_copied() -> None:
    error = DivergenceError(3, 2, "the loss is nan")
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), copy.copy(error)):
        assert (str(other), other.epoch, other.step) == (str(error), 3, 2)


def test_an_error_in_a_rule_is_no_divergence() -> None:
    class Wrong(Optimizer):
        def rule(self, theta: Any, gradient: Any, memory: Any) -> Any:
            return theta - np.ones(3) * gradient, memory

    model = classifier()
    with pytest.raises(ValueError, match="broadcast"):
        train(model, optimizer=Wrong(model.parameters(), 0.1))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_validation_loss_that_is_not_finite_is_recorded(compiled: bool) -> None:
    w = Value(0.5)
    history = fit(
        lambda x: w * x, [1.0, 2.0], [0.0, 0.0], loss=half_squared_error, epochs=2,
        optimizer=SGD([w], 0.1), validation=([1e200], [0.0]), compiled=compiled,
    )  # fmt: skip
    assert history.validation_loss == [np.inf, np.inf]


def test_a_finished_epoch_is_recorded_when_ctrl_c_comes_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = []

    class Watch(Callback):
        uses_parameters = False

        def step(self, training: Training) -> None:
            steps.append(training.step)

    def assign(parameters: Any, data: Any) -> None:
        assign_data(parameters, data)
        if len(steps) == 8:  # the last step of the second epoch was made
            steps.append(-1)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("nn.training.loop.assign_data", assign)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        history = train(classifier(), callbacks=[Watch(), lambda record: None], epochs=4)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (history.stopped, history.epochs, steps[-1]) == ("interrupted", 2, -1)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_no_training_starts_from_a_parameter_that_is_not_finite(number: float) -> None:
    model = MLP(2, [3, 2], rng=0)
    model.layers[1].neurons[0].bias.data = number
    optimizers = [SGD(part.parameters(), 0.1) for part in (model, model.layers[0])]
    for optimizer in optimizers:  # also where it is not trained
        with pytest.raises(ValueError, match=rf"'layers.1.neurons.0.bias' is {number}.*finite"):
            train(model, optimizer=optimizer)


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_divergence_names_the_parameter_that_is_not_finite(compiled: bool, trained: bool) -> None:
    def spoil(record: Record) -> None:
        record.model.layers[1].neurons[0].bias.data = np.nan

    model = MLP(2, [3, 2], rng=0)
    optimizer = SGD((model if trained else model.layers[0]).parameters(), 0.1)
    with pytest.raises(
        DivergenceError, match=r"the parameter 'layers\.1\.neurons\.0\.bias' is nan"
    ):
        train(model, callbacks=[spoil], compiled=compiled, optimizer=optimizer)
