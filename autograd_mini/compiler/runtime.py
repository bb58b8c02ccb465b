"""What emitted source calls besides NumPy, and the arrays it works in."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..table.backends import ARRAY
from ..table.primitives import PRIMITIVES
from .backends.numpy.source import Buffer
from .ir.steps import ONE, ArrayProgram

Array = npt.NDArray[Any]


def strided(base: Array, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Elements ``offset + sum(stride * position)`` of the first axis of `base`, without a copy."""
    item = base.strides[0]
    return np.lib.stride_tricks.as_strided(
        base[offset:],
        (*shape, *base.shape[1:]),
        (*[stride * item for stride in strides], *base.strides[1:]),
    )


class _DirectNames(ast.NodeTransformer):
    """Replaces ``np.add.reduce`` by one global of that name: two look-ups less a call."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Look the attribute up now."""
        text = ast.unparse(node)
        dotted = text.replace(".", "").isidentifier()
        if not (dotted and text.startswith(("np.", "special."))):
            self.generic_visit(node)
            return node
        first, *rest = text.split(".")
        self.namespace[text] = functools.reduce(getattr, rest, self.namespace[first])
        return ast.copy_location(ast.Name(text, ast.Load()), node)


def with_direct_names(tree: ast.Module, namespace: dict[str, Any]) -> ast.Module:
    """The same program with NumPy's functions looked up beforehand."""
    transformed: ast.Module = _DirectNames(namespace).visit(tree)
    return transformed


class Workspace(dict[str, Array]):
    """The arrays of one program for one batch size by name, and in `of` for each function."""

    def __init__(
        self,
        program: ArrayProgram,
        buffers: Sequence[Buffer],
        unpacked: Mapping[str, tuple[str, ...]],
        n: int,
        dtype: npt.DTypeLike,
    ) -> None:
        super().__init__()
        for space in ("value", "fixed", "d_value", "d_fixed", "scratch", "scratch_fixed"):
            if space in program.sizes:
                tail = (n,) if program.has_rows(space) else ()
                self[space] = np.zeros((program.sizes[space], *tail), dtype=dtype)
        for space in ("value", "fixed"):
            self[space][ONE] = 1
        for row in program.ones:
            self["value"][row] = 1
        for buffer in buffers:
            self[buffer.name] = self._make(buffer, n, dtype)
        self.of = {f: tuple([self[name] for name in names]) for f, names in unpacked.items()}

    def _make(self, buffer: Buffer, n: int, dtype: npt.DTypeLike) -> Array:
        if buffer.view is not None:
            view = buffer.view
            array = strided(self[view.space], view.offset, view.shape, view.strides)
            return array[..., None] if buffer.column else array
        if buffer.dtype == "index":
            return np.arange(n)
        shape = (*buffer.shape, n) if buffer.rows else buffer.shape
        array = np.zeros(shape, dtype=np.bool_ if buffer.dtype == "bool" else dtype)
        for positions, numbers in buffer.preset:
            array[positions] = numbers[:, None] if buffer.rows else numbers
        return array


def vector_value(op: str) -> Callable[[Array], Array]:
    """The value of a vector row over the first axis of an array."""
    row = PRIMITIVES[op]
    function = row.on(ARRAY)[0]
    return lambda x: np.asarray(function(*row.split(x)))


def vector_adjoint(op: str) -> Callable[[Array, Array, Array], Array]:
    """The error signals of a vector row toward every element of the first axis.

    Local derivative times upstream, where zero carries nothing.
    """
    row = PRIMITIVES[op]
    _, *partials = row.on(ARRAY)

    def adjoint(x: Array, y: Array, upstream: Array) -> Array:
        groups = row.split(x)
        derivatives = np.empty_like(x)
        for partial, span in zip(partials, row.spans(len(x)), strict=True):
            if span.stop > span.start:
                derivatives[span] = partial(*groups, y)
        return np.where((derivatives == 0) | (upstream == 0), 0, derivatives * upstream)

    return adjoint
