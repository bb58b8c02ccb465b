"""What emitted source calls besides NumPy, and the arrays it works in."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..table.grammar import REDUCTIONS, Dialect
from ..table.primitives import PRIMITIVES, Primitive
from .backends.numpy.source import Buffer
from .formulas import is_numpy
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


class _NumpyDialect(Dialect):
    """Python over arrays: ``where`` is NumPy's."""


def _prod_others(x: Array) -> Array:
    """Products along the first axis that leave one element out."""
    before, after = np.ones_like(x), np.ones_like(x)
    np.cumprod(x[:-1], axis=0, out=before[1:])
    after[:-1] = np.cumprod(x[:0:-1], axis=0)[::-1]
    return before * after


def _joined(groups: Sequence[Any], like: Array) -> Array:
    """The elements of several groups along the first axis; some may be single numbers."""
    one = like.shape[1:]
    columns = [g if np.ndim(g) == like.ndim else np.broadcast_to(g, one)[None] for g in groups]
    return np.concatenate(columns)


def _logsumexp(*groups: Any) -> Array:
    widest = max(groups, key=np.ndim)
    total: Array = np.logaddexp.reduce(_joined(groups, widest), axis=0)
    return total


def special_functions() -> Any:
    """SciPy's special functions.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    """
    try:
        from scipy import special
    except ImportError:
        raise ImportError(
            "erf, erfc and gelu in a compiled program need SciPy: pip install scipy"
        ) from None
    return special


def _special(name: str) -> Callable[[Array], Array]:
    """A function of SciPy, which is looked for only when it is called."""
    return lambda x: getattr(special_functions(), name)(x)


def _softmax(*groups: Array) -> Array:
    """Of the elements of the first group, among those of all groups."""
    elements = _joined(groups, groups[0])
    largest = np.max(elements, axis=0)
    weights = np.exp(elements - largest)
    total = np.where(np.isfinite(largest), np.sum(weights, axis=0), 1)
    probabilities: Array = weights[: len(groups[0])] / total
    return probabilities


_VECTOR_NAMES: dict[str, Any] = {
    "pi": np.pi,
    "where": np.where,
    "sum": lambda x: np.sum(x, axis=0),
    "mean": lambda x: np.mean(x, axis=0),
    "prod": lambda x: np.prod(x, axis=0),
    "dot": lambda a, b: np.sum(a * b, axis=0),
    "logsumexp": _logsumexp,
    "norm": lambda x: np.hypot.reduce(x, axis=0),
    "prod_others": _prod_others,
    "softmax": _softmax,
}


def _numpy_names() -> dict[str, Any]:
    """Functions over arrays by the names of formulas; composite rows from their own formulas."""
    names = dict(_VECTOR_NAMES)
    for name, row in PRIMITIVES.items():
        if name in names or name in REDUCTIONS or row.has_vectors:
            continue
        ufunc = getattr(np, {"abs": "absolute"}.get(name, name), None)
        if isinstance(ufunc, np.ufunc) and is_numpy(name):
            names[name] = ufunc
        elif is_numpy(name):
            names[name] = _special(name)
        else:
            names[name] = _compiled(row, [o.name for o in row.operands], row.value_formula, names)
    names["sign"] = lambda x: np.where(x == x, np.sign(x), 0)  # 0 of NaN, as in the engine
    return names


def _compiled(
    row: Primitive, arguments: Sequence[str], formula: Any, names: Mapping[str, Any]
) -> Callable[..., Any]:
    text = f"lambda {', '.join(arguments)}: {_NumpyDialect().translate(formula)}"
    function: Callable[..., Any] = eval(text, dict(names))  # a checked formula of the table
    return function


def _groups(row: Primitive, x: Array) -> tuple[list[Array | float], list[slice]]:
    """The operands of a vector row along the first axis, and where each lies."""
    kinds = [operand.kind for operand in row.operands]
    variable = len(x) - kinds.count("scalar")
    length, spare = divmod(variable, kinds.count("vector"))
    sizes = {"scalar": 1, "vector": length, "optional": spare if "optional" in kinds else 0}
    groups: list[Array | float] = []
    places = []
    at = 0
    for kind in kinds:
        place = slice(at, at + sizes[kind])
        places.append(place)
        part = x[place]
        groups.append(part if kind == "vector" else part[0] if len(part) else 0.0)
        at = place.stop
    return groups, places


def vector_value(op: str) -> Callable[[Array], Array]:
    """The value of a vector row over the first axis of an array."""
    row = PRIMITIVES[op]
    arguments = [operand.name for operand in row.operands]
    function = _compiled(row, [*arguments, "n"], row.value_formula, _numpy_names())

    def value(x: Array) -> Array:
        groups, places = _groups(row, x)
        n = max(place.stop - place.start for place in places)
        return np.asarray(function(*groups, n))

    return value


def vector_adjoint(op: str) -> Callable[[Array, Array, Array], Array]:
    """The error signals of a vector row toward every element of the first axis.

    Local derivative times upstream, where zero carries nothing.
    """
    row = PRIMITIVES[op]
    names = _numpy_names()
    arguments = [*[operand.name for operand in row.operands], "y", "n"]
    functions = [_compiled(row, arguments, formula, names) for formula in row.partial_formulas]

    def adjoint(x: Array, y: Array, upstream: Array) -> Array:
        groups, places = _groups(row, x)
        n = max(place.stop - place.start for place in places)
        derivatives = np.empty_like(x)
        for function, place in zip(functions, places, strict=True):
            if place.stop > place.start:
                derivatives[place] = function(*groups, y, n)
        return np.where((derivatives == 0) | (upstream == 0), 0, derivatives * upstream)

    return adjoint
