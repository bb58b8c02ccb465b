"""A compiled program as a picture: the scalars that went in beside the matrices that came out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from inspect import getattr_static
from itertools import pairwise, product
from typing import NoReturn

import graphviz

from autograd_mini.operation_signs import SIGNS
from viz._node_text import html_text, tooltip_text
from viz.options import whole_number
from viz.programs._program_boxes import MATRIX_PRODUCT, Box, Boxes, Program, Step
from viz.rendering import Picture
from viz.themes import FONT, Palette, palette_of

__all__ = ["MAX_STEPS", "draw_program"]

MAX_STEPS = 120
"""The largest number of array steps that is drawn, if no other is asked for."""

_MOST_DESCRIBED = 2000  # forward steps; of more, nobody waits to hear how many steps there are

_TIMES = SIGNS["mul"]
_LONGEST = 38  # characters of a line


def _graph(palette: Palette) -> dict[str, str]:
    return {
        "rankdir": "TB",
        "bgcolor": palette.background,
        "pad": "0.2",
        "nodesep": "0.3",
        "ranksep": "0.32",
        "mclimit": "8",
        "fontname": FONT,
        "fontsize": "11",
        "fontcolor": palette.quiet,
        "labelloc": "b",
        "tooltip": "compiled program",
    }


def _node(palette: Palette) -> dict[str, str]:
    return {
        "fontname": FONT,
        "fontsize": "11",
        "fontcolor": palette.ink,
        "shape": "box",
        "style": "rounded,filled",
        "margin": "0.09,0.04",
        "width": "0",
        "height": "0",
    }


def _edge(palette: Palette) -> dict[str, str]:
    return {"color": palette.quiet, "arrowsize": "0.6", "fontname": FONT, "fontsize": "10"}


def _styles(palette: Palette) -> dict[str, dict[str, str]]:
    """Border and shape tell the kinds apart in greys too; colour only supports them."""
    square = {"style": "filled"}
    heavy = {"penwidth": "1.4"}
    scalar = {"fillcolor": palette.interior, "color": palette.interior_line, "penwidth": "0.8"}
    given = {"fillcolor": palette.leaf, "color": palette.leaf_line}
    signal = {"fillcolor": palette.root, "color": palette.root_line}
    return {
        "scalar": scalar | {"shape": "ellipse"},
        "leaf": given | square,
        "parameters": given | heavy | square,
        "input": given | heavy | square,
        "forward": {"fillcolor": palette.operation, "color": palette.quiet, "penwidth": "1"},
        "backward": signal | {"penwidth": "1"},
        "gradient": signal | heavy | square,
        "heading": {"shape": "plaintext", "style": "", "fontcolor": palette.quiet},
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
_MOST_IN_COLUMNS, _MOST_BESIDE = 36, 2
"""Boxes in all, and of one kind in a row: of more, Graphviz moves many out of their columns, and
headings would stand beside them.
"""
_FEW_SCALARS = 24
_SIGNS = SIGNS | {
    "product": _TIMES,
    "sum": SIGNS["add"],
    "difference": SIGNS["sub"],
    "negative": SIGNS["neg"],
    "product and sum": f"{_TIMES} {SIGNS['add']}",
}
"""What stands in the node of one scalar."""
_WORDS = {"div": "division", "pow": "power", "neg": "negation", "negative": "negation"}
"""What many scalars are called, after their number and a cross."""


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
    what = _WORDS.get(step.operation, step.operation)
    if step.terms > 1:
        what = f"sum of {step.terms:,}" + " products" * ("product" in what)
    elif what == MATRIX_PRODUCT:
        what = "product"
    elif not what.replace(" ", "").isidentifier():  # a formula
        what = f"({_shortened(what)})"
    return f"{step.nodes:,} {_TIMES} {what}"


def _lines(lines: Iterable[str]) -> str:
    return "<" + "<br/>".join(lines) + ">"


def _small(text: str, colour: str) -> str:
    return f'<font point-size="10" color="{colour}">{html_text(text)}</font>'


def _step_text(step: Step, palette: Palette) -> str:
    """What a step does; matrix products stand out."""
    remark = f" {step.equation}" if step.equation else ""
    if step.operation == MATRIX_PRODUCT:
        wide = remark.replace(" ", "\N{EN SPACE}")  # bold text is wider in browsers than laid out
        return f'<font point-size="10"><b>{MATRIX_PRODUCT}</b>{wide}</font>'
    return _small(_shortened(step.operation) + remark, palette.quiet)


def _box_label(box: Box, palette: Palette) -> str:
    """The names of its arrays with their shapes, and what is done, with how often if repeatedly."""
    arrays: dict[tuple[str, str], Counter[str]] = {}
    for step in box.steps:
        key = _shortened(step.name), _shape_text(step.shape)
        arrays.setdefault(key, Counter())[_step_text(step, palette)] += 1
    lines = []
    for (name, shape), texts in arrays.items():
        lines.append(f"<b>{html_text(name)}</b> {_small(shape, palette.ink)}")
        if box.kind != "parameters":
            for text, n in texts.items():
                lines.append(text + _small(f", {n} times", palette.quiet) * (n > 1))
    return _lines(lines)


def _scalars_label(box: Box, palette: Palette) -> str:
    return _lines([_small(_scalar_text(step), palette.ink) for step in box.steps if step.nodes])


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


def _has_columns(boxes: Sequence[Box]) -> bool:
    beside = Counter([(box.row, box.kind) for box in boxes if box.row is not None])
    return len(boxes) <= _MOST_IN_COLUMNS and max(beside.values(), default=0) <= _MOST_BESIDE


def _legend(
    caption: str, boxes: Sequence[Box], styles: dict[str, dict[str, str]], palette: Palette
) -> str:
    """The caption, and what each kind of box is, where no heading can stand above a column."""
    kinds = {"scalars": "scalar"} | {box.kind: box.kind for box in boxes}
    cells = []
    for column in [column for column in _HEADINGS if column in kinds]:
        style = styles[kinds[column]]
        colours = f'bgcolor="{style["fillcolor"]}" color="{style["color"]}"'
        rounded = ' style="rounded"' if style.get("style") != "filled" else ""
        cells.append(f'<td border="2" width="26" {colours}{rounded}> </td>')
        cells.append(f'<td align="left">{html_text(_HEADINGS[column])}</td><td width="18"></td>')
    lines = "".join(
        f'<tr><td colspan="{3 * len(cells) // 2}">{html_text(line)}</td></tr>'
        for line in caption.splitlines()
    )
    size = "12" if len(boxes) <= _MOST_IN_COLUMNS else "16"
    colour = f'color="{palette.quiet}" point-size="{size}"'
    table = '<table border="0" cellborder="0" cellspacing="4" cellpadding="4">'
    return f"<<font {colour}>{table}{lines}<tr>{''.join(cells)}</tr></table></font>>"


# Drawing


class _Drawing:
    def __init__(self, program: Program, steps: Sequence[Step], palette: Palette) -> None:
        self.palette, self.styles = palette, _styles(palette)
        self.steps = steps
        self.boxes = Boxes(steps)
        self.has_columns = _has_columns(list(self.boxes))
        caption = _caption(program, steps)
        if self.has_columns:
            label = {"label": "\n" + caption}  # clear of the lowest boxes
        else:
            label = {
                "label": _legend(caption, list(self.boxes), self.styles, palette),
                "labelloc": "t",
            }
        self.picture = Picture(
            "compiled_program",
            graph_attr=_graph(palette) | label,
            node_attr=_node(palette),
            edge_attr=_edge(palette),
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
        if self.has_columns:
            self._headings()
        return self.picture

    def _box(self, box: Box) -> None:
        style = self.styles[box.kind] | (_PRODUCT if box.has_product else {})
        if box.kind in ("forward", "backward"):
            style = style | {"group": box.kind}
        tooltip = tooltip_text(*[step.statement or step.name for step in box.steps])
        classes = f"{box.kind} product" if box.has_product else box.kind
        attributes = style | {"class": classes, "tooltip": tooltip}
        self.picture.node(box.name, label=_box_label(box, self.palette), **attributes)
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
            attributes["color"] = self.palette.root_line
            if later.kind == "backward":  # upward: from the output back
                tail, head = head, tail
                attributes |= {"dir": "back", "weight": "10"}
        else:
            attributes |= {"constraint": "false", "style": "dotted"}
            attributes["color"] = self.palette.interior_line
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
                style = self.styles["scalar" if node.operation else "leaf"]
                kinds = "scalar" if node.operation else "scalar leaf"
                label = f"<{_small(_shortened(text), self.palette.ink)}>"
                self.picture.node(name, label=label, **(style | {"class": kinds}))
                for operand in node.operands:
                    self._scalar_edge(f"scalar{operand}", name)
                if box.kind == "forward":
                    self._became(name, box)

    def _scalar_groups(self) -> None:
        for box in self.boxes:
            if box.kind == "forward" and any(step.nodes for step in box.steps):
                name = f"{box.name}_scalars"
                style = self.styles["scalar"] | {"group": "scalars", "class": "scalars"}
                self.picture.node(
                    name, label=_scalars_label(box, self.palette), **style | {"shape": "box"}
                )
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
        attributes = {"weight": "10", "tooltip": "operand", "class": "operand"}
        attributes["color"] = self.palette.interior_line
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
            elif box.kind == "backward" and box.row is not None:
                first["backward"] = box.name
            elif box.kind == "gradient":
                first["gradient"] = box.name
        with self.picture.subgraph(graph_attr={"rank": "source"}) as top:
            columns = [column for column in _HEADINGS if column in first]
            for column in columns:
                heading = f"heading_{column}"
                style = self.styles["heading"] | {"group": column, "class": "heading"}
                top.node(
                    heading, label=f"<{_small(_HEADINGS[column], self.palette.quiet)}>", **style
                )
                self.picture.edge(heading, first[column], style="invis", weight="10")
            for left, right in pairwise(columns):
                top.edge(f"heading_{left}", f"heading_{right}", style="invis")


def _check_program(program: object) -> None:
    if any(getattr_static(program, name, None) is None for name in ("steps", "stats", "traces")):
        raise TypeError(
            f"program must be a compiled program, got {type(program).__name__}: "
            "draw_program(autograd_mini.compile(function, parameters)), called with a batch before"
        )


def _refuse(count: str, max_steps: int, enough: int = 0) -> NoReturn:
    remedies = "read program.source or compile a part of the function"
    if enough:
        remedies += f", or raise the limit with draw_program(program, max_steps={enough})"
    raise ValueError(
        f"the program has {count} array steps, more than max_steps={max_steps:,}: {remedies}"
    )


def draw_program(
    program: Program, *, max_steps: int = MAX_STEPS, theme: str = "light"
) -> graphviz.Digraph:
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
    theme : {"light", "dark"}
        Colours on white, or on a dark ground.

    Returns
    -------
    graphviz.Digraph
        The picture; ``viz.render`` writes it to a file and notebooks show it.

    Raises
    ------
    TypeError
        If `program` is no compiled program, or `max_steps` no int.
    ValueError
        If the program has not been called yet, or has more than `max_steps` steps; a theme that
        there is not.

    Examples
    --------
    >>> import autograd_mini as ad
    >>> import nn
    >>> from viz import draw_program
    >>> model = nn.MLP(2, [16, 16, 1], rng=0)
    >>> program = ad.compile(lambda x, t: nn.half_squared_error(model(x), t), model)
    >>> value, gradient = program.value_and_grad(None, [[0.5, 1.0]], [[1.0]])
    >>> picture = draw_program(program)
    >>> [equation in picture.source for equation in ("BP1", "BP2", "BP3", "BP4")]
    [True, True, True, True]
    """
    _check_program(program)
    max_steps = whole_number(max_steps, "max_steps")
    palette = palette_of(theme)
    forward = program.stats.matrix_products + program.stats.elementwise_steps
    if forward > max(max_steps, _MOST_DESCRIBED):
        _refuse(f"more than {forward:,}", max_steps)
    steps = program.steps
    if len(steps) > max_steps:
        _refuse(f"{len(steps):,}", max_steps, len(steps))
    return _Drawing(program, steps, palette).run()
