"""What is known of the elements of a program before its reverse pass."""

from __future__ import annotations

from ..ir.array_program import ArrayProgram
from ..ir.marks import Marks
from ..ir.references import Place, Reference, View
from ..ir.spaces import THETA
from ..ir.steps import ArrayStep


class Flow:
    """Which elements depend on a parameter, feed an arm of a ``where``, are read several times.

    Attributes
    ----------
    steps : list of ArrayStep
        The forward steps that the output is computed by; the others are there for aux alone.
    needed, guarded : Marks
        What depends on a parameter, and so has an error signal; what feeds an arm of a ``where``.
    differentiable : collection of ArrayStep
        The steps that what depends on a parameter goes through, in order.
    """

    def __init__(self, program: ArrayProgram) -> None:
        self.program = program
        self.steps = self._steps()
        self.needed, self.differentiable = self._needed()
        self.guarded = self._guarded()
        self._read, self._read_again = self._readers()

    def _steps(self) -> list[ArrayStep]:
        if self.program.aux is None:
            return list(self.program.forward)
        marks, steps = Marks(self.program.sizes), list[ArrayStep]()
        marks.set(self.program.outputs)
        for step in reversed(self.program.forward):
            if marks.any(step.out):
                steps.append(step)
                for reference in step.reads:
                    marks.set(reference)
        return steps[::-1]

    def _needed(self) -> tuple[Marks, dict[ArrayStep, None]]:
        """What depends on a parameter, and so has an error signal; the steps through which."""
        marks, steps = Marks(self.program.sizes), dict[ArrayStep, None]()
        marks.array(THETA)[:] = True
        for step in self.steps:
            if step.has_signal and any(map(marks.any, step.values)):
                marks.set(step.out)
                steps[step] = None
        return marks, steps

    def _guarded(self) -> Marks:
        """What feeds an arm of a ``where``: 0 * inf may come back to it."""
        marks = Marks(self.program.sizes)
        for step in reversed(self.steps):
            read = step.reads if marks.any(step.out) else step.arms
            for reference in read:
                marks.set(reference)
        return marks

    def _readers(self) -> tuple[Marks, Marks]:
        """What is read, and what is read more than once."""
        once, again = Marks(self.program.sizes), Marks(self.program.sizes)
        for step in self.steps:
            for part in [part for reference in step.reads for part in reference.places]:
                if not part.is_distinct or once.all(part):
                    again.set(part)
                elif once.any(part):
                    at = part.indices()
                    again.array(part.space)[at] |= once.array(part.space)[at]
                once.set(part)
        return once, again

    def is_read_once(self, view: View) -> bool:
        """Whether each element of a view is read by one step, and there once."""
        return self._read.all(view) and not self._read_again.any(view)

    def meets_garbage(self, out: View, operands: list[Reference]) -> bool:
        """Whether holes of `out` are computed from whatever memory holds, where 0 * inf is NaN.

        Numbers of other nodes that meet there seldom give inf; then the NaN-safe form answers.
        """
        holes = self.program.holes.array(out.space)[out.indices()]
        garbage = self.program.garbage
        read = [part for part in operands if isinstance(part, Place) and garbage.any(part)]
        return any(garbage.array(part.space)[part.indices()][holes].any() for part in read)
