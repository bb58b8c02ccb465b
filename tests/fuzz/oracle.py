"""Run a program by the compiled code and by the scalar engine, and say where they disagree."""

from __future__ import annotations

import math
import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.compiler import compiled as compiled_trace
from autograd_mini.core.graph import topological_order
from autograd_mini.table.backends import FLOAT, IEEE
from tests.compiler.agreement import EPSILON, UNITS, as_values, eager, flat, largest

from .programs import Program, definitions

Array = npt.NDArray[Any]
VALUE = import_module("autograd_mini.core.value")
RECORDING = import_module("autograd_mini.core.recording")
GRADIENTS = import_module("autograd_mini.derivatives.gradients")
NOISE = 8 * EPSILON
SPREADS = 64  # how many times the effect of noise counts as rounding
NEAR_OVERFLOW = 1e307
UNDERFLOW = 1e-320  # a number that a batch, or its mean, has rounded to few digits
SUMS = frozenset({"add", "sub", "sum", "mean", "dot", "variance"})
SIGNED_ZEROS = SUMS | {"logsumexp", "log_softmax"}  # what may be 0 of either sign
LOGITS = frozenset({"logsumexp", "softmax", "log_softmax"})
FOLDED = SUMS | {"mul", "div", "neg"}  # what may join one sum of products


@dataclass(frozen=True)
class Failure:
    """Where a program fails: `kind` and `place` say which failures are one and the same."""

    kind: str
    place: str
    note: str

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.place


class DisagreementError(Exception):
    """Carries a failure out of the checks."""

    def __init__(self, kind: str, place: str, note: str) -> None:
        super().__init__(note)
        self.failure = Failure(kind, place, note)


@dataclass
class Outcome:
    """Of one program: the failure, if any, and how many numbers were compared."""

    failure: Failure | None = None
    numbers: int = 0
    tolerated: int = 0
    refused: bool = False


def examine(program: Program) -> Outcome:
    """Compare everything that the program gives with the scalar engine."""
    outcome = Outcome()
    try:
        with _blamed("definitions"), definitions(program) as names:
            _Examination(program, names["f"], names["w"], outcome).run()
    except DisagreementError as failed:
        outcome.failure = failed.failure
    return outcome


@contextmanager
def _blamed(kind: str) -> Iterator[None]:
    """An exception of the packages as a failure, placed where it was raised."""
    try:
        yield
    except (DisagreementError, KeyboardInterrupt):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f for f in frames if "autograd_mini" in f.filename] or list(frames)
        file = ours[-1].filename
        place = f"{file.rpartition('/')[2].split(' ')[0]}:{ours[-1].name}"
        text = f"{type(error).__name__}: {error}"
        raise DisagreementError(kind, f"{type(error).__name__} in {place}", text[:400]) from error


@dataclass
class _Examination:
    program: Program
    function: Callable[..., Any]
    parameters: list[Value]
    outcome: Outcome
    static: tuple[int, ...] = field(init=False)
    options: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.static = self.program.static
        self.options = {**dict(self.program.options), "static_argnums": self.static}

    @property
    def mean(self) -> bool:
        return bool(self.options.get("reduction", "mean") == "mean")

    def run(self) -> None:
        first = self.program.batches[0]
        self.set(self.program.thetas[0])
        with _blamed("engine"), np.errstate(all="ignore"):
            example = [a if k in self.static else as_values(a[0]) for k, a in enumerate(first)]
            returned = self.function(*example)
            results = flat(returned)
            values = [r for r in results if isinstance(r, Value)]
            if not results or not any(type(v) is Value for v in values):
                self.outcome.refused = True
                return
        self.single = not isinstance(returned, (list, tuple))
        self.loss = self.function if self.single else self.weighted
        calls = list(zip(self.program.thetas, self.program.batches, strict=True))
        self.check_batched(calls)
        self.check_one_by_one(calls)
        if not self.single:
            self.check_aux(*calls[0])

    def weighted(self, *arguments: Any) -> Any:
        """A loss over all outputs, where the function returns a list."""
        outputs = flat(self.function(*arguments))
        return ad.dot(outputs, [1.0 + 0.25 * k for k in range(len(outputs))])

    def first(self, *arguments: Any) -> Any:
        """A loss that some of the outputs have no part in."""
        return flat(self.function(*arguments))[0]

    def first_and_all(self, *arguments: Any) -> Any:
        outputs = flat(self.function(*arguments))
        return outputs[0], outputs

    def set(self, theta: Sequence[float]) -> None:
        for parameter, number in zip(self.parameters, theta, strict=True):
            parameter.data = number

    def expected(self, function: Callable[..., Any], theta: Sequence[float], batch: Any) -> Any:
        self.set(theta)
        with _blamed("engine"), np.errstate(all="ignore"):
            return eager(function, self.parameters, *batch, static=self.static, mean=self.mean)

    def check_batched(self, calls: Sequence[Any]) -> None:
        with _blamed("compile"), warnings.catch_warnings():
            warnings.simplefilter("error")
            program = ad.compile(self.function, self.parameters, **self.options)
            loss = program
            if not self.single:
                loss = ad.compile(self.loss, self.parameters, **self.options)
            found = [
                (program(theta, *batch), *loss.value_and_grad(theta, *batch))
                for theta, batch in calls
            ]
            theta, batch = calls[0]
            self.set(theta)
            again = (program(None, *batch), *loss.value_and_grad(None, *batch))
        for ours, before in zip(again, found[0], strict=True):
            if not np.array_equal(np.asarray(ours), np.asarray(before), equal_nan=True):
                raise DisagreementError(
                    "state", "a second call differs", f"{ours}, before {before}"
                )
        for (outputs, value, gradient), (theta, batch) in zip(found, calls, strict=True):
            self.compare(outputs, value, gradient, theta, batch)
        self.check_in_chunks(*calls[0])

    def check_in_chunks(self, theta: Sequence[float], batch: Sequence[Any]) -> None:
        """The batch many times over, in more than one chunk."""
        if self.options.get("reduction") or len(theta) % 3:
            return
        tiled = [
            a if k in self.static else np.concatenate([a] * (150 // len(a)))
            for k, a in enumerate(batch)
        ]
        size, compiled_trace._CHUNK_BYTES = compiled_trace._CHUNK_BYTES, 1
        try:
            with _blamed("compile"):
                loss = ad.compile(self.loss, self.parameters, **self.options)
                value, gradient = loss.value_and_grad(theta, *tiled)
        finally:
            compiled_trace._CHUNK_BYTES = size
        expected = self.expected(self.loss, theta, batch)
        judge = self.judge(self.loss, theta, batch)
        self.close("chunked value", value, expected.value, expected.value_size, judge, 1)
        self.close(
            "chunked gradient", gradient, expected.gradient, expected.gradient_sizes, judge, 2
        )

    def check_one_by_one(self, calls: Sequence[Any]) -> None:
        options = {**self.options, "batched": False}
        for theta, batch in calls:
            first = [a if k in self.static else a[0] for k, a in enumerate(batch)]
            lifted = [a if k in self.static else a[:1] for k, a in enumerate(batch)]
            with _blamed("compile"), warnings.catch_warnings():
                warnings.simplefilter("error")
                program = ad.compile(self.function, self.parameters, **options)
                loss = program
                if not self.single:
                    loss = ad.compile(self.loss, self.parameters, **options)
                outputs = program(theta, *first)
                value, gradient = loss.value_and_grad(theta, *first)
            self.compare(outputs[None], value, gradient, theta, lifted)

    def check_aux(self, theta: Sequence[float], batch: Sequence[Any]) -> None:
        """All outputs beside the first, which alone is differentiated."""
        with _blamed("aux"), warnings.catch_warnings():
            warnings.simplefilter("error")
            program = ad.compile(self.first_and_all, self.parameters, has_aux=True, **self.options)
            try:
                (value, aux), gradient = program.value_and_grad(theta, *batch)
            except ad.TraceError:  # the first is a constant
                return
        expected = self.expected(self.function, theta, batch)
        judge = self.judge(self.function, theta, batch)
        self.close("aux", aux, expected.outputs, expected.output_sizes, judge, 0)
        expected, judge = (
            self.expected(self.first, theta, batch),
            self.judge(self.first, theta, batch),
        )
        self.close("value with aux", value, expected.value, expected.value_size, judge, 1)
        self.close(
            "gradient with aux", gradient, expected.gradient, expected.gradient_sizes, judge, 2
        )

    def compare(
        self, outputs: Array, value: float, gradient: Array, theta: Sequence[float], batch: Any
    ) -> None:
        expected = self.expected(self.function, theta, batch)
        judge = self.judge(self.function, theta, batch)
        wanted, sizes = expected.outputs, expected.output_sizes
        if self.single:
            wanted, sizes = wanted[:, 0], sizes[:, 0]
        self.close("outputs", outputs, wanted, sizes, judge, 0)
        if not self.single:
            expected = self.expected(self.loss, theta, batch)
            judge = self.judge(self.loss, theta, batch)
        self.close("value", value, expected.value, expected.value_size, judge, 1)
        self.close("gradient", gradient, expected.gradient, expected.gradient_sizes, judge, 2)

    def judge(self, function: Callable[..., Any], theta: Sequence[float], batch: Any) -> _Judge:
        self.set(theta)
        return _Judge(function, self.parameters, batch, self.static, self.mean)

    def close(
        self,
        what: str,
        ours: Any,
        wanted: Any,
        sizes: Any,
        judge: _Judge,
        which: int,
    ) -> None:
        a, b = np.asarray(ours), np.asarray(wanted)
        self.outcome.numbers += b.size
        if a.shape != b.shape:
            raise DisagreementError(what, "shape", f"{a.shape}, expected {b.shape}")
        with np.errstate(all="ignore"):
            finite = np.isfinite(a) & np.isfinite(b)
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            rounding = np.where(np.isfinite(sizes), sizes, 0.0)
            tolerance = 1e-12 * np.abs(b) + UNITS * EPSILON * rounding + UNDERFLOW
            good = same | (finite & (np.abs(a - b) <= tolerance))
            if good.all():
                return
            allowance = judge.allowance(which)
            if allowance is None:
                self.outcome.tolerated += 1
                return
            good |= np.abs(a - b) <= tolerance + allowance.reshape(b.shape)
            good |= ~np.isfinite(allowance.reshape(b.shape))
            if judge.sums_infinite_products():
                good |= ~np.isfinite(a) & ~np.isfinite(b)
            if judge.meets(LOGITS, lambda z: z == math.inf):
                good |= np.isnan(b)
            if judge.meets(LOGITS | {"exp"}, math.isnan):  # exp: the derivative of a softmax
                good |= np.isnan(a)
        wrong = np.flatnonzero(~good.ravel())
        if not wrong.size:
            self.outcome.tolerated += 1
            return
        at = wrong[0]
        x, y = float(a.ravel()[at]), float(b.ravel()[at])
        place = f"{_nature(x)} for {_nature(y)}"
        if not math.isfinite(x) or not math.isfinite(y):
            place += f", {judge.inside()}"
        raise DisagreementError(what, place, f"entry {at}: {x!r}, engine {y!r}")


def _nature(x: float) -> str:
    return "a number" if math.isfinite(x) else "NaN" if math.isnan(x) else "infinity"


# What may differ.


@dataclass
class _Judge:
    """What may differ in one call, found out only where something does.

    This is the one place that says what may differ:

    - Rounding, to first order: the engine runs again with noise of some units in the last place
      on every result that is not short, and the spread counts.  It is infinite where noise turns a
      choice, or an overflow.
    - Sums are added in another order, and from another start: where the sizes of the terms add up
      to an overflow, though each is finite, so may the sum; a sum that is 0 has either sign.
    - A gradient of a batch that is not finite in the engine: what does not depend on the example
      is differentiated once, with the sum of the signals, and not for each example.
    - Which of infinity and NaN a sum of infinite products is.
    - `log_softmax` near 0 is right to the rounding of 1.
    - A derivative inside the function at an infinite logit: NaN in the engine, where the compiled
      program has the probability 1 of such a logit.  At a NaN among the logits: more of its
      derivatives are NaN than in the engine.
    """

    function: Callable[..., Any]
    parameters: Sequence[Value]
    batch: Sequence[Any]
    static: Sequence[int]
    mean: bool

    def __post_init__(self) -> None:
        self.theta = [parameter.data for parameter in self.parameters]

    def allowance(self, which: int) -> Array | None:
        """By how much output 0, value 1 or gradient 2 may differ; None where everything may."""
        with np.errstate(all="ignore"):
            quiet = self.results(self.function)[which]
            spread = np.zeros_like(quiet)
            for seed in range(6):
                with _noise(seed):
                    noisy = self.results(self.lifted)[which]
                moved = np.abs(noisy - quiet)
                moved[np.isnan(noisy) & np.isnan(quiet) | (noisy == quiet)] = 0.0
                moved[np.isnan(moved)] = np.inf
                spread = np.maximum(spread, moved)
            if self.examples > 1 and which == 2:
                spread[~np.isfinite(quiet)] = np.inf
            return None if any(map(_overflows, self.roots())) else SPREADS * spread

    @property
    def examples(self) -> int:
        return min(len(a) for k, a in enumerate(self.batch) if k not in self.static)

    def lifted(self, *arguments: Any) -> Any:
        """The function with integers as Values, whose sums are no constants either."""
        return self.function(
            *[a if k in self.static else _lifted(a) for k, a in enumerate(arguments)]
        )

    def results(self, function: Callable[..., Any]) -> tuple[Array, Array, Array]:
        self.set()
        found = eager(function, self.parameters, *self.batch, static=self.static, mean=self.mean)
        return found.outputs, np.array([found.value]), found.gradient

    def set(self) -> None:
        for parameter, number in zip(self.parameters, self.theta, strict=True):
            parameter.data = number

    def roots(self) -> Iterator[Value]:
        """The outputs of every example."""
        self.set()
        for row in range(self.examples):
            arguments = [
                a if k in self.static else as_values(a[row]) for k, a in enumerate(self.batch)
            ]
            for output in flat(self.function(*arguments)):
                if isinstance(output, Value):
                    yield output

    def sums_infinite_products(self) -> bool:
        """Whether a sum is not finite, of which a term is a product that is not."""
        with np.errstate(all="ignore"):
            return any(
                v.op in SUMS
                and not math.isfinite(v.data)
                and (
                    v.op == "dot"
                    or any(p.op in FOLDED and not math.isfinite(p.data) for p in v.parents)
                )
                for root in self.roots()
                for v in topological_order(root)
            )

    def meets(self, operations: Set[str], condition: Callable[[float], bool]) -> bool:
        """Whether the condition holds for an operand of one of the operations."""
        return any(
            v.op in operations and any(condition(parent.data) for parent in v.parents)
            for root in self.roots()
            for v in topological_order(root)
        )

    def inside(self) -> str:
        """Whether the engine meets infinities or NaN on the way, to tell failures apart."""
        with np.errstate(all="ignore"):
            for root in self.roots():
                for v in topological_order(root):
                    if not math.isfinite(v.data):
                        return "not all finite on the way"
                    if not all(map(math.isfinite, v.local_derivatives)):
                        return "not all finite on the way back"
        return "all finite on the way"


def _lifted(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_lifted(element) for element in argument]
    return Value(argument) if isinstance(argument, int) else argument


def _is_short(x: float) -> bool:
    """Whether a number has so few digits that sums of such numbers are exact in any order."""
    return float(np.float32(x)) == x


@contextmanager
def _noise(seed: int) -> Iterator[None]:
    """Put every new node off by some units in the last place, unless its number is short.

    A sum is off by units of the size of its terms, unless these are short.

    The engine looks at new nodes, and at gradients, where it detects anomalies: there it stands.
    """
    rng = random.Random(seed)
    bounds: dict[Value, float] = {}
    long: set[Value] = set()  # sums with terms that are not short

    def noise(x: float, size: float | None = None) -> float:
        if size is None and _is_short(x):
            return x
        return x + (abs(x) if size is None else size) * rng.choice([-NOISE, NOISE])

    def disturb(result: Value) -> None:
        bounds[result] = _bound(result, bounds)
        if any(p in long or not _is_short(p.data) for p in result.parents):
            long.update([result] if result.op in FOLDED else [])
        size = bounds[result] if result.op in SUMS and result in long else None
        if result.op == "log_softmax" and len(result.parents) > 1:
            size = 1.0
        y = noise(result.data, size)
        if y == 0 and result.op in SIGNED_ZEROS:
            y = rng.choice([0.0, -0.0])
        row, fixed = ad.PRIMITIVES[result.op], [type(p) is ad.Constant for p in result.parents]
        # local derivatives at the noisy output, which 1 - y * y may cancel
        noisy = replace(row)
        for backend in (FLOAT, IEEE):
            noisy._compiled[backend] = ((lambda *_: y), *row.on(backend)[1:])
        _, derivatives = noisy.linearize([parent.data for parent in result.parents], fixed)
        result.data, result.local_derivatives = y, tuple(map(noise, derivatives))

    with (
        patch.object(RECORDING, "check_value", disturb),
        patch.object(VALUE, "check_gradients", lambda *_: None),
        patch.object(GRADIENTS, "check_gradient", None),
        ad.detect_anomaly(),
    ):
        yield


def _overflows(output: Value) -> bool:
    """Whether finite terms, in some order, add up to an overflow: on the way there or back."""
    bounds: dict[Value, float] = {}
    nodes = topological_order(output)
    for v in nodes:
        bounds[v] = _bound(v, bounds)
        if math.isfinite(v.data) and not bounds[v] < NEAR_OVERFLOW:
            return True
        finite = all(math.isfinite(parent.data) for parent in v.parents)
        if v.op in SUMS and finite and not bounds[v] < NEAR_OVERFLOW:
            return True
    sizes = {output: 8.0}  # as many examples at most
    for v in reversed(nodes):
        size = sizes.get(v, 0.0)
        if not size or not math.isfinite(size):
            continue
        for parent, derivative in zip(v.parents, v.local_derivatives, strict=True):
            part = abs(derivative) * size
            before = sizes.get(parent, 0.0)
            sizes[parent] = before + part
            finite = math.isfinite(part) and math.isfinite(before)
            if finite and not sizes[parent] < NEAR_OVERFLOW:
                return True
    return False


def _bound(v: Value, bounds: dict[Value, float]) -> float:
    """The size of a node, sums as if no term cancelled another."""
    parents = [bounds.get(p, abs(p.data)) for p in v.parents]
    if not v.parents or v.op not in FOLDED:
        return abs(v.data)
    if v.op in ("add", "sub", "sum", "mean"):
        return sum(parents) / (len(parents) if v.op == "mean" else 1)
    if v.op == "neg":
        return parents[0]
    if v.op == "mul" and type(v.parents[1]) is ad.Constant:
        return parents[0] * parents[1] if parents[1] else 0.0
    if v.op == "mul" and type(v.parents[0]) is ad.Constant:
        return parents[0] * parents[1] if parents[0] else 0.0
    if v.op == "dot":
        data = [abs(p.data) for p in v.parents]
        half = len(data) // 2
        products = sum(a * b for a, b in zip(data[:half], data[half : 2 * half], strict=True))
        return products + sum(data[2 * half :])
    if v.op == "variance":
        return 4 * largest(v) * largest(v)
    return abs(v.data)
