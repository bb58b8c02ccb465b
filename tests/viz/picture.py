"""Reads a drawn graph back from its SVG, so that tests speak of nodes and edges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import graphviz

from viz import render

SVG = "{http://www.w3.org/2000/svg}"
XLINK_TITLE = "{http://www.w3.org/1999/xlink}title"
OUTLINES = {f"{SVG}{shape}" for shape in ("polygon", "path", "ellipse", "polyline")}


def plain(text: str) -> str:
    """Graphviz writes a run of spaces with no-break spaces; read them as spaces."""
    return text.replace("\xa0", " ")


@dataclass(frozen=True)
class Drawn:
    """One node or edge of the picture."""

    name: str
    kinds: frozenset[str]
    texts: tuple[str, ...]
    tooltip: str
    outline: tuple[tuple[str, ...], ...]

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
    )


class Picture:
    """The nodes and edges found in an SVG file."""

    def __init__(self, svg: bytes) -> None:
        groups = [_drawn(group) for group in self._groups(ElementTree.fromstring(svg))]
        self.nodes = {drawn.name: drawn for drawn in groups if "node" in drawn.kinds}
        self.edges = [drawn for drawn in groups if "edge" in drawn.kinds]

    @staticmethod
    def _groups(root: ElementTree.Element) -> Iterable[ElementTree.Element]:
        for group in root.iter(f"{SVG}g"):
            if {"node", "edge"} & set(group.get("class", "").split()):
                yield group

    def of_kind(self, kind: str) -> list[Drawn]:
        return [node for node in self.nodes.values() if kind in node.kinds]

    def operand_edges(self) -> list[Drawn]:
        return [edge for edge in self.edges if "operand" in edge.kinds]

    def labelled(self, label: str) -> Drawn:
        [node] = [node for node in self.nodes.values() if node.texts and node.texts[0] == label]
        return node


def read(digraph: graphviz.Digraph, folder: Path) -> Picture:
    """Render to SVG and read it back."""
    return Picture(render(digraph, folder / "picture.svg").read_bytes())
