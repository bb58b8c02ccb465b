"""Random programs as users could type them: one expression, or several with names."""

from __future__ import annotations

import random
from collections.abc import Sequence

from autograd_mini.table.syntax import OPERATORS, SIGN, facts
from tests.random_graphs import Program, random_program

ROWS = tuple(facts()["functions"])
_SYMBOLS = {row: symbol for symbol, (row, _) in OPERATORS.items()}


def draw(rng: random.Random, max_steps: int = 6) -> Program:
    """A program that can be typed: softmax among others only."""
    while True:
        program = random_program(rng, ROWS, max_leaves=3, max_steps=max_steps)
        if all(len(s.operands) < 2 or s.operands[1] != () for s in program.steps):
            return program


def leaves_of(program: Program) -> dict[str, float]:
    """The names of the inputs, and their values."""
    return {f"x{i}": value for i, value in enumerate(program.leaves)}


def as_expression(program: Program, rng: random.Random) -> str:
    """The program as one expression, every node written out where it is used."""
    texts = [*leaves_of(program)]
    for step in program.steps:
        operands = [program.resolve(operand, texts) for operand in step.operands]
        texts.append(_call(step.op, _flat(operands), rng))
    return texts[-1]


def as_statements(program: Program, rng: random.Random) -> str:
    """The program as one named expression after the other, between new lines and semicolons."""
    names = [*leaves_of(program)]
    lines = []
    for i, step in enumerate(program.steps):
        operands = [program.resolve(operand, names) for operand in step.operands]
        lines.append(f"s{i} = {_call(step.op, _flat(operands), rng)}")
        names.append(f"s{i}")
    return "".join(line + rng.choice(["\n", "; ", " ;\n\n"]) for line in lines)


def _flat(operands: Sequence[object]) -> list[str]:
    found: list[str] = []
    for operand in operands:
        found += map(str, operand) if isinstance(operand, list) else [str(operand)]
    return found


def _call(op: str, operands: list[str], rng: random.Random) -> str:
    """An operation as an operator, in parentheses, or as the function of that name."""
    space = rng.choice(["", " "])
    if op in _SYMBOLS and rng.random() < 0.8:
        left, right = operands
        return f"({_operand(left)}{space}{_SYMBOLS[op]}{space}{_operand(right)})"
    if op == SIGN[0] and rng.random() < 0.8:
        return f"(-{_operand(operands[0])})"
    return f"{op}({f',{space}'.join(operands)})"


def _operand(text: str) -> str:
    """A negative number in parentheses."""
    return f"({text})" if text.startswith("-") else text
