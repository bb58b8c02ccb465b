"""What a notebook shows of a node: parsed, whatever the labels and the numbers are."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value

SVG = "{http://www.w3.org/2000/svg}"


class Table(HTMLParser):
    """The cells of a table, row by row; refuses any element but those of a table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in {"table", "tr", "th", "td"}
        assert {name for name, _ in attributes} <= {"title", "style", "colspan"}
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.rows[-1][-1] += data


def rows(node: Value) -> list[list[str]]:
    return Table(node._repr_html_()).rows


def texts(node: Value) -> list[str]:
    root = ElementTree.fromstring(node._repr_svg_())
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def product() -> Value:
    w, x = Value(2.0, "w"), Value(-3.5, "x")
    y = w * x
    y.label = "y"
    y.backward()
    return y


HEADER = ["", "value", "gradient", "local derivative"]


def test_a_node_with_its_operands() -> None:
    assert rows(product()) == [
        HEADER,
        ["y = w × x", "−7", "1", ""],
        ["w", "2", "−3.5", "−3.5"],
        ["x", "−3.5", "2", "2"],
    ]
    assert texts(product()) == [
        *("−3.5", "w", "2"),
        *("2", "x", "−3.5"),
        *("y = ×", "−7", "gradient 1"),
    ]


def test_a_leaf_and_a_constant() -> None:
    assert rows(Value(0.5)) == [HEADER, ["Value", "0.5", "0", ""]]
    assert rows((Value(0.5) * 2).parents[1]) == [HEADER, ["constant", "2", "", ""]]
    assert texts(Value(0.5, "w")) == ["w", "0.5", "gradient 0"]


def test_toward_a_constant_there_is_no_derivative() -> None:
    y = Value(0.5, "w") + 2.0
    assert rows(y)[1:] == [
        ["w + 2", "2.5", "0", ""],
        ["w", "0.5", "0", "1"],
        ["constant", "2", "", ""],
    ]
    assert "0" not in texts(y)


def test_parameters_have_their_textbook_names_and_paths() -> None:
    path = "layers.0.neurons.0.weights.1"
    w = Value(0.5, path)
    assert rows(w)[1][0] == "w¹₁₂"
    assert f'title="{path}"' in w._repr_html_()
    assert texts(w)[0] == "w¹₁₂"


@pytest.mark.parametrize("count", [1, 6, 7, 50_000])
def test_of_many_operands_a_few_are_shown(count: int) -> None:
    y = ad.sum([Value(float(i)) for i in range(count)])
    shown = count if count <= 6 else 5
    assert len(rows(y)) == 2 + shown + (count > 6)
    if count > 6:
        assert rows(y)[-1] == [f"and {count - 5:,} more operands"]
        assert f"and {count - 5:,} more" in texts(y)
    assert y._repr_svg_().count("<polyline") == shown
    assert len(y._repr_html_()) + len(y._repr_svg_()) < 10_000


@given(st.text(max_size=60), st.text(max_size=60), st.floats(), st.floats())
def test_any_label_and_number(first: str, second: str, a: float, b: float) -> None:
    """Labels are text: none becomes an element, or makes the picture unreadable."""
    y = ad.maximum(Value(a, first), Value(b, second))
    y.label = first
    y.grad = b
    assert len(rows(y)) == 4
    assert len(texts(y)) == 9


@pytest.mark.parametrize("data", [3, None, "text", 10**400, 10**5000, [1.0]], ids=range(6))
def test_whatever_was_assigned(data: Any) -> None:
    w = Value(1.0, "w")
    w.data, w.grad = data, data
    assert len(rows(w)) == 2
    assert len(texts(w)) == 3


def test_not_finite() -> None:
    assert rows(Value(math.nan))[1][1] == "nan"
    assert rows(Value(-math.inf))[1][1] == "−inf"


def test_no_colour_is_fixed_for_one_background() -> None:
    """Grey on white and on black alike: at least 4 to 1, and as WCAG asks on its own ground."""
    picture = product()._repr_svg_()
    assert "black" not in picture
    assert "#000" not in picture
    assert "#fff" not in picture
    assert product()._repr_html_().count("color") == 0

    def contrast(grey: int, ground: float) -> float:
        channel: float = ((grey / 255 + 0.055) / 1.055) ** 2.4
        light, dark = sorted((channel, ground))[::-1]
        return float((light + 0.05) / (dark + 0.05))

    assert contrast(0x76, 1.0) >= 4.5
    assert contrast(0x76, 0.0) >= 4.0
    assert contrast(0xA0, 0.0) >= 4.5


def test_an_operand_without_a_label_is_written_out() -> None:
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.4, "b")
    y = (w * x + b).tanh() * (w + x)
    y.label = "y"
    html = y._repr_html_()
    assert ">y = tanh(w × x + b) × (w + x)</th>" in html
    assert ">tanh(w × x + b)</th>" in html


def test_the_table_of_a_strange_or_endless_label_is_small_and_can_be_sent() -> None:
    assert len(Value(1.0, "x" * 10**6)._repr_html_()) < 1_000
    assert Value(1.0, "\ud800\x00")._repr_html_().encode()
    deep = Value(1.0, "x")
    for _ in range(60):
        deep = deep * deep
    assert len(deep._repr_html_()) < 1_000


def test_no_two_parameters_share_a_name() -> None:
    """Neither operands nor what is written out, of two models for example."""
    paths = ["weights.0.0", "layers.0.weights.0.0", "modules.0.weights.0.0", "weights.0.0"]
    w, v, u, other = (Value(float(i), path) for i, path in enumerate(paths))
    both = {"w₁₁", "w\N{PRIME}₁₁"}
    y = w * other
    assert {row[0] for row in Table(y._repr_html_()).rows[2:]} == both
    assert set(box_names(y)) >= both
    assert "w₁₁ × w\N{PRIME}₁₁" in y._repr_svg_()
    y = (v + ad.exp(u)) * v
    assert "(w¹₁₁ + exp(w\N{PRIME}¹₁₁)) × w¹₁₁" in y._repr_svg_()
    assert box_names(y)[1] == "w¹₁₁"


def box_names(node: Value) -> list[str]:
    """The texts in bold: what stands in each box."""
    picture = ElementTree.fromstring(node._repr_svg_())
    return [str(text.text) for text in picture.iter(f"{SVG}text") if text.get("font-weight")]
