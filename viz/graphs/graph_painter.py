"""Nodes, edges and clusters of a graph as Graphviz wants them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import graphviz

from viz._node_text import html_text, label_lines, operation_sign, tooltip_text
from viz.graphs.cluster_ranks import scopes_after
from viz.graphs.collapsing import Box, Collapsed, Edge, input_places
from viz.graphs.edge_spans import total_span
from viz.graphs.gradient_flow import contribution, largest, on_paths
from viz.graphs.graph_legend import legend_table
from viz.graphs.graph_nodes import Node, Scope
from viz.graphs.graph_options import Options
from viz.graphs.graph_style import (
    edge_defaults,
    graph_defaults,
    node_defaults,
    node_style,
    scope_style,
)
from viz.graphs.node_formulas import Formulas, textbook_titles
from viz.graphs.node_tables import (
    box_table,
    box_tooltip,
    is_alarming,
    number_html,
    value_table,
    value_tooltip,
)
from viz.rendering import Picture
from viz.themes import Palette

__all__ = ["Painter"]

# For a leaf that is used all along a chain: Graphviz takes minutes to bend 60 edges around it.
_LONG_EDGES = {"splines": "line", "nslimit": "1"}
_LONG_SPAN = 500
# The order in which things are listed is good: looking for a better one loses it.
_CLUSTERS = {"mclimit": "0.01", "remincross": "false"}
_AFTER = {"style": "invis"}
_START = {"shape": "point", "style": "invis", "width": "0", "height": "0", "label": ""}
# Keeps a label off a thick line, or one that runs beside it.
_CLEAR = '<table border="0" cellborder="0" cellpadding="3"><tr><td>{}</td></tr></table>'
_TIMES = "\N{MULTIPLICATION SIGN}"


class Painter:
    """Draws a graph, some of whose scopes are boxes.

    Parameters
    ----------
    collapsed : Collapsed
        What is drawn.
    options : Options
        How it is drawn.
    """

    def __init__(self, collapsed: Collapsed, edges: list[Edge], options: Options) -> None:
        self.drawn = collapsed
        self.options = options
        self.graph = collapsed.tree.graph
        self.edges = edges
        self.drawn.count_ends(self.edges)
        self.kinds: set[str] = set()
        self._roots = {id(root) for root in self.graph.roots}
        after = {edge.head for edge in edges if edge.tail in collapsed.boxes}
        self._first = collapsed.boxes.keys() - after
        around = (collapsed.tree.chain(collapsed.boxes[name].scope.parent) for name in self._first)
        self._around_first = {id(scope) for chain in around for scope in chain}
        self._uses = Counter(edge.tail for edge in self.edges)
        self._strong = on_paths(self.graph, *options.highlight) if options.highlight else None
        self._has_clusters = len(collapsed.tree.scopes) > len(collapsed.boxes)
        # Graphviz stacks what is in a cluster from the bottom to the top then.
        self._flipped = options.rankdir in ("LR", "RL")
        self._loose = self._loose_things()
        self._formulas = Formulas(self.graph.roots) if "formula" in options.show else None
        self._titles = {} if self._formulas else textbook_titles(self.graph.nodes)
        self._places = input_places(collapsed, edges)
        self._texts = {  # first of all, since automatic names are given as they are needed
            name: self._formulas.of(node) if self._formulas else ""
            for name, node in self.drawn.values.items()
        }
        flows = (contribution(use) for edge in self.edges for use in edge.uses)
        self._largest = largest(flows) if options.flow else 0.0

    def picture(self) -> Picture:
        """The whole picture."""
        palette = self.options.palette
        style = graph_defaults(palette, self.options.rankdir)
        if total_span([*self.drawn.values, *self.drawn.boxes], self.edges) > _LONG_SPAN:
            style |= _LONG_EDGES
        elif self._has_clusters:
            style |= _CLUSTERS
        picture = Picture(
            "computation_graph",
            graph_attr=style,
            node_attr=node_defaults(palette),
            edge_attr=edge_defaults(palette),
        )
        self._scope(picture, None)
        for edge in self.edges:
            self._edge(picture, edge)
        if self.drawn.tree.scopes:
            for tail, scope, weight in scopes_after(self.drawn, self.edges):
                picture.edge(tail, f"{scope}_start", weight=str(weight), **_AFTER)
        if self.options.legend:
            picture.attr(
                label=legend_table(self.kinds, palette), labeljust="l", labelloc="b", fontsize="10"
            )
        return picture

    def _scope(self, picture: graphviz.Digraph, scope: Scope | None) -> None:
        """Draw what stands directly in a scope, then the scopes in it as clusters."""
        tree = self.drawn.tree
        loose = list(self._loose[id(scope)])
        inside = self._inside(scope)
        if scope is not None and self._flipped:
            loose.reverse()
            if not any(self._is_first(inner) for inner in inside):
                inside.reverse()
        for name in loose:
            if name in self.drawn.boxes:
                self._box(picture, self.drawn.boxes[name])
            else:
                self._value(picture, name, self.drawn.values[name])
        for inner in inside:
            box = self.drawn.box_at(inner)
            if box is not None:
                self._box(picture, box)
                continue
            name = tree.names[id(inner)]
            self.kinds.add("scope")
            cluster = graphviz.Digraph(f"cluster_{name}", graph_attr=self._cluster_style(inner))
            cluster.node(f"{name}_start", **_START)
            self._scope(cluster, inner)
            if cluster.body:
                picture.subgraph(cluster)

    def _loose_things(self) -> dict[int, list[str]]:
        """The values, and the boxes that are no scopes, directly in each scope, in order."""
        drawn = self.drawn
        of_scopes = {box.name for scope in drawn.tree.scopes if (box := drawn.box_at(scope))}
        found: dict[int, dict[str, None]] = defaultdict(dict)
        for node in self.graph.nodes:
            name = drawn.names[id(node)]
            if name in drawn.values:
                found[id(drawn.tree.home[id(node)])][name] = None
            elif name not in of_scopes:
                found[id(drawn.boxes[name].scope.parent)][name] = None
        return defaultdict(list, {scope: list(names) for scope, names in found.items()})

    def _inside(self, scope: Scope | None) -> list[Scope]:
        """The scopes directly in a scope, one of those that are a box together."""
        inside = self.drawn.tree.inner(scope)
        return list({self._name_of(inner): inner for inner in reversed(inside)}.values())[::-1]

    def _is_first(self, scope: Scope) -> bool:
        """Whether it is, or has in it, a box into which no other leads."""
        return id(scope) in self._around_first or self._name_of(scope) in self._first

    def _name_of(self, scope: Scope) -> str:
        box = self.drawn.box_at(scope)
        return box.name if box else self.drawn.tree.names[id(scope)]

    def _cluster_style(self, scope: Scope) -> dict[str, str]:
        title = "<br/>".join(map(html_text, label_lines(scope.name)))
        style = scope_style(self.options.palette, self.drawn.tree.depth[id(scope)])
        return style | {
            "label": f"<{title}>",
            "tooltip": tooltip_text(scope.path),
            "class": "scope",
        }

    def _look(self, *nodes: Node) -> tuple[Palette, str]:
        """Colours and class of what stands for some values: on the highlighted paths or not."""
        palette = self.options.palette
        if self._strong is None:
            return palette, ""
        if any(id(node) in self._strong for node in nodes):
            return palette, " highlighted"
        return palette.faded(), " faded"

    def _box(self, picture: graphviz.Digraph, box: Box) -> None:
        palette, look = self._look(*box.members)
        is_root = any(id(node) in self._roots for node in box.members)
        style = node_style("box", palette, is_root)
        self.kinds.add("box")
        if is_alarming(*box.members):
            style["color"] = palette.alarm
            self.kinds.add("alarm")
        picture.node(
            box.name,
            label=box_table(box, self.options.number, palette),
            tooltip=box_tooltip(box),
            **style,
            **{"class": f"box{' root' if is_root else ''}{look}"},
        )

    def _value(self, picture: graphviz.Digraph, name: str, node: Node) -> None:
        palette, look = self._look(node)
        kind = _kind(node)
        is_root = id(node) in self._roots
        style = node_style(kind, palette, is_root)
        classes = f"{kind} root" if is_root else kind
        self.kinds.add("root" if is_root else kind)
        if is_alarming(node):
            style |= {"color": palette.alarm, "penwidth": "2.4"}
            classes += " nonfinite"
            self.kinds.add("alarm")
        options = self.options
        label = value_table(
            node,
            self._title(node),
            self._texts[name],
            options.show,
            options.number,
            palette,
            self._places.get(name, ""),
        )
        if not label:
            style |= {"shape": "circle", "width": "0.12", "fixedsize": "true"}
        tooltip = value_tooltip(node, self._texts[name])
        picture.node(name, label=label, tooltip=tooltip, **style, **{"class": classes + look})
        if node.parents and "op" not in options.show:
            self._operation(picture, name, node, palette, look)

    def _title(self, node: Node) -> str:
        if "label" not in self.options.show:
            return ""
        if self._formulas:  # which tell two values of one label apart
            return self._formulas.name(node) or node.label
        return self._titles.get(id(node), node.label)

    def _operation(
        self, picture: graphviz.Digraph, name: str, node: Node, palette: Palette, look: str
    ) -> None:
        tooltip = tooltip_text(node.op)
        style = node_style("operation", palette) | {"class": f"operation{look}"}
        home = self.drawn.tree.home
        operands = [  # Graphviz orders those in the same cluster
            operand for operand in self.graph.operands(node) if home[id(operand)] is home[id(node)]
        ]
        if all(self._uses[self.drawn.names[id(operand)]] == 1 for operand in operands):
            # Operands from top to bottom as written; where one is shared, this tangles the edges.
            style |= {"ordering": "in"}
        label = f"<{html_text(operation_sign(node.op))}>"
        picture.node(f"{name}_op", label=label, tooltip=tooltip, **style)
        # The heavy edge keeps an operation and its result on one line.
        line = {"weight": "8", "arrowhead": "none", "tooltip": tooltip, "color": palette.quiet}
        picture.edge(f"{name}_op", name, **line, **{"class": look.strip()} if look else {})
        self.kinds.add("operation")

    def _edge(self, picture: graphviz.Digraph, edge: Edge) -> None:
        """Draw one use of an operand, or all uses between two ends of which one is a box."""
        on_path = self._strong is not None and any(
            id(use.operand) in self._strong and id(use.result) in self._strong for use in edge.uses
        )
        palette = self.options.palette
        look = ""
        if self._strong is not None:
            palette = palette if on_path else palette.faded()
            look = " highlighted" if on_path else " faded"
        plain = {"color": palette.quiet, "fontcolor": palette.ink, "class": f"operand{look}"}
        if self._stays_inside(edge):
            plain["weight"] = "4"
        if on_path:
            plain |= {"color": palette.ink, "penwidth": "1.8"}
        head = edge.head
        if head in self.drawn.values and "op" not in self.options.show:
            head = f"{head}_op"
        picture.edge(edge.tail, head, **plain | self._numbers(edge, palette, plain["class"]))

    def _stays_inside(self, edge: Edge) -> bool:
        """Whether an intermediate value is used in its own scope, which is drawn as one line."""
        use, home = edge.uses[0], self.drawn.tree.home
        scope = home[id(use.operand)]
        return bool(scope and use.operand.parents and scope is home[id(use.result)])

    def _numbers(self, edge: Edge, palette: Palette, classes: str) -> dict[str, str]:
        """What is written on an edge, and how thick it is."""
        first = edge.uses[0]
        if all(use.operand.op == "constant" for use in edge.uses):
            self.kinds.add("constant")
            tooltip = tooltip_text("a constant: no derivative toward it is asked for")
            return {"style": "dashed", "penwidth": "0.7", "tooltip": tooltip}
        flows = [contribution(use) for use in edge.uses if use.operand.op != "constant"]
        if len(edge.uses) > 1:
            label, lines = self._clear(_count(edge)), [_count(edge, "uses")]
        else:
            label = ""
            hidden = edge.head in self.drawn.boxes  # what the local derivative is of
            if not hidden or self.options.edges == "contribution":
                label = self._label(first.derivative, first.result.grad, flows[0], palette)
            lines = [f"local derivative {first.derivative!r}"]
            if self.options.flow or self.options.edges in ("contribution", "both"):
                lines += [
                    f"upstream gradient {first.result.grad!r}",
                    f"contribution {flows[0]!r}",
                ]
        tooltip = tooltip_text(*lines)
        numbers = {"tooltip": tooltip, "labeltooltip": tooltip} | (
            {"label": label} if label else {}
        )
        if self.options.flow:
            numbers |= self._thickness(flows, palette, classes)
        return numbers

    def _label(self, local: float, upstream: float, flow: float, palette: Palette) -> str:
        def written(number: float) -> str:
            return number_html(number, self.options.number, palette)

        texts = {
            "local": [local],
            "contribution": [flow],
            "both": [local, upstream, flow],
        }
        edges = self.options.edges
        if edges is None:  # with a label, if but a blank one, Graphviz keeps the order of leaves
            return " " if self._has_clusters else ""
        self.kinds.add(edges)
        numbers = texts[edges]
        if not all(map(math.isfinite, numbers)):
            self.kinds.add("alarm")
        text = written(numbers[0])
        if edges == "both":
            factor = f"({written(upstream)})" if upstream < 0 else written(upstream)
            text = f"{written(local)} {_TIMES} {factor} = {written(flow)}"
            if flow == 0 and not all(map(math.isfinite, numbers)):
                self.kinds.add("nothing")
        return self._clear(text)

    def _clear(self, text: str) -> str:
        """A label with room around it where lines are thick or run down the page."""
        is_close = self.options.flow or not self._flipped
        return f"<{_CLEAR.format(text) if is_close else text}>"

    def _thickness(self, flows: list[float], palette: Palette, classes: str) -> dict[str, str]:
        """A line by what it carries: its magnitude as thickness, its sign as colour and head."""
        if not all(map(math.isfinite, flows)):
            head = {"arrowhead": "tee"} if all(flow < 0 for flow in flows) else {}
            line = {"color": palette.alarm, "penwidth": "3", "class": f"{classes} nonfinite"}
            return line | head
        carried = sum(map(abs, flows))
        if carried == 0:
            return {"penwidth": "0.5"}
        share = min(1.0, carried / self._largest)
        width = {"penwidth": f"{0.7 + 3.6 * math.sqrt(share):.2f}", "arrowsize": "0.7"}
        signs = {flow > 0 for flow in flows if flow}
        if len(signs) == 2:
            self.kinds.add("mixed")
            return width
        kind = "positive" if signs.pop() else "negative"
        self.kinds.add(kind)
        head = {"arrowhead": "normal" if kind == "positive" else "tee"}
        return width | head | {"color": getattr(palette, kind), "class": f"{classes} {kind}"}


def _kind(node: Node) -> str:
    if node.op == "constant":
        return "constant"
    return "interior" if node.parents else "leaf"


def _count(edge: Edge, unit: str = "") -> str:
    """How many values go along an edge, or how often the one value is used."""
    values = len({id(use.operand) for use in edge.uses})
    if unit and values > 1:
        return f"{values:,} values, used {len(edge.uses):,} times"
    return f"{values:,} values" if values > 1 else f"{len(edge.uses):,} uses"
