"""Spaces: the one-dimensional pools of numbers that an array program works in.

``theta`` holds the parameters, ``input0``, ... the arguments, ``value`` what depends on the example
and ``fixed`` what depends on parameters alone; ``scratch`` and ``scratch_fixed`` hold what lives
from one step to the next.  The adjoint of a space holds the error signals of its elements.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Space:
    """A pool of numbers; each is made once, so that identity is equality.

    Attributes
    ----------
    name : str
        Its name in printed programs and in emitted source.
    has_rows : bool
        Whether, in a batched program, each element is a row of N numbers.
    argument : int or None
        Which argument it holds, if it is an input.
    adjoint : Space or None
        Where the error signals of its elements are, if they have any.
    is_adjoint : bool
        Whether it holds error signals.
    is_scratch : bool
        Whether what it holds is overwritten by later steps.

    Examples
    --------
    >>> VALUE.adjoint, input_space(2), input_space(2) is input_space(2)
    (d_value, input2, True)
    """

    name: str
    has_rows: bool
    argument: int | None = None
    adjoint: Space | None = None
    is_adjoint: bool = False
    is_scratch: bool = False

    def __repr__(self) -> str:
        return self.name

    @property
    def is_input(self) -> bool:
        """Whether it holds an argument."""
        return self.argument is not None

    @property
    def is_written_once(self) -> bool:
        """Whether an element keeps its number once it has one."""
        return not (self.is_adjoint or self.is_scratch)

    @property
    def signals(self) -> Space:
        """The adjoint of a space that has one."""
        assert self.adjoint is not None, f"{self} has no error signals"
        return self.adjoint


def _with_adjoint(name: str, has_rows: bool) -> Space:
    return Space(name, has_rows, adjoint=Space(f"d_{name}", has_rows, is_adjoint=True))


THETA = _with_adjoint("theta", has_rows=False)
VALUE = _with_adjoint("value", has_rows=True)
FIXED = _with_adjoint("fixed", has_rows=False)
SCRATCH = Space("scratch", has_rows=True, is_scratch=True)
SCRATCH_FIXED = Space("scratch_fixed", has_rows=False, is_scratch=True)

COMPUTED = (VALUE, FIXED)
"""Where forward steps write."""
DIFFERENTIATED = (THETA, VALUE, FIXED)
"""What has error signals."""
PRIMAL = {space.signals: space for space in DIFFERENTIATED}
"""Whose error signals an adjoint holds."""

_inputs: dict[int, Space] = {}
_indices: dict[int, Space] = {}


def input_space(argument: int) -> Space:
    """The space of an argument's numbers."""
    return _inputs.setdefault(argument, Space(f"input{argument}", has_rows=True, argument=argument))


def index_space(argument: int) -> Space:
    """The space of the same argument as integers, for what picks."""
    return _indices.setdefault(
        argument, Space(f"index{argument}", has_rows=True, argument=argument)
    )
