"""What a model says of the classes of points, whatever kind of model it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.plots.plot_arguments import LARGEST, array_of, real_array

__all__ = ["OF_MORE_INPUTS", "Asked", "asked"]

_METHODS = ("predict_proba", "decision_function", "predict_classes", "predict")
_SCORES = ("decision_function", "predict")  # what can tell how far a point is from the boundary

OF_MORE_INPUTS = (
    "Of more inputs, hand over two columns X[:, [i, j]] and a function that completes the points "
    "with fixed values of the others"
)
"""How to draw what a plane cannot show."""

_MOST_CLASSES = 100  # more are no classes, but numbers

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """By how much each class leads the others at each point.

    Attributes
    ----------
    leads : ndarray of shape (N, K)
        Probability or score of a class, less the largest of the others; above 0 it is chosen.
    are_probabilities : bool
        Whether the leads are differences of probabilities, from -1 to 1.
    classes : list
        The classes of the columns; those of the points are among them.
    """

    leads: Array
    are_probabilities: bool
    classes: list[Any]


def asked(model: Any, points: Array, targets: Sequence[Any], margin: float | None = None) -> Asked:
    """Ask a model about points.

    Parameters
    ----------
    model : object or callable
        As `plot_decision_boundary` takes it.
    points : ndarray of shape (N, 2)
        Where to ask.
    targets : sequence
        Classes that the model tells apart, all or some of them.
    margin : float, optional
        If given, scores are asked for and not probabilities.

    Returns
    -------
    Asked
        The answer.

    Raises
    ------
    TypeError, ValueError
        A model that cannot be asked, or an answer of another shape.

    Examples
    --------
    >>> answer = asked(lambda points: points[:, 0], np.array([[-1.0, 0.0], [3.0, 0.0]]), [0, 1])
    >>> answer.leads.tolist(), answer.classes
    ([[2.0, -2.0], [-6.0, 6.0]], [0, 1])
    """
    method, question = _question(model, margin)
    found = sorted(set(targets))
    own = _own_classes(model, found)
    answer = _answer(question, points, method, of_one=own is not None and len(own) == 1)
    if answer.ndim == 1 and _are_classes(answer, own or found, method):
        if margin is not None:
            raise TypeError(f"margin needs scores, and {method} of this model returns classes")
        classes = own or _with_others(found, answer, method)
        known = np.array(classes, dtype=object)
        leads = _leads((answer.astype(object)[:, None] == known).astype(np.float64), False)
        return Asked(leads, False, classes)
    scores = real_array(answer, f"the answer of {method}", "real numbers")
    probabilities = method == "predict_proba"
    leads = _leads(np.clip(scores, -LARGEST, LARGEST), probabilities)
    n = leads.shape[1]
    if margin is not None and n != 2:
        raise ValueError(f"margin is of two classes, {method} tells {n} apart")
    if not np.isfinite(leads).any():
        raise ValueError(f"{method} returns no finite number for any point of the plane")
    return Asked(
        leads, probabilities, own if own and len(own) == n else _of_columns(found, n, method)
    )


def _question(model: Any, margin: float | None) -> tuple[str, Any]:
    """What to call, and its name."""
    if isinstance(model, type):
        raise TypeError(f"model is the class {model.__name__}, not an object of it: call it")
    for name in _METHODS if margin is None else _SCORES:
        method = getattr(model, name, None)
        if callable(method):
            return name, method
    if callable(model):
        return "the function", model
    raise TypeError(
        "model must have predict_proba, decision_function, predict_classes or predict, or be a "
        f"function of (N, 2) points; got {type(model).__name__}"
    )


def _own_classes(model: Any, found: list[Any]) -> list[Any] | None:
    """The classes that a model says it knows, as estimators of scikit-learn do."""
    given = getattr(model, "classes_", None)
    if given is None:
        return None
    own: list[Any] = np.asarray(given).tolist()
    if strange := [each for each in found if each not in own]:
        raise ValueError(f"y has the class {strange[0]!r}, the model knows {_listed(own)}")
    return own


def _answer(question: Any, points: Array, method: str, *, of_one: bool) -> NDArray[Any]:
    """What the model says of each point; a single column is one number for each, but of one."""
    try:
        given = question(points)
    except ValueError as error:
        raise ValueError(
            f"{method} refuses points of two inputs: {error}. {OF_MORE_INPUTS}"
        ) from error
    answer = array_of(given, f"the answer of {method}", "of shape (N,) or (N, K)")
    if answer.ndim == 2 and answer.shape[1] == 1 and not of_one:
        answer = answer[:, 0]
    if answer.ndim not in (1, 2) or len(answer) != len(points) or not answer.size:
        raise ValueError(
            f"{method} must return one answer for each of {len(points)} points, (N,) or (N, K); "
            f"got shape {answer.shape}"
        )
    return answer


def _are_classes(answer: NDArray[Any], known: list[Any], method: str) -> bool:
    """Whether a model has answered with classes: what is none of those in y is a score."""
    if method in ("predict_proba", "decision_function") or answer.dtype.kind == "c":
        return False
    return answer.dtype.kind not in "f" or {*np.unique(answer).tolist()} <= {*known}


def _with_others(found: list[Any], answer: NDArray[Any], method: str) -> list[Any]:
    """The classes that there are: those of the points, and others that a model predicts."""
    try:
        others = {*answer.tolist()} - {*found}
        if others and method == "the function":
            raise TypeError
        classes = sorted({*found, *others})
    except TypeError:  # also of what has no order, or no hash
        strange = next(each for each in answer.tolist() if each not in found)
        raise TypeError(
            f"{method} returns {strange!r:.40}, which is no class in y, {_listed(found)}: return "
            "such classes, or scores as floats"
        ) from None
    if len(classes) > _MOST_CLASSES:
        raise ValueError(
            f"{method} returns {len(classes)} classes, at most {_MOST_CLASSES} are drawn"
        )
    return classes


def _of_columns(found: list[Any], n: int, method: str) -> list[Any]:
    """What the columns stand for: the classes found or, if these are some of them, numbers."""
    if len(found) == n:
        return found
    if len(found) > n:
        raise ValueError(
            f"y has {len(found)} classes, {_listed(found)}, but {method} tells {n} apart"
        )
    for usual in [*range(n)], [-1, 1]:
        if {*found} <= {*usual} and len(usual) == n:
            return usual
    raise ValueError(
        f"{method} tells {n} classes apart, and y has only {_listed(found)}: number the classes "
        f"from 0 to {n - 1}, as the columns"
    )


def _listed(classes: list[Any]) -> str:
    return ", ".join(map(str, classes[:8])) + ", ..." * (len(classes) > 8)


def _leads(answer: Array, probabilities: bool) -> Array:
    if answer.ndim == 1:
        rest = 1.0 - answer if probabilities else -answer
        answer = np.column_stack([rest, answer])
    if answer.shape[1] == 1:
        return answer
    columns = range(answer.shape[1])
    return np.column_stack(
        [answer[:, k] - np.delete(answer, k, axis=1).max(axis=1) for k in columns]
    )
