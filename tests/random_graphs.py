"""Random programs over the primitives of the table, to be run by any engine.

A :class:`Program` is data: leaves and steps, each step a primitive over leaves, earlier steps and
numbers.  ``program.run(leaves, functions)`` evaluates it with whatever the functions take: Values,
floats, tensors, traced values.  Operands are reused, also by one step twice; every operand lies
inside the domain of its row, so that the problem is well conditioned, and at a distance from kinks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini.table.parsing import Operand
from tests.naive_engine import KINKED, RULES

ROWS = tuple(ad.PRIMITIVES)
MARGIN = 0.05  # how far operands stay from a kink
PATHS = 1500  # so that an engine that walks every path stays fast


@dataclass(frozen=True)
class Ref:
    """The leaf or step of this number; leaves count first."""

    index: int


Argument = Ref | float | tuple[Ref | float, ...]
"""What a step takes: one operand, or a group of them for a vector operand."""


@dataclass(frozen=True)
class Step:
    op: str
    operands: tuple[Argument, ...]


@dataclass(frozen=True)
class Program:
    """A straight-line program; its result is the last step's."""

    leaves: tuple[float, ...]
    steps: tuple[Step, ...]

    def run(self, leaves: Sequence[Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
        """Evaluate at `leaves`; a function takes operands as its row names them."""
        return self.run_all(leaves, functions)[-1]

    def run_all(
        self, leaves: Sequence[Any], functions: Mapping[str, Callable[..., Any]]
    ) -> list[Any]:
        """The leaves and the results of all steps."""
        values = list(leaves)
        for step in self.steps:
            groups = [self.resolve(operand, values) for operand in step.operands]
            values.append(functions[step.op](*groups))
        return values

    def resolve(self, operand: Argument, values: Sequence[Any]) -> Any:
        if isinstance(operand, tuple):
            return [self.resolve(element, values) for element in operand]
        return values[operand.index] if isinstance(operand, Ref) else operand

    def references(self, step: Step) -> list[int | None]:
        """For each operand, groups written out, the node it refers to; None for a number."""
        flat: list[Ref | float] = []
        for operand in step.operands:
            flat += operand if isinstance(operand, tuple) else [operand]
        return [operand.index if isinstance(operand, Ref) else None for operand in flat]

    @property
    def primitives(self) -> set[str]:
        return {step.op for step in self.steps}

    def refers(self, op: str, position: int) -> bool:
        """Whether a step `op` has a leaf or another step, not a number, as this operand."""
        return any(
            isinstance(operand, Ref)
            for step in self.steps
            if step.op == op
            for operand in step.operands[position : position + 1]
        )

    def __str__(self) -> str:
        """The program as Python, for a failing test to show."""
        names = [f"x{i}" for i in range(len(self.leaves))]
        lines = [f"{name} = {x!r}" for name, x in zip(names, self.leaves, strict=True)]
        for i, step in enumerate(self.steps):
            names.append(f"s{i}")
            arguments = ", ".join(str(self.resolve(o, names)) for o in step.operands)
            lines.append(f"s{i} = {step.op}({arguments})".replace("'", ""))
        return "\n".join(lines)


OPERATORS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "neg": lambda x: -x,
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{row: getattr(ad, row) for row in ROWS},
    **OPERATORS,
    "softmax": lambda x, z: ad.softmax([x, *z])[0],
    "log_softmax": lambda x, z: ad.log_softmax([x, *z])[0],
}
"""The engine's own functions, over Values and floats."""


def _apart(a: float, b: float) -> float:
    return abs(a - b)


KINKS: dict[str, Callable[..., float]] = {
    **dict.fromkeys(["abs", "sign", "relu", "softsign"], abs),
    **dict.fromkeys(["leaky_relu", "elu"], lambda x, slope=1.0: abs(x)),
    **dict.fromkeys(["maximum", "minimum"], _apart),
    **dict.fromkeys(["greater", "greater_equal", "less", "less_equal", "equal"], _apart),
    "clip": lambda x, low, high: min(abs(x - low), abs(x - high), abs(high - low)),
    "where": lambda condition, a, b: abs(condition) or 1.0,
}
"""How far operands are from the kink of a row; beyond a margin they may take both signs."""


class _Builder:
    """Adds steps whose operands fit, keeping track of each node's value and number of paths."""

    def __init__(self, rng: random.Random, leaves: Sequence[float]) -> None:
        self.rng = rng
        self.leaves = list(leaves)
        self.values = list(leaves)
        self.paths = [1] * len(leaves)
        self.unused = set(range(len(leaves)))
        self.steps: list[Step] = []

    def add(self, op: str, *operands: Argument) -> Ref:
        program = Program((), ())
        step = Step(op, operands)
        groups = [program.resolve(operand, self.values) for operand in operands]
        targets = [target for target in program.references(step) if target is not None]
        self.steps.append(step)
        self.values.append(complex(RULES[op].value(*groups)).real)
        self.paths.append(sum(self.paths[target] for target in targets))
        self.unused.difference_update(targets)
        self.unused.add(len(self.values) - 1)
        return Ref(len(self.values) - 1)

    def value(self, operand: Ref | float) -> float:
        return self.values[operand.index] if isinstance(operand, Ref) else operand

    def pick(self, low: float, high: float, constants: float) -> Ref | float:
        """A node, recent ones more often, or a number inside the interval."""
        if self.rng.random() < constants:
            number = round(self.rng.uniform(low, high), 3)
            whole = float(round(number))
            return whole if low < whole < high and self.rng.random() < 0.5 else number
        if self.unused and self.rng.random() < 0.5:
            index = self.rng.choice(sorted(self.unused))
        else:
            index = self.rng.randrange(len(self.values))
        if self.paths[index] > PATHS // 8:
            index = self.rng.randrange(len(self.leaves))
        return Ref(index)

    def fit(self, operand: Ref | float, low: float, high: float) -> Ref | float:
        """The operand, or a smooth function of it that lies inside the interval."""
        if low <= self.value(operand) <= high:
            return operand
        wave = self.add("sin", operand)
        scaled = self.add("mul", wave, (high - low) / 2 * 0.99)
        return self.add("add", (low + high) / 2, scaled)

    def operands(self, op: str) -> list[Argument]:
        """Operands of a row: within reach of both sides of a kink, or else in the row's domain."""
        row = ad.PRIMITIVES[op]
        length = self.rng.choice([1, 2, 2, 3, 3, 4] if op != "variance" else [2, 3, 4])
        chosen: list[Argument] = []
        for operand, (low, high) in zip(row.operands, row.domains, strict=True):
            wide = (-3.0, 3.0) if op in KINKED and operand.default is None else (low, high)
            if operand.kind == "vector":
                size = length - 1 if row.operands[0].kind == "scalar" else length
                chosen.append(tuple(self.one(operand, *wide) for _ in range(size)))
            elif operand.kind == "scalar" or self.rng.random() < 0.5:
                chosen.append(self.one(operand, *wide))
        return self.away_from_kinks(op, chosen)

    def one(self, operand: Operand, low: float, high: float) -> Ref | float:
        constants = 0.75 if operand.default is not None else 0.15
        return self.fit(self.pick(low, high, constants), low, high)

    def away_from_kinks(self, op: str, operands: list[Argument]) -> list[Argument]:
        if op not in KINKED:
            return operands
        scalars: list[Any] = operands  # no row with a kink has a vector
        tie = len(operands) == 2 and operands[0] == operands[1]  # exact in every engine
        if tie or KINKS[op](*map(self.value, scalars)) >= MARGIN:
            return operands
        domains = ad.PRIMITIVES[op].domains
        return [self.fit(o, *domain) for o, domain in zip(scalars, domains, strict=False)]


def random_program(
    rng: random.Random, rows: Sequence[str] = ROWS, max_leaves: int = 4, max_steps: int = 12
) -> Program:
    """Draw a program of primitives from `rows`; its last step adds up all that is unused."""
    leaves = [round(rng.uniform(-3, 3), 4) for _ in range(rng.randint(1, max_leaves))]
    builder = _Builder(rng, leaves)
    for _ in range(rng.randint(1, max_steps)):
        op = rng.choice(rows)
        operands = builder.operands(op)
        builder.add(op, *operands)
    builder.add("sum", tuple(Ref(index) for index in sorted(builder.unused)))
    return Program(tuple(leaves), tuple(builder.steps))


def programs(
    rows: Sequence[str] = ROWS, max_leaves: int = 4, max_steps: int = 12
) -> st.SearchStrategy[Program]:
    """Hypothesis strategy of random programs; a failing one shrinks."""
    return st.randoms(use_true_random=False).map(
        lambda rng: random_program(rng, rows, max_leaves, max_steps)
    )
