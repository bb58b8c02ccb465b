"""Whatever asks a traced Value for its number is recorded or refused, and never freezes one.

Each case is a use of an input ``x``, an integer input ``k`` or a parameter ``W`` through Python,
its standard library or NumPy.
"""

from __future__ import annotations

import array
import bisect
import collections
import copy
import decimal
import enum
import fractions
import functools
import heapq
import inspect
import itertools
import json
import math
import operator
import pickle
import random
import statistics
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import TraceError, Value

W: Any = Value(0.5, "w")
TABLE: list[Any] = [Value(1.0), Value(2.0), Value(3.0)]
KEYS: dict[Any, Any] = {1: W}
TRUE: Any = np.True_
Use = Callable[[Any, Any], Any]


class Plain(enum.Enum):
    ZERO = 0


class Number(enum.IntEnum):
    ZERO = 0
    ONE = 1


def matched(k: Any) -> Any:
    match k:
        case 0:
            return W
        case _:
            return TABLE[0]


def asserted(condition: Any) -> None:
    assert condition


REFUSED: dict[str, Use] = {
    # equality
    "== array of one": lambda x, k: x == np.array(0.0),
    "array of one ==": lambda x, k: np.array(0.0) == x,
    "== array": lambda x, k: x == np.array([0.0, 1.0]),
    "array ==": lambda x, k: np.array([0.0, 1.0]) == x,
    "!= array": lambda x, k: x != np.array(0.0),
    "== NumPy bool": lambda x, k: x == np.bool_(True),
    "NumPy bool ==": lambda x, k: np.bool_(False) == x,
    "== NumPy float": lambda x, k: x == np.float64(0),
    "NumPy float32 ==": lambda x, k: np.float32(0) == x,
    "NumPy int ==": lambda x, k: np.int64(0) == k,
    "== bool": lambda x, k: x == True,  # noqa: E712
    "== fraction": lambda x, k: x == Fraction(1, 2),
    "fraction ==": lambda x, k: Fraction(1, 2) == x,
    "== decimal": lambda x, k: x == Decimal(0),
    "decimal ==": lambda x, k: Decimal(0) == x,
    "== complex": lambda x, k: x == 0j,
    "!= float": lambda x, k: x != 1.5,
    "== IntEnum": lambda x, k: x == Number.ONE,
    "parameter == number": lambda x, k: W == 0.5,
    "== another input": lambda x, k: x == k,
    "== parameter": lambda x, k: x == W,
    "result == input": lambda x, k: x * 2 == x,
    "NaN test": lambda x, k: x != x,
    "__eq__": lambda x, k: x.__eq__(0),
    "operator.eq": lambda x, k: operator.eq(x, 0),
    "in a list": lambda x, k: x in [0, 1],
    "in a tuple": lambda x, k: k in (0, 1),
    "in a list of Values": lambda x, k: x in [W, TABLE[0]],
    "operator.contains": lambda x, k: operator.contains([0], x),
    "list.index": lambda x, k: [0, 1].index(k),
    "list.count": lambda x, k: [0, 1].count(k),
    "match": lambda x, k: matched(k),
    "tuples ==": lambda x, k: (x, 1) == (0.0, 1),
    "lists <": lambda x, k: [x] < [0.0],
    "dicts ==": lambda x, k: {"a": x} == {"a": 0.0},
    "groupby": lambda x, k: list(itertools.groupby([x, W])),
    # hash
    "in a set": lambda x, k: k in {0, 1},
    "float in a set": lambda x, k: x in {0.0, 1.0},
    "dict": lambda x, k: {0: W, 1: TABLE[0]}[k],
    "dict.get": lambda x, k: {0: W}.get(k, TABLE[0]),
    "dict.get of a float": lambda x, k: {0.0: W}.get(x, TABLE[0]),
    "set": lambda x, k: {k},
    "dict key": lambda x, k: {x: 1},
    "hash": lambda x, k: hash(k),
    "Counter": lambda x, k: collections.Counter([k]),
    "lru_cache": lambda x, k: functools.lru_cache(lambda v: v)(k),
    "Enum": lambda x, k: Plain(k),
    "IntEnum": lambda x, k: Number(k),
    # order and truth
    "if": lambda x, k: W if x > 0 else x,
    "bool": lambda x, k: bool(x),
    "not": lambda x, k: not x,
    "or": lambda x, k: x or W,
    "assert": lambda x, k: asserted(x > 0),
    "any": lambda x, k: any([x]),
    "all": lambda x, k: all([x > 0]),
    "filter": lambda x, k: list(filter(None, [x])),
    "compress": lambda x, k: list(itertools.compress([1], [x])),
    "sorted": lambda x, k: sorted([x, W]),
    "min": lambda x, k: min(x, W),
    "max": lambda x, k: max([x, W]),
    "heapq": lambda x, k: heapq.nlargest(1, [x, W]),
    "bisect": lambda x, k: bisect.bisect([0.0, 1.0], x),
    "median": lambda x, k: statistics.median([x, W]),
    # conversions
    "int": lambda x, k: int(k),
    "float": lambda x, k: float(x),
    "complex": lambda x, k: complex(x),
    "floor": lambda x, k: math.floor(x),
    "ceil": lambda x, k: math.ceil(x),
    "round": lambda x, k: round(x),
    "round to digits": lambda x, k: round(x, 2),
    "sqrt": lambda x, k: math.sqrt(x),
    "isclose": lambda x, k: math.isclose(x, 0),
    "fsum": lambda x, k: math.fsum([x, W]),
    "fmean": lambda x, k: statistics.fmean([x, W]),
    "copysign": lambda x, k: math.copysign(1.0, x),
    "comb": lambda x, k: math.comb(k, 1),
    "format": lambda x, k: f"{x:.2f}",
    "% d": lambda x, k: "%d" % k,  # noqa: UP031
    "% f": lambda x, k: "%.2f" % x,  # noqa: UP031
    "array.array": lambda x, k: array.array("d", [x]),
    "struct": lambda x, k: struct.pack("d", x),
    "chr": lambda x, k: chr(k),
    "bytes": lambda x, k: bytes(k),
    "random seed": lambda x, k: np.random.default_rng(0).normal(x),
    # indices
    "dict of a computed index": lambda x, k: {1: 5.0}.get(k + 1, 0.0),
    "computed index in a set": lambda x, k: (2 * k - 1) * 3 in {-3, 3},
    "computed index in a list of keys": lambda x, k: ad.maximum(k, 1) in KEYS,
    "list index": lambda x, k: TABLE[k],
    "slice": lambda x, k: TABLE[:k],
    "range": lambda x, k: range(k),
    "enumerate": lambda x, k: enumerate([1], k),
    "repeat": lambda x, k: list(itertools.repeat(1, k)),
    "islice": lambda x, k: list(itertools.islice([1], k)),
    "operator.index": lambda x, k: operator.index(k),
    "array index": lambda x, k: np.arange(3.0)[k],
    "matrix row": lambda x, k: np.eye(3)[k],
    "array slice": lambda x, k: np.arange(3.0)[:k],
    "np.take": lambda x, k: np.take(np.arange(3.0), k),
    "np.zeros": lambda x, k: np.zeros(k),
    "np.arange": lambda x, k: np.arange(k),
    "np.repeat": lambda x, k: np.repeat([1.0], k),
    "np.roll": lambda x, k: np.roll([x, W], k),
    "np.reshape": lambda x, k: np.reshape([x, W], (k, 1)),
    # NumPy
    "array of ints": lambda x, k: np.array([k], dtype=int),
    "array of floats": lambda x, k: np.array([x], dtype=float),
    "astype": lambda x, k: np.asarray([x]).astype(float),
    "array of bools": lambda x, k: np.array([x], dtype=bool),
    "assigned": lambda x, k: np.zeros(2).__setitem__(0, x),
    "full": lambda x, k: np.full(2, x, dtype=float),
    "fromiter": lambda x, k: np.fromiter([x], float),
    "float64": lambda x, k: np.float64(x),
    "int64": lambda x, k: np.int64(k),
    "np.where": lambda x, k: np.where(x > 0, W, TABLE[0]),
    "np.where of an array": lambda x, k: np.where(np.array([x]) > 0, W, TABLE[0]),
    "mask": lambda x, k: np.array([x, W])[np.array([x, W]) > 0],
    "np.maximum": lambda x, k: np.maximum(x, 0),
    "np.minimum": lambda x, k: np.minimum(x, W),
    "np.fmax": lambda x, k: np.fmax(x, 0),
    "np.max": lambda x, k: np.max([x, W]),
    "np.argmax": lambda x, k: np.argmax([x, W]),
    "np.sort": lambda x, k: np.sort([x, W]),
    "np.argsort": lambda x, k: np.argsort([x, W]),
    "np.unique": lambda x, k: np.unique([x, W]),
    "np.sign": lambda x, k: np.sign(x),
    "np.clip": lambda x, k: np.clip(x, 0, 1),
    "np.floor": lambda x, k: np.floor(x),
    "np.median": lambda x, k: np.median([x, W]),
    "np.nansum": lambda x, k: np.nansum([x, W]),
    "np.greater": lambda x, k: np.greater(x, 0.0),
    "array >": lambda x, k: np.array([0.0, 1.0]) > x,
    "np.equal": lambda x, k: np.equal(x, 0.0),
    "np.array_equal": lambda x, k: np.array_equal([x], [0.0]),
    "np.isin": lambda x, k: np.isin(k, [0, 1]),
    "np.logical_and": lambda x, k: np.logical_and(x > 0, W > 0),
    "np.any": lambda x, k: np.any([x]),
    "np.count_nonzero": lambda x, k: np.count_nonzero([x]),
    "np.searchsorted": lambda x, k: np.searchsorted([0.0, 1.0], x),
    "np.interp": lambda x, k: np.interp(x, [0.0, 1.0], [0.0, 1.0]),
    "np.piecewise": lambda x, k: np.piecewise(np.array([x]), [np.array([x]) > 0], [W, TABLE[0]]),
    # the numbers of nodes
    "data": lambda x, k: x.data,
    "grad": lambda x, k: x.grad,
    "grad of a parameter": lambda x, k: W.grad,
    "setting grad": lambda x, k: setattr(W, "grad", 0.0),
    "grad of a result": lambda x, k: (x * W).grad,
    "local_derivatives": lambda x, k: (x * W).local_derivatives,
    "detach": lambda x, k: x.detach(),
    "backward": lambda x, k: (x * W).backward(),
    "backward of a parameter": lambda x, k: W.backward(),
    "ad.backward": lambda x, k: ad.backward([x * W]),
    "gradients": lambda x, k: ad.gradients(x * W, W),
    "recompute": lambda x, k: ad.recompute(x * W),
    "explain": lambda x, k: ad.explain(x * W, W),
    "path_derivatives": lambda x, k: list(ad.path_derivatives(x * W, W)),
    "gradcheck": lambda x, k: ad.gradcheck(lambda v: v[0] * W, [1.0]),
    "numerical_gradient": lambda x, k: ad.numerical_gradient(lambda v: v * W, 1.0),
    "check_local_derivatives": lambda x, k: ad.check_local_derivatives(x * W),
    "copy": lambda x, k: copy.copy(x),
    "deepcopy": lambda x, k: copy.deepcopy(x * W),
    "copy of a parameter": lambda x, k: copy.copy(W),
    "deepcopy of parameters": lambda x, k: copy.deepcopy([W]),
    "pickled parameter": lambda x, k: pickle.dumps(W),
    "pickled input": lambda x, k: pickle.dumps(x),
    "index of a computed number": lambda x, k: ad.take(TABLE, k + 0),
    "index of a parameter": lambda x, k: ad.take(TABLE, W),
}

# What Python or NumPy refuses by itself, as it does for a Value outside a trace.
ERRORS: dict[str, Use] = {
    "%": lambda x, k: k % 2,
    "//": lambda x, k: k // 2,
    "divmod": lambda x, k: divmod(k, 2),
    "<<": lambda x, k: k << 1,
    "&": lambda x, k: k & 1,
    "~": lambda x, k: ~k,
    "@": lambda x, k: k @ k,
    "pow with a modulus": lambda x, k: pow(k, 2, 5),
    "trunc": lambda x, k: math.trunc(x),
    "ldexp": lambda x, k: math.ldexp(1.0, k),
    "> decimal": lambda x, k: x > Decimal(0),
    "> complex": lambda x, k: x > 0j,
    "> None": lambda x, k: x > None,
    "> text": lambda x, k: x > "a",
    "+ decimal": lambda x, k: x + Decimal(1),
    "* complex": lambda x, k: x * 1j,
    "json": lambda x, k: json.dumps([x]),
    "Fraction": lambda x, k: fractions.Fraction(x),
    "Decimal": lambda x, k: decimal.Decimal(x),
    "mean": lambda x, k: statistics.mean([x, W]),
    "random.Random": lambda x, k: random.Random(k),
    "default_rng": lambda x, k: np.random.default_rng(k),
    "pickled result": lambda x, k: pickle.dumps(x * W),
    "Value": lambda x, k: Value(x),
    "list of indices": lambda x, k: np.eye(3)[[k]],
    "repeated list": lambda x, k: [0] * k,
    "np.choose": lambda x, k: np.choose(k, [W, TABLE[0]]),
    "np.select": lambda x, k: np.select([x > 0], [W], TABLE[0]),
    "np.isnan": lambda x, k: np.isnan(x),
    "np.heaviside": lambda x, k: np.heaviside(x, 0.5),
    "np.copysign": lambda x, k: np.copysign(1.0, x),
    "np.rint": lambda x, k: np.rint(x),
    "np.round": lambda x, k: np.round(x, 2),
    "np.mod": lambda x, k: np.mod(x, 2),
    "np.cbrt": lambda x, k: np.cbrt(x),
    "np.logaddexp": lambda x, k: np.logaddexp(x, 1.0),
    "np.linalg.inv": lambda x, k: np.linalg.inv([[x]]),
    "is_integer": lambda x, k: x.is_integer(),
    "iteration": lambda x, k: iter(x),
}

IDENTITY: dict[str, Use] = {
    "== None": lambda x, k: x == None,  # noqa: E711
    "== text": lambda x, k: x == "a",
    "== Enum": lambda x, k: x == Plain.ZERO,
    "== list": lambda x, k: x == [0.0],
    "two parameters": lambda x, k: TABLE[0] == W,
    "parameter in a list": lambda x, k: W in TABLE,
    "parameter in a set": lambda x, k: W in set(TABLE),
    "result in a set": lambda x, k: x * W in {x + W},
    "is": lambda x, k: x is W,
}

RECORDED: dict[str, Use] = {
    "abs": lambda x, k: abs(x - 1),
    "sum": lambda x, k: sum([x, W]),
    "prod": lambda x, k: math.prod([x, W]),
    "reduce": lambda x, k: functools.reduce(operator.mul, [x, W, x]),
    "fraction": lambda x, k: x + Fraction(1, 2),
    "> fraction": lambda x, k: ad.where(x > Fraction(1, 1), W, x),
    "fraction >": lambda x, k: ad.where(Fraction(1, 1) > x, W, x),
    "> NumPy bool": lambda x, k: ad.where(x > np.bool_(True), W, x),
    "> array of one": lambda x, k: ad.where(x > np.array(1.0), W, x),
    "NumPy float >": lambda x, k: ad.where(np.float64(1.0) > x, W, x),
    "equal to NumPy bool": lambda x, k: ad.where(ad.equal(x, TRUE), W, x),
    "vectorize": lambda x, k: ad.where(np.vectorize(lambda v: v > 1)([x])[0], W, x),
    "np.abs": lambda x, k: np.abs(x - 1),
    "np.exp": lambda x, k: np.exp(x),
    "np.sqrt of an array": lambda x, k: np.sqrt(np.asarray(x)),
    "np.power": lambda x, k: np.power(x, 2),
    "np.hypot": lambda x, k: np.hypot(x, 1.0),
    "np.dot": lambda x, k: np.dot([x, W], [1.0, 2.0]),
    "np.einsum": lambda x, k: np.einsum("i,i", np.array([x, W]), np.array([W, x])),
    "np.cross": lambda x, k: list(np.cross([x, W, x], [W, x, 2.0])),
    "np.cumsum": lambda x, k: list(np.cumsum([x, W])),
    "np.mean": lambda x, k: np.mean([x, W]),
    "np.std": lambda x, k: np.std([x, W]),
    "np.average": lambda x, k: np.average([x, W]),
    "np.linalg.norm": lambda x, k: np.linalg.norm([x, W]),
    "np.polyval": lambda x, k: np.polyval([1.0, 2.0], x),
    "np.convolve": lambda x, k: list(np.convolve([x, W], [1.0, 2.0])),
    "np.real": lambda x, k: np.real(x) + np.imag(x),
    "tolist": lambda x, k: np.asarray([x, W]).tolist(),
    "random.choice": lambda x, k: random.choice([x, x]),
    "conjugate": lambda x, k: x.conjugate(),
    "take": lambda x, k: ad.take([1.0, 2.0, 4.0], k) * ad.take(TABLE, k),
    "grad of numbers": lambda x, k: ad.grad(lambda v: v * W)(2.0) * x,
    "hessian": lambda x, k: ad.hessian(lambda v: v[0] * v[0] * W)([x])[0][0],
    "gradients": lambda x, k: ad.gradients(x * x * W, x, create_graph=True),
}


def compiled(use: Use) -> Any:
    """Outputs for two examples."""
    result = ad.compile(lambda x, k: combined(use(x, k), x), [W, *TABLE])(None, [0.7, 1.3], [0, 2])
    return result.tolist()


def combined(result: Any, x: Any) -> Any:
    """One number of whatever a use gives, which depends on the parameters anyway."""
    parts = result if isinstance(result, list) else [result]
    total = W * x
    for i, part in enumerate(parts, start=1):
        total = total + i * (part.item() if isinstance(part, np.ndarray) else part)
    return total


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    use = REFUSED[case]
    with pytest.raises(TraceError) as caught:
        compiled(use)
    file, _, line = str(caught.value).split(": ")[0].rpartition(":")
    assert file == __file__
    helpers = {"match": matched, "assert": asserted}
    lines, first = inspect.getsourcelines(helpers.get(case, use))
    assert first <= int(line) < first + len(lines)


@pytest.mark.parametrize("case", ERRORS)
def test_errors_of_python_and_numpy_name_the_line(case: str) -> None:
    use = ERRORS[case]
    with pytest.raises((TypeError, AttributeError, IndexError)) as caught:
        compiled(use)
    lines, first = inspect.getsourcelines(use)
    places = [f"{__file__}:{line}: " for line in range(first, first + len(lines))]
    assert any(str(caught.value).startswith(place) for place in places)


@pytest.mark.parametrize("module", ["nn", "nn.mine", "viz.mine", "autograd_mini.mine"])
@pytest.mark.parametrize("test", ["x == 0", "x != w", "k in [0, 1]", "{0: w}.get(k)", "hash(k)"])
def test_no_name_of_a_module_makes_a_difference(module: str, test: str) -> None:
    names: dict[str, Any] = {"__name__": module, "w": W}
    exec(f"def function(x, k):\n    return w if {test} else x * w", names)
    with pytest.raises(TraceError, match=r"equal\(|take\("):
        ad.compile(names["function"], [W])(None, [1.0], [1])


def test_derivatives_toward_integers_and_what_is_computed_from_them() -> None:
    def function(x: Any, k: Any) -> Any:
        y = ad.sin(x * (k * 2) * W)
        return ad.sum(ad.gradients(y, [k, x, W], create_graph=True))

    slope = ad.compile(function, [W])(None, [0.3], [2])
    angle, cos = 0.3 * 4 * 0.5, math.cos(0.3 * 4 * 0.5)
    assert math.isclose(slope[0], cos * (angle / 2 + angle / 0.3 + angle / 0.5), rel_tol=1e-13)


@pytest.mark.parametrize("case", IDENTITY)
def test_identity(case: str) -> None:
    assert compiled(lambda x, k: 1.0 if IDENTITY[case](x, k) else 0.0) == [0.35, 0.65]


@pytest.mark.parametrize("case", RECORDED)
def test_recorded(case: str) -> None:
    use = RECORDED[case]
    eager = [combined(use(x, k), x).data for x, k in [(Value(0.7), 0), (Value(1.3), 2)]]
    np.testing.assert_allclose(compiled(use), eager, rtol=1e-13)


def test_text_of_a_traced_value_holds_no_number() -> None:
    texts: list[str] = []

    def function(x: Any, k: Any) -> Any:
        texts.extend([str(x), f"{k}", "%s" % (W * x), repr(W)])
        return W * x * k

    ad.compile(function, [W])(None, [1.0], [1])
    ops = ["input", "integer_input", "mul", ""]
    labels = ["", "", "", "w"]
    assert texts == [
        f"Traced(op={op!r}, label={label!r})" for op, label in zip(ops, labels, strict=True)
    ]
