"""Callbacks: what they see, what they may change, when they stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from nn import (
    MLP,
    SGD,
    Adam,
    Callback,
    Checkpoint,
    Dropout,
    EarlyStopping,
    History,
    LearningRateSchedule,
    Linear,
    Record,
    Sequential,
    Training,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    fit,
    half_squared_error,
    hinge,
    parameters_to_vector,
)
from nn._assignment import assign_data

X = np.linspace(-1.0, 1.0, 10)[:, None]
Y = X[:, 0] ** 2


def train(callbacks: Any, model: Any = None, **changes: Any) -> History:
    model = MLP(1, [3, 1], rng=0) if model is None else model
    arguments: dict[str, Any] = {
        "loss": half_squared_error,
        "optimizer": SGD(model.parameters(), learning_rate=0.1),
        "epochs": 6,
        "batch_size": 4,
        "rng": 0,
    } | changes
    return fit(model, X, Y, callbacks=callbacks, **arguments)


def curve(numbers: list[float]) -> Any:
    """A metric that follows a list."""
    rest = iter(numbers)

    def error(outputs: Any, targets: Any) -> float:
        return next(rest)

    return error


def test_a_record_says_what_was_recorded() -> None:
    records: list[Any] = []

    def note(record: Record) -> None:
        vector = parameters_to_vector(record.model)
        records.append((record.epoch, record.epochs, record["loss"], record.metrics, vector))
        assert record.history.loss[-1] == record["loss"]
        assert dict(record) == record.metrics
        assert "epoch" in repr(record)

    model = MLP(1, [3, 1], rng=0)
    history = train([note], model, validation=(X, Y))
    assert [epoch for epoch, *_ in records] == [1, 2, 3, 4, 5, 6]
    assert {epochs for _, epochs, *_ in records} == {6}
    assert [loss for _, _, loss, *_ in records] == history.loss
    assert list(records[0][3]) == list(history)
    assert records[-1][4].tolist() == parameters_to_vector(model).tolist()
    assert records[0][4].tolist() != records[-1][4].tolist()


def test_the_order_of_calls() -> None:
    calls: list[Any] = []

    class Watch(Callback):
        def start(self, training: Training) -> None:
            calls.append("start")

        def step(self, training: Training) -> None:
            calls.append((training.epoch, training.step))

        def __call__(self, record: Record) -> None:
            calls.append(f"epoch {record.epoch}")

        def end(self, training: Training) -> None:
            calls.append("end")

    train([Watch()], epochs=2)
    assert calls == [
        "start", (0, 0), (0, 1), (0, 2), "epoch 1", (1, 3), (1, 4), (1, 5), "epoch 2", "end",
    ]  # fmt: skip


@pytest.mark.parametrize("compiled", [True, False])
def test_a_callback_may_stop_or_change_the_training(compiled: bool) -> None:
    def halve(record: Record) -> None:
        for parameter in record.model.parameters():
            parameter.data /= 2.0
        record.optimizer.learning_rate /= 2.0
        if record.epoch == 2:
            record.stop("enough")
            record.stop("another reason")

    model, alone = MLP(1, [3, 1], rng=0), MLP(1, [3, 1], rng=0)
    history = train([halve], model, compiled=compiled)
    assert (history.stopped, history.epochs) == ("enough", 2)
    generator = np.random.default_rng(0)
    optimizer = SGD(alone.parameters(), learning_rate=0.1)
    for _ in range(2):
        train([], alone, epochs=1, rng=generator, optimizer=optimizer, compiled=compiled)
        for parameter in alone.parameters():
            parameter.data /= 2.0
        optimizer.learning_rate /= 2.0
    assert parameters_to_vector(model).tolist() == parameters_to_vector(alone).tolist()


def test_a_callback_that_fails_leaves_a_whole_epoch() -> None:
    def fail(record: Record) -> None:
        if record.epoch == 2:
            raise ZeroDivisionError

    ended = []

    class Watch(Callback):
        def end(self, training: Training) -> None:
            ended.append(training.epoch)

    model, alone = MLP(1, [3, 1], rng=0), MLP(1, [3, 1], rng=0)
    optimizers = [Adam(m.parameters(), learning_rate=0.1) for m in (model, alone)]
    with pytest.raises(ZeroDivisionError):
        train([fail, Watch()], model, optimizer=optimizers[0])
    train([], alone, epochs=2, optimizer=optimizers[1])
    assert parameters_to_vector(model).tolist() == parameters_to_vector(alone).tolist()
    first, second = (optimizer.state_dict() for optimizer in optimizers)
    assert str(first) == str(second)
    assert ended == []


def test_two_callbacks_of_one_kind() -> None:
    quick, slow = EarlyStopping(1, monitor="error"), EarlyStopping(3, monitor="error")
    history = train([slow, quick], metrics=[curve([3.0, 2.0, 2.0, 2.0, 2.0, 2.0])])
    assert history.stopped == "error has not improved for 1 epoch"
    assert (quick.best_epoch, slow.best_epoch, history.epochs) == (2, 2, 3)


@pytest.mark.parametrize(
    ("numbers", "options", "epochs", "best_epoch"),
    [
        ([5.0, 4.0, 3.0, 2.0, 1.0, 0.5], {}, 6, 6),
        ([5.0, 4.0, 4.0, 4.0, 1.0, 0.5], {}, 4, 2),
        ([5.0, 4.0, 4.5, 3.0, 3.5, 2.0], {}, 6, 6),
        ([5.0, 4.9, 4.8, 4.7, 4.6, 4.5], {"min_delta": 0.5}, 3, 1),
        ([5.0, 4.9, 4.4, 4.4, 4.4, 4.4], {"min_delta": 0.5}, 5, 3),
        ([np.nan, np.nan, 1.0, 0.5, 0.4, 0.3], {}, 2, 0),
        ([1.0, 2.0, 3.0, 3.0, 2.0, 1.0], {"mode": "max"}, 5, 3),
        ([5.0, np.inf, 4.0, 4.0, 4.0, 4.0], {}, 5, 3),
    ],
)
def test_early_stopping(
    numbers: list[float], options: dict[str, Any], epochs: int, best_epoch: int
) -> None:
    watch = EarlyStopping(2, monitor="error", **options)
    vectors = []
    model = MLP(1, [3, 1], rng=0)

    def note(record: Record) -> None:
        vectors.append(parameters_to_vector(record.model).tolist())

    history = train([note, watch], model, metrics=[curve(numbers)])
    assert (history.epochs, watch.best_epoch) == (epochs, best_epoch)
    assert (history.stopped is not None) == (epochs < 6)
    if best_epoch:
        assert parameters_to_vector(model).tolist() == vectors[best_epoch - 1]
        assert watch.best == numbers[best_epoch - 1]


def test_early_stopping_may_leave_the_last_parameters() -> None:
    model, alone = MLP(1, [3, 1], rng=0), MLP(1, [3, 1], rng=0)
    watch = EarlyStopping(2, monitor="error", restore_best=False)
    train([watch], model, metrics=[curve([1.0] * 6)])
    train([], alone, epochs=3)
    assert parameters_to_vector(model).tolist() == parameters_to_vector(alone).tolist()


def test_early_stopping_starts_anew_with_each_training() -> None:
    watch = EarlyStopping(2)
    for rate in (0.01, 0.0):
        model = MLP(1, [3, 1], rng=0)
        optimizer = SGD(model.parameters(), learning_rate=rate)
        history = train([watch], model, optimizer=optimizer, shuffle=False)
        assert watch.best == min(history.loss)
    assert watch.best_epoch == 1


def test_what_early_stopping_watches() -> None:
    watch = EarlyStopping(1)
    history = train([watch])
    assert watch.best == min(history.loss)
    history = train([watch], validation=(X[:2], Y[:2]))
    assert watch.best == min(history.validation_loss)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"monitor": "val_loss"}, ValueError, r"pass validation=\(X, y\)"),
        ({"monitor": "los"}, ValueError, "did you mean loss"),
        ({"monitor": "score"}, ValueError, 'write mode="min" or mode="max"'),
        ({"patience": 0}, ValueError, "patience must be at least 1"),
        ({"patience": 1.5}, TypeError, "patience must be an int"),
        ({"min_delta": -1.0}, ValueError, "min_delta"),
        ({"mode": "low"}, ValueError, '"min", "max" or None'),
        ({"monitor": 3}, TypeError, "monitor must be the name of a curve"),
        ({"restore_best_weights": True}, TypeError, "did you mean restore_best"),
        ({"delta": 1.0}, TypeError, "did you mean min_delta"),
        ({"verbose": 1}, TypeError, r"takes no argument 'verbose': fit\(..., progress=True\)"),
    ],
)
def test_early_stopping_refuses(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    def score(outputs: Any, targets: Any) -> float:
        return 1.0

    with pytest.raises(error, match=message):
        train([EarlyStopping(**{"patience": 1} | options)], metrics=[score])


def test_val_loss_is_validation_loss() -> None:
    with pytest.raises(ValueError, match="did you mean validation_loss"):
        train([EarlyStopping(1, monitor="val_loss")], validation=(X, Y))


@pytest.mark.parametrize("every", ["epoch", "step"])
def test_a_schedule_sets_the_rate_of_every_epoch_or_step(every: str) -> None:
    model, rates = MLP(1, [3, 1], rng=0), []
    optimizer = SGD(model.parameters(), learning_rate=9.0)
    rule = optimizer.rule

    def noted(theta: Any, gradient: Any, memory: Any) -> Any:
        rates.append(optimizer.learning_rate)
        return rule(theta, gradient, memory)

    vars(optimizer)["rule"] = noted
    schedule = LearningRateSchedule(lambda count: 0.1 / (1 + count), every)
    train([schedule], model, optimizer=optimizer, epochs=2)
    counts = [0, 0, 0, 1, 1, 1] if every == "epoch" else range(6)
    assert rates == [0.1 / (1 + count) for count in counts]


def test_schedules_are_functions() -> None:
    with pytest.raises(TypeError, match="must be a function from a count"):
        LearningRateSchedule(0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='"epoch" or "step"'):
        LearningRateSchedule(lambda count: 0.1, "batch")


def test_a_kept_record_stays_that_of_its_epoch() -> None:
    kept: list[Record] = []
    history = train([kept.append], epochs=3)
    assert [(record.epoch, record["loss"]) for record in kept] == list(
        zip([1, 2, 3], history.loss, strict=True)
    )


@pytest.mark.parametrize("compiled", [True, False])
def test_parameters_set_before_a_step_count(compiled: bool) -> None:
    class Zero(Callback):
        def start(self, training: Training) -> None:
            self.seen: list[list[float]] = []

        def step(self, training: Training) -> None:
            self.seen.append([p.data for p in training.parameters])
            for parameter in training.parameters:
                parameter.data = 0.0

    zero, model = Zero(), MLP(1, [1], rng=0)
    history = train([zero], model, compiled=compiled, epochs=2)
    assert history.loss[1] == pytest.approx(history.loss[0], rel=1e-12)  # each step starts from 0
    assert 0.0 not in [number for step in zero.seen[1:] for number in step]  # what steps made of it


def test_callbacks_that_look_at_no_parameters_need_none_written_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[int] = []

    def note(parameters: Any, data: Any) -> None:
        written.append(len(data))
        assign_data(parameters, data)

    monkeypatch.setattr("nn.training.loop.assign_data", note)
    rate = LearningRateSchedule(lambda step: 0.1 / (1 + step), "step")
    train([rate], epochs=4)
    assert len(written) == 1  # at the end
    train([rate, lambda record: None], epochs=4)
    assert len(written) == 1 + 4 + 1


def test_a_subclass_sees_the_parameters_again() -> None:
    seen: list[list[float]] = []

    class Watching(LearningRateSchedule):
        def __call__(self, record: Record) -> None:
            seen.append([parameter.data for parameter in record.model.parameters()])

    model = MLP(1, [3, 1], rng=0)
    train([Watching(lambda epoch: 0.1)], model)
    assert seen[-1] == parameters_to_vector(model).tolist()
    assert len({tuple(numbers) for numbers in seen}) == 6


@pytest.mark.parametrize("place", [0, 1])
def test_what_never_started_does_not_end(place: int) -> None:
    calls = []

    class Watch(Callback):
        def start(self, training: Training) -> None:
            calls.append("start")

        def end(self, training: Training) -> None:
            calls.append("end")

    class Interrupted(Watch):
        def start(self, training: Training) -> None:
            raise KeyboardInterrupt

    callbacks: list[Any] = [Watch()]
    callbacks.insert(place, Interrupted())
    assert train(callbacks).stopped == "interrupted"
    assert calls == [[], ["start", "end"]][place]


@pytest.mark.parametrize("compiled", [True, False])
def test_a_leaf_of_the_loss_that_a_callback_changes_is_seen(compiled: bool) -> None:
    weight = Value(1.0)

    def loss(outputs: Any, target: Any) -> Any:
        return weight * half_squared_error(outputs, target)

    def fade(record: Record) -> None:
        weight.data = 0.0

    history = train([fade], loss=loss, compiled=compiled, validation=(X, Y), epochs=3)
    assert history.loss[0] > 0.0 == history.loss[1] == history.loss[2]
    assert history.validation_loss[0] > 0.0 == history.validation_loss[2]


class Faster(Callback):
    """Changes a number that the loss reads, and that is no Value."""

    def __init__(self) -> None:
        self.beta = 0.0

    def loss(self, outputs: Any, target: Any) -> Any:
        return half_squared_error(outputs, target) * (1 + self.beta)


class FasterByEpoch(Faster):
    def __call__(self, record: Record) -> None:
        self.beta += 1.0


class FasterByStep(Faster):
    def step(self, training: Training) -> None:
        self.beta += 0.25


@pytest.mark.parametrize("kind", [FasterByEpoch, FasterByStep])
def test_what_a_callback_changes_in_the_loss_is_learned(kind: type[Faster]) -> None:
    """Compiled training follows the scalar engine, which runs the loss each time."""
    results = []
    for compiled in (True, False):
        faster, model = kind(), MLP(1, [3, 1], rng=0)
        history = train(
            [faster], model, loss=faster.loss, compiled=compiled, validation=(X[:3], Y[:3])
        )
        results.append([*history.loss, *history.validation_loss, *parameters_to_vector(model)])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)
    faster = kind()
    faster.beta = 1.0
    assert train([], loss=faster.loss).loss[-1] != results[0][5]  # it is not the same without


def test_so_it_is_with_examples_of_different_shapes_and_dropout() -> None:
    results = []
    for compiled in (True, False):
        faster, weights = FasterByEpoch(), [Value(0.5), Value(-0.25), Value(1.0)]
        dropout = Dropout(0.5)

        def model(x: Any, weights: Any = weights, dropout: Any = dropout) -> Any:
            return sum(w * x_i for w, x_i in zip(weights, dropout(x), strict=False))

        history = fit(
            model, [[1.0], [2.0, 3.0], [1, 2], [0.5, 1.0, 2.0]], [1.0, 2.0, 3.0, 4.0], rng=0,
            loss=faster.loss, optimizer=SGD(weights, 0.01), epochs=3, batch_size=1,
            callbacks=[faster], compiled=compiled, validation=([[1.0, 1.0], [2.0]], [1.0, 1.0]),
        )  # fmt: skip
        results.append([*history.loss, *history.validation_loss, *parameters_to_vector(weights)])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_parameter_that_a_callback_replaces_is_refused(compiled: bool) -> None:
    def replace(record: Record) -> None:
        record.model.layers[0].neurons[1].bias = Value(0.5)

    with pytest.raises(ValueError, match=r"'layers.0.neurons.1.bias'.*make the optimizer anew"):
        train([replace], compiled=compiled)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_parameter_that_is_not_trained_may_be_replaced(compiled: bool) -> None:
    def replace(record: Record) -> None:
        record.model.layers[0].neurons[1].bias = Value(0.5)

    model = MLP(1, [3, 1], rng=0)
    optimizer = SGD(model.layers[1].parameters(), learning_rate=0.0)
    history = train([replace], model, optimizer=optimizer, compiled=compiled, epochs=2)
    loss = np.mean([half_squared_error(model(x), t).data for x, t in zip(X, Y, strict=True)])
    assert history.loss[1] == pytest.approx(loss, rel=1e-12)
    assert abs(history.loss[0] - loss) > 0.001 * loss  # the bias was another one


def test_callbacks_of_this_package_cause_no_tracing(tmp_path: Path) -> None:
    traced: list[int] = []

    def loss(outputs: Any, target: Any) -> Any:
        traced[-1] += 1
        return half_squared_error(outputs, target)

    def looking(record: Record) -> None: ...

    class Looking(Callback):
        changes_model = False

    ours = [EarlyStopping(9), LearningRateSchedule(lambda n: 0.1, "step"), Looking()]
    for callbacks in ([], [*ours, Checkpoint(tmp_path / "run.npz")], [*ours, looking]):
        traced.append(0)
        train(callbacks, loss=loss)
    assert traced[1] == traced[0]
    assert traced[2] == traced[0] + 6  # one of the user's may have changed something


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Checkpoint("m.npz", save_best_only=True), "EarlyStopping"),  # type: ignore[call-arg]
        (lambda: Checkpoint(filepath="m.npz"), "did you mean path"),  # type: ignore[call-arg]
        (lambda: Checkpoint("m.npz", save_freq=2), "did you mean every"),  # type: ignore[call-arg]
        (lambda: LearningRateSchedule(abs, verbose=1), "progress=True"),  # type: ignore[call-arg]
        (lambda: LearningRateSchedule(lr_lambda=abs), "did you mean schedule"),  # type: ignore[call-arg]
    ],
)
def test_arguments_of_other_libraries_are_answered(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"takes no argument .*{message}"):
        make()


def test_a_callback_of_the_users_takes_what_it_takes() -> None:
    class Base:
        def __init__(self, *, word: str = "") -> None:
            self.word = word

    class Watch(Callback, Base): ...

    assert Watch(word="a").word == "a"
    with pytest.raises(TypeError, match="unexpected keyword argument 'wrod'"):
        Watch(wrod="a")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        type("Plain", (Callback,), {})(3)


BATCH = np.random.default_rng(0).normal(size=(40, 2))
LABELS = (BATCH[:, 0] > 0).astype(int)


def logistic(outputs: Any, target: Any) -> Any:
    return binary_cross_entropy([ad.sigmoid(outputs[0])], target)


class ByEpoch(Callback):
    """Does something to a model after the first epoch."""

    def __init__(self, change: Any) -> None:
        self.change = change

    def __call__(self, record: Record) -> None:
        if record.epoch == 1:
            self.change()


class ByStep(ByEpoch):
    """Does it in the middle of the first epoch, between minibatches that are made together."""

    def __call__(self, record: Record) -> None: ...

    def step(self, training: Training) -> None:
        if training.step == 2:
            self.change()


class ByStart(ByEpoch):
    def __call__(self, record: Record) -> None: ...

    def start(self, training: Training) -> None:
        self.change()


def learned(model: Any, losses: Any, change: Any, kind: Any, **changes: Any) -> list[float]:
    """All that is computed while the loss in use is ``losses[0]``."""
    given: dict[str, Any] = {"epochs": 3, "batch_size": 8, "rng": 0} | changes
    history = fit(
        model, BATCH, LABELS, loss=lambda o, t: losses[0](o, t), callbacks=[kind(change)],
        optimizer=SGD(model.parameters(), 0.1), validation=(BATCH[:9], LABELS[:9]), **given,
    )  # fmt: skip
    return [*history.loss, *history.validation_loss, *parameters_to_vector(model)]


@pytest.mark.parametrize("kind", [ByStart, ByEpoch, ByStep])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (logistic, binary_cross_entropy_with_logits),
        (binary_cross_entropy_with_logits, logistic),
        (half_squared_error, logistic),
        (logistic, half_squared_error),
    ],
)
def test_another_loss_is_another_look_at_outputs(first: Any, second: Any, kind: Any) -> None:
    results = []
    for compiled in (True, False):
        losses, model = [first, second], MLP(2, [3, 1], rng=0)
        results.append(learned(model, losses, losses.reverse, kind, compiled=compiled))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_another_loss_still_refuses_what_is_no_probability(compiled: bool) -> None:
    losses = [binary_cross_entropy_with_logits, binary_cross_entropy]
    with pytest.raises(ValueError, match="probabilit"):
        learned(MLP(2, [3, 1], rng=0), losses, losses.reverse, ByEpoch, compiled=compiled)


@pytest.mark.parametrize("compiled", [True, False])
def test_another_loss_checks_the_targets_anew(compiled: bool) -> None:
    losses: list[Any] = [half_squared_error, hinge]
    with pytest.raises(ValueError, match=r"^y\[\d+\] is 0: .*hinge|^y\[\d+\] is 0: .*-1"):
        learned(MLP(2, [3, 1], rng=0), losses, losses.reverse, ByEpoch, compiled=compiled)


CHANGES: dict[str, Any] = {
    "none any more": lambda modules: modules.pop(1),
    "one more": lambda modules: modules.insert(0, Dropout(0.5)),
    "another": lambda modules: modules.__setitem__(1, Dropout(0.9)),
}


@pytest.mark.parametrize("kind", [ByStart, ByEpoch, ByStep])
@pytest.mark.parametrize("change", CHANGES)
def test_layers_that_draw_come_and_go(change: str, kind: Any) -> None:
    results = []
    for compiled in (True, False):
        model = Sequential(Linear(2, 4, rng=0), Dropout(0.5), Linear(4, 1, rng=1))

        def act(modules: Any = model.modules) -> None:
            CHANGES[change](modules)

        losses = [binary_cross_entropy_with_logits]
        results.append(learned(model, losses, act, kind, compiled=compiled))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_first_layer_that_draws_does_draw(compiled: bool) -> None:
    losses, results = [binary_cross_entropy_with_logits], []
    for rate in (0.0, 0.5):
        model = Sequential(Linear(2, 4, rng=0), Linear(4, 1, rng=1))

        def act(model: Any = model, rate: float = rate) -> None:
            model.modules.insert(1, Dropout(rate))

        results.append(learned(model, losses, act, ByEpoch, compiled=compiled))
    assert results[0][0] == results[1][0]
    assert results[0][1] != results[1][1]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("kind", [ByEpoch, ByStep])
def test_another_layer_that_draws_as_many_draws_its_own(kind: Any, compiled: bool) -> None:
    losses, results = [binary_cross_entropy_with_logits], []
    for rate in (0.5, 0.9):
        model = Sequential(Linear(2, 4, rng=0), Dropout(0.5), Linear(4, 1, rng=1))

        def act(model: Any = model, rate: float = rate) -> None:
            model.modules[1] = Dropout(rate)

        results.append(learned(model, losses, act, kind, compiled=compiled, epochs=2))
    assert results[0][kind is ByEpoch] != results[1][kind is ByEpoch]


def test_programs_from_before_a_layer_that_draws_was_taken_out_are_forgotten() -> None:
    results = []
    for compiled in (True, False):
        losses = [binary_cross_entropy_with_logits]
        model = Sequential(Linear(2, 4, rng=0), Dropout(0.5), Linear(4, 1, rng=1))

        def act(record: Record, model: Any = model, losses: Any = losses) -> None:
            if record.epoch == 1:
                model.modules.pop(1)
            elif record.epoch == 2:
                model.modules.insert(1, Dropout(0.5))
                losses[0] = logistic

        results.append(
            learned(model, losses, None, lambda _, act=act: act, epochs=4, compiled=compiled)
        )
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_model_may_return_more_outputs(compiled: bool) -> None:
    model = Sequential(Linear(2, 2, rng=0))

    def act() -> None:
        model.modules.append(lambda outputs: [*outputs, Value(0.0)])

    result = learned(model, [cross_entropy], act, ByEpoch, compiled=compiled)
    assert np.isfinite(result).all()


def refuse() -> None:
    raise ValueError("refused")


def test_a_refused_training_leaves_what_outputs_are() -> None:
    model = MLP(2, [3, 2], rng=0)
    given: dict[str, Any] = {"optimizer": SGD(model.parameters(), 0.1), "epochs": 1}
    fit(model, BATCH, LABELS, loss=cross_entropy, **given)
    assert model._outputs_are == "class logits"
    targets = np.ones((40, 2))
    with pytest.raises(ValueError, match="refused"):
        fit(model, BATCH, targets, loss=half_squared_error, callbacks=[ByStart(refuse)], **given)
    assert model._outputs_are == "class logits"
    fit(model, BATCH, targets, loss=half_squared_error, **given)
    assert model._outputs_are == "numbers"


def test_what_outputs_are_follows_the_loss() -> None:
    model, losses = MLP(2, [3, 1], rng=0), [half_squared_error, binary_cross_entropy_with_logits]
    learned(model, losses, losses.reverse, ByEpoch)
    assert model._outputs_are == "logits"
