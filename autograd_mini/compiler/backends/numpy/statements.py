"""The statements of each kind of step."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ...ir.references import Reference, View
from ...ir.spaces import THETA
from ...ir.steps import (
    Contract,
    Fill,
    LargestStep,
    Map,
    Mask,
    Reduce,
    Scatter,
    Step,
    TakeAdjoint,
    TakeStep,
    VectorRow,
    VectorRowAdjoint,
)
from .contraction import contraction
from .elementwise import template_of, without_numbers
from .plan import Plan
from .ufuncs import number_text

HUGE = "huge"
"""What the source calls the largest finite number."""
ONE_HOT = 2**12
"""Entries up to which a matrix of zeros and ones is made to add up what was picked."""


def write_step(plan: Plan, step: Step) -> None:
    """Add the lines of a step."""
    plan.release_temporaries()
    _WRITERS[type(step)](plan, step)


def _result(plan: Plan, step: Step, text: str, remark: str = "") -> None:
    """Add the line that computes what a step writes or adds: it says what shape that has."""
    shape = _shape_note(step.out.shape, plan.program.has_rows(step.out.space))
    plan.line(f"{text}  # {shape}{remark}")


@lru_cache(maxsize=1024)
def _shape_note(shape: tuple[int, ...], rows: bool) -> str:
    sizes = [str(n) for n in shape] + ["n"] * rows
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def _contract(plan: Plan, step: Contract) -> None:
    out, remark = plan.view(step.out), _EQUATIONS[equation(step)]
    rows = plan.program.has_rows(step.out.space)
    target = plan.temp(step.out.shape, rows) if step.add else out
    a, b = plan.read_array(step.a), plan.read_array(step.b)
    for factor, other, axes in ((step.a, b, step.b_axes), (step.b, a, step.a_axes)):
        if plan.is_seed(factor):
            aligned = _transposed(other, axes, step.out_axes)
            text = plan.calls.text("np.multiply", f"seed, {aligned}, out={target}")
            _result(plan, step, text, remark)
            break
    else:
        plain = all(map(plan.is_plain, (step.out, step.a, step.b))) and not step.add
        factors = a, step.a_axes, b, step.b_axes
        product = contraction(plan.calls, *factors, target, step.out_axes, plain)
        _result(plan, step, product, remark)
    if step.scale != 1.0:
        plan.call("np.multiply", f"{target}, {number_text(step.scale)}, out={target}")
    if step.add:
        plan.call("np.add", f"{out}, {target}, out={out}")


_EQUATIONS = {
    "": "",
    "BP2": " BP2: error signal through the weights",
    "BP3": " BP3: gradient of biases",
    "BP4": " BP4: gradient of weights",
}


def equation(step: Step) -> str:
    """Which of the four equations of backpropagation a step is, if it is one."""
    is_gradient = step.out.space is THETA.adjoint
    if isinstance(step, Contract):
        return "BP4" if is_gradient else "BP2" * step.is_through_weights
    if not isinstance(step, Reduce) or not is_gradient or not step.batch:
        return ""
    # error signals add up to the gradient of biases, their products to that of weights
    is_product = any(part.space.is_scratch for part in step.source.places)
    return "BP4" if is_product else "BP3"


def _map(plan: Plan, step: Map) -> None:
    rows, shape = plan.program.has_rows(step.out.space), step.out.shape
    formula, used = without_numbers(step.formula, step.numbers)
    read = {name: plan.read(r, rows) for name, r in step.operands.items() if name in used}
    names, out = tuple(read), plan.view(step.out)
    in_place = tuple([name for name in names if read[name] == out])
    template = template_of(formula, names, in_place, step.add, step.guard is not None)
    read["OUT"] = out
    if step.guard is not None:
        read["GUARD"] = plan.read(step.guard, rows)
    for k, dtype in enumerate(template.temporaries, 1):
        read[f"T{k}"] = plan.temp(shape, rows, dtype)
    plan.calls.update(template.calls)
    plan.lines += [line.format_map(read) for line in template.lines]
    if template.lines:
        plan.lines[-1] += f"  # {_shape_note(shape, rows)}"


def _reduce(plan: Plan, step: Reduce) -> None:
    out, source = plan.view(step.out), plan.read_array(step.source)
    remark = _EQUATIONS[equation(step)]
    source_rows = plan.program.reads_rows(step.source)
    axes = [*step.axes, *[len(step.source.shape)] * (step.batch and source_rows)]
    axis = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))},)"
    narrower = plan.program.has_rows(step.out.space) and not source_rows
    if step.add or narrower:
        total = plan.calls.text("np.add.reduce", f"{source}, axis={axis}")
        plan.line(f"partial = {total}")
        if step.scale != 1.0:
            plan.line(f"partial = partial * {number_text(step.scale)}")
        sign = "+=" if step.add else "="
        _result(plan, step, f"{out}[...] {sign} partial{'[..., None]' * narrower}", remark)
        return
    total = plan.calls.text("np.add.reduce", f"{source}, axis={axis}, out={out}")
    _result(plan, step, total, remark)
    if step.scale != 1.0:
        plan.call("np.multiply", f"{out}, {number_text(step.scale)}, out={out}")


def _largest(plan: Plan, step: LargestStep) -> None:
    out, source = plan.view(step.out), plan.read_array(step.source)
    plan.used.add(HUGE)
    # an infinite shift would make inf - inf
    reduced = f"{source}, axis={step.axis}, out={out}, initial=-huge"
    if step.counts is not None:
        tail = "[..., None]" if plan.program.reads_rows(step.source) else ""
        reduced += f", where={plan.constant('counts', step.counts)}{tail}"
    _result(plan, step, plan.calls.text("np.maximum.reduce", reduced))
    plan.call("np.minimum", f"{out}, huge, out={out}")


def _fill(plan: Plan, step: Fill) -> None:
    if isinstance(step.out, View):
        plan.line(f"{plan.view(step.out)}.fill({step.value!r})")
    else:
        places = plan.constant("places", step.out.index)
        plan.line(f"{plan.space(step.out.space)}[{places}] = {step.value!r}")


def _mask(plan: Plan, step: Mask) -> None:
    holes = plan.constant("holes", step.holes)
    tail = "[..., None]" if plan.program.has_rows(step.out.space) else ""
    _result(
        plan, step, plan.calls.text("np.copyto", f"{plan.view(step.out)}, 0, where={holes}{tail}")
    )


def _scatter(plan: Plan, step: Scatter) -> None:
    base, source = plan.space(step.out.space), plan.read(step.source)
    if step.out.is_distinct:
        plan.line(f"{base}[{plan.constant('places', step.out.index)}] += {source}")
        return
    flat = step.out.index.ravel()
    order = np.argsort(flat, kind="stable")
    unique, starts = np.unique(flat[order], return_index=True)
    shape = plan.shape((flat.size,), plan.program.has_rows(step.source.space))
    names = [plan.constant("places", table) for table in (order, starts, unique)]
    ordered = f"{source}.reshape({shape})[{names[0]}]"
    totals = plan.calls.text("np.add.reduceat", f"{ordered}, {names[1]}, axis=0")
    plan.line(f"{base}[{names[2]}] += {totals}")


def _take(plan: Plan, step: TakeStep) -> None:
    out, table = plan.view(step.out), plan.read(step.table)
    index = plan.index(step.index)
    if not set(step.table_axes) & set(step.index_axes):
        axis = step.table_axes.index("k")
        result = step.table_axes.replace("k", step.index_axes)
        text = plan.calls.text("np.take", f"{table}, {index}, axis={axis}")
        _result(plan, step, f"{out}[...] = {_transposed(text, result, step.out_axes)}")
        return
    sizes = _sizes(step.table_axes, step.table)
    places = _places(plan, step.table_axes, sizes, index, step.index_axes, step.out_axes)
    _result(plan, step, f"{out}[...] = {table}[{places}]")


def _sizes(axes: str, reference: Reference) -> dict[str, int]:
    return dict(zip(axes.replace("n", ""), reference.shape, strict=True))


def _places(
    plan: Plan, table_axes: str, sizes: dict[str, int], index: str, index_axes: str, axes: str
) -> str:
    """For every axis of a table the positions picked, as arrays with the given axes."""
    places = []
    for axis in table_axes:
        if axis == "k":
            places.append(_aligned(index, index_axes, axes))
        elif axis == "n":
            places.append(_aligned(plan.examples(), "n", axes))
        else:
            shape = tuple([-1 if c == axis else 1 for c in axes])
            places.append(plan.constant("rows", np.arange(sizes[axis]).reshape(shape)))
    return ", ".join(places)


def _take_adjoint(plan: Plan, step: TakeAdjoint) -> None:
    out, upstream = plan.view(step.out), plan.view(step.upstream)
    index = plan.index(step.index)
    if _is_small(plan, step):
        _take_adjoint_by_matrix(plan, step, out, upstream, index)
        return
    if not step.add:
        plan.line(f"{out}.fill(0.0)")
    letters = "".join(dict.fromkeys(step.table_axes.replace("k", "") + step.index_axes))
    source = _transposed(upstream, step.upstream_axes, letters)
    sizes = _sizes(step.table_axes, step.out)
    places = _places(plan, step.table_axes, sizes, index, step.index_axes, letters)
    if set(step.table_axes) >= set(step.index_axes):  # every row picks once: no index twice
        _result(plan, step, f"{out}[{places}] += {source}")
    else:
        _result(plan, step, plan.calls.text("np.add.at", f"{out}, ({places},), {source}"))


def _is_small(plan: Plan, step: TakeAdjoint) -> bool:
    """Whether picking is from one table, and that is small."""
    if plan.program.batched or set(step.table_axes) & set(step.index_axes):
        return False
    size = step.out.shape[step.table_axes.index("k")]
    return len(step.index_axes) == 1 and size * math.prod(step.index.shape) <= ONE_HOT


def _take_adjoint_by_matrix(
    plan: Plan, step: TakeAdjoint, out: str, upstream: str, index: str
) -> None:
    """Picking from one small table is a product with a matrix of zeros and ones."""
    size = step.out.shape[step.table_axes.index("k")]
    picks = math.prod(step.index.shape)
    chosen = plan.temp((picks, size), False)
    plan.line(f"{chosen}.fill(0)")
    plan.line(f"{chosen}[{plan.constant('rows', np.arange(picks))}, {index}] = 1")
    target = plan.temp(step.out.shape, False) if step.add else out
    axes = step.index_axes + "k"
    factors = upstream, step.upstream_axes, chosen, axes
    product = contraction(plan.calls, *factors, target, step.table_axes)
    _result(plan, step, product)
    if step.add:
        plan.call("np.add", f"{out}, {target}, out={out}")


def _vector(plan: Plan, step: VectorRow) -> None:
    source, axis = plan.read(step.source), len(step.source.shape) - 1
    moved = plan.calls.text("np.moveaxis", f"{source}, {axis}, 0")
    function = plan.row_function(step.op, "value")
    _result(plan, step, f"{plan.view(step.out)}[...] = {function}({moved})")


def _vector_adjoint(plan: Plan, step: VectorRowAdjoint) -> None:
    axis = len(step.source.shape) - 1
    moved = plan.calls.text("np.moveaxis", f"{plan.read(step.source)}, {axis}, 0")
    out, y, upstream = plan.view(step.out), plan.view(step.y), plan.view(step.upstream)
    contributions = f"{plan.row_function(step.op, 'adjoint')}({moved}, {y}, {upstream})"
    moved_back = plan.calls.text("np.moveaxis", f"{contributions}, 0, {axis}")
    _result(plan, step, f"{out}[...] = {moved_back}")


_WRITERS: dict[type[Step], Callable[[Plan, Any], None]] = {
    Contract: _contract,
    Map: _map,
    Reduce: _reduce,
    LargestStep: _largest,
    Fill: _fill,
    Mask: _mask,
    Scatter: _scatter,
    TakeStep: _take,
    TakeAdjoint: _take_adjoint,
    VectorRow: _vector,
    VectorRowAdjoint: _vector_adjoint,
}


def _aligned(text: str, axes: str, full: str) -> str:
    """Text that reads an array with the axes of `full`: 1 long where it has none."""
    order = [axes.index(axis) for axis in full if axis in axes]
    if order != sorted(order):
        text = f"{text}.transpose({tuple(order)})"
    if len(order) == len(full):
        return text
    return f"{text}[{', '.join([':' if axis in axes else 'None' for axis in full])}]"


def _transposed(text: str, axes: str, wanted: str) -> str:
    if axes == wanted:
        return text
    return f"{text}.transpose({tuple([axes.index(axis) for axis in wanted])})"
