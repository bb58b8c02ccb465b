"""What each kind of reference knows of itself, against what the interpreter reads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini.compiler.array_interpreter import State
from autograd_mini.compiler.ir.array_program import ArrayProgram
from autograd_mini.compiler.ir.references import (
    Gather,
    Mixed,
    Number,
    Place,
    Reference,
    Table,
    View,
    row_major,
)
from autograd_mini.compiler.ir.spaces import FIXED, THETA, VALUE, Space

SIZE = 60
MEMORY = np.random.default_rng(0).integers(-9, 9, (3, SIZE)).astype(float)
NUMBERS = (-0.0, 0.0, 1.0, 2.0)
PROGRAM = ArrayProgram({THETA: SIZE, VALUE: SIZE, FIXED: SIZE}, False, (), Number(0.0))
SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)


@st.composite
def gathers(draw: st.DrawFn, shape: tuple[int, ...], space: Space) -> Gather:
    count = math.prod(shape)
    index = draw(st.lists(st.integers(0, SIZE - 1), min_size=count, max_size=count))
    return Gather(space, np.array(index, dtype=np.int64).reshape(shape))


@st.composite
def views(draw: st.DrawFn, shape: tuple[int, ...], space: Space) -> View:
    strides = draw(st.tuples(*[st.integers(0, 9) for _ in shape]))
    return View(space, draw(st.integers(0, 5)), shape, strides)


def places(shape: tuple[int, ...], space: Space) -> st.SearchStrategy[Place]:
    return st.one_of(views(shape, space), gathers(shape, space))


@st.composite
def tables(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    count = math.prod(shape)
    numbers = draw(st.lists(st.sampled_from(NUMBERS), min_size=count, max_size=count))
    return np.array(numbers).reshape(shape)


@st.composite
def mixtures(draw: st.DrawFn, shape: tuple[int, ...]) -> Mixed:
    count = math.prod(shape)
    owners = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    pieces = []
    for owner, space in enumerate((THETA, VALUE), 1):
        at = np.flatnonzero(owners == owner)
        if at.size:
            pieces.append((at, draw(places((at.size,), space))))
    return Mixed(draw(tables(shape)), tuple(pieces))


@st.composite
def references(draw: st.DrawFn) -> Reference:
    shape = draw(SHAPES)
    kinds: tuple[st.SearchStrategy[Reference], ...] = (
        places(shape, THETA),
        mixtures(shape),
        tables(shape).map(Table),
        st.sampled_from(NUMBERS).map(lambda value: Number(value, shape)),
    )
    chosen: Reference = draw(st.one_of(*kinds))
    return chosen


def read(reference: Reference, memory: Any) -> Any:
    """The numbers of a reference, where each space holds a row of the memory."""
    state = State(PROGRAM, np.zeros(SIZE), [])
    for space, numbers in zip((THETA, VALUE, FIXED), memory, strict=True):
        state.of[space] = numbers[:, None]
    return state.read(reference)[..., 0]


@given(references(), st.integers(0, 2), st.data())
def test_a_spread_reference_reads_what_the_reference_does(
    reference: Reference, more: int, data: st.DataObject
) -> None:
    array = read(reference, MEMORY)
    axes = data.draw(st.permutations([*range(array.ndim), *[None] * more]))
    shape = tuple([data.draw(st.integers(1, 3)) if a is None else array.shape[a] for a in axes])
    expected = np.empty(shape)
    for place in np.ndindex(*shape):
        own = {axis: k for axis, k in zip(axes, place, strict=True) if axis is not None}
        expected[place] = array[tuple([own[axis] for axis in range(array.ndim)])]
    wide = reference.spread(axes, shape)
    assert type(wide) is type(reference)
    assert wide.shape == shape
    assert read(wide, MEMORY).tobytes() == expected.tobytes()  # 0.0 is not -0.0


@given(references(), st.data())
def test_parts_of_an_array_go_to_where_its_elements_were_read(
    reference: Reference, data: st.DataObject
) -> None:
    """Handing back is the transpose of reading: <source, read(x)> = <handed back, x>."""
    shape = reference.shape
    source = data.draw(st.just(View(FIXED, 3, shape, row_major(shape))) | gathers(shape, FIXED))
    handed = {THETA: np.zeros(SIZE), VALUE: np.zeros(SIZE)}
    pairs = reference.paired(source)
    for part, place in pairs:
        np.add.at(handed[place.space], place.indices(), read(part, MEMORY))
    linear = read(reference, MEMORY) - read(reference, 0 * MEMORY)  # without constants
    total = handed[THETA] @ MEMORY[0] + handed[VALUE] @ MEMORY[1]
    assert (read(source, MEMORY) * linear).sum() == total  # of integers: exact
    assert tuple([place for _, place in pairs]) == reference.places
