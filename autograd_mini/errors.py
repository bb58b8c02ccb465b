"""The errors of the project.

A wrong argument is a built-in ``TypeError`` or ``ValueError``.  The classes below are for what the
built-in ones cannot say; all of them derive from :class:`AutogradError`.
"""

from __future__ import annotations

__all__ = ["AnomalyError", "AutogradError", "GradientCheckError", "RenderError", "TraceError"]


class AutogradError(Exception):
    """Base class of the project's own errors.

    Examples
    --------
    >>> issubclass(AnomalyError, AutogradError)
    True
    """


class AnomalyError(AutogradError, ArithmeticError):
    """A value or gradient became infinite or NaN inside ``detect_anomaly()``.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> with ad.detect_anomaly():  # doctest: +ELLIPSIS
    ...     ad.log(ad.Value(0.0))
    Traceback (most recent call last):
    ...
    autograd_mini.errors.AnomalyError: log gave -inf ...
    """


class GradientCheckError(AutogradError):
    """A derivative disagrees with its two-sided difference.

    Examples
    --------
    >>> issubclass(GradientCheckError, AutogradError)
    True
    """


class RenderError(AutogradError):
    """A picture could not be drawn; the message names the remedy.

    Examples
    --------
    >>> issubclass(RenderError, AutogradError)
    True
    """


class TraceError(AutogradError):
    """A traced function asked for a number that is known only when the program runs.

    Examples
    --------
    >>> issubclass(TraceError, AutogradError)
    True
    """
