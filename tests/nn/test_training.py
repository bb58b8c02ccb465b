"""fit: what it computes, what it records, what an interruption leaves."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
from autograd_mini import Value
from nn import (
    MLP,
    SGD,
    History,
    Module,
    accuracy,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    correct_class,
    correct_probability,
    correct_sign,
    cross_entropy,
    eager_gradient,
    evaluate,
    fit,
    half_squared_error,
    mean_loss,
    minibatches,
    parameters_to_vector,
    vector_to_parameters,
)
from nn.training import Correct, Loss
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
    assert model.scale.data == pytest.approx(2.0, rel=1e-6)


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
    assert accuracy(model, X, CLASSES, correct=correct_sign) == 1.0
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


def test_eager_gradient_is_that_of_the_mean_and_adds() -> None:
    model = classifier()
    loss = mean_loss(model, X, CLASSES, cross_entropy)
    loss.backward()
    expected = np.array([p.grad for p in model.parameters()])
    model.zero_grad()
    gradient = eager_gradient(model, cross_entropy)
    value, n_correct = gradient(X, CLASSES)
    assert value == pytest.approx(loss.data, rel=1e-13)
    assert n_correct == round(accuracy(model, X, CLASSES) * 20)
    np.testing.assert_allclose([p.grad for p in model.parameters()], expected, rtol=1e-12)
    gradient(X, CLASSES)
    np.testing.assert_allclose([p.grad for p in model.parameters()], 2 * expected, rtol=1e-12)


def test_another_gradient_may_be_plugged_in() -> None:
    model, reference = classifier(), classifier()
    seen = []

    def matrix_gradient(inputs: Any, targets: Any) -> tuple[float, None]:
        seen.append(len(inputs))
        network = Network.from_vector(parameters_to_vector(model), [2, 4, 2], "tanh", "softmax")
        T = np.eye(2)[targets]
        cost, dWs, dbs = backpropagate(network, inputs, T, "cross_entropy")
        for p, g in zip(model.parameters(), to_vector(dWs, dbs).tolist(), strict=True):
            p.grad += g
        return cost, None

    history = train(model, gradient=matrix_gradient)
    expected = train(reference)
    assert seen == [6, 6, 6, 2] * 3
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-12)
    np.testing.assert_allclose(
        parameters_to_vector(model), parameters_to_vector(reference), rtol=1e-12
    )
    assert history.accuracy == []  # the gradient did not say


def test_a_model_may_be_any_function() -> None:
    scale = Value(0.0)
    optimizer = SGD([scale], learning_rate=0.1)
    fit(
        lambda x: [scale * x[0]], [[1.0], [2.0]], [2.0, 4.0], loss=half_squared_error,
        optimizer=optimizer, epochs=100, batch_size=1, rng=0,
    )  # fmt: skip
    assert scale.data == pytest.approx(2.0, rel=1e-6)


def test_part_of_a_model_may_be_trained() -> None:
    model = classifier()
    before = parameters_to_vector(model.layers[0])
    train(model, optimizer=SGD(model.layers[1].parameters(), learning_rate=0.5))
    assert parameters_to_vector(model.layers[0]).tolist() == before.tolist()


@pytest.mark.parametrize(("n", "size"), [(1, 1), (10, 3), (10, 10), (10, 99), (7, 1)])
def test_minibatches_hold_each_example_once(n: int, size: int) -> None:
    batches = list(minibatches(n, size, rng=0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert [len(batch) for batch in batches] == [size] * (n // size) + [n % size] * (n % size > 0)


def test_each_epoch_has_a_new_order() -> None:
    generator = np.random.default_rng(0)
    orders = [np.concatenate(list(minibatches(20, 6, rng=generator))).tolist() for _ in range(2)]
    assert orders[0] != orders[1]


# What it records.


def test_history_without_steps_is_the_evaluation() -> None:
    # With a learning rate of 0 every epoch records what evaluate finds.
    model = classifier()
    optimizer = SGD(model.parameters(), learning_rate=0.0)
    history = train(model, optimizer=optimizer, validation=(X[:5], CLASSES[:5]))
    mean, share = evaluate(model, X, CLASSES, loss=cross_entropy)
    held_out, held_out_share = evaluate(model, X[:5], CLASSES[:5], loss=cross_entropy)
    assert history.loss == pytest.approx([mean] * 3, rel=1e-12)
    assert history.accuracy == pytest.approx([share] * 3, rel=1e-12)
    assert history.validation_loss == [held_out] * 3
    assert history.validation_accuracy == [held_out_share] * 3
    assert share == accuracy(model, X, CLASSES)


def test_validation_is_after_the_epoch_and_not_trained_on() -> None:
    model, alone = classifier(), classifier()
    history = train(model, epochs=1, validation=(X[:5], CLASSES[:5]))
    train(alone, epochs=1)
    assert parameters_to_vector(model).tolist() == parameters_to_vector(alone).tolist()
    expected = evaluate(model, X[:5], CLASSES[:5], loss=cross_entropy)
    assert (history.validation_loss[0], history.validation_accuracy[0]) == expected


def test_a_history_may_go_on() -> None:
    model = classifier()
    history = History()
    assert train(model, history=history) is history
    train(model, history=history)
    assert len(history.loss) == len(history.accuracy) == 6
    assert history.validation_loss == history.validation_accuracy == []


def test_accuracy_is_recorded_where_the_loss_says_what_is_right() -> None:
    def accuracies(loss: Loss, output: str, y: Any, **more: Any) -> tuple[list[float], MLP]:
        model = MLP(2, [1], output_activation=output, rng=0)
        optimizer = SGD(model.parameters(), learning_rate=0.0)
        arguments: dict[str, Any] = {
            "loss": loss,
            "optimizer": optimizer,
            "epochs": 1,
            "y": y,
        } | more
        return train(model, **arguments).accuracy, model

    (logit,), model = accuracies(binary_cross_entropy_with_logits, "identity", CLASSES)
    positive = np.array([model(x)[0].data > 0 for x in X])
    assert logit == pytest.approx((positive == CLASSES).mean())
    (probability,), _ = accuracies(binary_cross_entropy, "sigmoid", CLASSES)
    assert probability == logit
    assert accuracies(half_squared_error, "identity", CLASSES)[0] == []
    (sign,), _ = accuracies(half_squared_error, "tanh", 2 * CLASSES - 1, correct=correct_sign)
    assert sign == logit


def values(*numbers: float) -> list[Value]:
    return [Value(number) for number in numbers]


@pytest.mark.parametrize(
    ("correct", "outputs", "target", "expected"),
    [
        (correct_class, (1.0, 3.0, 2.0), 1, True),
        (correct_class, (1.0, 3.0, 2.0), np.int64(2), False),
        (correct_class, (1.0, 3.0, 2.0), [0, 1, 0], True),
        (correct_class, (1.0, 3.0, 2.0), np.array([0.2, 0.3, 0.5]), False),
        (correct_class, (1.0, 1.0), 0, True),
        (correct_sign, (0.1,), 1, True),
        (correct_sign, (0.1,), [0], False),
        (correct_sign, (-0.1,), -1, True),
        (correct_sign, (0.0,), 0, True),
        (correct_sign, (0.1, -0.2), [1, 0], True),
        (correct_sign, (0.1, -0.2), np.array([1, 1]), False),
        (correct_probability, (0.1,), 0, True),
        (correct_probability, (0.1,), 1, False),
        (correct_probability, (0.9,), True, True),
        (correct_probability, (0.9,), np.array([1.0]), True),
    ],
)
def test_what_is_right(
    correct: Correct, outputs: tuple[float, ...], target: Any, expected: bool
) -> None:
    assert correct(values(*outputs), target) is expected


@pytest.mark.parametrize(
    ("correct", "outputs", "target", "message"),
    [
        (correct_class, (1.0,), 1, "correct_sign"),
        (correct_sign, (1.0, 2.0), 1, "2 outputs but 1 target"),
        (correct_probability, (0.5,), [0, 1], "1 outputs but 2 targets"),
    ],
)
def test_what_cannot_be_right(
    correct: Correct, outputs: tuple[float, ...], target: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        correct(values(*outputs), target)


# Interruption.


class StopError(Exception):
    """Any error of the user's."""


@pytest.mark.parametrize("error", [KeyboardInterrupt, StopError])
@pytest.mark.parametrize("example", [0, 1, 5, 6, 13, 20, 27])
def test_an_interruption_keeps_the_last_whole_step(
    error: type[BaseException], example: int
) -> None:
    calls = 0

    def interrupted_loss(outputs: list[Value], target: Any) -> Value:
        nonlocal calls
        calls += 1
        if calls == example + 1:
            raise error
        return cross_entropy(outputs, target)

    model, history = classifier(), History()
    with pytest.raises(error):
        train(model, loss=interrupted_loss, correct=correct_class, history=history)

    # Epochs have minibatches of 6, 6, 6, 2: how many whole ones came before the interruption?
    ends = np.cumsum([6, 6, 6, 2] * 3)
    whole = int((ends <= example).sum())
    expected, generator, done = classifier(), np.random.default_rng(0), 0
    optimizer = SGD(expected.parameters(), learning_rate=0.5)
    gradient = eager_gradient(expected, cross_entropy)
    while done < whole:
        for batch in list(minibatches(20, 6, rng=generator))[: whole - done]:
            optimizer.zero_grad()
            gradient(X[batch], CLASSES[batch])
            optimizer.step()
            done += 1
    assert parameters_to_vector(model).tolist() == parameters_to_vector(expected).tolist()
    assert all(parameter.grad == 0.0 for parameter in model.parameters())
    assert len(history.loss) == whole // 4


def test_a_gradient_that_is_not_finite_keeps_the_last_whole_step() -> None:
    model = classifier()
    inputs = X.copy()
    inputs[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"gradient of .* is nan"):
        train(model, X=inputs, batch_size=20)
    assert parameters_to_vector(model).tolist() == parameters_to_vector(classifier()).tolist()


# Progress.


def test_progress_bar_shows_loss_and_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    train(classifier(), progress=True, validation=(X, CLASSES))
    captured = capsys.readouterr()
    assert captured.out == ""
    for text in ("12/12", "epoch 3/3", "loss", "accuracy", "validation accuracy"):
        assert text in captured.err


def test_progress_without_tqdm_is_a_line_per_epoch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def without_tqdm(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "tqdm":
            raise ImportError(name)
        return imported(name, *arguments, **keywords)

    monkeypatch.delitem(sys.modules, "tqdm", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    train(classifier(), progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1/3: loss ")
    assert "accuracy" in lines[0]


def test_silent_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    train(classifier())
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_closed_on_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")

    def fail(outputs: Any, target: Any) -> Value:
        raise StopError

    with pytest.raises(StopError):
        train(classifier(), loss=fail, progress=True)
    assert capsys.readouterr().err.endswith("\n")


# Bad input.


class NotAnOptimizer:
    parameters = ()


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "counts": ({"y": CLASSES[:-1]}, ValueError, "20 examples but y 19"),
    "empty": ({"X": [], "y": []}, ValueError, "at least one example"),
    "X number": ({"X": 1.0}, TypeError, "X must be"),
    "X 0-d": ({"X": np.array(1.0)}, TypeError, "X must hold"),
    "y None": ({"y": None}, TypeError, "y must be"),
    "y text": ({"y": "a" * 20}, TypeError, "y must be"),
    "epochs 0": ({"epochs": 0}, ValueError, "epochs"),
    "epochs float": ({"epochs": 2.0}, TypeError, "epochs"),
    "batch 0": ({"batch_size": 0}, ValueError, "batch_size"),
    "batch bool": ({"batch_size": True}, TypeError, "batch_size"),
    "rng": ({"rng": None}, TypeError, "rng"),
    "loss": ({"loss": "cross_entropy"}, TypeError, "loss must be callable"),
    "loss None": ({"loss": None}, TypeError, "loss must be callable"),
    "loss float": ({"loss": lambda outputs, target: 1.0}, TypeError, "must return a Value"),
    "gradient": ({"gradient": 1}, TypeError, "gradient must be callable"),
    "correct": ({"correct": 0.5}, TypeError, "correct must be callable"),
    "validation": ({"validation": X}, TypeError, r"pair \(X, y\)"),
    "validation counts": ({"validation": (X, CLASSES[:3])}, ValueError, "20 examples but y 3"),
    "optimizer": ({"optimizer": 0.1}, TypeError, "optimizer must have"),
    "no step": ({"optimizer": NotAnOptimizer()}, TypeError, "optimizer must have"),
    "other model": (
        {"optimizer": SGD(classifier().parameters(), learning_rate=0.1)}, ValueError, "none of the",
    ),
    "input length": ({"X": np.zeros((20, 3))}, ValueError, "takes 2 inputs, got 3"),
    "class": ({"y": CLASSES + 5}, ValueError, "class index"),
    "float class": ({"y": CLASSES.astype(float)}, TypeError, "class index"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_leave_the_model_as_it_was(case: str) -> None:
    changes, error, message = BAD[case]
    model = classifier()
    before = parameters_to_vector(model).tolist()
    history = History()
    with pytest.raises(error, match=message):
        train(model, **{"history": history} | changes)
    assert parameters_to_vector(model).tolist() == before
    assert all(parameter.grad == 0.0 for parameter in model.parameters())
    assert history == History()


def test_model_must_be_callable() -> None:
    layers = Module()
    vars(layers)["w"] = Value(1.0)
    with pytest.raises(TypeError, match="model must be callable"):
        train(layers)


@pytest.mark.parametrize("call", [accuracy, lambda *a: evaluate(*a, loss=cross_entropy)])
def test_evaluation_needs_examples(call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="empty"):
        call(classifier(), [], [])
    with pytest.raises(ValueError, match="2 examples but y 1"):
        call(classifier(), X[:2], [0])


@pytest.mark.parametrize(
    ("loss", "sizes", "targets"),
    [
        (nn.cross_entropy, [5, 3], [0, 2, 1, 1]),
        (nn.half_squared_error, [5, 2], [[0.5, 1.0], [-1.0, 0.0], [0.0, 0.25], [1.0, 1.0]]),
        (nn.binary_cross_entropy_with_logits, [5, 1], [0.0, 1.0, 1.0, 0.0]),
    ],
)
def test_compiled_gradient_is_the_eager_one(loss: Any, sizes: list[int], targets: Any) -> None:
    model = nn.MLP(3, sizes, rng=4)
    inputs = np.random.default_rng(5).normal(size=(4, 3))
    results = []
    for make in (nn.eager_gradient, nn.compiled_gradient):
        model.zero_grad()
        value, n_correct = make(model, loss)(inputs, np.array(targets))
        results.append((value, n_correct, [p.grad for p in model.parameters()]))
    (eager, eager_correct, eager_grads), (compiled, compiled_correct, grads) = results
    assert compiled == pytest.approx(eager, rel=1e-12)
    assert compiled_correct == eager_correct
    # entries that nearly cancel keep the absolute error of their terms
    assert grads == pytest.approx(eager_grads, rel=1e-12, abs=1e-15)


def test_fit_trains_the_same_model_compiled() -> None:
    inputs = np.random.default_rng(6).normal(size=(20, 2))
    targets = (inputs[:, 0] > 0).astype(int)
    losses = []
    for make in (nn.eager_gradient, nn.compiled_gradient):
        model = nn.MLP(2, [4, 2], rng=7)
        history = nn.fit(
            model,
            inputs,
            targets,
            loss=nn.cross_entropy,
            optimizer=nn.SGD(model.parameters(), learning_rate=0.5),
            epochs=3,
            batch_size=7,
            rng=8,
            gradient=make(model, nn.cross_entropy),
        )
        losses.append(history.loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)


def test_compiled_gradient_of_a_model_of_one_value() -> None:
    neuron = nn.Neuron(2, rng=0)
    gradient = nn.compiled_gradient(
        neuron, nn.half_squared_error, correct=lambda output, target: output.data > target
    )
    assert gradient(np.ones((3, 2)), np.array([-9.0, 9.0, -9.0]))[1] == 2


@pytest.mark.parametrize("outputs", [{0: 0.5, 1: 0.5}, {0.5, 0.25}, "01", b"01", None])
def test_outputs_are_a_sequence(outputs: Any) -> None:
    for correct in (nn.correct_class, nn.correct_sign, nn.correct_probability):
        with pytest.raises(TypeError, match="outputs must be a sequence of Values, got"):
            correct(outputs, [0, 1])
