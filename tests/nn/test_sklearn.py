"""The estimators keep scikit-learn's rules, and mean by its names what it means."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn.model_selection
from scipy.sparse import csr_array
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import nn
from nn import sklearn as estimators
from nn.sklearn import MLPClassifier, MLPRegressor

FAST: dict[str, Any] = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 100}
UNLIMITED: dict[str, Any] = {"tol": 0.0, "n_iter_no_change": 10**6}
unconverged = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # of few epochs, on purpose
)


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any]:
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def regression(n_outputs: int = 1, n: int = 60) -> tuple[Any, Any]:
    X = np.random.default_rng(0).normal(size=(n, 3))
    y = np.stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2], X[:, 2]][:n_outputs], axis=1)
    return X, y[:, 0] if n_outputs == 1 else y


# Of the defaults the same checks take longer: they make more epochs of more neurons.
@unconverged
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [MLPClassifier(**FAST), MLPRegressor(**FAST)]
)
def test_check(estimator: Any, check: Any) -> None:
    check(estimator)


# --- The names mean what they mean in sklearn.neural_network ---


def tasks() -> dict[str, Any]:
    X, classes = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    labels = np.stack([classes == 0, X[:, 1] > 0, X.sum(axis=1) > 0], axis=1).astype(int)
    return {
        "three classes": (MLPClassifier, X, np.array(["a", "b", "c"])[classes]),
        "two classes": (MLPClassifier, X, classes > 0),
        "labels": (MLPClassifier, X, labels),
        "a number": (MLPRegressor, *regression()),
        "numbers": (MLPRegressor, *regression(3)),
    }


def trained_by_peer(estimator: Any, X: Any, y: Any) -> Any:
    """The estimator of scikit-learn of the same arguments, from the same initial weights."""
    few: dict[str, Any] = {"max_iter": 1, "learning_rate_init": 1e-300}
    start = clone(estimator).set_params(**few).fit(X, y)
    peer = getattr(neural_network, type(estimator).__name__)(**estimator.get_params())
    peer.set_params(warm_start=True, **few).fit(X, y)
    peer.coefs_, peer.intercepts_ = start.coefs_, start.intercepts_
    peer.best_loss_ = np.inf  # as if there had been no such epoch
    params = estimator.get_params()
    return peer.set_params(**{name: params[name] for name in few}).fit(X, y)


@unconverged
@pytest.mark.parametrize("task", tasks())
@pytest.mark.parametrize(
    ("arguments", "tolerance"),
    [
        ({"solver": "sgd"}, 1e-12),
        ({"solver": "sgd", "nesterovs_momentum": False, "alpha": 0.5}, 1e-12),
        ({"solver": "sgd", "momentum": 0.0, "activation": "tanh", "batch_size": 30}, 1e-12),
        ({"solver": "sgd", "hidden_layer_sizes": 4, "alpha": 0.0, "batch_size": 15}, 1e-12),
        ({"solver": "sgd", "hidden_layer_sizes": (), "batch_size": 10**6}, 1e-12),
        # Adam's epsilon there is added to a root that has its bias still
        ({"hidden_layer_sizes": [5, 3], "alpha": 0.1, "activation": "tanh"}, 1e-3),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger")
def test_training_is_that_of_scikit_learn(
    task: str, arguments: dict[str, Any], tolerance: float
) -> None:
    kind, X, y = tasks()[task]
    common = {"hidden_layer_sizes": (5,), "learning_rate_init": 0.05, "max_iter": 20}
    ours = kind(shuffle=False, random_state=0, **UNLIMITED, **{**common, **arguments}).fit(X, y)
    peer = trained_by_peer(ours, X, y)
    for own, other in zip(
        ours.coefs_ + ours.intercepts_, peer.coefs_ + peer.intercepts_, strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours.predict(X[:9]) == y[:9], peer.predict(X[:9]) == y[:9])
    if task != "numbers":  # of which the peer's loss is the mean, though its gradient is the sum's
        np.testing.assert_allclose(ours.loss_curve_, peer.loss_curve_[1:], rtol=10 * tolerance)
    if kind is MLPClassifier:
        own, other = ours.predict_proba(X), peer.predict_proba(X)
        np.testing.assert_allclose(own, other, rtol=10 * tolerance, atol=10 * tolerance)


def test_the_defaults_are_those_of_scikit_learn() -> None:
    for kind in (MLPClassifier, MLPRegressor):
        theirs = getattr(neural_network, kind.__name__)().get_params()
        ours = kind().get_params()
        assert ours == {name: theirs[name] for name in ours}


# --- Classes, labels and numbers ---


@pytest.mark.parametrize("names", [["no", "yes"], [False, True], [7, 3], [-1.0, 1.0]])
def test_two_classes_of_any_type(names: list[Any]) -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), np.array(names)[y]
    classifier = MLPClassifier(**FAST, tol=1e-2, random_state=0).fit(X, y)
    assert classifier.score(X, y) > 0.97
    assert classifier.classes_.tolist() == sorted(names)
    assert classifier.n_outputs_ == 1
    scores, probabilities = classifier.decision_function(X), classifier.predict_proba(X)
    assert scores.shape == (len(X),)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-12)
    assert (classifier.predict(X) == classifier.classes_[(scores > 0).astype(int)]).all()


@unconverged
def test_several_classes(iris: tuple[Any, Any]) -> None:
    X, y = iris
    classifier = MLPClassifier(**FAST, random_state=0).fit(X, y)
    assert classifier.score(X, y) > 0.95
    assert classifier.decision_function(X).shape == (150, 3)
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities, classifier.model_.predict_proba(X), rtol=1e-12)
    logarithms = classifier.predict_log_proba(X)  # near 1 a logarithm has few digits left: 1 - p
    np.testing.assert_allclose(np.exp(logarithms), probabilities, rtol=1e-12)
    np.testing.assert_allclose(np.log(probabilities), logarithms, rtol=1e-12, atol=1e-15)


@unconverged
@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_labels(kind: Any) -> None:
    X, y = make_multilabel_classification(n_samples=80, n_classes=3, random_state=0)
    classifier = MLPClassifier(**FAST, random_state=0).fit(X, kind(y))
    assert classifier.score(X, y) > 0.95  # all labels of an example right
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert classifier.predict(X).shape == classifier.predict_proba(X).shape == y.shape
    assert ((classifier.predict_proba(X) > 0.5) == classifier.predict(X)).all()


@unconverged
@pytest.mark.parametrize("n_classes", [2, 3])
def test_logarithms_of_tiny_probabilities(n_classes: int) -> None:
    X, y = np.eye(n_classes), np.arange(n_classes)
    classifier = MLPClassifier((), max_iter=1, random_state=0).fit(X, y)
    for neuron, row in zip(classifier.model_.layers[0].neurons, 1000 * np.eye(3), strict=False):
        for weight, number in zip(neuron.weights, row, strict=False):
            weight.data = float(number)
        neuron.bias.data = 0.0
    logarithms = classifier.predict_log_proba(X)
    expected = np.where(np.eye(n_classes) > 0, 0.0, -1000.0)
    if n_classes == 2:  # one logit, of 1000 and 0
        expected = np.array([[-1000.0, 0.0], [-np.log(2), -np.log(2)]])
    np.testing.assert_allclose(logarithms, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_numbers(n_outputs: int) -> None:
    X, y = regression(n_outputs, 200)
    regressor = MLPRegressor(
        (20,), "tanh", learning_rate_init=0.05, batch_size=20, tol=1e-3, random_state=0
    ).fit(X, y)
    assert regressor.score(X, y) > 0.95
    assert regressor.predict(X).shape == y.shape
    assert regressor.n_outputs_ == n_outputs


@unconverged
def test_a_column_of_targets_is_told_of(iris: tuple[Any, Any]) -> None:
    X, y = iris
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.warns(DataConversionWarning, match="column-vector"):
            estimator = kind(max_iter=1).fit(X, y[:, None])
        assert estimator.predict(X).shape == y.shape


# --- Attributes and training ---


@unconverged
def test_what_a_fitted_estimator_tells(iris: tuple[Any, Any]) -> None:
    X, y = iris
    classifier = MLPClassifier((5, 4), activation="sigmoid", max_iter=7).fit(X, y)
    assert isinstance(classifier.model_, nn.MLP)
    assert [layer.activation for layer in classifier.model_.layers] == [
        "sigmoid", "sigmoid", "identity"
    ]  # fmt: skip
    assert [weights.shape for weights in classifier.coefs_] == [(4, 5), (5, 4), (4, 3)]
    assert [biases.shape for biases in classifier.intercepts_] == [(5,), (4,), (3,)]
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 7
    assert classifier.loss_ == classifier.loss_curve_[-1]
    assert classifier.validation_scores_ is None
    assert classifier.n_features_in_ == 4
    hidden = X
    for weights, biases in zip(classifier.coefs_, classifier.intercepts_, strict=True):
        logits = hidden @ weights + biases
        hidden = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(classifier.decision_function(X), logits, rtol=1e-12, atol=1e-13)


@unconverged
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_seed_repeats_a_training(kind: Any, iris: tuple[Any, Any]) -> None:
    X, y = iris

    def weights(seed: Any) -> Any:
        estimator = kind((4,), max_iter=3, early_stopping=True, random_state=seed, batch_size=20)
        return estimator.fit(X, y).coefs_[0].tolist()

    assert weights(1) == weights(1) != weights(2)
    assert weights(np.random.RandomState(1)) == weights(1)
    assert weights(None) != weights(None)


def test_too_few_epochs_are_told_of_where_fit_is_called(iris: tuple[Any, Any]) -> None:
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.warns(ConvergenceWarning, match="after max_iter=3 epochs") as caught:
            kind(max_iter=3).fit(*iris)
        assert [warning.filename for warning in caught] == [__file__]


def test_training_stops_when_the_loss_stays(iris: tuple[Any, Any]) -> None:
    classifier = MLPClassifier((4,), tol=1e3, n_iter_no_change=5, random_state=0).fit(*iris)
    assert classifier.n_iter_ == 1 + 5 + 1


@unconverged
@pytest.mark.parametrize("tol", [1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("task", ["three classes", "two classes", "labels", "a number"])
def test_training_stops_where_that_of_scikit_learn_does(task: str, tol: float) -> None:
    kind, X, y = tasks()[task]
    ours = kind(
        (5,), solver="sgd", learning_rate_init=0.05, batch_size=30, shuffle=False, tol=tol,
        n_iter_no_change=3, max_iter=1000, random_state=0,
    ).fit(X, y)  # fmt: skip
    peer = trained_by_peer(ours, X, y)
    assert ours.n_iter_ == len(peer.loss_curve_) - 1 > 5  # whose first has no step


@pytest.mark.parametrize("task", tasks())
def test_early_stopping_returns_to_the_best_weights(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, X, y = tasks()[task]
    splits: list[Any] = []
    real = sklearn.model_selection.train_test_split

    def recorded(*arrays: Any, **options: Any) -> Any:
        splits.append((real(*arrays, **options), options))
        return splits[-1][0]

    monkeypatch.setattr(estimators, "train_test_split", recorded)
    estimator = kind(
        (8,), learning_rate_init=0.3, early_stopping=True, validation_fraction=0.2,
        n_iter_no_change=4, random_state=0,
    ).fit(X, y)  # fmt: skip
    [((trained_X, held_out_X, _, held_out_y), options)] = splits
    assert len(held_out_X) == len(X) - len(trained_X) == len(X) // 5
    assert (options["stratify"] is not None) == ("classes" in task)
    if "classes" in task:
        held_out_y = estimator.classes_[held_out_y]
    scores = estimator.validation_scores_
    assert len(scores) == estimator.n_iter_ > 4
    assert scores.index(max(scores)) < len(scores) - 1
    assert estimator.score(held_out_X, held_out_y) == pytest.approx(max(scores), rel=1e-12)


def interrupted(self: object, record: nn.Record) -> None:
    if record.epoch == 3:
        raise KeyboardInterrupt


def test_an_interrupted_training_is_kept(
    iris: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(estimators._Stopping, "__call__", interrupted)
    with pytest.warns(UserWarning, match="interrupted in epoch 4"):
        classifier = MLPClassifier((4,)).fit(*iris)
    assert classifier.n_iter_ == 3
    assert classifier.predict(iris[0]).shape == (150,)


def test_a_training_interrupted_at_once_leaves_no_model(
    iris: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(self: object, training: nn.Training) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(estimators._Stopping, "step", at_once)
    classifier = MLPClassifier((4,))
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*iris)
    with pytest.raises(NotFittedError):
        classifier.predict(iris[0])


# --- A refit that fails leaves everything as it was ---

DIVERGING: dict[str, Any] = {"solver": "sgd", "learning_rate_init": 1e300}


def told(estimator: Any, X: Any) -> Any:
    """What a fitted estimator says."""
    attributes = {name for name in vars(estimator) if name.endswith("_") or name[0] == "_"}
    answers = [estimator.predict(X).tolist(), estimator.coefs_[0].tolist()]
    if isinstance(estimator, MLPClassifier):
        answers += [estimator.predict_proba(X).tolist(), estimator.classes_.tolist()]
    return attributes, answers, estimator.n_features_in_, estimator.n_outputs_


@unconverged
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
@pytest.mark.parametrize("why", ["diverges", "bad argument", "interrupted"])
@pytest.mark.parametrize(
    "change", ["other names", "more classes", "labels", "fewer features", "more targets"]
)
def test_a_refit_that_fails_changes_nothing(
    change: str, why: str, iris: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, classes = iris
    kind = MLPRegressor if change == "more targets" else MLPClassifier
    y = regression(1, 150)[1] if kind is MLPRegressor else (classes > 0).astype(int)
    estimator = kind((4,), max_iter=3, random_state=0).fit(X, y)
    before = told(estimator, X)
    other_X = X[:, :2] if change == "fewer features" else X
    other_y: Any = {
        "other names": np.array(["cat", "dog"])[1 - (classes > 0)],
        "more classes": classes,
        "labels": np.stack([classes == 0, X[:, 1] > 0], axis=1).astype(int),
        "more targets": regression(2, 150)[1],
    }.get(change, y)
    error: type[BaseException] = nn.DivergenceError
    if why == "diverges":
        estimator.set_params(**DIVERGING)
    elif why == "bad argument":
        estimator.set_params(solver="lbfgs")
        error = ValueError
    else:
        error = KeyboardInterrupt

        def at_once(self: object, training: nn.Training) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(estimators._Stopping, "step", at_once)
    with pytest.raises(error):
        estimator.fit(other_X, other_y)
    assert told(estimator, X) == before


def test_a_first_fit_that_fails_leaves_an_unfitted_estimator(iris: tuple[Any, Any]) -> None:
    classifier = MLPClassifier((4,), **DIVERGING)
    with pytest.raises(nn.DivergenceError):
        classifier.fit(*iris)
    assert vars(classifier).keys() == classifier.get_params().keys()


def test_arguments_are_checked_before_the_data(iris: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="unknown solver 'newton'"):
        MLPClassifier(solver="newton").fit(iris[0], "no targets")


@unconverged
def test_a_refit_forgets_the_names_of_features(iris: tuple[Any, Any]) -> None:
    classifier = MLPClassifier((2,), max_iter=1).fit(*iris)
    classifier.feature_names_in_ = np.array([*"abcd"], dtype=object)  # as of a table with names
    assert not hasattr(classifier.fit(*iris), "feature_names_in_")


# --- Together with scikit-learn ---


@unconverged
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_predicts_the_same(copied: Any, iris: tuple[Any, Any]) -> None:
    X, y = iris
    classifier = MLPClassifier((4,), "tanh", max_iter=3).fit(X, y)
    before = classifier.predict_proba(X)
    other = copied(classifier)
    assert (other.predict_proba(X) == before).all()
    other.model_.layers[0].neurons[0].bias.data += 1.0
    assert (classifier.predict_proba(X) == before).all()
    assert (other.predict_proba(X) != before).any()


@unconverged
def test_joblib_keeps_an_estimator(tmp_path: Path) -> None:
    X, y = regression(2)
    regressor = MLPRegressor((4,), max_iter=3).fit(X, y)
    joblib.dump(make_pipeline(StandardScaler().fit(X), regressor), tmp_path / "m.joblib")
    loaded = joblib.load(tmp_path / "m.joblib")
    expected = regressor.predict(StandardScaler().fit_transform(X))
    np.testing.assert_array_equal(loaded.predict(X), expected)


@unconverged
def test_a_clone_knows_the_arguments_alone(iris: tuple[Any, Any]) -> None:
    classifier = MLPClassifier((4,), nn.ACTIVATIONS["silu"], alpha=0.3, max_iter=2).fit(*iris)
    other = clone(classifier)
    assert other.get_params() == classifier.get_params()
    with pytest.raises(NotFittedError):
        other.predict(iris[0])
    assert not hasattr(other, "coefs_")


def test_in_a_pipeline_by_cross_validation() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    classifier = MLPClassifier((8,), learning_rate_init=0.02, tol=1e-3, random_state=0)
    scores = cross_val_score(make_pipeline(StandardScaler(), classifier), X, y, cv=3)
    assert scores.mean() > 0.95
    areas = cross_val_score(
        make_pipeline(StandardScaler(), classifier), X, y, cv=3, scoring="roc_auc"
    )
    assert areas.mean() > 0.98


def test_in_a_grid_search(iris: tuple[Any, Any]) -> None:
    pipeline = make_pipeline(
        StandardScaler(), MLPClassifier(learning_rate_init=0.05, tol=1e-2, random_state=0)
    )
    grid = {"mlpclassifier__hidden_layer_sizes": [(), (8,)], "mlpclassifier__alpha": [0.001, 1e3]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(*iris)
    assert search.best_params_["mlpclassifier__alpha"] == 0.001
    assert search.best_score_ > 0.9
    assert search.best_estimator_[-1].model_.n_inputs == 4


def test_a_regressor_in_a_grid_search() -> None:
    X, y = regression(1, 120)
    regressor = MLPRegressor((16,), "tanh", learning_rate_init=0.05, tol=1e-3, random_state=0)
    search = GridSearchCV(regressor, {"alpha": [1e-4, 1e3]}, cv=2).fit(X, y)
    assert search.best_params_ == {"alpha": 1e-4}


# --- What is refused ---


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"solver": "lbfgs"}, ValueError, "unknown solver 'lbfgs'; there are adam, sgd"),
        ({"solver": "Adam"}, ValueError, "unknown solver 'Adam'; did you mean adam?"),
        ({"activation": "rlu"}, ValueError, "unknown activation 'rlu'; did you mean relu?"),
        ({"activation": "logistic"}, ValueError, "did you mean sigmoid?"),
        ({"alpha": -1.0}, ValueError, "alpha must be finite and at least 0, got -1.0"),
        (
            {"hidden_layer_sizes": (4, 0)},
            ValueError,
            "hidden_layer_sizes[1] must be at least 1, got 0",
        ),
        ({"hidden_layer_sizes": 2.5}, TypeError, "hidden_layer_sizes must be an int, got 2.5"),
        ({"batch_size": "all"}, ValueError, "batch_size must be an int or \"auto\", got 'all'"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1, got 0"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be at least 1, got 0"),
        ({"tol": -1.0}, ValueError, "tol must be finite and at least 0, got -1.0"),
        ({"learning_rate_init": "fast"}, TypeError, "learning_rate_init must be a real number"),
        (
            {"early_stopping": True, "validation_fraction": 1},
            ValueError,
            "validation_fraction must lie between 0 and 1, got 1",
        ),
        ({"momentum": 1.0, "solver": "sgd"}, ValueError, "momentum must be"),
        ({"random_state": "x"}, ValueError, "'x' cannot be used to seed"),
        ({"momentum": 2.0}, ValueError, "momentum must be at least 0 and below 1, got 2.0"),
        (
            {"validation_fraction": 7},
            ValueError,
            "validation_fraction must lie between 0 and 1, got 7",
        ),
        ({"early_stopping": "x"}, TypeError, "early_stopping must be True or False, got 'x'"),
        ({"nesterovs_momentum": "no"}, TypeError, "nesterovs_momentum must be True or False"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False, got 1"),
        ({"verbose": "x"}, TypeError, "verbose must be True or False, got 'x'"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_when_fitted(
    arguments: dict[str, Any], error: type[Exception], message: str, iris: tuple[Any, Any]
) -> None:
    for kind in (MLPClassifier, MLPRegressor):
        estimator = kind(**arguments)
        with pytest.raises(error, match=re.escape(message)):
            estimator.fit(*iris)


@unconverged
def test_booleans_of_numpy_are_taken(iris: tuple[Any, Any]) -> None:
    names = ["shuffle", "nesterovs_momentum", "early_stopping", "verbose"]
    for flag in (np.True_, np.False_):
        flags: dict[str, Any] = dict.fromkeys(names, flag)
        MLPClassifier((2,), solver="sgd", max_iter=2, **flags).fit(*iris)


@unconverged
@pytest.mark.parametrize(("verbose", "loud"), [(True, True), (2, True), (0, False)])
def test_verbose_may_be_a_number_as_in_scikit_learn(
    verbose: Any, loud: bool, iris: tuple[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    MLPClassifier((2,), max_iter=2, verbose=verbose).fit(*iris)
    assert ("epoch" in capsys.readouterr().err) == loud


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("learning_rate", "learning_rate_init"), ("epochs", "max_iter"), ("rng", "random_state"),
        ("hidden_layer_size", "hidden_layer_sizes"),
    ],
)  # fmt: skip
def test_unknown_arguments_are_answered(name: str, meant: str) -> None:
    arguments: dict[str, Any] = {name: 1}
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.raises(TypeError, match=f"{name}.*; did you mean {meant}"):
            kind(**arguments)
        with pytest.raises(ValueError, match=f"has no parameter '{name}'; did you mean {meant}"):
            make_pipeline(kind()).set_params(**{f"{kind.__name__.lower()}__{name}": 1})


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_set_params_takes_all_or_none(kind: Any) -> None:
    estimator = kind()
    with pytest.raises(ValueError, match="has no parameter 'lr'; did you mean learning_rate_init"):
        estimator.set_params(alpha=0.5, lr=3)
    assert estimator.alpha == 0.0001
    assert estimator.set_params(alpha=0.5, tol=0.1).get_params()["alpha"] == 0.5


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_weights_of_examples_are_answered(kind: Any, iris: tuple[Any, Any]) -> None:
    message = (
        f"^{kind.__name__}.fit takes no argument 'sample_weight': all examples count alike.*nn.fit"
    )
    with pytest.raises(TypeError, match=message):
        kind().fit(*iris, sample_weight=np.ones(150))
    message = rf"^{kind.__name__}.fit takes X and y by position and got 3 .*: there is no sample_we"
    with pytest.raises(TypeError, match=message):
        kind().fit(*iris, None)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(150), "y has one class, np.float64(0.0), in 150 examples"),
        (np.linspace(0, 1, 150), "Unknown label type"),
        (np.arange(300).reshape(150, 2) % 3, "should be a 1d array"),
    ],
)
def test_targets_of_no_use_are_refused(y: Any, message: str, iris: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        MLPClassifier().fit(iris[0], y)


def test_a_training_that_diverges_says_so() -> None:
    X, y = regression()
    with pytest.raises(nn.DivergenceError):
        MLPRegressor(solver="sgd", learning_rate_init=1e10).fit(1e3 * X, y)


# --- scikit-learn is needed on demand ---


def run(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )


def test_the_package_alone_does_not_import_scikit_learn() -> None:
    process = run(
        "import sys, nn; assert 'sklearn' not in sys.modules; print(nn.sklearn.MLPClassifier())"
    )
    assert (process.stdout, process.stderr) == ("MLPClassifier()\n", "")


@pytest.mark.parametrize("source", ["nn.sklearn", "from nn.sklearn import MLPClassifier"])
def test_without_scikit_learn_the_error_names_the_extra(source: str) -> None:
    process = run(f"import sys, nn; sys.modules['sklearn'] = None; {source}")
    assert process.stderr.endswith(
        "ImportError: nn.sklearn needs scikit-learn: pip install 'autograd-mini[sklearn]'\n"
    )
