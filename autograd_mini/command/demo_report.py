"""What the demonstration shows when the network has learned: words, pictures, and the model."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nn
from viz import explore

from ..core.functions import sum as sum_of
from ..core.functions import tanh
from ..core.value import Value
from ..whole_files import write_whole
from .demo_pictures import GradientCheck, draw_all
from .gallery import Exhibit, Link, page
from .opinions import Opinions
from .tables import table

_N_ROWS = 10  # test digits written as text
_N_INPUTS = 4  # of the neuron on the explorer's page


def tell(opinions: Opinions) -> None:
    """Print how many of the test digits are read correctly, and what is taken for what."""
    print(f"test accuracy: {opinions.accuracy}\n")
    print("the digit, and what it was read as:")
    print(confusion_table(opinions.confusion))


def confusion_table(confusion: NDArray[np.int64]) -> str:
    """A confusion matrix as text, with a dot for 0.

    Examples
    --------
    >>> print(confusion_table(np.array([[12, 1], [0, 9]])))
          0  1
      0  12  1
      1   .  9
    """
    classes = [*map(str, range(len(confusion)))]
    cells = [[str(count or ".") for count in row] for row in confusion]
    rows = [["", *classes], *([name, *row] for name, row in zip(classes, cells, strict=True))]
    return "\n".join(f"  {line}" for line in table(rows))


def write(
    out: Path,
    model: nn.MLP,
    history: nn.History,
    opinions: Opinions,
    check: GradientCheck | None = None,
    numbers: Mapping[str, str] | None = None,
) -> None:
    """Write the pictures, the model, some test digits and a page of all; say what to do with them.

    Parameters
    ----------
    out : Path
        An existing directory.
    model : MLP
        The trained network.
    history : History
        Of its training.
    opinions : Opinions
        What it thinks of the test digits.
    check : GradientCheck, optional
        Of its gradient before training.
    numbers : mapping of str to str, optional
        For the page: what was measured, and how much it was.
    """
    exhibits = [*draw_all(out, model, history, opinions, check)]
    rows, saved = out / "digits.csv", out / "model.npz"
    write_whole(rows, _as_text(opinions).encode())
    model.save(saved)
    links = [
        *_explorer(model, opinions, out / "explorer.html"),
        Link(rows, "digits.csv", f"some test digits, which are {_first(opinions)}"),
        Link(saved, "model.npz", "the model, for autograd-mini predict and nn.load"),
    ]
    index = out / "index.html"
    write_whole(index, _gallery(model, numbers or {}, links, exhibits).encode())
    print(f"\nwritten in {out}:")
    told = {index.name: "all of it on one page: open it in a browser"}
    told |= {exhibit.path.name: exhibit.what for exhibit in exhibits}
    told |= {link.path.name: link.what.partition(",")[0] for link in links}
    for name, what in told.items():
        print(f"  {name:18}  {what}")
    _say_what_to_try(opinions, saved, rows)


def _gallery(
    model: nn.MLP, numbers: Mapping[str, str], links: list[Link], exhibits: list[Exhibit]
) -> str:
    sizes = "-".join(map(str, [model.n_inputs, *model.sizes]))
    introduction = (
        f"A network {sizes} of {len(model.parameters()):,} parameters, written in scalars and "
        "trained on images of handwritten digits by the gradient that backpropagation gives. "
        "Everything on this page was made by autograd-mini demo."
    )
    return page("A network that reads digits", introduction, numbers, links, exhibits)


def _explorer(model: nn.MLP, opinions: Opinions, path: Path) -> list[Link]:
    """A page in which the backward pass of a neuron can be followed."""
    output = strongest_neuron(model, opinions)
    explore(output, path)
    what = (
        f"step through the backward pass of {output.label} of layer 1 while it sees a test digit, "
        f"{opinions.digits[0]}"
    )
    return [Link(path, "explorer.html", what)]


def strongest_neuron(model: nn.MLP, opinions: Opinions) -> Value:
    """The hidden neuron that counts most when the first test digit is read, as it sees that digit.

    Its strongest inputs are written out; what all others add to its weighted input is one leaf.
    """
    pixels, digit = opinions.pixels[0], opinions.digits[0]
    (weights, biases), (next_weights, _) = (layer.as_arrays() for layer in model.layers)
    activations = np.tanh(weights @ pixels + biases)
    j = int(np.abs(next_weights[digit] * activations).argmax())
    shares = weights[j] * pixels
    strongest = np.sort(np.argsort(-np.abs(shares), kind="stable")[:_N_INPUTS])
    terms = [
        Value(weights[j, k], f"w{k + 1}") * Value(pixels[k], f"x{k + 1}")
        for k in strongest.tolist()
    ]
    others = Value(np.delete(shares, strongest).sum(), "all other inputs")
    weighted: Value = sum_of([*terms, others, Value(biases[j], "b")])
    weighted.label = "z"
    output: Value = tanh(weighted)
    output.label = f"neuron {j + 1}"
    output.backward()
    return output


def _say_what_to_try(opinions: Opinions, saved: Path, rows: Path) -> None:
    print(
        f"\nAsk the saved model what it reads in some test digits, which are {_first(opinions)}:\n"
        f"  autograd-mini predict {shlex.quote(str(saved))} {shlex.quote(str(rows))} --classes\n"
        "or in Python:\n"
        "  import nn, numpy\n"
        f"  print(nn.load({str(saved)!r})"
        f".predict_classes(numpy.loadtxt({str(rows)!r}, delimiter=',')))"
    )


def _first(opinions: Opinions) -> str:
    """What the first test digits are."""
    return " ".join(map(str, opinions.digits[:_N_ROWS]))


def _as_text(opinions: Opinions) -> str:
    """The first test digits, one per line, below what they are."""
    lines = [",".join(f"{pixel:g}" for pixel in row) for row in opinions.pixels[:_N_ROWS]]
    head = (
        f"# {len(lines)} test digits, one per line: 64 pixels, 0 is white, 1 black. "
        f"They are {_first(opinions)}"
    )
    return "\n".join([head, *lines, ""])
