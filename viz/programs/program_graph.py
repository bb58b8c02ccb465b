"""A compiled program as a picture: the scalars that went in beside the matrices that came out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from inspect import getattr_static
from itertools import pairwise, product
from typing import NoReturn

import graphviz

from viz._node_text import html_text, tooltip_text
from viz.programs._program_boxes import MATRIX_PRODUCT, Box, Boxes, Program, Step
from viz.rendering import Picture

__all__ = ["MAX_STEPS", "draw_program"]

MAX_STEPS = 120
"""The largest number of array steps that is drawn, if no other is asked for."""

_MOST_DESCRIBED = 2000  # forward steps; of more, nobody waits to hear how many steps there are

_TIMES = "\N{MULTIPLICATION SIGN}"
_LONGEST = 38  # characters of a line
_FONT = "Helvetica,Arial,sans-serif"
_INK = "#24292f"
_QUIET = "#57606a"
_FAINT = "#8b939c"
_GRAPH = {
    "rankdir": "TB",
    "bgcolor": "white",
    "pad": "0.2",
    "nodesep": "0.3",
    "ranksep": "0.32",
    "mclimit": "8",
    "fontname": _FONT,
    "fontsize": "11",
    "fontcolor": _QUIET,
    "labelloc": "b",
    "tooltip": "compiled program",
}
_NODE = {
    "fontname": _FONT,
    "fontsize": "11",
    "fontcolor": _INK,
    "shape": "box",
    "style": "rounded,filled",
    "margin": "0.09,0.04",
    "width": "0",
    "height": "0",
}
_EDGE = {"color": _QUIET, "arrowsize": "0.6", "fontname": _FONT, "fontsize": "10"}

# Border and shape tell the kinds apart in greys too; colour only supports them.
_STYLES = {
    "scalar": {"fillcolor": "#fafafa", "color": _FAINT, "penwidth": "0.8", "shape": "ellipse"},
    "leaf": {"fillcolor": "#e8f0f8", "color": "#33587d", "style": "filled"},
    "parameters": {
        "fillcolor": "#e8f0f8",
        "color": "#33587d",
        "penwidth": "1.4",
        "style": "filled",
    },
    "input": {"fillcolor": "#e8f0f8", "color": "#33587d", "penwidth": "1.4", "style": "filled"},
    "forward": {"fillcolor": "#f4f4f5", "color": "#57606a", "penwidth": "1"},
    "backward": {"fillcolor": "#fcf3e0", "color": "#8a5a00", "penwidth": "1"},
    "gradient": {"fillcolor": "#fcf3e0", "color": "#8a5a00", "penwidth": "1.4", "style": "filled"},
    "heading": {"shape": "plaintext", "style": "", "fontcolor": _QUIET, "fontsize": "12"},
}
_PRODUCT = {"penwidth": "2.6"}
_COLUMNS = ("forward", "input", "parameters", "backward", "gradient")
"""From left to right, after the scalars."""
_HEADINGS = {
    "scalars": "scalars of one example",
    "forward": "arrays, forward",
    "backward": "error signals, backward",
    "gradient": "gradients",
}
_FEW_SCALARS = 24
_SIGNS = {
    "product": _TIMES,
    "sum": "+",
    "difference": "\N{MINUS SIGN}",
    "product and sum": f"{_TIMES} +",
}


def _shape_text(shape: Sequence[int | str]) -> str:
    """A shape as NumPy writes it.

    Examples
    --------
    >>> _shape_text((16, "n")), _shape_text(("n",)), _shape_text(())
    ('(16, n)', '(n,)', '()')
    """
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _scalar_text(step: Step) -> str:
    """What a step is in scalars: so many times one operation, of one example.

    Examples
    --------
    >>> class Step:
    ...     nodes, terms, operation = 30, 784, "matrix product"
    >>> _scalar_text(Step()).replace(_TIMES, "times")
    '30 times sum of 784 products'
    """
    what = step.operation
    if step.terms > 1:
        what = f"sum of {step.terms:,}" + " products" * ("product" in what)
    elif what == MATRIX_PRODUCT:
        what = "product"
    elif not what.replace(" ", "").isidentifier():  # a formula
        what = f"({_shortened(what)})"
    return f"{step.nodes:,} {_TIMES} {what}"


def _lines(lines: Iterable[str]) -> str:
    return "<" + "<br/>".join(lines) + ">"


def _small(text: str, colour: str = _QUIET) -> str:
    return f'<font point-size="10" color="{colour}">{html_text(text)}</font>'


def _step_text(step: Step) -> str:
    """What a step does; matrix products stand out."""
    remark = f" {step.equation}" if step.equation else ""
    if step.operation == MATRIX_PRODUCT:
        return f'<font point-size="10"><b>{MATRIX_PRODUCT}</b>{remark}</font>'
    return _small(_shortened(step.operation) + remark)


def _box_label(box: Box) -> str:
    """The names of its arrays with their shapes, and what is done, with how often if repeatedly."""
    arrays: dict[tuple[str, str], Counter[str]] = {}
    for step in box.steps:
        key = _shortened(step.name), _shape_text(step.shape)
        arrays.setdefault(key, Counter())[_step_text(step)] += 1
    lines = []
    for (name, shape), texts in arrays.items():
        lines.append(f"<b>{html_text(name)}</b> {_small(shape, _INK)}")
        if box.kind != "parameters":
            lines += [text + _small(f", {n} times") * (n > 1) for text, n in texts.items()]
    return _lines(lines)


def _scalars_label(box: Box) -> str:
    return _lines([_small(_scalar_text(step), _INK) for step in box.steps if step.nodes])


def _caption(program: Program, steps: Sequence[Step]) -> str:
    """How many scalars became how many steps, and of which trace."""
    counts = Counter(step.phase for step in steps)
    stats = program.stats
    count = stats.matrix_products
    products = (
        f"{count or 'none'} of them {'a matrix product' if count == 1 else 'matrix products'}"
    )
    text = f"{stats.nodes:,} scalar nodes became {counts['forward']} array steps, {products}"
    if counts["backward"]:
        text += f"; the way back takes {counts['backward']}"
    lines = [text]
    if any("n" in step.shape for step in steps):
        lines.append("n: how many examples a batch has")
    if len(program.traces) > 1:
        shapes = ", ".join(map(_shape_text, program.traces[-1].shapes))
        lines.append(f"of {len(program.traces)} traces the one used last: one example is {shapes}")
    return "\n".join(lines)


# Drawing


class _Drawing:
    def __init__(self, program: Program, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.boxes = Boxes(steps)
        caption = {"label": "\n" + _caption(program, steps)}  # clear of the lowest boxes
        self.picture = Picture(
            "compiled_program", graph_attr=_GRAPH | caption, node_attr=_NODE, edge_attr=_EDGE
        )
        self.rows: dict[Box, list[Box]] = defaultdict(list)
        self.scalars: dict[Box, list[str]] = defaultdict(list)
        self.order = {box: position for position, box in enumerate(self.boxes)}

    def run(self) -> graphviz.Digraph:
        for box in self.boxes:
            self._box(box)
        for earlier, later in self.boxes.edges():
            self._edge(earlier, later)
        self._scalars()
        for row, boxes in self.rows.items():
            self._row(row, boxes)
        self._headings()
        return self.picture

    def _box(self, box: Box) -> None:
        style = _STYLES[box.kind] | (_PRODUCT if box.has_product else {})
        if box.kind in ("forward", "backward"):
            style = style | {"group": box.kind}
        tooltip = tooltip_text(*[step.statement or step.name for step in box.steps])
        classes = f"{box.kind} product" if box.has_product else box.kind
        attributes = style | {"class": classes, "tooltip": tooltip}
        self.picture.node(box.name, label=_box_label(box), **attributes)
        self.rows[box.row or box].append(box)

    def _edge(self, earlier: Box, later: Box) -> None:
        """Draw that one is read for the other, so that every column keeps its place."""
        read = f"{earlier.steps[-1].name} is read for {later.steps[-1].name}"
        attributes = {"tooltip": read, "class": "reads"}
        tail, head = earlier.name, later.name
        if later.kind == "forward":
            if earlier.kind == "parameters":
                tail, head = head, tail
                attributes["dir"] = "back"
            attributes["weight"] = "10" if earlier.kind == "forward" else "2"
        elif earlier.kind == "backward":
            attributes["color"] = _STYLES["backward"]["color"]
            if later.kind == "backward":  # upward: from the output back
                tail, head = head, tail
                attributes |= {"dir": "back", "weight": "10"}
        else:
            attributes |= {"constraint": "false", "style": "dotted", "color": _FAINT}
            if self.order[later.row or later] < self.order[earlier.row or earlier]:
                tail, head = head, tail
                attributes["dir"] = "back"
        self.picture.edge(tail, head, **attributes)

    # The scalar side

    def _scalars(self) -> None:
        """Beside every array what it was in scalars: each node of a few, else groups of them."""
        count = sum([len(step.scalars) for step in self.steps])
        if 0 < count <= _FEW_SCALARS:
            self._scalar_nodes()
        else:
            self._scalar_groups()

    def _scalar_nodes(self) -> None:
        for step, box in zip(self.steps, self.boxes.of, strict=True):
            for place, node in enumerate(step.scalars):
                text = _SIGNS.get(node.operation, node.operation)
                if step.phase == "given":
                    text = step.name + f"[{place}]" * (len(step.scalars) > 1)
                name = f"scalar{node.number}"
                style = _STYLES["scalar" if node.operation else "leaf"]
                kinds = "scalar" if node.operation else "scalar leaf"
                label = f"<{_small(_shortened(text), _INK)}>"
                self.picture.node(name, label=label, **(style | {"class": kinds}))
                for operand in node.operands:
                    self._scalar_edge(f"scalar{operand}", name)
                if box.kind == "forward":
                    self._became(name, box)

    def _scalar_groups(self) -> None:
        for box in self.boxes:
            if box.kind == "forward" and any(step.nodes for step in box.steps):
                name = f"{box.name}_scalars"
                style = _STYLES["scalar"] | {"group": "scalars", "class": "scalars"}
                self.picture.node(name, label=_scalars_label(box), **style | {"shape": "box"})
                self._became(name, box)
        for earlier, later in self.boxes.edges():
            for tail, head in product(self.scalars[earlier], self.scalars[later]):
                self._scalar_edge(tail, head)

    def _became(self, name: str, box: Box) -> None:
        """Scalars become an array, in the same row of the picture."""
        tooltip = f"became {box.steps[0].name}"
        attributes = {"style": "dashed", "arrowhead": "vee", "class": "became"}
        self.picture.edge(name, box.name, tooltip=tooltip, **attributes)
        self.scalars[box].append(name)

    def _scalar_edge(self, tail: str, head: str) -> None:
        attributes = {"weight": "10", "color": _FAINT, "tooltip": "operand", "class": "operand"}
        self.picture.edge(tail, head, **attributes)

    # Rows and columns

    def _row(self, row: Box, boxes: Sequence[Box]) -> None:
        ordered = sorted(boxes, key=lambda box: _COLUMNS.index(box.kind))
        names = [*self.scalars[row], *[box.name for box in ordered]]
        with self.picture.subgraph(graph_attr={"rank": "same"}) as same:
            for name in names:
                same.node(name)
            for left, right in pairwise(names):
                same.edge(left, right, style="invis")

    def _headings(self) -> None:
        """What each column is, above its first box."""
        first: dict[str, str] = {}
        for box in self.boxes:
            if box.kind == "forward":
                for name in self.scalars[box]:
                    first.setdefault("scalars", name)
                first.setdefault("forward", box.name)
            elif box.kind == "backward":
                first["backward"] = box.name
            elif box.kind == "gradient":
                first["gradient"] = box.name
        with self.picture.subgraph(graph_attr={"rank": "source"}) as top:
            columns = [column for column in _HEADINGS if column in first]
            for column in columns:
                heading = f"heading_{column}"
                style = _STYLES["heading"] | {"group": column, "class": "heading"}
                top.node(heading, label=f"<{_small(_HEADINGS[column])}>", **style)
                self.picture.edge(heading, first[column], style="invis", weight="10")
            for left, right in pairwise(columns):
                top.edge(f"heading_{left}", f"heading_{right}", style="invis")


def _check(program: object, max_steps: object) -> None:
    if any(getattr_static(program, name, None) is None for name in ("steps", "stats", "traces")):
        raise TypeError(
            f"program must be a compiled program, got {type(program).__name__}: "
            "draw_program(autograd_mini.compile(function, parameters)), called with a batch before"
        )
    if isinstance(max_steps, bool) or not isinstance(max_steps, int):
        raise TypeError(f"max_steps must be an int, got {type(max_steps).__name__}")
    if max_steps < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps}")


def _refuse(count: str, max_steps: int, enough: int = 0) -> NoReturn:
    remedies = "read program.source or compile a part of the function"
    if enough:
        remedies += f", or raise the limit with draw_program(program, max_steps={enough})"
    raise ValueError(
        f"the program has {count} array steps, more than max_steps={max_steps:,}: {remedies}"
    )


def draw_program(program: Program, *, max_steps: int = MAX_STEPS) -> graphviz.Digraph:
    """Draw a compiled program: the scalars that went in beside the matrices that came out.

    Scalars stand on the left, as 16 times tanh, or one by one if they are few; beside them, in
    the same row, the array that they became, with its name in ``program.source`` and its shape, in
    which ``n`` is the batch.  Parameters follow, then the error signal of the array and the
    gradients of the parameters: the way back goes upward.  Matrix products have heavy borders, BP1
    to BP4 are named where a step is one of these equations.  Dotted edges lead from arrays of the
    forward pass to where the way back reads them again.  Tooltips hold the statements of the
    source.

    Parameters
    ----------
    program : Program or ProgramWithAux
        The program; what is drawn is the trace used last.
    max_steps : int, default 120
        The largest number of array steps to draw, forward and backward, and of arrays that are
        given.

    Returns
    -------
    graphviz.Digraph
        The picture; ``viz.render`` writes it to a file and notebooks show it.

    Raises
    ------
    TypeError
        If `program` is no compiled program, or `max_steps` no int.
    ValueError
        If the program has not been called yet, or has more than `max_steps` steps.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> import nn
    >>> from viz import draw_program
    >>> model = nn.MLP(2, [16, 16, 1], rng=0)
    >>> program = ad.compile(lambda x, t: nn.half_squared_error(model(x), t), model)
    >>> value, gradient = program.value_and_grad(None, [[0.5, 1.0]], [[1.0]])
    >>> picture = draw_program(program)
    >>> picture.source.count("<b>matrix product</b> BP2")
    2
    """
    _check(program, max_steps)
    forward = program.stats.matrix_products + program.stats.elementwise_steps
    if forward > max(max_steps, _MOST_DESCRIBED):
        _refuse(f"more than {forward:,}", max_steps)
    steps = program.steps
    if len(steps) > max_steps:
        _refuse(f"{len(steps):,}", max_steps, len(steps))
    return _Drawing(program, steps).run()
