"""Pictures of what a network has learned: every number is where it belongs."""

from __future__ import annotations

import base64
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import nn
from viz import plot_confusion, plot_images, plot_weights

SVG = "{http://www.w3.org/2000/svg}"

CONFUSION = [[7, 0, 1], [0, 5, 0], [2, 0, 0]]
IMAGES = np.arange(24.0).reshape(4, 2, 3)
DRAWN: list[tuple[Callable[..., Axes], Any]] = [
    (plot_confusion, CONFUSION),
    (plot_images, IMAGES),
    (plot_weights, IMAGES - 10.0),
]


def drawn(plot: Callable[..., Axes], data: Any, path: Path, **options: Any) -> Path:
    """Draw into a file, and return its path."""
    assert isinstance(plot(data, path, **options), Axes)
    assert plt.get_fignums() == []
    return path


def texts(path: Path) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.parse(path).iter(f"{SVG}text")]


def images(path: Path) -> int:
    return sum(1 for _ in ElementTree.parse(path).iter(f"{SVG}image"))


def test_confusion_has_every_count_but_zero(tmp_path: Path) -> None:
    path = drawn(
        plot_confusion, CONFUSION, tmp_path / "confusion.svg", labels=["ant", "bee", "cow"]
    )
    shown = texts(path)
    assert sorted(text for text in shown if text.isdigit()) == ["1", "2", "5", "7"]
    assert shown.count("ant") == shown.count("bee") == shown.count("cow") == 2
    assert {"predicted", "true class"} <= set(shown)


def test_classes_are_numbered_without_labels(tmp_path: Path) -> None:
    shown = texts(drawn(plot_confusion, np.diag([3, 4]), tmp_path / "confusion.svg"))
    assert sorted(shown) == ["0", "0", "1", "1", "3", "4", "predicted", "true class"]


def test_a_count_lies_in_its_row_and_column(tmp_path: Path) -> None:
    path = drawn(plot_confusion, [[0, 9], [8, 0]], tmp_path / "confusion.svg", labels="ab")
    places = {
        "".join(element.itertext()).strip(): (element.get("x", ""), element.get("y", ""))
        for element in ElementTree.parse(path).iter(f"{SVG}text")
    }
    (right, upper), (left, lower) = ([float(at) for at in places[count]] for count in "98")
    assert left < right
    assert upper < lower  # SVG counts from the top


def test_images_and_titles(tmp_path: Path) -> None:
    path = drawn(plot_images, IMAGES, tmp_path / "images.svg", titles=["a", "b\n50%", "c", "<d>"])
    assert images(path) == 4
    assert [line for text in texts(path) for line in text.split("\n")] == [
        "a", "b", "50%", "c", "<d>",
    ]  # fmt: skip


def test_pixels_are_large_in_the_file_so_that_no_viewer_smooths_them(tmp_path: Path) -> None:
    path = drawn(plot_images, np.ones((1, 8, 4)), tmp_path / "images.svg")
    [image] = ElementTree.parse(path).iter(f"{SVG}image")
    png = base64.b64decode(image.get("{http://www.w3.org/1999/xlink}href", "").partition(",")[2])
    width, height = struct.unpack(">II", png[16:24])  # of the header chunk
    assert (width, height) == (80, 160)


def test_a_small_confusion_matrix_has_room_for_its_names(tmp_path: Path) -> None:
    names = ["setosa", "versicolor", "virginica"]
    path = drawn(plot_confusion, np.diag([1, 2, 3]), tmp_path / "confusion.svg", labels=names)
    root = ElementTree.parse(path).getroot()
    [image] = root.iter(f"{SVG}image")
    height = float(root.get("height", "").removesuffix("pt"))
    assert float(image.get("height", "")) > 0.65 * height
    slanted = [
        text.get("style", "") + text.get("transform", "") for text in root.iter(f"{SVG}text")
    ]
    assert not any("rotate(-45" in text for text in slanted)
    name = "a name that is longer than its cell"
    long = drawn(plot_confusion, [[1]], tmp_path / "long.svg", labels=[name])
    assert "rotate(-45" in long.read_text(encoding="utf-8")


@pytest.mark.parametrize("n", [1, 2, 5, 24])
def test_any_number_of_images(n: int, tmp_path: Path) -> None:
    path = drawn(
        plot_images, np.ones((n, 8, 8)), tmp_path / "images.svg", titles=["8 read as 1"] * n
    )
    assert images(path) == n
    root = ElementTree.parse(path).getroot()
    width, height = (float(root.get(name, "").removesuffix("pt")) for name in ("width", "height"))
    assert 0.5 < width / height < 3


def test_weights_of_neurons_are_images_of_one_scale(tmp_path: Path) -> None:
    flat, shaped = (tmp_path / name for name in ("flat.svg", "shaped.svg"))
    plot_weights(IMAGES.reshape(4, 6), flat, shape=(2, 3))
    plot_weights(IMAGES, shaped)
    assert flat.read_bytes() == shaped.read_bytes()
    numbers = [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts(flat)]
    assert min(numbers) == -max(numbers)
    squares = drawn(plot_weights, np.eye(4), tmp_path / "squares.svg")  # 2 x 2 each
    assert images(squares) == images(flat)


@pytest.mark.parametrize("number", [0.0, 1.0])
def test_equal_numbers_draw_without_warnings(number: float, tmp_path: Path) -> None:
    equal = np.full((2, 2, 2), number)
    assert images(drawn(plot_images, equal, tmp_path / "images.svg")) == 2
    assert images(drawn(plot_weights, equal, tmp_path / "weights.svg")) == 2 + 1  # and the bar
    confusion = drawn(plot_confusion, np.full((2, 2), int(number)), tmp_path / "confusion.svg")
    counts = ["1"] * 4 if number else []  # zeros are left out
    assert texts(confusion) == ["0", "1", "predicted", "0", "1", "true class", *counts]


@pytest.mark.parametrize(("draw", "data"), DRAWN)
@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF-")])
def test_same_numbers_same_file(
    draw: Callable[..., Axes], data: Any, suffix: str, magic: bytes, tmp_path: Path
) -> None:
    first, second = (drawn(draw, data, tmp_path / f"{name}.{suffix}") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("draw", "data", "options", "error", "message"),
    [
        (plot_confusion, [[1, 2]], {}, ValueError, r"shape \(K, K\), got \(1, 2\)"),
        (plot_confusion, [[0.5]], {}, TypeError, r"holds counts.*got 0\.5 in matrix\[0, 0\]"),
        (plot_confusion, [[-1]], {}, TypeError, r"holds counts.*got -1 in matrix\[0, 0\]"),
        (
            plot_confusion,
            [[1]],
            {"labels": "ab"},
            ValueError,
            "labels must be 1 texts, one for each class, got 2",
        ),
        (plot_images, [[1.0]], {}, ValueError, r"\(N, height, width\), got \(1, 1\)"),
        (plot_images, np.zeros((0, 2, 2)), {}, ValueError, "height, width"),
        (
            plot_images,
            [[[1.0]]],
            {"titles": []},
            ValueError,
            "titles must be 1 texts, one for each image, got 0",
        ),
        (plot_images, [[[1.0]]], {"titles": "a"}, TypeError, "titles must be a list of 1 texts"),
        (plot_images, [[[1.0]]], {"titles": 3}, TypeError, "titles must be a list of 1 texts"),
        (plot_images, [[[1.0]]], {"columns": 0}, ValueError, "columns must be at least 1"),
        (plot_images, [[[1.0]]], {"columns": 1.5}, TypeError, r"columns must be an int, got 1\.5"),
        (plot_weights, [[[1.0]]], {"columns": True}, TypeError, "must be an int, got True"),
        (
            plot_images,
            [[[np.nan]]],
            {},
            ValueError,
            r"got nan in images\[0, 0, 0\]",
        ),
        (plot_images, [[["a"]]], {}, TypeError, "^images must hold real numbers, got the str 'a'"),
        (plot_weights, [["a"]], {}, TypeError, "^weights must hold real numbers, got the str 'a'"),
        (
            plot_weights,
            [1.0],
            {},
            ValueError,
            r"^weights must have shape .neurons, inputs. or .*\(1,\)",
        ),
        (plot_weights, [[[1.0, -np.inf]]], {}, ValueError, "^weights must hold finite.*got -inf"),
        (plot_weights, np.zeros((2, 6)), {"shape": 6}, TypeError, "shape must be .height, width."),
        (plot_weights, np.zeros((2, 6)), {"shape": (6,)}, TypeError, "shape must be .height, wi"),
        (
            plot_weights,
            np.zeros((2, 6)),
            {"shape": (-2, -3)},
            ValueError,
            r"\[0\] must be at least 1",
        ),
        (
            plot_weights,
            np.zeros((2, 6)),
            {"shape": (2.0, 3)},
            TypeError,
            r"\[0\] must be an int, got",
        ),
        (
            plot_weights,
            np.zeros((2, 5)),
            {},
            ValueError,
            r"5 inputs are no square image: pass shape",
        ),
        (
            plot_weights,
            np.zeros((2, 4)),
            {"shape": (3, 1)},
            ValueError,
            r"no image of the shape \(3, 1\)",
        ),
    ],
)
def test_bad_arguments(
    draw: Callable[..., Axes],
    data: Any,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(error, match=message):
        draw(data, tmp_path / "picture.svg", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("draw", "data"), DRAWN)
def test_bad_places(
    draw: Callable[..., Axes], data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"must end in \.svg, \.png or \.pdf"):
        draw(data, tmp_path / "picture.txt")
    with pytest.raises(FileNotFoundError, match="create it first"):
        draw(data, tmp_path / "absent" / "picture.svg")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=rf"^{draw.__name__} needs .* pip install matplotlib$"):
        draw(data, tmp_path / "picture.svg")


@pytest.mark.parametrize(("draw", "data"), DRAWN)
def test_into_a_panel_of_the_caller(draw: Callable[..., Axes], data: Any, tmp_path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    path = tmp_path / "both.svg"
    assert draw(data, path, ax=right) is right
    assert right.images
    assert not left.images
    assert images(path) >= len(right.images)
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(("draw", "data"), DRAWN)
def test_without_a_path_notebooks_show_the_figure(draw: Callable[..., Axes], data: Any) -> None:
    axes = draw(data)
    assert plt.get_fignums() == [axes.figure.number]  # type: ignore[union-attr]


def test_the_weights_of_a_layer() -> None:
    layer = nn.Layer(4, 3, rng=0)
    axes = plot_weights(layer)
    expected = [[neuron.weights[i].data for i in (0, 1, 2, 3)] for neuron in layer.neurons]
    for image, weights in zip(axes.images, expected, strict=True):
        pixels = np.asarray(image.get_array())
        side = len(pixels) // 2
        assert pixels[::side, ::side].ravel().tolist() == weights


def test_images_are_in_order_and_apart() -> None:
    axes = plot_images(np.ones((5, 2, 2)), columns=2, titles=list("abcde"))
    boxes = [image.get_extent() for image in axes.images]
    assert [boxes[i][0] < boxes[i + 1][0] for i in (0, 2)] == [True, True]
    assert [boxes[i][2] > boxes[i + 2][2] for i in (0, 1, 2)] == [True] * 3
    assert boxes[0][1] < boxes[1][0]
    titles = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    for name, box in zip("abcde", boxes, strict=True):
        assert titles[name] == ((box[0] + box[1]) / 2, box[3])


def test_many_classes_are_shades_and_some_names() -> None:
    axes = plot_confusion(np.arange(61 * 61).reshape(61, 61))
    assert [text.get_text() for text in axes.texts] == []
    assert [text.get_text() for text in axes.get_yticklabels()] == [*map(str, range(0, 61, 3))]
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == [*range(0, 61, 3)]
    width, height = axes.figure.get_size_inches()  # type: ignore[union-attr]
    assert max(width, height) < 16
    assert len(plot_confusion(np.ones((30, 30), dtype=int)).texts) == 900
