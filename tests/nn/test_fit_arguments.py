"""What `fit` refuses before the first step: with what was given, and what to write."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import TraceError, Value
from nn import (
    MLP,
    SGD,
    Callback,
    EarlyStopping,
    Module,
    cross_entropy,
    evaluate,
    fit,
    half_squared_error,
    parameters_to_vector,
)
from nn._other_libraries import FIT_ARGUMENTS

X = np.random.default_rng(0).normal(size=(20, 2))
CLASSES = (X[:, 0] > 0).astype(int)


untyped: Any = fit


def classifier() -> MLP:
    return MLP(2, [4, 2], rng=0)


class Torch:
    """Stands for an optimizer of another library."""

    def step(self) -> None: ...


class Bare(Module):
    def __init__(self) -> None:
        self.w = Value(1.0)


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "counts": ({"y": CLASSES[:-1]}, ValueError, "20 examples but y 19"),
    "empty": ({"X": [], "y": []}, ValueError, "at least one example"),
    "y None": ({"y": None}, TypeError, "y must be"),
    "NaN": ({"X": np.full((20, 2), np.nan)}, ValueError, r"X\[0, 0\] is nan"),
    "epochs 0": ({"epochs": 0}, ValueError, "epochs must be at least 1"),
    "epochs float": ({"epochs": 2.0}, TypeError, "epochs must be an int"),
    "batch 0": ({"batch_size": 0}, ValueError, "batch_size"),
    "batch bool": ({"batch_size": True}, TypeError, "batch_size"),
    "rng": ({"rng": "0"}, TypeError, "rng"),
    "loss text": ({"loss": "hinge"}, TypeError, "got 'hinge' .*write loss=nn.hinge"),
    "loss short": ({"loss": "ce"}, TypeError, "write loss=nn.cross_entropy"),
    "loss class": ({"loss": Torch}, TypeError, "the class Torch: write loss=nn.cross_entropy"),
    "loss None": ({"loss": None}, TypeError, "loss must be callable"),
    "loss float": ({"loss": lambda outputs, target: 1.0}, TypeError, "must return a Value"),
    "model text": ({"model": "mlp"}, TypeError, "model must be callable, got 'mlp'"),
    "model class": ({"model": MLP}, TypeError, r"class MLP: write model=MLP\(...\)"),
    "model None": ({"model": lambda x: None}, TypeError, "`return` may be missing"),
    "model dict": ({"model": lambda x: {}}, TypeError, "must return a Value or a list"),
    "model data": (
        {"model": lambda x: [0.5, 0.5]}, ValueError, "none of the optimizer's parameters",
    ),
    "validation": ({"validation": X}, TypeError, r"pair \(X, y\)"),
    "validation of three": (
        {"validation": (X, CLASSES, CLASSES)}, TypeError, r"pair \(X, y\), got tuple of 3",
    ),
    "schedule": (
        {"callbacks": [nn.CosineSchedule(0.1, length=3)]}, TypeError,
        r"CosineSchedule is a function.*callbacks=\[nn.LearningRateSchedule\(schedule\)\]",
    ),
    "one dimension": (
        {"X": X[:, 0]}, TypeError, r"X has one dimension and needs two.*write X\[:, None\]",
    ),
    "validation counts": (
        {"validation": (X, CLASSES[:3])}, ValueError,
        "validation X holds 20 examples but validation y 3",
    ),
    "validation class": (
        {"validation": (X, CLASSES + 1)}, ValueError, r"validation y\[\d+\] is 2: .*0\.\.1",
    ),
    "optimizer rate": ({"optimizer": 0.1}, TypeError, "got 0.1 .*write optimizer=nn.SGD"),
    "optimizer text": ({"optimizer": "adam"}, TypeError, "'adam'.*write optimizer=nn.SGD"),
    "optimizer class": ({"optimizer": nn.Adam}, TypeError, "the class Adam: write"),
    "optimizer of others": ({"optimizer": Torch()}, TypeError, "write optimizer=nn.SGD"),
    "other model": (
        {"optimizer": SGD(classifier().parameters(), learning_rate=0.1)}, ValueError, "none of the",
    ),
    "input length": ({"X": np.zeros((20, 3))}, ValueError, "takes 2 inputs, got 3"),
    "metrics text": ({"metrics": "accuracy"}, TypeError, r"write metrics=\[nn.accuracy\]"),
    "metrics function": ({"metrics": nn.accuracy}, TypeError, r"write metrics=\[nn.accuracy\]"),
    "metric text": ({"metrics": ["accuracy"]}, TypeError, "a metric must be a function"),
    "metric twice": ({"metrics": [nn.accuracy] * 2}, ValueError, "another curve 'accuracy'"),
    "callbacks": ({"callbacks": print}, TypeError, r"write callbacks=\[...\]"),
    "callback": ({"callbacks": [1]}, TypeError, "a callback must be a function of a record"),
    "callback class": ({"callbacks": [EarlyStopping]}, TypeError, "the class EarlyStopping"),
}  # fmt: skip


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_leave_the_model_as_it_was(case: str, compiled: bool) -> None:
    changes, error, message = BAD[case]
    model = classifier()
    before = parameters_to_vector(model).tolist()
    arguments: dict[str, Any] = {
        "model": model,
        "X": X,
        "y": CLASSES,
        "loss": cross_entropy,
        "optimizer": SGD(model.parameters(), learning_rate=0.5),
        "epochs": 3,
        "compiled": compiled,
    }
    with pytest.raises(error, match=message):
        fit(**arguments | changes)
    assert parameters_to_vector(model).tolist() == before


def test_a_model_without_call_is_refused() -> None:
    model = Bare()
    with pytest.raises((TypeError, NotImplementedError), match="__call__"):
        fit(model, X, CLASSES, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1), epochs=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lr", "belongs to the optimizer"),
        ("gradient", "compiles model and loss by itself"),
        ("validation_data", r"write validation=\(X, y\)"),
        ("verbose", "write progress=True"),
        ("batchsize", "write batch_size="),
        ("batch_sise", "did you mean batch_size"),
        ("random_state", "write rng=0"),
        ("patience", "EarlyStopping"),
        ("class_weight", "ad.take"),
        ("sample_weight", r"np.column_stack\(\[y, sample_weight\]\)"),
        ("nothing_like_it", "there are model, X, y, loss, optimizer"),
    ],
)
def test_unknown_keywords_say_what_to_write(name: str, message: str) -> None:
    # Python would complain of the loss that is missing first
    with pytest.raises(TypeError, match=f"fit takes no argument '{name}'.*{message}"):
        untyped(classifier(), X, CLASSES, **{name: 1})


@pytest.mark.parametrize("function", [fit, nn.evaluate])
def test_a_loss_goes_by_name(function: Any) -> None:
    message = rf"{function.__name__} takes .*by position and got 4 arguments: write loss=\.\.\.$"
    with pytest.raises(TypeError, match=message):
        function(classifier(), X, CLASSES, cross_entropy)
    with pytest.raises(TypeError, match="needs y: write"):
        function(classifier(), X, loss=cross_entropy)


def test_no_hint_hides_an_argument() -> None:
    assert not set(inspect.signature(fit).parameters) & set(FIT_ARGUMENTS)


class Stepping(SGD):
    """Moves parameters in a way that `fit` would not see."""

    def step(self) -> None:
        super().step()


class Updating(SGD):
    def update(self, theta: Any, gradient: Any) -> Any:
        return super().update(theta, gradient)


@pytest.mark.parametrize(("kind", "name"), [(Stepping, "step"), (Updating, "update")])
def test_an_optimizer_that_fit_would_bypass_is_refused(kind: Any, name: str) -> None:
    model = classifier()
    with pytest.raises(TypeError, match=rf"{kind.__name__} has a method {name} .*rule\(self"):
        fit(
            model, X, CLASSES, loss=cross_entropy, optimizer=kind(model.parameters(), 0.1), epochs=1
        )


@pytest.mark.parametrize(("name", "flag"), [("shuffle", "no"), ("compiled", 1), ("progress", "no")])
def test_flags_are_true_or_false(name: str, flag: Any) -> None:
    model = classifier()
    with pytest.raises(TypeError, match=f"{name} must be True or False, got {flag!r}"):
        untyped(
            model, X, CLASSES, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1),
            epochs=1, **{name: flag},
        )  # fmt: skip


def test_flags_of_callbacks_are_true_or_false() -> None:
    makers: list[Any] = [EarlyStopping, nn.Checkpoint]
    with pytest.raises(TypeError, match="restore_best must be True or False"):
        makers[0](3, restore_best="no")
    with pytest.raises(TypeError, match="resume must be True or False"):
        makers[1]("run.npz", resume="no")


def test_parameters_of_another_model_are_named() -> None:
    model, other = classifier(), MLP(1, [1], rng=0)
    both = SGD([*model.parameters(), *other.parameters()], 0.1, weight_decay=0.1)
    before = parameters_to_vector(other).tolist()
    with pytest.raises(ValueError, match=r"2 of the optimizer's parameters .*'layers\.0"):
        fit(model, X, CLASSES, loss=cross_entropy, optimizer=both, epochs=1)
    assert parameters_to_vector(other).tolist() == before
    scale = Value(1.0, label="scale")  # a parameter of the loss is none of the model's, but used
    fit(
        model, X, CLASSES, loss=lambda o, t: cross_entropy([scale * x for x in o], t), epochs=1,
        optimizer=SGD([*model.parameters(), scale], 0.1),
    )  # fmt: skip
    assert scale.data != 1.0


def test_a_parameter_that_few_examples_reach_is_looked_for() -> None:
    first, second = Value(0.5), Value(0.75)
    fit(
        lambda x: ad.take([first, second], x[0]), [[0], [0], [1]], [1.0, 1.0, 2.0], epochs=1,
        loss=nn.half_squared_error, optimizer=SGD([second], 0.1),
    )  # fmt: skip
    assert first.data == 0.5
    assert second.data == pytest.approx(0.75 + 0.1 * 1.25 / 3, rel=1e-12)


def test_metrics_that_cannot_be_computed_are_refused_before_the_first_step() -> None:
    steps = []

    class Watch(nn.Callback):
        def step(self, training: Any) -> None:
            steps.append(training.step)

    model = MLP(2, [1], rng=0)
    with pytest.raises(ValueError, match="give threshold=0"):
        fit(
            model, X, CLASSES, loss=lambda o, t: (o[0] - t) ** 2, metrics=[nn.accuracy], epochs=1,
            optimizer=SGD(model.parameters(), 0.1), callbacks=[Watch()],
        )  # fmt: skip
    assert steps == []


def test_accuracy_of_probabilities_under_a_loss_of_numbers() -> None:
    model = MLP(2, [4, 1], output_activation="sigmoid", rng=0)
    arguments: Any = {"loss": nn.half_squared_error, "optimizer": SGD(model.parameters(), 0.1)}
    remedy = r"metrics=\[functools.partial\(nn.accuracy, threshold=0.5\)\]"
    with pytest.raises(ValueError, match=remedy):
        fit(model, X, CLASSES, epochs=1, metrics=[nn.accuracy], **arguments)
    metrics = [functools.partial(nn.accuracy, threshold=0.5)]
    assert "accuracy" in fit(model, X, CLASSES, epochs=1, metrics=metrics, **arguments)


def test_a_metric_is_not_called_as_the_curves_of_validation_are() -> None:
    def validation_loss(outputs: Any, targets: Any) -> float:
        return 0.0

    model = classifier()
    with pytest.raises(ValueError, match=r"'validation_loss' .*another __name__"):
        fit(
            model, X, CLASSES, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1),
            epochs=1, metrics=[validation_loss],
        )  # fmt: skip


def test_what_cannot_be_compiled_may_be_trained_without() -> None:
    def largest(outputs: Any, target: Any) -> Value:
        return cross_entropy(outputs, target) * (1.0 if outputs[0].data > 0 else 2.0)

    model = classifier()
    arguments: dict[str, Any] = {
        "loss": largest, "optimizer": SGD(model.parameters(), 0.1), "epochs": 1, "metrics": None,
    }  # fmt: skip
    with pytest.raises(TraceError, match=r"data of a traced.*pass compiled=False"):
        fit(model, X, CLASSES, **arguments)
    assert fit(model, X, CLASSES, compiled=False, **arguments).epochs == 1
    with pytest.raises(TraceError, match="pass compiled=False"):
        nn.evaluate(model, X, CLASSES, loss=largest)


def test_an_error_of_a_model_of_numbers_is_its_own() -> None:
    def model(x: float) -> Any:
        return [Value(x) + None]  # type: ignore[operator]

    with pytest.raises(TypeError, match=r"unsupported operand[^:]*: 'Value' and 'NoneType'$"):
        untyped(model, X[:, 0], CLASSES, loss=cross_entropy, epochs=1,
                optimizer=SGD([Value(1.0)], 0.1))  # fmt: skip


class Tokens(Module):
    """Logits of two tokens."""

    def __init__(self) -> None:
        self.embedding, self.out = nn.Embedding(5, 2, rng=0), nn.Linear(4, 2, rng=0)

    def __call__(self, tokens: Any) -> Any:
        return self.out(nn.flatten([self.embedding(token) for token in tokens]))


def test_tokens_out_of_range_and_tokens_that_are_floats() -> None:
    model, y = Tokens(), [0, 1]
    wrong, floats = np.array([[0, 1], [2, 7]]), np.array([[0.0, 1.0], [2.0, 3.0]])
    optimizer = SGD(model.parameters(), 0.1)
    arguments: dict[str, Any] = {"loss": cross_entropy, "optimizer": optimizer, "epochs": 1}
    picks = r"^X picks one of 5: expected integers from 0 to 4, got 0 to 7$"
    with pytest.raises(IndexError, match=picks):
        fit(model, wrong, y, **arguments)
    with pytest.raises(IndexError, match=picks):
        model.predict(wrong)
    with pytest.raises(IndexError, match=picks):
        model.embedding.predict([0, 7])
    with pytest.raises(TypeError, match=r"integer as index.*write X.astype\(int\) or y.astype"):
        fit(model, floats, y, **arguments)
    with pytest.raises(TypeError, match=r"integer as index.*write X.astype\(int\)$"):
        model.predict(floats)


def test_what_is_advised_for_weights_of_examples_does_weight_them() -> None:
    weights = np.random.default_rng(0).uniform(size=len(X))
    y = CLASSES.astype(float)
    models = [MLP(2, [3, 1], rng=0) for _ in range(2)]
    for model, targets, loss in (
        (models[0], np.column_stack([y, weights]), lambda o, t: t[1] * half_squared_error(o, t[0])),
        (models[1], np.column_stack([weights**0.5 * y, weights**0.5]), _scaled),
    ):
        optimizer = SGD(model.parameters(), learning_rate=0.1)
        fit(model, X, targets, loss=loss, optimizer=optimizer, epochs=3, rng=0)
    first, second = map(parameters_to_vector, models)
    np.testing.assert_allclose(first, second, rtol=1e-12)
    one_hot = np.column_stack([np.eye(2)[CLASSES], weights])
    numbers = evaluate(classifier(), X, one_hot, loss=lambda o, t: t[-1] * cross_entropy(o, t[:-1]))
    each = [cross_entropy(classifier()(x), t).data for x, t in zip(X, CLASSES, strict=True)]
    assert numbers["loss"] == pytest.approx(np.mean(weights * each), rel=1e-12)


def _scaled(outputs: Any, target: Any) -> Value:
    """The same loss: half the square of root w times the difference."""
    return half_squared_error([target[1] * outputs[0]], [target[0]])


def test_a_metric_cannot_change_the_users_examples() -> None:
    def spoils_targets(outputs: Any, targets: Any) -> float:
        targets[:] = 0
        return 0.0

    def spoils_outputs(outputs: Any, targets: Any) -> float:
        outputs[:] = 0
        return 0.0

    y = CLASSES.copy()
    for metric in (spoils_targets, spoils_outputs):
        model = classifier()
        optimizer = SGD(model.parameters(), 0.1)
        for train in (
            lambda m=model, o=optimizer, f=metric: fit(
                m, X, y, loss=cross_entropy, optimizer=o, epochs=1, metrics=[f]
            ),
            lambda m=model, f=metric: evaluate(m, X, y, loss=cross_entropy, metrics=[f]),
        ):
            with pytest.raises(ValueError, match="read-only"):
                train()
        assert y.tolist() == CLASSES.tolist()


@pytest.mark.parametrize("name", ["epochs", "stopped", "append", "keys"])
def test_no_curve_hides_behind_what_a_history_has(name: str) -> None:
    def metric(outputs: Any, targets: Any) -> float:
        return 0.0

    metric.__name__ = name
    with pytest.raises(ValueError, match=rf"history\.{name} is something else .* another __name__"):
        evaluate(classifier(), X, CLASSES, loss=cross_entropy, metrics=[metric])


def test_only_what_fit_compiles_can_go_uncompiled() -> None:
    def compiles(record: Any) -> None:
        ad.compile(lambda x: x if x.data > 0 else -x, [])(None, [1.0])

    model = classifier()
    arguments: dict[str, Any] = {"optimizer": SGD(model.parameters(), 0.1), "epochs": 1}
    with pytest.raises(ad.TraceError) as caught:
        fit(model, X, CLASSES, loss=cross_entropy, callbacks=[compiles], **arguments)
    assert "compiled=False" not in str(caught.value)

    def looks(outputs: Any, target: Any) -> Any:
        return outputs[0] if outputs[0].data > 0 else -outputs[0]

    for train in (
        lambda: fit(model, X, CLASSES, loss=looks, **arguments),
        lambda: evaluate(model, X, CLASSES, loss=looks),
    ):
        with pytest.raises(ad.TraceError) as caught:
            train()
        assert str(caught.value).count("pass compiled=False") == 1


def test_what_a_callback_makes_untraceable_is_told_so() -> None:
    looking: list[bool] = []

    def loss(outputs: Any, target: Any) -> Any:
        return outputs[0] if looking and outputs[0].data > 0 else -outputs[0]

    model = classifier()
    optimizer = SGD(model.parameters(), 0.01)
    with pytest.raises(ad.TraceError, match="pass compiled=False"):
        fit(
            model, X, CLASSES, loss=loss, optimizer=optimizer, epochs=2,
            callbacks=[lambda record: looking.append(True)],
        )  # fmt: skip


def test_numpy_warns_in_callbacks_as_it_does_elsewhere() -> None:
    class Dividing(Callback):
        def step(self, training: Any) -> None:
            with pytest.warns(RuntimeWarning, match="divide by zero"):
                np.ones(1) / np.zeros(1)

        def __call__(self, record: Any) -> None:
            self.step(None)

    model = classifier()
    optimizer = SGD(model.parameters(), 0.01)
    history = fit(
        model, X, CLASSES, loss=cross_entropy, optimizer=optimizer, epochs=2, callbacks=[Dividing()]
    )
    assert history.epochs == 2
