"""The array program: steps over spaces, with a printer and a verifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from .marks import Marks
from .references import Gather, Reference, View
from .spaces import COMPUTED, FIXED, THETA, VALUE, Space
from .steps import ArrayStep, Step

ZERO, ONE, FIRST_FREE = 0, 1, 2
"""Elements of ``value`` and ``fixed`` that are always 0 and 1; what comes after is computed."""


@dataclass(frozen=True)
class ArrayProgram:
    """Steps over spaces of known sizes.

    Attributes
    ----------
    sizes : mapping
        Elements of each space.
    batched : bool
        Whether elements of inputs and values are rows of N numbers.
    forward : tuple of ArrayStep
        From inputs to outputs.
    outputs : Reference
        Where the outputs are.
    aux : Reference or None
        Where what is read beside them is; it has no error signal.
    backward : tuple of Step
        From the error signal of the output, which is set to 1 (or 1/N), to that of ``theta``.
    seed : View or None
        The error signal of the output.
    ones : tuple of int
        Rows of ``value`` that are always 1.
    zeros : tuple of Gather
        Elements of ``value`` and ``fixed`` that are always 0.
    holes, garbage : Marks
        Which elements of ``value`` and ``fixed`` belong to no node; those of them that hold
        anything, not 0.
    """

    sizes: Mapping[Space, int]
    batched: bool
    forward: tuple[ArrayStep, ...]
    outputs: Reference
    aux: Reference | None = field(default=None, kw_only=True)
    backward: tuple[Step, ...] = ()
    seed: View | None = None
    ones: tuple[int, ...] = ()
    zeros: tuple[Gather, ...] = ()
    holes: Marks = field(default_factory=partial(Marks, {}))
    garbage: Marks = field(default_factory=partial(Marks, {}))

    def __str__(self) -> str:
        sizes = ", ".join(f"{space}[{size}]" for space, size in self.sizes.items())
        results = ", ".join(map(str, self.results))
        lines = [sizes, *map(str, self.forward), f"return {results}"]
        if self.backward:
            lines += ["backward", *map(str, self.backward)]
        return "\n".join(lines)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Forward and backward."""
        return (*self.forward, *self.backward)

    @property
    def results(self) -> tuple[Reference, ...]:
        """Outputs and aux."""
        return (self.outputs,) if self.aux is None else (self.outputs, self.aux)

    @property
    def inputs(self) -> list[Space]:
        """The spaces of the arguments, in their order."""
        return [space for space in self.sizes if space.is_input]

    def has_rows(self, space: Space) -> bool:
        """Whether an element of `space` is a row of N numbers."""
        return self.batched and space.has_rows

    def reads_rows(self, reference: Reference) -> bool:
        """Whether what is read is rows of N numbers."""
        if self.batched:
            for part in reference.places:
                if part.space.has_rows:
                    return True
        return False

    def verify(self) -> None:
        """Check that references stay inside their spaces, that shapes fit, that zeros stay 0.

        Raises
        ------
        ValueError
            If a stage has made a step that is not well formed.
        """
        for step in self.steps:
            for reference in (*step.reads, step.out):
                self._verify_reference(reference, step)
            step.verify()
        for reference in self.results:
            self._verify_reference(reference, "the result")
        self._verify_order()

    def _verify_order(self) -> None:
        """Check that what a step reads or adds to has been written in the same run."""
        written = Marks(self.sizes)
        for space in self.sizes:
            if space in (THETA, *self.inputs):
                written.array(space)[:] = True
            elif space in COMPUTED or space in (VALUE.adjoint, FIXED.adjoint):
                written.array(space)[[ZERO, ONE]] = True
        written.array(VALUE)[list(self.ones)] = True
        zeros = Marks(self.sizes, COMPUTED)
        for place in self.zeros:
            zeros.set(place)
            written.set(place)
        if any(zeros.any(step.out) for step in self.forward):
            raise ValueError("a step writes what is to be 0 always")
        if self.seed is not None:
            written.array(self.seed.space)[self.seed.offset] = True
        self._verify_steps(self.forward, written)
        if not all(map(written.all, self.results)):
            raise ValueError("what is returned is not written by the forward steps")
        self._verify_steps(self.backward, written)

    def _verify_steps(self, steps: Sequence[Step], written: Marks) -> None:
        for step in steps:
            if not all(map(written.all, step.needs)):
                raise ValueError(f"{step} reads what is not written yet")
            written.set(step.out)

    def _verify_reference(self, reference: Reference, step: Step | str) -> None:
        for part in reference.places:
            index = part.indices()
            size = self.sizes.get(part.space, 0)
            if index.size and not (index.min() >= 0 and index.max() < size):
                raise ValueError(f"{step} leaves {part.space}[{size}]")
