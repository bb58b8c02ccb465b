"""Names for blocks of parameters, from those of their labels that are plain dotted names."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,30}(\.[A-Za-z0-9_]{1,30}){0,8}", re.ASCII)


def block_name(labels: Sequence[str]) -> str:
    """What all labels of a block begin with, as an identifier; empty if there is nothing.

    Only letters, digits, underscores and dots pass: no label can bring code into the source.

    Examples
    --------
    >>> block_name(["layers.0.neurons.0.weights.0", "layers.0.neurons.1.weights.0"])
    'layers_0'
    >>> block_name(['"); import os #'])
    ''
    """
    if not labels or not all(_PLAIN.fullmatch(label) for label in labels):
        return ""
    parts = [label.split(".") for label in (labels[0], labels[-1])]
    common: list[str] = []
    for first, last in zip(*parts, strict=False):
        if first != last:
            if first.isdigit() and common:
                common.pop()  # the container of what differs
            break
        common.append(first)
    return "_".join(common)
