"""Parameters of layers as textbooks name them: text in, text out."""

from __future__ import annotations

import re
from typing import NamedTuple

_INDEX = "(?:0|[1-9][0-9]{0,8})"
_PATH = re.compile(
    rf"(?:(?:layers|modules)\.(?P<layer>{_INDEX})\.)?"
    rf"(?:neurons\.(?P<neuron>{_INDEX})\.(?:weights\.(?P<input>{_INDEX})|bias)"
    rf"|weights?\.(?P<row>{_INDEX})\.(?P<column>{_INDEX})|bias(?:es)?\.(?P<entry>{_INDEX}))"
)
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class TextbookName(NamedTuple):
    """A name as text and in LaTeX.

    Attributes
    ----------
    text : str
        Such as ``"w¹₁₂"``.
    latex : str
        For math mode, such as ``"w^{(1)}_{12}"``.

    Examples
    --------
    >>> textbook_name("layers.1.neurons.0.bias").text
    'b²₁'
    """

    text: str
    latex: str


def textbook_name(label: str) -> TextbookName | None:
    """Return the textbook's name of a parameter, given its path in a model.

    w^l_jk goes from neuron k of layer l - 1 to neuron j of layer l, b^l_j is the bias of that
    neuron, all counted from 1 (Nielsen, Neural Networks and Deep Learning, ch. 2).  A layer by
    itself has no number; a part of a ``Sequential`` has that of its place.

    Parameters
    ----------
    label : str
        A path such as ``"layers.0.neurons.0.weights.1"`` or ``"modules.2.weights.0.1"``.

    Returns
    -------
    TextbookName or None
        None for any other label, also for a path that begins in a larger model: models may not
        share names.

    Examples
    --------
    >>> textbook_name("layers.0.neurons.0.weights.1")
    TextbookName(text='w¹₁₂', latex='w^{(1)}_{12}')
    >>> textbook_name("layers.0.neurons.11.weights.2").text
    'w¹₁₂,₃'
    >>> textbook_name("encoder.layers.0.neurons.0.bias") is None
    True
    """
    match = _PATH.fullmatch(label)
    if match is None:
        return None
    parts = match.groupdict()
    indices = [parts[name] for name in ("neuron", "input", "row", "column", "entry")]
    letter = "b" if parts["entry"] is not None or label.endswith(".bias") else "w"
    return written(letter, layer_number(label), *[int(i) + 1 for i in indices if i is not None])


def layer_number(label: str) -> int | None:
    """The number of the layer whose parameter has this path, from 1; None without one.

    Examples
    --------
    >>> layer_number("layers.1.neurons.0.bias"), layer_number("weights.0.1")
    (2, None)
    """
    match = _PATH.fullmatch(label)
    return int(match["layer"]) + 1 if match is not None and match["layer"] is not None else None


def written(letter: str, layer: int | None, *indices: int) -> TextbookName:
    """A letter with its layer above and indices below, with commas if one has two digits.

    Examples
    --------
    >>> written("a", 2, 1).text, written("w", 1, 10, 1).text
    ('a²₁', 'w¹₁₀,₁')
    """
    comma = "," if max(indices) > 9 and len(indices) > 1 else ""
    below = comma.join(map(str, indices))
    above = "" if layer is None else str(layer).translate(_RAISED)
    raised = "" if layer is None else f"^{{({layer})}}"
    text = f"{letter}{above}{below.translate(_LOWERED)}"
    return TextbookName(text, f"{letter}{raised}_{{{below}}}")
