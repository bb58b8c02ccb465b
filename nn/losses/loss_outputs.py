"""The outputs of a loss: those of one example, before the target, and of the kind that it takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import autograd_mini as ad
from autograd_mini import Value, is_ordered

__all__ = ["OutputsError", "class_outputs", "outputs_of"]

_SQUASHED = ("sigmoid", "softmax")
_OF_PROBABILITIES = {"binary_cross_entropy_with_logits": "binary_cross_entropy"}
_INPUTS = ("input", "integer_input")  # what data are while a program is traced


class OutputsError(TypeError):
    """Outputs that a loss cannot take, whatever the target."""


def outputs_of(loss: str, are: str, outputs: Any, target: object) -> list[Value]:
    """One example's outputs as Values; a single one stands for a list of one.

    `are` says what the loss takes: "numbers" and "probabilities" may come from a sigmoid.
    """
    given = [outputs] if isinstance(outputs, Value) else outputs
    if not is_ordered(given):
        _refuse_swapped(loss, "", [given], target)
        raise TypeError(f"outputs must be a Value or a sequence, got {type(outputs).__name__}")
    return _as_values(loss, are, list(given), target)


def class_outputs(
    loss: str, are: str, outputs: object, target: object, *, of_one: str
) -> list[Value]:
    """The outputs as Values, one per class; `of_one` is the loss for a single output."""
    if not is_ordered(outputs) or not hasattr(outputs, "__len__"):
        _refuse_swapped(loss, are, [outputs], target)
        raise TypeError(f"{are} must be a sequence, one per class, got {type(outputs).__name__}")
    values = _as_values(loss, are, list(outputs), target)
    if len(values) < 2:
        raise ValueError(
            f"{loss} needs at least two classes, got {len(values)} {are}; for a single "
            f"output use {of_one}"
        )
    return values


def _as_values(loss: str, are: str, outputs: list[Any], target: object) -> list[Value]:
    _refuse_swapped(loss, are, outputs, target)
    try:
        values = [ad.as_value(output) for output in outputs]
    except TypeError:
        if outputs and all(map(is_ordered, outputs)):
            kind = type(outputs[0]).__name__
            raise OutputsError(
                f"{loss} takes one example's outputs, got a batch of {len(outputs)} (each a "
                f"{kind}): write nn.mean_loss(model, X, y, nn.{loss}); a model with nested outputs "
                "may end in nn.flatten"
            ) from None
        raise
    if are not in ("numbers", "probabilities"):
        _refuse_probabilities(loss, are, values)
    return values


def _refuse_swapped(loss: str, are: str, outputs: Iterable[object], target: object) -> None:
    """Plain numbers are no outputs where the target is what was computed, and the order matters.

    Between numbers it does not: what is to come near a learned target may be plain. A constant may
    be an output: without recording, all that is computed is one.
    """
    if are == "numbers" or any(map(_is_computed, outputs)):
        return
    targets: Any = target if is_ordered(target) and hasattr(target, "__len__") else [target]
    if any(map(_is_computed, targets)):
        raise OutputsError(
            "outputs are plain numbers and the target is computed: if they are swapped, outputs "
            f"come first: {loss}(outputs, target)"
        )


def _is_computed(given: object) -> bool:
    return isinstance(given, Value) and given.op not in _INPUTS


def _refuse_probabilities(loss: str, are: str, values: list[Value]) -> None:
    if not values or not all(value.op in _SQUASHED for value in values):
        return
    squashed = values[0].op
    instead = f", or use {_OF_PROBABILITIES[loss]}" if loss in _OF_PROBABILITIES else ""
    raise OutputsError(
        f"the outputs are probabilities already, results of {squashed}, and {loss} takes {are}: "
        f"drop the output_activation or the {squashed}{instead}"
    )
