"""Stage 1: run the user's function once on Values without numbers, and keep the graph it makes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ..errors import TraceError
from ..graph import topological_order
from ..modes import current_modes, source_line, switched
from ..primitives import PRIMITIVES
from ..value import Constant, Value, as_value, constant, operate

_REMEDY = {
    "data": "its number is known only when the program runs; compute with the Value itself",
    "bool": "a branch would freeze one example's choice into the program: use where, maximum, "
    "relu or clip (where(x > 0, a, b) is fine)",
    "equality": "`==` would compare identities: use equal(x, 0), which stays in the program",
    "index": "use take(values, index) to pick a Value by an integer input",
    "float": "use the functions of autograd_mini in place of those of math",
    "gradients": "value_and_grad of the program has them; use gradients(..., create_graph=True) "
    "for a loss with derivatives in it",
}


def _refuse(what: str) -> NoReturn:
    raise TraceError(f"{source_line()}: cannot read {what} of a traced Value; {_REMEDY[what]}")


class Traced(Value):
    """A Value whose number is known only when the program runs.

    Arithmetic on it records nodes; whatever asks for its number raises TraceError.
    """

    __slots__ = ()

    @property
    def data(self) -> float:
        """Refused while this thread traces; the number as ever in other threads."""
        if is_tracing():
            _refuse("data")
        return float(_DATA.__get__(self))

    @data.setter
    def data(self, number: float) -> None:
        if is_tracing():
            _refuse("data")
        _DATA.__set__(self, number)

    def __bool__(self) -> bool:
        if is_tracing():
            _refuse("bool")
        return bool(self.data)

    def backward(self, seed: float = 1.0) -> None:
        """Refused while this thread traces."""
        if is_tracing():
            _refuse("gradients")
        super().backward(seed)

    def __eq__(self, other: object) -> bool:
        if self is other or isinstance(other, Value) or not is_tracing():
            return self is other
        if not _is_called_by_the_packages() and isinstance(other, (int, float, np.number)):
            _refuse("equality")
        return False

    __hash__ = Value.__hash__

    def __float__(self) -> float:
        return _refuse("float") if is_tracing() else super().__float__()

    def __round__(self, digits: int = 0) -> float:
        return _refuse("float") if is_tracing() else round(self.data, digits)

    def __index__(self) -> int:
        if is_tracing():
            _refuse("index")
        raise TypeError("a Value is no index; take int(v.data)")

    def __lt__(self, other: Any) -> Any:
        return operate("less", self, other) if is_tracing() else super().__lt__(other)

    def __le__(self, other: Any) -> Any:
        return operate("less_equal", self, other) if is_tracing() else super().__le__(other)

    def __gt__(self, other: Any) -> Any:
        return operate("greater", self, other) if is_tracing() else super().__gt__(other)

    def __ge__(self, other: Any) -> Any:
        return operate("greater_equal", self, other) if is_tracing() else super().__ge__(other)

    def __repr__(self) -> str:
        return f"Traced(op={self.op!r}, label={self.label!r})"


def _is_called_by_the_packages() -> bool:
    """Whether the caller's caller is the engine or nn, which look for the number 0 among Values."""
    package = sys._getframe(2).f_globals.get("__name__", "").partition(".")[0]
    return package in ("autograd_mini", "nn")


_DATA = Value.__dict__["data"]
_local = threading.local()
_lock = threading.RLock()


def is_tracing() -> bool:
    """Whether this thread is tracing."""
    return getattr(_local, "depth", 0) > 0


def _new(op: str, parents: tuple[Value, ...], label: str = "") -> Traced:
    node = object.__new__(Traced)
    _DATA.__set__(node, float("nan"))
    node.grad = 0.0
    node.op = op
    node.parents = parents
    node.local_derivatives = ()
    node._label = label
    return node


def record(op: str, parents: tuple[Value, ...]) -> Value:
    """Make a node without a number; constants alone stay constants."""
    if not current_modes().recording:
        raise TraceError(
            f"{source_line()}: no_grad in a traced function: a compiled program cannot hold "
            "gradients back; pass what should not vary as an argument"
        )
    for parent in parents:
        if type(parent) is not Constant:
            return _new(op, parents)
    return _constant_node(op, parents)


def _constant_node(op: str, parents: tuple[Value, ...]) -> Value:
    return constant(PRIMITIVES[op].evaluate([parent.data for parent in parents]))


@contextmanager
def _tracing(parameters: Sequence[Value]) -> Iterator[None]:
    """Parameters become Traced for the time; other threads go on reading their numbers."""
    with _lock:
        kinds = [type(parameter) for parameter in parameters]
        _local.depth = getattr(_local, "depth", 0) + 1
        try:
            for parameter in parameters:
                parameter.__class__ = Traced
            with switched(record=record, recording=True, anomaly=False):
                yield
        finally:
            _local.depth -= 1
            for parameter, kind in zip(parameters, kinds, strict=True):
                parameter.__class__ = kind


@dataclass(frozen=True)
class InputSpec:
    """One traced argument: the shape of one example, and whether it holds integers."""

    shape: tuple[int, ...]
    integer: bool


@dataclass(frozen=True)
class Trace:
    """The graph of one example.

    Attributes
    ----------
    nodes : list of Value
        In topological order.
    outputs : list of Value
        What the function returned.
    scalar : bool
        Whether it returned one Value and not a sequence.
    parameters : dict
        Node -> position in the parameter vector.
    inputs : dict
        Node -> (argument, position in the flattened example).
    specs : tuple of InputSpec
        The traced arguments.
    """

    nodes: list[Value]
    outputs: list[Value]
    scalar: bool
    parameters: dict[Value, int]
    inputs: dict[Value, tuple[int, int]]
    specs: tuple[InputSpec, ...]


def trace(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    specs: Sequence[InputSpec],
    arrange: Callable[[Sequence[Any]], Sequence[Any]],
) -> Trace:
    """Run `function` on inputs of the given shapes and return the graph it makes.

    Parameters
    ----------
    function : callable
        Of one example, written in scalars.
    parameters : sequence of Value
        The leaves that vary.
    specs : sequence of InputSpec
        The traced arguments.
    arrange : callable
        Puts the static arguments between the traced ones.

    Raises
    ------
    TraceError
        If the function needs a number, or does not return Values.
    """
    inputs: dict[Value, tuple[int, int]] = {}
    traced = [_example(position, spec, inputs) for position, spec in enumerate(specs)]
    with _tracing(parameters):
        result = function(*arrange(traced))
        scalar = isinstance(result, (Value, int, float))
        outputs = [_output(value) for value in ([result] if scalar else _flat(result))]
    if not any(isinstance(output, Value) and output.op != "constant" for output in outputs):
        raise TraceError(
            f"the function returned {result!r:.80}, which depends on no parameter and no input: "
            "was a gradient lost in float(), .data or math?"
        )
    return Trace(
        topological_order(*outputs),
        outputs,
        scalar,
        {parameter: i for i, parameter in enumerate(parameters)},
        inputs,
        tuple(specs),
    )


def _flat(result: Any) -> list[Any]:
    if isinstance(result, (list, tuple)):
        return [value for item in result for value in _flat(item)]
    return [result]


def _output(value: Any) -> Value:
    try:
        return as_value(value)
    except TypeError:
        raise TraceError(
            f"the function returned {type(value).__name__}, expected a Value or a list of Values"
        ) from None


def _example(argument: int, spec: InputSpec, inputs: dict[Value, tuple[int, int]]) -> Any:
    """One example of Traced inputs: a scalar, or lists nested as the shape says."""
    op = "integer_input" if spec.integer else "input"

    def build(shape: tuple[int, ...]) -> Any:
        if shape:
            return [build(shape[1:]) for _ in range(shape[0])]
        node = _new(op, ())
        inputs[node] = (argument, counter[0])
        counter[0] += 1
        return node

    counter = [0]
    return build(spec.shape)
