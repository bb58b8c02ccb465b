"""Random programs, drawn step by step.

Steps are drawn freely and run at once in the scalar engine, for every example: a step that leaves
the domain of a function is drawn again.  An *edge* program keeps such steps, and takes its numbers
from zeros, ties, extremes, infinities and NaN.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_mini as ad
from tests.compiler.agreement import as_values

from .programs import Program, forget_rows
from .steps import RedrawError, Steps

LARGEST = 1e4
LABELS = (
    *("", "", "w", "b", "theta", "copy1", "z1", "table", "input0", "gradient", "x0", "out", "np"),
    *(
        "a\nb",
        "\\",
        "#",
        "'",
        '"' * 3,
        "{x}",
        "def",
        "None",
        "layers[0].w",
        "ﬁ",
        "π",
        "__import__('os')",
    ),
)
_NAMES = """
    g x0 value theta out copy np t seed copy1 z1 table input0 input1 xﬁ xfi naïve aµ s0 theta_g
    arrays gradient x a index rows mean_ out1 work self s p d weight bias ones len print float64
    ufunc einsum stack errstate result shape m c list
"""
NAMES = tuple(_NAMES.split())
ARGUMENTS = tuple(sorted({*NAMES} - {"np", "len", "list", "t", "a", "x", "xﬁ", "xfi"}))
STATIC: Sequence[tuple[Any, Any]] = (  # pairs that compare equal, or not
    *((0.0, -0.0), (1.0, 1.0), ((1,), (True,)), ((0.0,), (-0.0,)), ("sin", "cosh"), ((2,), (2.0,))),
)
FORMULAS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("A", "A * sin(A)", ["sin(A) + A * cos(A)"]),
    ("A", "erf(A) * 0.5", ["exp(-A * A) / sqrt(pi)"]),
    ("A", "gelu(A) + erfc(A)", ["erfc(-A / sqrt(2)) / 2 + A * exp(-A * A / 2) / sqrt(2 * pi) - y"]),
    ("A", "where(A > 0.3, A * A, 0.5 * A)", ["where(A > 0.3, 2 * A, 0.5)"]),
    ("A, B", "A * B", ["B", "A"]),
    ("A, B", "A / (1 + B * B)", ["1 / (1 + B * B)", "-2 * B * y / (1 + B * B)"]),
    ("A, B", "where(A >= B, A * B, A + B)", ["where(A >= B, B, 1)", "where(A >= B, A, 1)"]),
    ("A, B, C", "A * B + C", ["B", "A", "1"]),
    ("A, B=0.5", "tanh(A * B)", ["(1 - y * y) * B", "(1 - y * y) * A"]),
    ("A...", "sum(square(A))", ["2 * A"]),
    ("A...", "sum(log(1 + square(A)))", ["2 * A / (1 + A * A)"]),
    ("A...", "sum(erf(A)) / n", ["2 / sqrt(pi) * exp(-A * A) / n"]),
    ("A...", "sum(gelu(A))", ["erfc(-A / sqrt(2)) / 2 + A * exp(-A * A / 2) / sqrt(2 * pi)"]),
    ("A...", "mean(maximum(A, 0.1))", ["(sign(A - 0.1) + 1) / 2 / n"]),
    ("A...", "logsumexp(A) * 2", ["2 * exp(A - y / 2)"]),
    ("A...", "prod(A) + norm(A)", ["prod_others(A) + A / norm(A)"]),
    ("A..., B...", "dot(A, B) * 0.5", ["0.5 * B", "0.5 * A"]),
    ("A..., B..., C?", "sum(A * tanh(B)) + C", ["tanh(B)", "A * (1 - tanh(B) * tanh(B))", "1"]),
    ("A, B...", "A * sum(sin(B))", ["sum(sin(B))", "A * cos(B)"]),
)


class BrokenStepError(Exception):
    """A step that the scalar engine cannot run: the last of its program."""


class _Draw(Steps):
    """Draws one program, step by step."""

    def __init__(self, rng: random.Random, edge: bool, steps: int) -> None:
        super().__init__(rng, edge)
        self.rows: list[str] = []
        self.lines = []
        self.names: dict[str, Any] = {"ad": ad, "np": np}
        self.names |= {"inf": float("inf"), "nan": float("nan")}
        before = set(ad.PRIMITIVES)
        try:
            self.register()
            self.arguments()
            self.run_steps(steps)
        finally:
            forget_rows(before)

    def register(self) -> None:
        for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
            operands, value, partials = self.rng.choice(FORMULAS)
            row, *others = self.rng.sample(NAMES, 4)
            domains = [(0.5, 1.5)] * (operands.count(",") + 1)
            to_name = str.maketrans(dict(zip("ABC", others, strict=True)))
            operands, value = operands.translate(to_name), value.translate(to_name)
            derivatives = [partial.translate(to_name) for partial in partials]
            text = (
                f"ad.register_primitive({row!r}, {operands!r}, {value!r}, {derivatives!r}, "
                f"{domains!r})"
            )
            variable = self.name()
            try:
                exec(f"{variable} = {text}", self.names)
            except ValueError:  # a name that is not free
                continue
            except Exception:  # a defect, which the examination meets again
                pass
            else:
                self.functions[list(ad.PRIMITIVES)[-1]] = variable  # the name may be normalized
            self.rows.append(f"{variable} = {text}")

    def arguments(self) -> None:
        rng = self.rng
        self.sizes = [rng.choice([1, 1, 2, 3, 5]), rng.choice([1, 2, 3, 4])]
        self.labels = tuple(rng.choice(LABELS) for _ in range(rng.choice([1, 2, 3, 6, 12, 30])))
        self.thetas = tuple(tuple(self.number() for _ in self.labels) for _ in self.sizes)
        self.lists["w"] = len(self.labels)
        self.static: list[int] = []
        arguments, names = [], []
        for k in range(rng.choice([1, 1, 2, 2, 3, 4])):
            name = rng.choice([f"x{k}", f"x{k}", rng.choice(ARGUMENTS)])
            if name in names:
                name = f"arg{k}"
            names.append(name)
            arguments.append(self.argument(name, k))
        if len(self.static) == len(names):
            names.append("last")
            arguments.append(self.argument("last", None))
        self.signature = ", ".join(names)
        self.batches = tuple(zip(*arguments, strict=True))
        self.spaces = []
        for theta, batch, n in zip(self.thetas, self.batches, self.sizes, strict=True):
            w = [ad.Value(x) for x in theta]
            for row in range(n):
                values = [a if k in self.static else as_values(a[row]) for k, a in enumerate(batch)]
                self.spaces.append({**self.names, "w": w, **dict(zip(names, values, strict=True))})

    def argument(self, name: str, position: int | None) -> list[Any]:
        """The argument for each call; its elements join what steps draw from."""
        rng = self.rng
        kind = rng.choice(["float"] * 6 + ["integer"] * 3 + ["bool", "float32", "static"])
        if kind == "static" and position is not None:
            self.static.append(position)
            pair = rng.choice(STATIC)
            self.scalars.append(
                f"ad.atan2({name}, -1.0)" if type(pair[0]) is float else f"len({name})"
            )
            if type(pair[0]) is tuple:
                self.scalars.append(f"(2.0 if type({name}[0]) is bool else 0.5)")
            return rng.sample(pair, 2)
        shape = rng.choice([(), (), (1,), (2,), (3,), (3,), (5,), (9,), (2, 3), (1, 2), (2, 1, 2)])
        integer = kind in ("integer", "bool")
        bound = 2 if kind == "bool" else rng.choice([1, 2, 3, 5])
        dtype = rng.choice(["int64", "int32", "int8", "uint8", "uint64"])
        self.elements(name, shape, bound if integer else 0)
        made: list[Any] = []
        for n in self.sizes:
            if integer:
                data = [float(rng.randrange(bound)) for _ in range(n * int(np.prod(shape)))]
            else:
                data = [self.number() for _ in range(n * int(np.prod(shape)))]
            with np.errstate(all="ignore"):
                array = np.array(data).reshape(n, *shape)
                kinds = {"bool": "bool", "float32": "float32", "integer": dtype}
                made.append(array.astype(kinds.get(kind, "float64")))
        return made

    def elements(self, name: str, shape: tuple[int, ...], bound: int) -> None:
        if not shape:
            self.scalars.append(f"ad.as_value({name})" if bound else name)
            if bound:
                self.integers.append((name, bound))
        elif len(shape) == 1 and not bound:
            self.lists[name] = shape[0]
        else:
            for k in range(shape[0]):
                self.elements(f"{name}[{k}]", shape[1:], bound)

    def run_steps(self, count: int) -> None:
        made = 0
        for _ in range(6 * count):
            try:
                self.do(self.step())
                made += 1
            except RedrawError:
                continue
            except BrokenStepError:
                break
            if made == count:
                break
        self.result = self.returned()

    def do(self, expression: str) -> str:
        """Run a step for every example, and keep it if its numbers are fit."""
        name = self.name()
        lines = expression.split("\n")
        lines[-1] = f"{name} = {lines[-1]}"
        text = "\n".join(lines)
        code = compile(text, "<step>", "exec")
        results = []
        for space in self.spaces:
            try:
                with np.errstate(all="ignore"):
                    exec(code, space)
            except (ZeroDivisionError, OverflowError) as error:  # Python, on plain numbers
                raise RedrawError from error
            except Exception as error:  # a defect of the engine, which the examination meets again
                self.lines += lines
                raise BrokenStepError from error
            results.append(space[name])
        for result in results:
            for value in result if isinstance(result, list) else [result]:
                self.inspect(value)
        if isinstance(results[0], list):
            if not results[0]:
                raise RedrawError
            self.lists[name] = len(results[0])
        else:
            self.scalars.append(name)
        self.lines += lines
        return name

    def inspect(self, value: Any) -> None:
        number = value.data if isinstance(value, ad.Value) else value
        if not isinstance(number, (int, float)):
            raise RedrawError
        if not self.edge and not abs(number) <= LARGEST:
            raise RedrawError

    def program(self) -> Program:
        body = "\n".join(f"    {line}" for line in [*self.lines, f"return {self.result}"])
        options = tuple(option for option in [("reduction", "sum")] if self.chance(0.15))
        return Program(
            tuple(self.rows),
            self.labels,
            f"def f({self.signature}):\n{body}\n",
            self.batches,
            self.thetas,
            tuple(self.static),
            options,
        )


def draw(rng: random.Random) -> Program:
    """Draw a program; one in three is an edge program."""
    return _Draw(rng, edge=rng.random() < 0.35, steps=rng.choice([1, 2, 3, 5, 8, 12])).program()
