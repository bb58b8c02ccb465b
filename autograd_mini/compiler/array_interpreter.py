"""A reference interpreter of array programs: a few lines of NumPy for each kind of step.

It knows neither views nor buffers nor source: every reference is read by its indices.  Slow, and
easy to check; what the emitted source computes is compared with it, step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..table.backends import ARRAY
from ..table.interpreter import Interpreter
from ..table.primitives import PRIMITIVES
from .ir.array_program import ONE, ArrayProgram
from .ir.references import Gather, Mixed, Number, Reference, Table, View
from .ir.spaces import COMPUTED, THETA, VALUE, Space
from .ir.steps import (
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

Array = npt.NDArray[Any]


class State:
    """The numbers in the spaces of a program.

    Every space has the examples as its second axis, which is 1 long where elements are no rows.

    Parameters
    ----------
    program : ArrayProgram
        The program.
    theta : array of shape (P,)
        The parameters.
    inputs : sequence of array
        The arguments, each of shape (elements, N), or (elements,) without a batch.
    """

    def __init__(self, program: ArrayProgram, theta: Array, inputs: Sequence[Array]) -> None:
        self.program = program
        given = [x if x.ndim == 2 else x[:, None] for x in inputs]
        self.n = given[0].shape[1] if given and program.batched else 1
        self.of: dict[Space, Array] = {
            space: np.full((size, self.n if program.has_rows(space) else 1), np.nan)
            for space, size in program.sizes.items()
        }
        self.of[THETA] = np.reshape(theta, (-1, 1))
        self.of |= dict(zip(program.inputs, given, strict=True))
        for space in COMPUTED:
            self.of[space][:ONE] = 0
            self.of[space][ONE] = 1
            if program.backward:
                self.of[space.signals][: ONE + 1] = 0
        self.of[VALUE][list(program.ones)] = 1
        for zeros in program.zeros:
            self.of[zeros.space][zeros.index] = 0

    def read(self, reference: Reference) -> Array:
        """The numbers of a reference, with the examples as last axis."""
        return _NUMBERS[type(reference)](self, reference)

    def write(self, step: Step, result: Array) -> None:
        """Put the result of a step, or add it, where the step says."""
        space, index = self.of[step.out.space], step.out.indices()
        result = np.broadcast_to(result, (*index.shape, space.shape[1]))
        if step.add:
            np.add.at(space, index, result)
        else:
            space[index] = result

    def run(self, steps: Sequence[Step]) -> None:
        """Take steps one after the other."""
        with np.errstate(all="ignore"):
            for step in steps:
                self.write(step, _RESULTS[type(step)](self, step))


class Results(NamedTuple):
    """What a program gives.

    Attributes
    ----------
    outputs : array
        With the examples as last axis, which is 1 long where they do not depend on them.
    gradient : array of shape (P,) or None
        The sum over the examples, if there are backward steps.
    aux : array or None
        What is read beside the outputs, with the examples as last axis.
    """

    outputs: Array
    gradient: Array | None = None
    aux: Array | None = None


def interpret(
    program: ArrayProgram, theta: Array, inputs: Sequence[Array], seed: float = 1.0
) -> Results:
    """Run an array program step by step.

    Parameters
    ----------
    program : ArrayProgram
        Forward steps, and perhaps backward ones.
    theta : array of shape (P,)
        The parameters.
    inputs : sequence of array
        The arguments, each of shape (elements, N), or (elements,) without a batch.
    seed : float, optional
        The error signal of the output of every example.

    Returns
    -------
    Results
        Outputs, gradient and aux.

    Examples
    --------
    >>> from autograd_mini.compiler.ir.spaces import FIXED, input_space
    >>> from autograd_mini.compiler.ir.references import View
    >>> x, w = View(input_space(0), 0, (2,), (1,)), View(THETA, 0, (2,), (1,))
    >>> out = View(VALUE, 2, (), ())
    >>> sizes = {THETA: 2, input_space(0): 2, VALUE: 3, FIXED: 2}
    >>> program = ArrayProgram(sizes, True, (Contract(out, "n", w, "m", x, "mn"),), out)
    >>> interpret(program, np.array([1.0, 2.0]), [np.array([[3.0, 5.0], [4.0, 6.0]])]).outputs
    array([11., 17.])
    """
    state = State(program, theta, inputs)
    state.run(program.forward)
    outputs = state.read(program.outputs)
    aux = None if program.aux is None else state.read(program.aux)
    if THETA.signals not in program.sizes:
        return Results(outputs, aux=aux)
    if program.seed is not None:
        rows = program.has_rows(program.seed.space)
        # one number for all examples stands for each of them
        state.of[program.seed.space][program.seed.offset] = seed * (1 if rows else state.n)
    state.run(program.backward)
    return Results(outputs, state.of[THETA.signals][:, 0], aux)


def _of_place(state: State, place: View | Gather) -> Array:
    return state.of[place.space][place.indices()]


def _of_mixed(state: State, mixed: Mixed) -> Array:
    width = state.n if state.program.reads_rows(mixed) else 1
    flat = np.repeat(mixed.values.reshape(-1, 1), width, axis=1)
    for positions, piece in mixed.pieces:
        flat[positions] = state.read(piece).reshape(len(positions), -1)
    return flat.reshape(*mixed.shape, width)


_NUMBERS: Mapping[type[Reference], Callable[[State, Any], Array]] = {
    View: _of_place,
    Gather: _of_place,
    Mixed: _of_mixed,
    Number: lambda _, number: np.full((*number.shape, 1), number.value),
    Table: lambda _, table: table.values[..., None],
}


class _Formula(Interpreter[Array]):
    """A formula over arrays, operation by operation."""

    def __init__(self, operands: Mapping[str, Array]) -> None:
        self.operands = operands

    def number(self, value: float) -> Array:
        return np.array(value)

    def name(self, name: str) -> Array:
        return np.array(np.pi) if name == "pi" else self.operands[name]

    def apply(self, op: str, operands: Sequence[Array]) -> Array:
        function = ARRAY.function(op) or PRIMITIVES[op].on(ARRAY)[0]
        result: Array = function(*operands)
        return result


def _contract(state: State, step: Contract) -> Array:
    a, b = state.read(step.a), state.read(step.b)
    a = a if "n" in step.a_axes else a[..., 0]
    b = b if "n" in step.b_axes else b[..., 0]
    own = "".join([axis for axis in step.out_axes if axis in step.a_axes + step.b_axes])
    product = np.einsum(f"{step.a_axes},{step.b_axes}->{own}", a, b)
    spread = [axis for axis, letter in enumerate(step.out_axes) if letter not in own]
    product = np.expand_dims(product, spread)
    return step.scale * (product if "n" in step.out_axes else product[..., None])


def _map(state: State, step: Map) -> Array:
    operands = {name: state.read(operand) for name, operand in step.operands.items()}
    result = _Formula(operands).interpret(step.formula)
    return result if step.guard is None else np.where(state.read(step.guard) == 0, 0, result)


def _reduce(state: State, step: Reduce) -> Array:
    total: Array = step.scale * state.read(step.source).sum(axis=step.axes)
    return total.sum(axis=-1, keepdims=True) if step.batch else total


def _largest(state: State, step: LargestStep) -> Array:
    source = state.read(step.source)
    limit = np.finfo(source.dtype).max
    if step.counts is not None:
        source = np.where(step.counts[..., None], source, -np.inf)
    largest: Array = np.clip(source.max(axis=step.axis), -limit, limit)
    return largest


def _vector(state: State, step: VectorRow) -> Array:
    row, elements = PRIMITIVES[step.op], _last_first(state.read(step.source))
    return np.apply_along_axis(lambda x: row.evaluate(x.tolist()), 0, elements)


def _vector_adjoint(state: State, step: VectorRowAdjoint) -> Array:
    source = _last_first(state.read(step.source))
    y, upstream = state.read(step.y), state.read(step.upstream)
    shape = (len(source), *np.broadcast_shapes(source.shape[1:], y.shape, upstream.shape))
    wide = np.broadcast_to(source, shape).copy()
    row = PRIMITIVES[step.op]
    slopes = np.apply_along_axis(lambda x: row.linearize(x.tolist())[1], 0, wide)
    signals = np.where((slopes == 0) | (upstream == 0), 0, slopes * upstream)
    return np.moveaxis(signals, 0, -2)


def _last_first(numbers: Array) -> Array:
    """What a vector row goes over, the last axis but the examples, as the first."""
    return np.moveaxis(numbers, -2, 0)


def _axes(array: Array, axes: str, wanted: str) -> Array:
    """An array whose axes are named, the examples last, with the wanted axes in order."""
    named = axes if "n" in axes else axes + "n"
    order = [named.index(axis) for axis in wanted if axis in named]
    missing = [k for k, axis in enumerate(wanted) if axis not in named]
    return np.expand_dims(array.transpose(order), missing)


def _take(state: State, step: TakeStep) -> Array:
    wanted = step.out_axes if "n" in step.out_axes else step.out_axes + "n"
    table = _axes(state.read(step.table), step.table_axes, wanted + "k")
    index = _axes(state.read(step.index), step.index_axes, wanted)[..., None].astype(np.intp)
    full = np.broadcast_shapes(table.shape[:-1], index.shape[:-1])
    table = np.broadcast_to(table, (*full, table.shape[-1]))
    return np.take_along_axis(table, np.broadcast_to(index, (*full, 1)), -1)[..., 0]


def _take_adjoint(state: State, step: TakeAdjoint) -> Array:
    letters = "".join(dict.fromkeys(step.upstream_axes + step.index_axes + step.table_axes + "n"))
    choices = step.out.shape[step.table_axes.index("k")]
    picked = state.read(step.index)[..., None] == np.arange(choices)
    named = step.index_axes if "n" in step.index_axes else step.index_axes + "n"
    chosen = _axes(picked, named + "k", letters)
    upstream = _axes(state.read(step.upstream), step.upstream_axes, letters)
    signal = np.where(chosen, upstream, 0)
    kept = step.table_axes if "n" in step.table_axes else step.table_axes + "n"
    rows = "n" in step.table_axes
    summed = [k for k, axis in enumerate(letters) if axis not in kept or (axis == "n" and not rows)]
    total = signal.sum(axis=tuple(summed), keepdims=True)
    dropped = [k for k, axis in enumerate(letters) if axis not in kept]
    rest = [axis for axis in letters if axis in kept]
    result: Array = total.squeeze(tuple(dropped)).transpose([rest.index(axis) for axis in kept])
    return result


def _scatter(state: State, step: Scatter) -> Array:
    return state.read(step.source)


def _fill(state: State, step: Fill) -> Array:
    return np.array([step.value])


def _mask(state: State, step: Mask) -> Array:
    return np.where(step.holes[..., None], 0, state.read(step.out))


_RESULTS: Mapping[type[Step], Callable[[State, Any], Array]] = {
    Contract: _contract,
    Map: _map,
    Reduce: _reduce,
    LargestStep: _largest,
    VectorRow: _vector,
    VectorRowAdjoint: _vector_adjoint,
    TakeStep: _take,
    TakeAdjoint: _take_adjoint,
    Scatter: _scatter,
    Fill: _fill,
    Mask: _mask,
}
