"""The node of the computation graph: a number that remembers where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Union, cast

from .backward import backpropagate
from .coerce import is_number, nodes_of, seeds_of, to_float
from .copying import copy_graph, reduce_leaf, shallow_copy
from .methods import Methods
from .modes import ACTIVE, SWITCHED, current_modes
from .node_display import as_picture, as_table
from .propagation import check_gradients
from .scopes import Origin, Scope, innermost, scope_of

Operand = Union["Value", float]


class Value(Methods):
    """A scalar in a computation graph.

    Operations on Values make new Values that record their operands (``parents``) and the local
    derivative toward each.  :meth:`backward` then accumulates gradients over all paths.

    Parameters
    ----------
    data : float
        The number: an int, a float, a NumPy real scalar or 0-d array.
    label : str, optional
        A name for pictures and explanations.

    Attributes
    ----------
    data : float
        The number.  Assign floats: what is assigned is not looked at, for the sake of speed, and a
        NumPy scalar or an int is computed with as it is (:func:`recompute` turns it into a float).
    grad : float
        Gradient of the last differentiated output toward this node; leaves accumulate.
    op : str
        Name of the primitive that made the node; ``""`` for a leaf, ``"constant"`` for a number.
    parents : tuple of Value
        The operands, in order, one entry for each use: ``a + a`` has two.
    local_derivatives : tuple of float
        Derivative of this node toward each parent, at the data of the forward pass.
    label : str
        The name given to it; anything but text is refused.
    scope : Scope or None
        The innermost scope that the node was made in, see :class:`scope`.

    Raises
    ------
    TypeError
        If `data` is not a real number.

    Examples
    --------
    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b + a
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-4.0, -2.0, 2.0)
    """

    __slots__ = ("_a", "_b", "_da", "_db", "_label", "_origin", "data", "grad", "op")

    # One or two operands stand in the node itself, with the derivatives toward them: a tuple for
    # each would make three objects of a node, all of which Python's collector follows.
    _a: Any  # the first operand, or the tuple of all; None for a leaf
    _b: Value | None  # the second operand, of two
    _da: Any  # the derivative toward `_a`, or a tuple of them
    _db: Any  # the derivative toward `_b`, or None
    _label: str  # not there unless given
    _origin: Scope | Origin  # not there unless in a scope or inside detect_anomaly()
    data: float
    grad: float
    op: str
    _traced: ClassVar[bool] = False  # whether it has no number, since the compiler is tracing

    def __init__(self, data: float, label: str = "") -> None:
        self.label = label
        self.data = data if type(data) is float else to_float(data)
        self.grad = 0.0
        self.op = ""
        self._a = self._b = self._db = None
        self._da = ()
        if ACTIVE:
            scope = innermost()
            if scope is not None:
                self._origin = scope

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands, in order, one entry for each use."""
        if self._b is not None:
            return self._a, self._b
        if self._a is None:
            return ()
        return self._a if type(self._a) is tuple else (self._a,)

    @parents.setter
    def parents(self, parents: Iterable[Value]) -> None:
        self._link(tuple(parents), self.local_derivatives if hasattr(self, "_da") else ())

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """Derivative of this node toward each parent."""
        if self._b is not None:
            return self._da, self._db
        return self._da if type(self._da) is tuple else (self._da,)

    @local_derivatives.setter
    def local_derivatives(self, derivatives: Sequence[float]) -> None:
        if self._b is not None and len(derivatives) == 2:
            self._da, self._db = derivatives
        else:
            self._link(self.parents, tuple(derivatives))

    def _link(self, parents: tuple[Value, ...], derivatives: tuple[float, ...]) -> None:
        """Keep operands and derivatives: one or two in slots, more as tuples."""
        self._b = self._db = None
        if len(parents) == len(derivatives) == 2:
            self._a, self._b = parents
            self._da, self._db = derivatives
        elif len(parents) == len(derivatives) == 1:
            self._a, self._da = parents[0], derivatives[0]
        else:
            self._a, self._da = parents or None, derivatives

    @property
    def label(self) -> str:
        """The name given to the node."""
        try:
            return self._label
        except AttributeError:
            return ""

    @label.setter
    def label(self, label: str) -> None:
        if not isinstance(label, str):
            raise TypeError(f"label must be text, got {label!r}")
        self._label = label

    @property
    def scope(self) -> Scope | None:
        """The innermost scope that the node was made in."""
        return scope_of(self)

    @property
    def source(self) -> str:
        """``file:line`` where the node was made; there only where ``detect_anomaly()`` was on."""
        origin = getattr(self, "_origin", None)
        if not isinstance(origin, Origin):
            raise AttributeError("the source line is known of nodes made inside detect_anomaly()")
        return origin.source

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        return f"Value(data={self.data!r}, grad={self.grad!r}{op}{label})"

    def _repr_html_(self) -> str:
        return as_table(self)

    def _repr_svg_(self) -> str:
        return as_picture(self)

    def __pos__(self) -> Value:
        return self

    # Comparisons look at the data and give bool; equality and hash are identity.

    def __lt__(self, other: Operand) -> bool:
        return compare(self, other, "__lt__")

    def __le__(self, other: Operand) -> bool:
        return compare(self, other, "__le__")

    def __gt__(self, other: Operand) -> bool:
        return compare(self, other, "__gt__")

    def __ge__(self, other: Operand) -> bool:
        return compare(self, other, "__ge__")

    def __bool__(self) -> bool:
        return bool(self.data)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else str(self)

    def __float__(self) -> float:
        raise TypeError(
            "a Value does not turn into a float by itself, since its gradient would be lost: "
            "take v.data for the number, or autograd_mini.exp(v) instead of math.exp(v)"
        )

    def detach(self) -> Value:
        """The same number as a constant: gradients do not flow through it.

        Examples
        --------
        >>> a = Value(3.0)
        >>> y = a * a.detach()
        >>> y.backward()
        >>> a.grad
        3.0
        """
        return constant(self.data, self.label)

    def backward(self, seed: float = 1.0) -> None:
        """Backpropagate from this node.

        Adds ``seed`` times the gradient into ``grad`` of every leaf, so that a second call
        doubles them, and sets ``grad`` of interior nodes anew.  The local derivatives are those
        of the forward pass.  Zero carries nothing: where a local derivative or an upstream
        gradient is 0, an infinity or NaN on the other side does not leak.

        Parameters
        ----------
        seed : float, optional
            Gradient of the final output toward this node.

        Raises
        ------
        ValueError
            If the node is a constant.
        AnomalyError
            Inside ``detect_anomaly()``, at the first non-finite gradient.

        Examples
        --------
        >>> a = Value(3.0)
        >>> y = a * a
        >>> y.backward()
        >>> y.backward()
        >>> a.grad
        12.0
        """
        backward(self, seed)

    def conjugate(self) -> Value:
        """The node itself, as for every real number: NumPy's ``var`` and ``std`` ask for it.

        Examples
        --------
        >>> a = Value(3.0)
        >>> a.conjugate() is a
        True
        """
        return self

    def __copy__(self) -> Value:
        return cast(Value, shallow_copy(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return cast(Value, copy_graph(self, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_leaf(self)

    if TYPE_CHECKING:  # made from the rows of the table by `operators.py`

        def __add__(self, other: Operand) -> Value: ...
        def __radd__(self, other: Operand) -> Value: ...
        def __sub__(self, other: Operand) -> Value: ...
        def __rsub__(self, other: Operand) -> Value: ...
        def __mul__(self, other: Operand) -> Value: ...
        def __rmul__(self, other: Operand) -> Value: ...
        def __truediv__(self, other: Operand) -> Value: ...
        def __rtruediv__(self, other: Operand) -> Value: ...
        def __pow__(self, other: Operand) -> Value: ...
        def __rpow__(self, other: Operand) -> Value: ...
        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...


class Constant(Value):
    """A number met in an expression: it has no gradient, and none flows toward it.

    Examples
    --------
    >>> y = Value(2.0) * 5
    >>> y.parents[1].op, y.local_derivatives
    ('constant', (5.0, 0.0))
    """

    __slots__ = ()


def backward(roots: Value | Sequence[Value], seeds: float | Sequence[float] | None = None) -> None:
    """Backpropagate from one root, or from several at once, into the ``grad`` of the leaves.

    Parameters
    ----------
    roots : Value or sequence of Value
        Where to start.
    seeds : float or sequence of float, optional
        Gradient of the final output toward each root; 1 each without.

    Raises
    ------
    TypeError
        If a root is not a Value.
    ValueError
        If there is no root, a root is a constant, or there are not as many seeds as roots.
    AnomalyError
        Inside ``detect_anomaly()``, at the first non-finite gradient; no ``grad`` has changed then.

    Examples
    --------
    >>> a = Value(3.0)
    >>> backward([a * a, 2 * a])
    >>> a.grad
    8.0
    """
    outputs = nodes_of(roots, "roots")
    if not outputs:
        raise ValueError("there is no root to backpropagate from: roots is empty")
    for output in outputs:
        if isinstance(output, Constant):
            raise ValueError(
                "the output is a constant and depends on no Value: were all its operands plain "
                "numbers, detached, or made inside no_grad()?"
            )
    weights = seeds_of(seeds, len(outputs))
    if SWITCHED and current_modes().anomaly:
        check_gradients(outputs, weights)
    backpropagate(outputs, weights)


def constant(data: float, label: str = "") -> Constant:
    """Make a constant node from a float."""
    node = Constant.__new__(Constant)
    node.data = data
    node.grad = 0.0
    node.op = "constant"
    node._a = node._b = node._db = None
    node._da = ()
    if label:
        node._label = label
    return node


def as_value(operand: Operand) -> Value:
    """Return a Value as it is, and a number as a constant.

    Raises
    ------
    TypeError
        If the operand is neither.

    Examples
    --------
    >>> as_value(2).op
    'constant'
    """
    return operand if isinstance(operand, Value) else constant(to_float(operand))


def compare(value: Value, other: Operand, method: str) -> bool:
    """Compare the data, or NotImplemented for an operand of another kind."""
    if isinstance(other, Value):
        if other._traced and current_modes().record is not None:
            return cast(bool, NotImplemented)  # so that Python asks the other, which is recorded
        number = other.data
    elif is_number(other):
        number = to_float(other)
    else:
        return cast(bool, NotImplemented)
    return cast(bool, getattr(value.data, method)(number))
