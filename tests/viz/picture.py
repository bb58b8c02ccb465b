"""Reads a drawn graph back from its SVG, so that tests speak of nodes and edges."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import graphviz
import pygraphviz

from viz import render

SVG = "{http://www.w3.org/2000/svg}"
XLINK_TITLE = "{http://www.w3.org/1999/xlink}title"
OUTLINES = {f"{SVG}{shape}" for shape in ("polygon", "path", "ellipse", "polyline")}


def plain(text: str) -> str:
    """Graphviz writes a run of spaces with no-break spaces; read them as spaces."""
    return text.replace("\xa0", " ")


@dataclass(frozen=True)
class Drawn:
    """One node, edge or cluster of the picture."""

    name: str
    kinds: frozenset[str]
    texts: tuple[str, ...]
    tooltip: str
    outline: tuple[tuple[str, ...], ...]
    colours: frozenset[str]
    width: float
    box: tuple[float, float, float, float]

    @property
    def centre(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2

    def holds(self, other: Drawn) -> bool:
        """Whether the other is drawn inside."""
        left, top, right, bottom = other.box
        return (
            self.box[0] <= left
            and self.box[1] <= top
            and right <= self.box[2]
            and bottom <= self.box[3]
        )

    @property
    def tail(self) -> str:
        return self.name.split("->")[0]

    @property
    def head(self) -> str:
        return self.name.split("->")[1]


def _outline(group: ElementTree.Element) -> tuple[tuple[str, ...], ...]:
    """What is left of the border without its colours and coordinates."""
    return tuple(
        (
            shape.tag.removeprefix(SVG),
            "visible" if shape.get("stroke") not in (None, "none", "transparent") else "none",
            shape.get("stroke-width", "1"),
            shape.get("stroke-dasharray", "solid"),
        )
        for shape in group.iter()
        if shape.tag in OUTLINES
    )


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[0-9.]+", text)]


def _box(group: ElementTree.Element) -> tuple[float, float, float, float]:
    """What the outlines of a node or cluster, and the texts of an edge, cover."""
    xs, ys = [], []
    for shape in group.iter():
        if shape.tag in OUTLINES:
            points = _numbers(shape.get("points", "") or shape.get("d", ""))
            xs += points[::2]
            ys += points[1::2]
        if shape.tag == f"{SVG}ellipse":
            x, y, rx, ry = (float(shape.get(name, "0")) for name in ("cx", "cy", "rx", "ry"))
            xs += [x - rx, x + rx]
            ys += [y - ry, y + ry]
        if shape.tag == f"{SVG}text":
            xs.append(float(shape.get("x", "0")))
            ys.append(float(shape.get("y", "0")))
    return min(xs), min(ys), max(xs), max(ys)


def _drawn(group: ElementTree.Element) -> Drawn:
    name = group.findtext(f"{SVG}title")
    assert name is not None
    links = [link.get(XLINK_TITLE, "") for link in group.iter(f"{SVG}a")]
    return Drawn(
        name=name,
        kinds=frozenset(group.get("class", "").split()),
        texts=tuple(plain(text.text or "") for text in group.iter(f"{SVG}text")),
        tooltip=plain(links[0]) if links else "",
        outline=_outline(group),
        colours=frozenset(
            shape.get(name, "none")
            for shape in group.iter()
            for name in ("stroke", "fill")
            if shape.get(name)
        ),
        width=max((float(width) for _, _, width, _ in _outline(group)), default=0.0),
        box=_box(group),
    )


class Picture:
    """The nodes, edges and clusters found in an SVG file."""

    def __init__(self, svg: bytes) -> None:
        groups = [_drawn(group) for group in self._groups(ElementTree.fromstring(svg))]
        self.nodes = {drawn.name: drawn for drawn in groups if "node" in drawn.kinds}
        self.edges = [drawn for drawn in groups if "edge" in drawn.kinds]
        self.clusters = [drawn for drawn in groups if "cluster" in drawn.kinds]
        self.size = tuple(_numbers(ElementTree.fromstring(svg).get("viewBox", ""))[2:])
        self.words = [
            plain(text.text or "") for text in ElementTree.fromstring(svg).iter(f"{SVG}text")
        ]

    @staticmethod
    def _groups(root: ElementTree.Element) -> Iterable[ElementTree.Element]:
        for group in root.iter(f"{SVG}g"):
            if {"node", "edge", "cluster"} & set(group.get("class", "").split()):
                yield group

    def of_kind(self, kind: str) -> list[Drawn]:
        return [node for node in self.nodes.values() if kind in node.kinds]

    def cluster(self, title: str) -> Drawn:
        [found] = [cluster for cluster in self.clusters if cluster.texts == (title,)]
        return found

    def edges_between(self, tail: str, head: str) -> list[Drawn]:
        return [edge for edge in self.edges if (edge.tail, edge.head) == (tail, head)]

    def operand_edges(self) -> list[Drawn]:
        return [edge for edge in self.edges if "operand" in edge.kinds]

    def labelled(self, label: str) -> Drawn:
        [node] = [node for node in self.nodes.values() if node.texts and node.texts[0] == label]
        return node


def read(digraph: graphviz.Digraph, folder: Path) -> Picture:
    """Render to SVG and read it back."""
    return Picture(render(digraph, folder / "picture.svg").read_bytes())


def read_here(digraph: graphviz.Digraph) -> Picture:
    """Draw in this process, in a tenth of the time: for tests that draw many pictures."""
    return Picture(pygraphviz.AGraph(string=digraph.source).draw(format="svg", prog="dot"))
