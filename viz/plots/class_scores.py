"""What a model says of the classes of points, whatever kind of model it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["OF_MORE_INPUTS", "Asked", "asked"]

_METHODS = ("predict_proba", "decision_function", "predict_classes", "predict")
_SCORES = ("decision_function", "predict")  # what can tell how far a point is from the boundary

OF_MORE_INPUTS = (
    "Of more inputs, hand over two columns X[:, [i, j]] and a function that completes the points "
    "with fixed values of the others"
)
"""How to draw what a plane cannot show."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """By how much each class leads the others at each point, and the classes if the model told.

    Attributes
    ----------
    leads : ndarray of shape (N, K)
        Probability or score of a class, less the largest of the others; above 0 it is chosen.
    are_probabilities : bool
        Whether the leads are differences of probabilities, from -1 to 1.
    classes : ndarray or None
        The classes of the columns, of a model that says so.
    """

    leads: Array
    are_probabilities: bool
    classes: NDArray[Any] | None

    def names(self, found: NDArray[Any]) -> Sequence[object]:
        """What to call the columns: the model's own classes, those found, or numbers.

        Examples
        --------
        >>> Asked(np.zeros((1, 2)), False, None).names(np.array([-1, 1]))
        [-1, 1]
        """
        if self.classes is not None:
            found = self.classes
        n = self.leads.shape[1]
        names: list[object] = found.tolist() if len(found) == n else [*range(n)]
        return names


def asked(model: Any, points: Array, classes: NDArray[Any], margin: float | None = None) -> Asked:
    """Ask a model about points.

    Parameters
    ----------
    model : object or callable
        As `plot_decision_boundary` takes it.
    points : ndarray of shape (N, 2)
        Where to ask.
    classes : ndarray
        The classes that there are, sorted.
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
    >>> answer.leads.tolist()
    [[2.0, -2.0], [-6.0, 6.0]]
    """
    method, question = _question(model, margin)
    try:
        answer = np.asarray(question(points))
    except ValueError as error:
        raise ValueError(
            f"{method} refuses points of two inputs: {error}. {OF_MORE_INPUTS}"
        ) from error
    own = getattr(model, "classes_", None)
    known = classes if own is None else np.asarray(own)
    if answer.ndim == 2 and answer.shape[1] == 1:
        answer = answer[:, 0]
    if answer.ndim not in (1, 2) or len(answer) != len(points):
        raise ValueError(
            f"{method} must return one answer for each of {len(points)} points, (N,) or (N, K); "
            f"got shape {answer.shape}"
        )
    probabilities = method == "predict_proba"
    if answer.ndim == 1 and _are_classes(answer, known, method):
        if margin is not None:
            raise TypeError(f"margin needs scores, and {method} of this model returns classes")
        answer, probabilities = (answer[:, None] == known).astype(np.float64), False
    leads = _leads(answer.astype(np.float64), probabilities)
    _check(leads, classes, method, margin)
    return Asked(leads, probabilities, None if own is None else known)


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


def _are_classes(answer: NDArray[Any], known: NDArray[Any], method: str) -> bool:
    """Whether a model has answered with classes: what is none of those in y is a score."""
    if method in ("predict_proba", "decision_function"):
        return False
    return answer.dtype.kind not in "f" or bool(np.isin(answer, known).all())


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


def _check(leads: Array, classes: NDArray[Any], method: str, margin: float | None) -> None:
    if len(classes) > leads.shape[1]:
        raise ValueError(
            f"y has {len(classes)} classes, {', '.join(map(str, classes[:8]))}, but {method} tells "
            f"{leads.shape[1]} apart"
        )
    if margin is not None and leads.shape[1] != 2:
        raise ValueError(f"margin is of two classes, {method} tells {leads.shape[1]} apart")
    if not np.isfinite(leads).any():
        raise ValueError(f"{method} returns no finite number for any point of the plane")
