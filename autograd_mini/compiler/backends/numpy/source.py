"""Stage 6: NumPy source for an array program.

Generated from indices and the table alone; of the user's text, only plain names become names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy.typing as npt

from ...ir.array_program import ArrayProgram
from ...ir.facts import last_indices
from ...ir.spaces import COMPUTED, SCRATCH, SCRATCH_FIXED, THETA, index_space
from ...ir.steps import Step
from .plan import Buffer, Plan
from .statements import HUGE, write_step

SPACES = (*COMPUTED, *(space.signals for space in COMPUTED), SCRATCH, SCRATCH_FIXED)
"""The spaces that a workspace has arrays for."""


@dataclass(frozen=True)
class Emitted:
    """What runs an array program.

    Attributes
    ----------
    header : str
        The comments above the functions.
    functions : mapping of str to str
        The source of ``outputs`` and, with a reverse pass, of ``value_and_grad``.
    unpacked : mapping of str to tuple of str
        The arrays that each of them unpacks.
    buffers : tuple of Buffer
        The arrays besides whole spaces.
    constants : mapping of str to object
        What their globals are.
    calls : tuple of str
        The functions of NumPy and SciPy that they call, as they name them.
    """

    header: str
    functions: Mapping[str, str]
    unpacked: Mapping[str, tuple[str, ...]]
    buffers: tuple[Buffer, ...]
    constants: Mapping[str, Any]
    calls: tuple[str, ...]

    @cached_property
    def source(self) -> str:
        """The whole text."""
        return self.header + "\n".join(self.functions.values())

    def lines_above(self, function: str) -> int:
        """How many lines of the whole text come before a function."""
        return self.source[: self.source.index(self.functions[function])].count("\n")


def emit(
    program: ArrayProgram,
    header: Sequence[str] = (),
    labels: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> Emitted:
    """Write the source of ``outputs(...)`` and, with a reverse pass, ``value_and_grad(...)``.

    Parameters
    ----------
    program : ArrayProgram
        What to write.
    header : sequence of str
        Comment lines for the top.
    labels : sequence of str, optional
        The parameters' labels; those that are plain names become part of names in the source.
    arguments : sequence of str, optional
        The names of the arguments in the function that was traced.

    Returns
    -------
    Emitted
        The source and what it needs.
    """
    plan = Plan(program, labels, arguments)
    indices = [index_space(k).name for k in sorted(last_indices(program))]
    arguments = ["theta", *(space.name for space in program.inputs), *indices]
    body = _section(plan, program.forward)
    result = ", ".join([plan.read_array(read) for read in program.results])
    body += _taken_lines(plan)
    functions, unpacked = {}, {}

    def add(name: str, arguments: Sequence[str]) -> None:
        unpacked[name] = _unpacked(plan)
        functions[name] = _function(plan, name, arguments, unpacked[name], body, result)

    add("outputs", arguments)
    if THETA.adjoint in program.sizes:
        if plan.set_seed():
            body.append("# BP1: error signals, from the output back")
        body += _taken_lines(plan) + _section(plan, program.backward)
        add("value_and_grad", [*arguments, "gradient", "seed"])
    lines = [*header, *_explained(plan, "value_and_grad" in functions)]
    comments = "".join([f"# {line}\n" for line in lines])
    buffers = tuple(plan.buffers.values())
    return Emitted(comments, functions, unpacked, buffers, plan.constants, tuple(plan.calls))


_CONSTANTS = {
    "places": "positions of numbers that lie here and there",
    "constants": "constant numbers",
    "rows": "0, 1, 2, ... along an axis",
    "holes": "where an array has no number",
    "counts": "which numbers count",
}
_FEW = 8


def _explained(plan: Plan, has_gradient: bool) -> list[str]:
    """What names mean that nothing in the source says."""
    lines = [f"{_listed(plan, names)}: {_CONSTANTS[kind]}" for kind, names in plan.made.items()]
    lines += [f"{name}: {f.kind} of the row {f.op}" for f, name in plan.functions.items()]
    if "examples" in plan.used:
        lines.append("examples: 0, 1, 2, ... along the batch")
    if HUGE in plan.used:
        lines.append(f"{HUGE}: the largest finite number")
    if any(text.startswith("strided(") for text in plan.heads.values()):
        lines.append("strided(array, start, shape, steps): a view of an array, without a copy")
    if has_gradient:
        lines.append("seed: the error signal of the output; gradient: what is written")
    return lines


def _listed(plan: Plan, names: Sequence[str]) -> str:
    """A few names with their numbers or shapes, of many the first and the last."""
    if len(names) > 3:
        return f"{names[0]} to {names[-1]}"
    return ", ".join([f"{name} {_contents(plan.constants[name])}" for name in names])


def _contents(array: npt.NDArray[Any]) -> str:
    if array.ndim == 1 and array.size <= _FEW and array.dtype.kind == "f":
        return f"[{', '.join([f'{number:.4g}' for number in array.tolist()])}]"
    return str(array.shape)


def _section(plan: Plan, steps: Sequence[Step]) -> list[str]:
    for step in steps:
        write_step(plan, step)
    return _taken_lines(plan)


def _taken_lines(plan: Plan) -> list[str]:
    lines, plan.lines = plan.lines, []
    return lines


def _unpacked(plan: Plan) -> tuple[str, ...]:
    spaces = [space.name for space in SPACES if space.name in plan.used]
    return (*spaces, *[name for name in plan.buffers if name in plan.used])


def _function(
    plan: Plan,
    name: str,
    arguments: Sequence[str],
    unpacked: Sequence[str],
    body: Sequence[str],
    result: str,
) -> str:
    lines = [f"def {name}({', '.join(arguments)}, buffers):"]
    if unpacked:
        lines += ["    (", *_wrapped(unpacked), "    ) = buffers"]
    lines += [f"    {n} = {text}" for n, text in plan.heads.items() if n in plan.used]
    lines += [f"    {line}" for line in body]
    return "\n".join([*lines, f"    return {result}", ""])


def _wrapped(names: Sequence[str]) -> list[str]:
    """Names with commas in lines of at most 88 characters, unless one is longer."""
    lines = ["       "]
    for name in names:
        if len(lines[-1]) + len(name) > 86:
            lines.append("       ")
        lines[-1] += f" {name},"
    return lines
