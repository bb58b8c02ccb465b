"""Parameters of layers as textbooks name them: text in, text out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_COPY = re.compile("[1-9][0-9]{0,8}")
_WORD = re.compile(r"[^\W\d]\w*")
_LETTERS = {"weights": "w", "weight": "w", "biases": "b", "bias": "b", "gain": "g"}
_MOST_INDICES = 4  # of a kernel: output, input, row and column
_ROWS = ("layers", "modules")  # what holds layers one after the other
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_PRIME = "\N{PRIME}"
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("ss", "ss"), ("s", ""))


class TextbookName(NamedTuple):
    r"""A name as text and in LaTeX.

    Attributes
    ----------
    text : str
        Such as ``"w¹₁₂"``, or ``"encoder w¹₁₂"`` of a part.
    latex : str
        For math mode, such as ``"w^{(1)}_{12}"`` or ``"w^{(\mathrm{encoder},1)}_{12}"``.

    Examples
    --------
    >>> textbook_name("layers.1.neurons.0.bias").text
    'b²₁'
    """

    text: str
    latex: str

    def primed(self, copy: int) -> TextbookName:
        r"""The name of one of several parameters of this name, of two models for example.

        Examples
        --------
        >>> name = textbook_name("out.weights.0.1")
        >>> name.primed(1).text, name.primed(2).text, name.primed(12).text
        ('out w₁₂', 'out w′₁₂', 'out w₁₂#12')
        >>> print(name.primed(3).latex)
        {w''}^{(\mathrm{out})}_{12}
        """  # noqa: RUF002 - the sign itself
        if copy == 1:
            return self
        letter, rest = self.latex[0], self.latex[1:]
        if copy > 9:
            mark = rf"^{{\langle {copy} \rangle}}"
            return TextbookName(f"{self.text}#{copy}", f"{{{letter}{mark}}}{rest}")
        owner, space, symbol = self.text.rpartition(" ")
        marks = "'" * (copy - 1)
        text = f"{owner}{space}{symbol[0]}{_PRIME * (copy - 1)}{symbol[1:]}"
        return TextbookName(text, f"{{{letter}{marks}}}{rest}")


class ParameterPath(NamedTuple):
    """What the path of a parameter says.

    Attributes
    ----------
    owner : str
        The part of the model that it is of, in words; empty in a layer or a row of layers.
    layer : int or None
        The number of its layer in a row of them, from 1.
    letter : str
        ``"w"``, ``"b"``, or ``"g"`` for a gain.
    indices : tuple of int
        From 1, the neuron first.
    """

    owner: str
    layer: int | None
    letter: str
    indices: tuple[int, ...]


def parameter_path(label: str) -> ParameterPath | None:
    """Read the path of a parameter of a layer; None for any other label.

    Examples
    --------
    >>> parameter_path("encoder.layers.1.neurons.0.weights.2")
    ParameterPath(owner='encoder', layer=2, letter='w', indices=(1, 3))
    >>> parameter_path("cell.layer.neurons.0.bias")
    ParameterPath(owner='cell', layer=None, letter='b', indices=(1,))
    >>> parameter_path("bias") is None
    True
    """
    parts = label.split(".")
    at = len(parts)
    while at and _INDEX.fullmatch(parts[at - 1]):
        at -= 1
    *owner, kind = parts[:at] or [""]
    indices = parts[at:]
    letter = _LETTERS.get(kind)
    if letter is None or not (owner or indices) or len(indices) > _MOST_INDICES:
        return None
    if _ends_in_place(owner, "neurons") and len(indices) == (1 if letter == "w" else 0):
        indices = [owner.pop(), *indices]
        owner.pop()
    if owner[-1:] == ["layer"]:  # all there is in a cell
        owner.pop()
    layer = None
    if _ends_in_place(owner, *_ROWS):
        layer = int(owner.pop()) + 1
        owner.pop()
    if not _is_place(owner):
        return None
    numbers = tuple([int(index) + 1 for index in indices])
    return ParameterPath(place_name(".".join(owner)), layer, letter, numbers)


def _ends_in_place(parts: list[str], *rows: str) -> bool:
    return len(parts) > 1 and parts[-2] in rows and _INDEX.fullmatch(parts[-1]) is not None


def _is_place(owner: list[str]) -> bool:
    """Whether these are attributes, and numbers in them."""
    words = [part for part in owner if not _INDEX.fullmatch(part)]
    return owner[:1] == words[:1] and all(map(_WORD.fullmatch, words))


def place_name(path: str) -> str:
    """Where in a model something stands, in words: places in a list are counted from 1.

    Parameters
    ----------
    path : str
        Names of attributes, and indices from 0, with dots between.

    Returns
    -------
    str
        Such as ``"block 2 query"``.

    Examples
    --------
    >>> place_name("blocks.1.query"), place_name("grid.0.2"), place_name("classes.0")
    ('block 2 query', 'grid 1 3', 'class 1')
    """
    words: list[str] = []
    parts = path.split(".")
    for part, after in zip(parts, [*parts[1:], ""], strict=True):
        if words and _INDEX.fullmatch(part):
            words.append(str(int(part) + 1))
        else:
            words.append(_singular(part) if _INDEX.fullmatch(after) else part)
    return " ".join(words)


def _singular(word: str) -> str:
    for plural, singular in _ENDINGS:
        if word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word


def numbered(name: str) -> tuple[str, int | None]:
    """A name such as ``"w#2"``, of the second of this name, without the number, and the number.

    Parameters
    ----------
    name : str
        A label, or a name that was made of one.

    Returns
    -------
    tuple of str and int or None
        The name as it is, and None, if it does not end in a sign and a number from 1 on.

    Examples
    --------
    >>> numbered("w#2"), numbered("w"), numbered("w#0"), numbered("w#²")
    (('w', 2), ('w', None), ('w#0', None), ('w#²', None))
    """
    stem, mark, copy = name.rpartition("#")
    return (stem, int(copy)) if mark and _COPY.fullmatch(copy) else (name, None)


def textbook_name(label: str) -> TextbookName | None:
    r"""Return the textbook's name of a parameter, given its path in a model.

    w^l_jk goes from neuron k of layer l - 1 to neuron j of layer l, b^l_j is the bias of that
    neuron, all counted from 1 (Nielsen, Neural Networks and Deep Learning, ch. 2).  A layer by
    itself has no number; a part of a ``Sequential`` has that of its place.  In front stands the
    part of the model that the layer is or is in, so that each parameter has a name of its own.
    The gains of a norm are g_j (Ba et al. 2016); a kernel's weights have four indices.

    Parameters
    ----------
    label : str
        A path such as ``"layers.0.neurons.0.weights.1"``, ``"modules.2.weights.0.1"`` or
        ``"encoder.weights.0.1"``; a second one of a name may end in ``"#2"``.

    Returns
    -------
    TextbookName or None
        None for any other label.

    Examples
    --------
    >>> textbook_name("layers.0.neurons.0.weights.1")
    TextbookName(text='w¹₁₂', latex='w^{(1)}_{12}')
    >>> textbook_name("layers.0.neurons.11.weights.2").text
    'w¹₁₂,₃'
    >>> textbook_name("encoder.layers.0.neurons.0.bias").text
    'encoder b¹₁'
    >>> print(textbook_name("blocks.1.query.weights.0.1").latex)
    w^{(\mathrm{block\ 2\ query})}_{12}
    >>> textbook_name("weights.0.1#2").text
    'w′₁₂'
    """  # noqa: RUF002 - the sign itself
    stem, copy = numbered(label)
    path = parameter_path(stem)
    if path is None:
        return None
    return written(path.letter, path.layer, *path.indices, of=path.owner).primed(copy or 1)


def textbook_names(labels: Iterable[str]) -> list[TextbookName | None]:
    """The textbook's names of several parameters, no two of them alike.

    A second one of a name has a prime, as w′₁₂ of a second model, or where a model has two words
    for a thing, such as both ``layers`` and ``modules``. Nor is one like a label that stays.

    Examples
    --------
    >>> [name and name.text for name in textbook_names(["weights.0.0", "x", "weights.0.0"])]
    ['w₁₁', None, 'w′₁₁']
    """  # noqa: RUF002 - the sign itself
    labels = list(labels)
    known = {label: textbook_name(label) for label in labels}
    taken = {label for label, name in known.items() if name is None}
    copies: Counter[str] = Counter()
    names = []
    for label in labels:
        name = first = known[label]
        if name is not None and name.text in taken:
            first = textbook_name(numbered(label)[0])
        while first is not None and name is not None and name.text in taken:
            copies[first.text] += 1
            name = first.primed(copies[first.text] + 1)
        if name is not None:
            taken.add(name.text)
        names.append(name)
    return names


def written(letter: str, layer: int | None, *indices: int, of: str = "") -> TextbookName:
    """A letter with its layer above and indices below, with commas if one has two digits.

    Parameters
    ----------
    letter : str
        One letter.
    layer : int or None
        The number of the layer, if it has one.
    *indices : int
        From 1.
    of : str
        The part that it is of, in words.

    Examples
    --------
    >>> written("a", 2, 1).text, written("w", 1, 10, 1).text, written("b", None, of="out").text
    ('a²₁', 'w¹₁₀,₁', 'out b')
    """
    comma = "," if max(indices, default=0) > 9 and len(indices) > 1 else ""
    below = comma.join(map(str, indices))
    number = "" if layer is None else str(layer)
    text = f"{letter}{number.translate(_RAISED)}{below.translate(_LOWERED)}"
    words = of.replace("_", r"\_").replace(" ", r"\ ")
    above = ",".join(filter(None, [words and rf"\mathrm{{{words}}}", number]))
    latex = letter + (f"^{{({above})}}" if above else "") + (f"_{{{below}}}" if below else "")
    return TextbookName(f"{of} {text}".lstrip(), latex)
