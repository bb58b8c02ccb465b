"""Numbers written into Values: all of them or none."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_mini import Value


def assign_data(parameters: Sequence[Value], data: Sequence[float]) -> None:
    """Write all numbers or, when Ctrl-C comes in between, none."""
    before = [parameter.data for parameter in parameters]
    try:
        for parameter, number in zip(parameters, data, strict=True):
            parameter.data = number
    except BaseException:
        for parameter, number in zip(parameters, before, strict=True):
            parameter.data = number
        raise
