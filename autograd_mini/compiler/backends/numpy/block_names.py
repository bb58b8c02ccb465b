"""Names for blocks of parameters, from those of their labels that are plain dotted names."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,30}(\.[A-Za-z0-9_]{1,30}){0,8}", re.ASCII)
_SAID_BY_THE_LETTER = {
    *("layer", "layers", "modules", "neurons"),
    *("weight", "weights", "bias", "biases"),
}
_LONGEST = 3  # words in a name
GLOBAL = "F_"
"""What the names of the source's global functions begin with, and no array's."""


def block_name(labels: Sequence[str]) -> str:
    """What all labels of a block begin with, to go into an identifier; empty if there is nothing.

    Only letters, digits, underscores and dots pass: no label can bring code into the source.
    Numbers count from 1, as layers do in textbooks.

    Examples
    --------
    >>> block_name(["layers.0.neurons.0.weights.0", "layers.0.neurons.1.weights.0"])
    '1'
    >>> block_name(["encoder.attention.query.0.weights.0", "encoder.attention.query.1.weights.0"])
    'encoder_attention'
    >>> block_name(['"); import os #'])
    ''
    """
    if not labels or not all(_PLAIN.fullmatch(label) for label in labels):
        return ""
    common = _common([label.split(".") for label in (labels[0], labels[-1])])
    if "neurons" in common[:-1]:  # all of a layer of one neuron
        common = common[: common.index("neurons")]
    words: list[str] = []
    for part in common:
        if not part.isdigit():
            words += [part] * (part not in _SAID_BY_THE_LETTER)
        elif words:
            words[-1] += str(int(part) + 1)
        else:
            words.append(str(int(part) + 1))
    return "_".join(words[-_LONGEST:])


def _common(paths: Sequence[Sequence[str]]) -> list[str]:
    common: list[str] = []
    for first, last in zip(*paths, strict=False):
        if first != last:
            if first.isdigit() and common:
                common.pop()  # the container of what differs
            break
        common.append(first)
    return common


def is_name(text: str) -> bool:
    """Whether a label or the name of an argument may stand in the source as it is.

    Examples
    --------
    >>> is_name("friction"), is_name("lambda"), is_name("layers.0")
    (True, False, False)
    """
    plain = _PLAIN.fullmatch(text) and "." not in text
    return bool(plain) and not keyword.iskeyword(text) and not text.startswith(("__", GLOBAL))
