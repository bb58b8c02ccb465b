"""Parameters have one name in graphs, networks, pages, formulas and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from tests.viz.picture import read
from tests.viz.test_explorer_page import Page
from tests.viz.test_network_diagram import weights
from viz import draw_graph, draw_network, explore


class Pair(nn.Module):
    """An encoder and a decoder."""

    def __init__(self) -> None:
        self.encoder, self.decoder = nn.Linear(2, 1, rng=0), nn.Layer(1, 2, rng=1)

    def __call__(self, x: Any) -> Any:
        return self.decoder(self.encoder(x))


def test_all_pictures_call_a_parameter_the_same(tmp_path: Path) -> None:
    pair = Pair()
    loss = ad.sum(pair([Value(0.5, "x1"), Value(-1.0, "x2")]))
    shown = {
        "encoder w₁₁": r"w^{(\mathrm{encoder})}_{11}",
        "encoder w₁₂": r"w^{(\mathrm{encoder})}_{12}",
        "encoder b₁": r"b^{(\mathrm{encoder})}_{1}",
        "decoder w₁₁": r"w^{(\mathrm{decoder})}_{11}",
        "decoder b₁": r"b^{(\mathrm{decoder})}_{1}",
        "decoder w₂₁": r"w^{(\mathrm{decoder})}_{21}",
        "decoder b₂": r"b^{(\mathrm{decoder})}_{2}",
    }
    graph = read(draw_graph(loss, collapse=None), tmp_path)
    assert {node.texts[0] for node in graph.of_kind("leaf")} == {*shown, "x1", "x2"}
    page = Page(explore(loss).html).graph["nodes"]
    assert {node["name"] for node in page if "name" in node} == {*shown}
    for parameter, (name, latex) in zip(pair.parameters(), shown.items(), strict=True):
        assert name in parameter._repr_html_()
        assert latex in ad.explain(loss, parameter).latex()
    network = read(draw_network([pair.encoder, pair.decoder]), tmp_path)
    told = {line.tooltip.split(" = ")[0] for line in weights(network).values()}
    assert told == {name for name in shown if " w" in name}
    assert [network.nodes[f"t{i}"].texts[0] for i in range(3)] == ["inputs", "encoder", "decoder"]


def shown(root: Value, folder: Path) -> tuple[list[str], str]:
    """The first lines of the leaves' boxes, and the last one of the root's."""
    root.label = "root"
    graph = read(draw_graph(root, show=("label", "formula")), folder)
    names = [node.texts[0] for node in graph.of_kind("leaf")]
    [root_box] = [node for node in graph.nodes.values() if node.texts[:1] == ("root",)]
    return names, root_box.texts[-1].removeprefix("= ")


@pytest.mark.parametrize(
    "labels",
    [
        ("weights.0.0", "weights.0.0"),
        ("weights.0.0", "w₁₁"),
        ("w₁₁", "weights.0.0"),
        ("weights.0.0", "weights.0.0#2"),
        ("weights.0.0#2", "weights.0.0"),
        ("layers.0.weights.0.0", "modules.0.weights.0.0"),
        ("x", "x"),
        ("x", "x#2"),
        ("weights.0.0#²", "weights.0.0"),
    ],
)
def test_boxes_and_formulas_have_the_same_names(labels: tuple[str, str], tmp_path: Path) -> None:
    first, second = (Value(float(i), label) for i, label in enumerate(labels))
    names, formula = shown(first - second, tmp_path)
    assert len({*names}) == 2
    assert formula == " - ".join(names)
    assert ad.explain(first - second, second).latex()


def test_labels_that_end_in_other_digits_are_labels(tmp_path: Path) -> None:
    u = Value(3.0, "weights.0.0#²")
    assert shown(u * u, tmp_path)[0] == ["weights.0.0#²"]
    assert r"\mathrm{weights.0.0\#²}" in ad.explain(u * u, u).latex()


def test_labels_stay_as_they_are_beside_formulas(tmp_path: Path) -> None:
    for label in ("my label", "50%", "..."):
        names, _ = shown(2.0 * Value(1.0, label), tmp_path)
        assert names == [label]
