"""Estimators of scikit-learn that train an `MLP`; imported on demand, by name.

The arguments that `sklearn.neural_network` has, too, mean the same here. What it has beyond them is
not here: other solvers ("lbfgs") and their settings, schedules of the learning rate, `warm_start`,
`partial_fit`, sample weights and sparse inputs. For these, train an `MLP` with `fit`.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd_mini import Value

from ._calls import Aliases, KeywordsChecked, call_checked, did_you_mean
from ._checks import (
    finite_number,
    not_negative,
    positive_int,
    share,
    true_or_false,
)
from ._other_libraries import ESTIMATOR_ARGUMENTS, ESTIMATOR_FIT_ARGUMENTS
from .layers.activations import Activation, named_activation
from .layers.neuron import MLP
from .losses.classification import binary_cross_entropy_with_logits, cross_entropy
from .losses.metrics import r_squared
from .losses.penalties import l2_penalty
from .losses.regression import half_squared_error
from .models.parameters import parameters_to_vector, vector_to_parameters
from .optimizers.optimizer import Optimizer
from .optimizers.update_rules import SGD, Adam
from .training.callbacks import Callback, Record, Training
from .training.fitting import fit

try:
    from scipy.special import log_expit, log_softmax
    from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_is_fitted, column_or_1d
except ImportError as error:
    raise ImportError(
        "nn.sklearn needs scikit-learn: pip install 'autograd-mini[sklearn]'"
    ) from error

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # scikit-learn 1.5 has it as a method

    def validate_data(estimator: Any, *data: Any, **options: Any) -> Any:
        """Check data, and that they fit those that the estimator has seen."""
        return estimator._validate_data(*data, **options)


__all__ = ["MLPClassifier", "MLPRegressor"]

_Array = NDArray[Any]
_Loss = Callable[[Any, Any], Value]
_E = TypeVar("_E", bound="_MLPEstimator")

_SOLVERS = ("adam", "sgd")
_LARGEST_BATCH = 200  # of batch_size="auto", as in scikit-learn
_SEEDS = 2**31 - 1


class _Stopping(Callback):
    """Scikit-learn's rule: stop when more than so many epochs in a row were no better by `tol`.

    Better than the best epoch before, which smaller improvements move, too.
    """

    changes_model = False

    def __init__(self, curve: str, tol: float, n_iter_no_change: int, *, keep_best: bool) -> None:
        self._curve, self._sign = curve, -1.0 if curve == "loss" else 1.0
        self._tol, self._patience, self._keep_best = tol, n_iter_no_change, keep_best
        self._best, self._waited = -math.inf, 0
        self._parameters: NDArray[np.float64] | None = None

    def __call__(self, record: Record) -> None:
        """Compare this epoch with the best one."""
        number = self._sign * record[self._curve]
        self._waited = 0 if number >= self._best + self._tol else self._waited + 1
        if number > self._best:
            self._best = number
            if self._keep_best:
                self._parameters = parameters_to_vector(record.optimizer.parameters)
        if self._waited > self._patience:
            record.stop("converged")

    def end(self, training: Training) -> None:
        """Go back to the best parameters."""
        if self._parameters is not None:
            vector_to_parameters(self._parameters, training.optimizer.parameters)


class _Task(NamedTuple):
    """What there is to learn: checked data, and how well outputs fit them."""

    X: _Array
    y: _Array
    loss: _Loss
    score: str
    stratify: _Array | None = None


class _MLPEstimator(KeywordsChecked, BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share: arguments, training, and a look at the weights."""

    _ALIASES: ClassVar[Aliases] = ESTIMATOR_ARGUMENTS

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: Activation = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    @property
    def coefs_(self) -> list[NDArray[np.float64]]:
        """The weights of each layer, arrays (inputs, outputs)."""
        return [layer.as_arrays()[0].T for layer in self.model_.layers]

    @property
    def intercepts_(self) -> list[NDArray[np.float64]]:
        """The biases of each layer."""
        return [layer.as_arrays()[1] for layer in self.model_.layers]

    def set_params(self: _E, **params: Any) -> _E:
        """Set arguments by their names.

        Parameters
        ----------
        **params
            As of the constructor; they count from the next `fit` on.

        Returns
        -------
        MLPClassifier or MLPRegressor
            The estimator itself.

        Raises
        ------
        ValueError
            An unknown name.

        Examples
        --------
        >>> MLPClassifier().set_params(alpha=0.1)
        MLPClassifier(alpha=0.1)
        >>> MLPClassifier().set_params(lr=0.1)
        Traceback (most recent call last):
        ValueError: MLPClassifier has no parameter 'lr'; did you mean learning_rate_init?
        """
        known = self.get_params(deep=False)
        for name in params:
            if name not in known:
                end = did_you_mean(name, known, self._ALIASES)
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}{end}")
        super().set_params(**params)
        return self

    def _task(self, X: ArrayLike, y: ArrayLike) -> _Task:
        """Check the data, and keep what they tell of features and targets."""
        raise NotImplementedError

    def _fit(self: _E, X: ArrayLike, y: ArrayLike) -> _E:
        """Train a copy, whose attributes come over at once: where it fails, none has changed."""
        self._check_arguments()
        trained = copy.copy(self)
        stopped = trained._train(trained._task(X, y))
        self.__dict__ = trained.__dict__
        self._warn(stopped)
        return self

    def _check_arguments(self) -> None:
        """Refuse what no argument may be, also where the others make no use of it."""
        _sizes(self.hidden_layer_sizes)
        named_activation(self.activation)
        if self.solver not in _SOLVERS:
            end = did_you_mean(str(self.solver), _SOLVERS)
            raise ValueError(f"unknown solver {self.solver!r}{end}")
        for name in ("alpha", "learning_rate_init", "tol"):
            not_negative(getattr(self, name), name)
        for name in ("max_iter", "n_iter_no_change"):
            positive_int(getattr(self, name), name)
        for name in ("shuffle", "nesterovs_momentum", "early_stopping"):
            true_or_false(getattr(self, name), name)
        self._batch_size(1)
        check_random_state(self.random_state)
        _is_loud(self.verbose)
        share(self.momentum, "momentum")
        if not 0.0 < finite_number(self.validation_fraction, "validation_fraction") < 1.0:
            raise ValueError(
                f"validation_fraction must lie between 0 and 1, got {self.validation_fraction}"
            )

    def _train(self, task: _Task) -> str | None:
        """Train a new model; return what stopped it."""
        X, y, loss, score, _ = task
        random_state = check_random_state(self.random_state)
        generator = np.random.default_rng(random_state.randint(_SEEDS))
        sizes = [*_sizes(self.hidden_layer_sizes), self.n_outputs_]
        model = MLP(X.shape[1], sizes, activation=self.activation, rng=generator)
        validation: tuple[_Array, _Array] | None = None
        if self.early_stopping:
            X, y, validation = self._split(task, random_state)
        batch_size = self._batch_size(len(X))
        curve = f"validation_{score}" if self.early_stopping else "loss"
        history = fit(
            model, X, y,
            loss=_penalized(loss, model, self.alpha / batch_size),
            optimizer=self._optimizer(model),
            epochs=self.max_iter,
            batch_size=batch_size,
            validation=validation,
            metrics=_METRICS[score] if self.early_stopping else None,
            callbacks=[self._stopping(curve)],
            shuffle=self.shuffle,
            rng=generator,
            progress=_is_loud(self.verbose),
        )  # fmt: skip
        if not history.epochs:
            raise KeyboardInterrupt  # of which there is nothing to keep yet
        self.model_ = model
        self.loss_curve_ = list(history.loss)
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = history.epochs
        self.validation_scores_ = list(history[curve]) if self.early_stopping else None
        return history.stopped

    def _split(
        self, task: _Task, random_state: np.random.RandomState
    ) -> tuple[_Array, _Array, tuple[_Array, _Array]]:
        """Examples to train on, and those that are held out."""
        trained_X, held_out_X, trained_y, held_out_y = train_test_split(
            task.X, task.y,
            test_size=float(self.validation_fraction),
            stratify=task.stratify, random_state=random_state,
        )  # fmt: skip
        return trained_X, trained_y, (held_out_X, held_out_y)

    def _stopping(self, curve: str) -> _Stopping:
        return _Stopping(
            curve, self.tol, self.n_iter_no_change, keep_best=bool(self.early_stopping)
        )

    def _optimizer(self, model: MLP) -> Optimizer:
        parameters, rate = model.parameters(), self.learning_rate_init
        if self.solver == "adam":
            return Adam(parameters, rate)
        nesterov = bool(self.nesterovs_momentum and self.momentum)
        return SGD(parameters, rate, momentum=self.momentum, nesterov=nesterov)

    def _batch_size(self, n_examples: int) -> int:
        if isinstance(self.batch_size, str):
            if self.batch_size != "auto":
                raise ValueError(f'batch_size must be an int or "auto", got {self.batch_size!r}')
            return min(_LARGEST_BATCH, n_examples)
        return min(positive_int(self.batch_size, "batch_size"), n_examples)

    def _warn(self, stopped: str | None) -> None:
        """Tell of a training that did not stop by itself."""
        if stopped is None:
            warnings.warn(
                f"training has not converged after max_iter={self.max_iter} epochs: raise "
                "max_iter, or learning_rate_init, or tol, from which on progress counts",
                ConvergenceWarning,
                stacklevel=5,
            )
        elif stopped == "interrupted":
            warnings.warn(f"training was interrupted in epoch {self.n_iter_ + 1}", stacklevel=5)

    def _outputs(self, X: ArrayLike) -> NDArray[np.float64]:
        """The model's outputs, (N, k)."""
        check_is_fitted(self, "model_")
        outputs: NDArray[np.float64] = self.model_.predict(
            validate_data(self, X, dtype=np.float64, reset=False)
        )
        return outputs


class MLPClassifier(ClassifierMixin, _MLPEstimator):  # type: ignore[misc]
    """A multilayer perceptron as a classifier of scikit-learn.

    Two classes have one logit and `binary_cross_entropy_with_logits`, more have a logit each and
    `cross_entropy`. Several labels an example, given as columns of 0 and 1, have a logit and a
    `binary_cross_entropy_with_logits` each.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The number of neurons of each hidden layer; ``()`` for none.
    activation : str or callable
        Of the hidden layers: a name in `ACTIVATIONS`, such as "relu", "tanh", "sigmoid" (which
        scikit-learn calls "logistic"), or a function of one Value.
    solver : "adam" or "sgd"
        The optimizer.
    alpha : float
        Strength of the penalty on the weights, alpha / 2 * the sum of their squares divided by
        the size of a minibatch; biases go free.
    batch_size : int or "auto"
        Examples of a minibatch, not more than there are; "auto" is at most 200.
    learning_rate_init : float
        The learning rate, which stays as it is.
    max_iter : int
        The most epochs; a ConvergenceWarning says that they were not enough.
    shuffle : bool
        Whether each epoch has a new random order.
    random_state : int, RandomState or None
        Determines initial weights, order and the validation examples. None: NumPy's global state.
    tol, n_iter_no_change : float, int
        Training stops when for more than `n_iter_no_change` epochs in a row the loss (with
        `early_stopping` the score) was not better than the best before by at least `tol`.
    verbose : bool
        Whether to show the progress on stderr.
    momentum, nesterovs_momentum : float, bool
        Of "sgd": the share of the velocity that each step keeps, and whether it is Nesterov's.
    early_stopping : bool
        Hold out a `validation_fraction` of the examples, as many of each class in a hundred, stop
        by their accuracy, and return to the weights for which it was best.
    validation_fraction : float
        The share of the examples that is held out, between 0 and 1.

    Attributes
    ----------
    model_ : MLP
        The trained model: to look inside, to draw, or to save (`model_.save`).
    classes_ : ndarray of shape (n_classes,)
        The class labels; of multilabel targets the columns' numbers.
    n_features_in_, feature_names_in_ : int, ndarray
        Of the inputs; the names only where all are text.
    n_outputs_ : int
        The number of logits.
    n_iter_ : int
        How many epochs there were.
    loss_, loss_curve_ : float, list of float
        The mean loss with its penalty, of the last epoch and of each.
    validation_scores_ : list of float or None
        The accuracy on the examples held out, after each epoch; None without `early_stopping`.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, outputs) and biases of each layer.

    Raises
    ------
    TypeError, ValueError
        When fitted: an argument out of range or of the wrong type, data of no use.
    DivergenceError
        When fitted: a loss or a gradient that is not finite.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((8,), learning_rate_init=0.02, tol=1e-3, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), classifier).fit(X, y)
    >>> pipeline.score(X, y) > 0.95
    True
    >>> classifier.model_
    MLP(
      layers.0: Layer(4, 8, activation='relu')
      layers.1: Layer(8, 3, activation='identity')
    )
    """

    @call_checked({}, ESTIMATOR_FIT_ARGUMENTS)
    def fit(self, X: ArrayLike, y: ArrayLike) -> MLPClassifier:
        """Train a new model; Ctrl-C ends that, and what was learned is kept.

        Where it fails, an estimator that was fitted before stays what it was.

        Parameters
        ----------
        X : array_like of shape (N, n_features)
            The inputs, finite numbers.
        y : array_like of shape (N,) or (N, n_labels)
            The class of each example, of any type; or columns of 0 and 1, several labels each.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        return self._fit(X, y)

    def _task(self, X: ArrayLike, y: ArrayLike) -> _Task:
        inputs, targets = validate_data(self, X, y, dtype=np.float64, multi_output=True)
        targets = targets.toarray() if hasattr(targets, "toarray") else targets
        check_classification_targets(targets)
        self._has_labels = type_of_target(targets) == "multilabel-indicator"
        if self._has_labels:
            self.n_outputs_ = targets.shape[1]
            self.classes_ = np.arange(self.n_outputs_)
            labels = targets.astype(np.float64)
            return _Task(inputs, labels, binary_cross_entropy_with_logits, "accuracy")
        self.classes_, indices = np.unique(column_or_1d(targets, warn=True), return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(
                f"y has one class, {self.classes_[0]!r}, in {len(inputs)} examples: "
                "a classifier needs at least 2"
            )
        self.n_outputs_ = n_classes if n_classes > 2 else 1
        loss = cross_entropy if n_classes > 2 else binary_cross_entropy_with_logits
        return _Task(inputs, indices, loss, "accuracy", stratify=indices)

    def predict(self, X: ArrayLike) -> _Array:
        """Return the class of each example, or the labels as columns of 0 and 1.

        Parameters
        ----------
        X : array_like of shape (N, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (N,) or (N, n_labels)
            In the type of the targets.
        """
        scores = self.decision_function(X)
        if self._has_labels:
            return (scores > 0.0).astype(np.int64)
        chosen = scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0.0).astype(np.int64)
        classes: _Array = self.classes_[chosen]
        return classes

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logits.

        Parameters
        ----------
        X : array_like of shape (N, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (N,) or (N, n_outputs)
            Of two classes the second's, above 0 where it is the more probable one.
        """
        logits = self._outputs(X)
        return logits if self.n_outputs_ > 1 else logits[:, 0]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array_like of shape (N, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (N, n_classes)
            In the order of `classes_`.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of each probability, also where that is below the smallest number.

        Parameters
        ----------
        X : array_like of shape (N, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (N, n_classes)
            In the order of `classes_`.
        """
        # Not the logarithms of what model_.predict_proba returns: tiny ones are 0 there.
        logits = self.decision_function(X)
        if logits.ndim == 1:
            logits = np.column_stack([-logits, logits])
        several = self.n_outputs_ > 1 and not self._has_labels
        logarithms: NDArray[np.float64]
        logarithms = log_softmax(logits, axis=1) if several else log_expit(logits)
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(MultiOutputMixin, RegressorMixin, _MLPEstimator):  # type: ignore[misc]
    """A multilayer perceptron as a regressor of scikit-learn, trained by `half_squared_error`.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate_init, max_iter
        As of `MLPClassifier`.
    shuffle, random_state, tol, verbose, momentum, nesterovs_momentum, n_iter_no_change
        As of `MLPClassifier`.
    early_stopping, validation_fraction
        As of `MLPClassifier`, by the coefficient of determination of the examples held out.

    Attributes
    ----------
    model_ : MLP
        The trained model.
    n_features_in_, feature_names_in_ : int, ndarray
        Of the inputs; the names only where all are text.
    n_outputs_ : int
        The number of targets of an example.
    n_iter_, loss_, loss_curve_, coefs_, intercepts_
        As of `MLPClassifier`.
    validation_scores_ : list of float or None
        The coefficients of determination; None without `early_stopping`.

    Raises
    ------
    TypeError, ValueError, DivergenceError
        As `MLPClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> y = np.sin(3.0 * X[:, 0])
    >>> regressor = MLPRegressor((16,), learning_rate_init=0.02, batch_size=5, random_state=0)
    >>> regressor.fit(X, y).score(X, y) > 0.95
    True
    """

    @call_checked({}, ESTIMATOR_FIT_ARGUMENTS)
    def fit(self, X: ArrayLike, y: ArrayLike) -> MLPRegressor:
        """Train a new model; Ctrl-C ends that, and what was learned is kept.

        Where it fails, an estimator that was fitted before stays what it was.

        Parameters
        ----------
        X : array_like of shape (N, n_features)
            The inputs, finite numbers.
        y : array_like of shape (N,) or (N, n_outputs)
            The targets.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        return self._fit(X, y)

    def _task(self, X: ArrayLike, y: ArrayLike) -> _Task:
        inputs, targets = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True
        )
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = column_or_1d(targets, warn=True)
        self.n_outputs_ = 1 if targets.ndim == 1 else targets.shape[1]
        return _Task(inputs, targets.astype(np.float64), half_squared_error, "r_squared")

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs for each example.

        Parameters
        ----------
        X : array_like of shape (N, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (N,) or (N, n_outputs)
            As the targets.
        """
        outputs = self._outputs(X)
        return outputs if self.n_outputs_ > 1 else outputs[:, 0]


_METRICS: dict[str, tuple[Callable[[Any, Any], float], ...]] = {
    "accuracy": (),  # the one that the loss implies
    "r_squared": (r_squared,),
}


def _sizes(sizes: Any) -> list[int]:
    """The hidden layers' sizes, of which one may stand alone."""
    name = "hidden_layer_sizes"
    if not np.iterable(sizes):
        return [positive_int(sizes, name)]
    return [positive_int(size, f"{name}[{i}]") for i, size in enumerate(sizes)]


def _is_loud(verbose: Any) -> bool:
    """Whether to show the progress; a number is taken as scikit-learn takes it."""
    if isinstance(verbose, (int, np.integer)):
        return bool(verbose > 0)
    return true_or_false(verbose, "verbose")


def _penalized(loss: _Loss, model: MLP, strength: float) -> _Loss:
    """The loss of one example with the penalty on the weights."""
    if strength == 0.0:
        return loss
    weights = [w for layer in model.layers for neuron in layer.neurons for w in neuron.weights]

    def penalized(outputs: Any, target: Any) -> Value:
        return loss(outputs, target) + l2_penalty(weights, strength)

    return penalized
