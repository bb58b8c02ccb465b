"""Names for blocks of parameters, from those of their labels that are plain dotted names."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from typing import NamedTuple

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,30}(\.[A-Za-z0-9_]{1,30}){0,8}", re.ASCII)
_COUNTED = re.compile(r"([A-Za-z_]*[A-Za-z])_?[0-9][0-9_]*", re.ASCII)
_CONTAINERS = {"layer", "layers", "modules", "neurons"}
_LETTERS = {"weight": "w", "weights": "w", "bias": "b", "biases": "b"}
_LONGEST = 3  # words in a name
GLOBAL = "F_"
"""What the names of the source's global functions begin with, and no array's."""


class BlockName(NamedTuple):
    """What the labels of a block of parameters say of it.

    Attributes
    ----------
    place : str
        Where it stands in a model: ``"1"`` for the first layer, ``"attention_query"``.
    letter : str
        ``"w"`` for weights, ``"b"`` for biases, ``"wb"`` for both; empty if labels do not say it.
    word : str
        What they call numbers that are neither, such as ``"gain"``.
    """

    place: str = ""
    letter: str = ""
    word: str = ""

    def written(self, letter: str) -> str:
        """The name in the source, with a letter unless labels have one; empty if they say nothing.

        Examples
        --------
        >>> BlockName("1").written("w"), BlockName("attention").written("b")
        ('w1', 'b_attention')
        >>> BlockName("norm", word="gain").written("w"), BlockName("2", word="gain").written("w")
        ('norm_gain', 'gain2')
        """
        stem = self.word or self.letter or letter
        if not self.place:
            return self.word and safe_name(stem, letter)
        if self.place[0].isdigit():
            return stem + "_" * stem[-1].isdigit() + self.place
        return f"{self.place}_{stem}" if len(self.word) > 1 else f"{stem}_{self.place}"


def block_name(labels: Sequence[str]) -> BlockName:
    """What all labels of a block begin with, to go into an identifier; empty if there is nothing.

    Only letters, digits, underscores and dots pass: no label can bring code into the source.
    Numbers count from 1, as layers do in textbooks.

    Examples
    --------
    >>> block_name(["layers.0.neurons.0.weights.0", "layers.0.neurons.1.weights.0"]).place
    '1'
    >>> block_name(["attention.query.weights.0.0", "attention.query.weights.1.0"]).place
    'attention_query'
    >>> block_name(["norm.gain.0", "norm.gain.1"]), block_name(["c0", "c1"]).word
    (BlockName(place='norm', letter='', word='gain'), 'c')
    >>> block_name(['"); import os #'])
    BlockName(place='', letter='', word='')
    """
    if not labels or not all(_PLAIN.fullmatch(label) for label in labels):
        return BlockName()
    ends = [label.split(".") for label in (labels[0], labels[-1])]
    common = _common(*ends)
    rests = [path[len(common) :] for path in ends]
    said = [{_LETTERS[part] for part in path if part in _LETTERS} for path in ends]
    letters = said[0] | said[1] if all(said) else set()
    if "neurons" in common[:-1]:  # all of a layer of one neuron
        common = common[: common.index("neurons")]
    words = _words(common)
    word, letter = "", "wb" if len(letters) > 1 else "".join(letters)
    if not any(said):
        word = _counted(labels) if not words else ""
        if words and all(part.isdigit() for rest in rests for part in rest):
            word = words.pop()
    return BlockName("_".join(words[-_LONGEST:]), letter, word)


def _words(path: Sequence[str]) -> list[str]:
    words: list[str] = []
    inside = False  # numbers below weights are positions
    for part in path:
        if not part.isdigit():
            inside = part in _LETTERS
            words += [part] * (part not in _LETTERS and part not in _CONTAINERS)
        elif words and not inside:
            words[-1] += str(int(part) + 1)
        elif not inside:
            words.append(str(int(part) + 1))
    return words


def _common(first: Sequence[str], last: Sequence[str]) -> list[str]:
    common = []
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        common.append(one)
    return common


def _counted(labels: Sequence[str]) -> str:
    """What all labels are but for numbers: ``c`` of ``c0`` and ``c1``."""
    first = _COUNTED.fullmatch(labels[0])
    word = first[1] if first else ""
    matches = map(_COUNTED.fullmatch, labels if word else ())
    return word if all(match is not None and match[1] == word for match in matches) else ""


def is_name(text: str) -> bool:
    """Whether a label or the name of an argument may stand in the source as it is.

    Examples
    --------
    >>> is_name("friction"), is_name("lambda"), is_name("layers.0")
    (True, False, False)
    """
    return _PLAIN.fullmatch(text) is not None and safe_name(text) == text


def safe_name(text: str, letter: str = "w") -> str:
    """The text, with a letter in front if Python or the source itself means something by it.

    Examples
    --------
    >>> safe_name("friction"), safe_name("lambda"), safe_name("__debug__"), safe_name("F_np_tanh")
    ('friction', 'w_lambda', 'w___debug__', 'w_F_np_tanh')
    """
    is_safe = text.isidentifier() and not keyword.iskeyword(text)
    return text if is_safe and not text.startswith(("__", GLOBAL)) else f"{letter}_{text}"
