"""Stage 1: run the user's function once on Values without numbers, and keep the graph it makes."""

from __future__ import annotations

import numbers
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..core.frames import source_line, user_line
from ..core.graph import topological_order
from ..core.modes import current_modes, switched
from ..core.recording import operate
from ..core.value import Constant, Value, as_value, constant
from ..errors import AutogradError, TraceError
from ..table.primitives import PRIMITIVES

_REMEDY = {
    "the data": "its number is known only when the program runs; compute with the Value itself",
    "the bool": "a branch would freeze one example's choice into the program: use where, maximum, "
    "relu or clip (where(x > 0, a, b) is fine)",
    "`==`": "it would compare identities: use equal(x, 0), which stays in the program, or `is`",
    "`!=`": "it would compare identities: use 1 - equal(x, 0), which stays in the program, or "
    "`is not`",
    "the index": "use take(values, index) to pick a Value by an integer input",
    "the hash": "a dict or a set would look for the Value and not for its number: use "
    "take(values, index) to pick by an integer input",
    "the float": "use the functions of autograd_mini in place of those of math",
    "gradients": "value_and_grad of the program has them; use gradients(..., create_graph=True) "
    "for a loss with derivatives in it",
}
_NUMBERS = (numbers.Number, np.generic, np.ndarray)  # what `==` would compare a number with


@dataclass(frozen=True)
class Refusal:
    """An error raised while tracing, and the user's line that it is about."""

    line: str
    error: TraceError


class Run:
    """One run of a traced function: what its nodes belong to."""

    __slots__ = ("lookups", "refusal")

    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.lookups: list[TracedInput] = []

    def record(self, op: str, parents: tuple[Value, ...]) -> Value:
        """Make a node without a number; constants alone stay constants."""
        modes = current_modes()
        if not modes.recording:
            raise TraceError(
                f"{source_line()}: no_grad in a traced function: a compiled program cannot hold "
                "gradients back; pass what should not vary as an argument"
            )
        if modes.anomaly:
            raise TraceError(
                f"{source_line()}: detect_anomaly in a traced function: a compiled program does "
                "not watch its numbers; call the function itself, on Values"
            )
        fixed = True
        for parent in parents:
            kind = type(parent)
            if kind is not Constant:
                fixed = False
                if (kind is Traced or kind is TracedInput) and parent.run is not self:  # type: ignore[attr-defined]
                    _refuse_stranger(parent)
        if fixed:
            return constant(PRIMITIVES[op].evaluate([parent.data for parent in parents]))
        return self.node(_kind_of_result(parents), op, parents)

    def node(self, kind: type[Traced], op: str, parents: tuple[Value, ...]) -> Traced:
        """Make a node of a class of this module."""
        node = object.__new__(kind)
        node.run = self
        node.op = op
        node._a, node._b = parents if len(parents) == 2 else (parents or None, None)
        if isinstance(node, TracedInput):
            self.lookups.append(node)
        return node

    def end(self) -> None:
        """Let the nodes be keys of a dict: the function, which might look for a number, is over."""
        for node in self.lookups:
            node.__class__ = Traced  # type: ignore[assignment]
        self.lookups.clear()


def _current_run() -> Run | None:
    """The run that this thread or task is in."""
    return getattr(current_modes().record, "__self__", None)


def _refuse(what: str) -> NoReturn:
    line = source_line()
    error = TraceError(f"{line}: cannot take {what} of a traced Value; {_REMEDY[what]}")
    run = _current_run()
    if run is not None:
        run.refusal = Refusal(line, error)  # NumPy replaces some errors by its own
    raise error


def _refuse_stranger(node: Value) -> NoReturn:
    raise TraceError(
        f"{source_line()}: {node!r} was kept from the tracing of a function that is over, or is "
        "another: it has no number; let that function return what is needed of it"
    )


def _has_number(node: Value) -> bool:
    """Whether there is a number to be had here; if not, and not for `_refuse` to say, raise.

    No method: while another thread is on its way to it, a parameter may get its own class back.
    """
    if not isinstance(node, Traced):
        return _current_run() is None
    if node.run is not _current_run():
        _refuse_stranger(node)
    return False


def _plain(node: Value) -> type[Value]:
    """The class of a node while nothing is traced."""
    kind = type(node)
    plain: type[Value] = Value if issubclass(kind, Traced) else getattr(kind, "untraced", kind)
    return plain


if TYPE_CHECKING:
    _Mixin = Value
else:
    _Mixin = object  # so that a parameter's class keeps its layout, and can be exchanged


class _Refusing(_Mixin):
    """Mixed into a class of Values: its number is known only when the program runs.

    Arithmetic on it records nodes; whatever asks for its number raises TraceError.
    """

    __slots__ = ()
    _traced = True

    @property
    def data(self) -> float:
        """Refused while tracing; the number as ever in other threads."""
        return float(_DATA.__get__(self)) if _has_number(self) else _refuse("the data")

    @data.setter
    def data(self, number: float) -> None:
        if not _has_number(self):
            _refuse("the data")
        _DATA.__set__(self, number)

    @property
    def grad(self) -> float:
        """Refused while tracing; the number as ever in other threads."""
        return float(_GRAD.__get__(self)) if _has_number(self) else _refuse("gradients")

    @grad.setter
    def grad(self, number: float) -> None:
        if not _has_number(self):
            _refuse("gradients")
        _GRAD.__set__(self, number)

    def __bool__(self) -> bool:
        return bool(self.data) if _has_number(self) else _refuse("the bool")

    def __eq__(self, other: object) -> bool:
        """Identity; but numbers that would be compared in a function of numbers are refused."""
        if _compares_numbers(self, other):
            _refuse("`==`")
        return _plain(self).__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        """Refused where ``==`` is."""
        if _compares_numbers(self, other):
            _refuse("`!=`")
        return _plain(self).__ne__(self, other)

    __hash__ = Value.__hash__

    def __float__(self) -> float:
        return _plain(self).__float__(self) if _has_number(self) else _refuse("the float")

    def __round__(self, digits: int = 0) -> float:
        return _plain(self).__float__(self) if _has_number(self) else _refuse("the float")

    def __index__(self) -> int:
        if _has_number(self):
            raise TypeError("a Value is no index; take int(v.data)")
        return _refuse("the index")

    def __lt__(self, other: Any) -> Any:
        return (
            _plain(self).__lt__(self, other) if _has_number(self) else operate("less", self, other)
        )

    def __le__(self, other: Any) -> Any:
        return (
            _plain(self).__le__(self, other)
            if _has_number(self)
            else operate("less_equal", self, other)
        )

    def __gt__(self, other: Any) -> Any:
        return (
            _plain(self).__gt__(self, other)
            if _has_number(self)
            else operate("greater", self, other)
        )

    def __ge__(self, other: Any) -> Any:
        return (
            _plain(self).__ge__(self, other)
            if _has_number(self)
            else operate("greater_equal", self, other)
        )

    def __repr__(self) -> str:
        if isinstance(self, Traced) or not _has_number(self):
            return f"Traced(op={self.op!r}, label={self.label!r})"
        return _plain(self).__repr__(self)


class Traced(_Refusing, Value):
    """A node made by a traced function: it never has a number."""

    __slots__ = ("run",)

    run: Run

    @property  # type: ignore[misc]
    def local_derivatives(self) -> tuple[float, ...]:
        """Refused: a node without a number has none."""
        return () if _has_number(self) else _refuse("gradients")


class TracedInput(Traced):
    """An argument of the function that is being traced: in its stead a number may be given.

    And what is computed from integer arguments: a number in its stead may be looked up too.
    """

    __slots__ = ()

    def __hash__(self) -> int:
        if not current_modes().by_identity:
            _refuse("the hash")
        return super().__hash__()


def _kind_of_result(parents: tuple[Value, ...]) -> type[Traced]:
    """What is computed from integer inputs alone may be looked up as these may."""
    for parent in parents:
        if type(parent) is not Constant and not (
            type(parent) is TracedInput and parent.op != "input"
        ):
            return Traced
    return TracedInput


def _compares_numbers(value: object, other: object) -> bool:
    """Whether comparing the identities of two objects would pass for comparing their numbers."""
    return (
        (isinstance(other, _NUMBERS) or _is_made_by_a_trace(value, other))
        and _current_run() is not None
        and not current_modes().by_identity
    )


def _is_made_by_a_trace(value: object, other: object) -> bool:
    """Whether one of two Values is computed by the function, and not one of its parameters.

    It may be one Value twice: ``x != x`` asks whether the number is NaN.
    """
    return isinstance(other, Value) and (isinstance(value, Traced) or isinstance(other, Traced))


_DATA: Any = Value.__dict__["data"]
_GRAD: Any = Value.__dict__["grad"]

lock = threading.RLock()
"""Held while tracing, as parameters are of another class then; taken before any other lock."""


@cache
def _parameter_class(kind: Any) -> Any:
    """What a parameter is an instance of while it is traced; `untraced` is its class otherwise."""
    if issubclass(kind, _Refusing):  # the function around this one has the same parameter
        return kind
    return type(f"Traced{kind.__name__}", (_Refusing, kind), {"__slots__": (), "untraced": kind})


@contextmanager
def _tracing(parameters: Sequence[Value]) -> Iterator[Run]:
    """Parameters are of another class for the time; other threads go on reading their numbers."""
    with lock:
        run = Run()
        kinds: list[Any] = [type(parameter) for parameter in parameters]
        traced = {kind: _parameter_class(kind) for kind in dict.fromkeys(kinds)}
        try:
            for parameter, kind in zip(parameters, kinds, strict=True):
                parameter.__class__ = traced[kind]
            with switched(record=run.record, recording=True, anomaly=False):
                yield run
        finally:
            run.end()
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
    outputs : list of Value
        What the function returned.
    scalar : bool
        Whether it returned one Value and not a sequence.
    aux : list of Value
        What it returned beside the loss.
    scalar_aux : bool
        Whether that was one Value and not a sequence.
    parameters : dict
        Node -> position in the parameter vector.
    inputs : dict
        Node -> (argument, position in the flattened example).
    specs : tuple of InputSpec
        The traced arguments.
    nodes : list of Value
        In topological order.
    """

    outputs: list[Value]
    scalar: bool
    aux: list[Value]
    scalar_aux: bool
    parameters: dict[Value, int]
    inputs: dict[Value, tuple[int, int]]
    specs: tuple[InputSpec, ...]

    @cached_property
    def nodes(self) -> list[Value]:
        """All nodes in topological order."""
        return topological_order(*self.outputs, *self.aux)


def trace(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    specs: Sequence[InputSpec],
    arrange: Callable[[Sequence[Any]], Sequence[Any]],
    has_aux: bool = False,
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
    has_aux : bool, optional
        Whether the function returns a pair: the loss, and what else is to be read.

    Raises
    ------
    TraceError
        If the function needs a number, or does not return Values.
    """
    inputs: list[tuple[Value, tuple[int, int]]] = []
    with _tracing(parameters) as run:
        traced = [_example(run, position, spec, inputs) for position, spec in enumerate(specs)]
        result = _result(run, function, arrange(traced))
        result, beside = _loss_and_aux(result) if has_aux else (result, ())
        outputs = [_output(run, value, "the function returned") for value in _flat(result)]
        verb = "holds" if isinstance(beside, (list, tuple)) else "is"
        aux = [_output(run, value, f"has_aux=True: aux {verb}") for value in _flat(beside)]
    if not any(isinstance(output, Value) and output.op != "constant" for output in outputs):
        raise TraceError(
            f"the function returned {result!r:.80}, which depends on no parameter and no input: "
            "it needs no compiling; or was a gradient lost in float(), .data or math?"
        )
    places = {parameter: i for i, parameter in enumerate(parameters)}
    return Trace(
        outputs,
        _is_one(result),
        aux,
        _is_one(beside),
        places,
        dict(inputs),
        tuple(specs),
    )


def _result(run: Run, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """What the function returns; its errors name the user's line and what to do."""
    try:
        return function(*arguments)
    except Exception as error:
        _explain(error, run)
        raise


def _loss_and_aux(result: Any) -> tuple[Any, Any]:
    """The two parts of what a function with ``has_aux`` returns."""
    if not isinstance(result, (list, tuple)) or len(result) != 2:
        raise TraceError(
            f"has_aux=True: the function returned {result!r:.80}, expected a pair (loss, aux)"
        )
    loss, aux = result
    if not _is_one(loss):
        raise TraceError(
            f"has_aux=True: the function returned {loss!r:.80} as its loss, expected one Value: "
            "return (loss, aux)"
        )
    if not _flat(aux):
        raise TraceError("has_aux=True: aux is empty; compile without has_aux and return the loss")
    return loss, aux


def _is_one(result: Any) -> bool:
    """Whether it is one Value or number, and not a sequence."""
    return isinstance(result, (Value, int, float))


def _flat(result: Any) -> list[Any]:
    if isinstance(result, (list, tuple)):
        return [value for item in result for value in _flat(item)]
    return [result]


def _output(run: Run, value: Any, what: str) -> Value:
    try:
        output = as_value(value)
    except TypeError:
        raise TraceError(
            f"{what} {type(value).__name__}, expected a Value or a list of Values"
            + (": take its tolist()" if isinstance(value, np.ndarray) else "")
        ) from None
    if isinstance(output, Traced) and output.run is not run:
        _refuse_stranger(output)
    return output


def _example(
    run: Run, argument: int, spec: InputSpec, inputs: list[tuple[Value, tuple[int, int]]]
) -> Any:
    """One example of inputs without numbers: a scalar, or lists nested as the shape says."""
    op = "integer_input" if spec.integer else "input"

    def build(shape: tuple[int, ...]) -> Any:
        if shape:
            return [build(shape[1:]) for _ in range(shape[0])]
        node = run.node(TracedInput, op, ())
        inputs.append((node, (argument, counter[0])))
        counter[0] += 1
        return node

    counter = [0]
    return build(spec.shape)


# Errors of Python and NumPy, which know nothing of traced Values, get a line and a remedy.

_HINTS = (
    (
        r"'(list|tuple)'",
        "models return a list of outputs: unpack one (`output, = model(x)`), or compute output by "
        "output and add up",
    ),
    (
        r"for (//|%|<<|>>|&|\||\^|divmod)",
        "tabulate for an integer input k what is not in the table of primitives: "
        "take([... for k in range(n)], k)",
    ),
    (r"valid indices|integer array", _REMEDY["the index"]),
    (r"ufunc|[Cc]annot cast", "use the functions of autograd_mini in place of NumPy's"),
)


def _explain(error: Exception, run: Run) -> None:
    """Raise an error that names the user's line and what to do, in place of one that does not."""
    line = user_line(error.__traceback__)
    if line is None or isinstance(error, AutogradError):
        return
    if run.refusal is not None and run.refusal.line == line:
        raise run.refusal.error from error
    if type(error).__module__.partition(".")[0] not in ("builtins", "numpy"):
        return
    hint = _hint(str(error))
    for kind in (TypeError, AttributeError, IndexError, ValueError):
        if isinstance(error, kind):
            raise kind(f"{line}: {error}{hint and '; '}{hint}") from error


def _hint(message: str) -> str:
    """What to do about an error that names a type, an operator or a function of NumPy."""
    method = re.search(r"(?:callable|attribute) '?(\w+)'?", message)
    if method:
        name = method[1].replace("arc", "a")
        if name in PRIMITIVES:
            return f"use autograd_mini.{name}"
    return next((hint for pattern, hint in _HINTS if re.search(pattern, message)), "")
