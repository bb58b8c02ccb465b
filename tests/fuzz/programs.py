"""Random programs as Python source: a script that shows a failure by itself.

Steps are drawn freely and run at once in the scalar engine, for every example: a step that leaves
the domain of a function is drawn again.  An *edge* program keeps such steps, and takes its numbers
from zeros, ties, extremes, infinities and NaN.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import autograd_mini as ad
from autograd_mini import primitives
from tests.compiler.agreement import as_values

Array = npt.NDArray[Any]
TABLE = tuple(ad.PRIMITIVES)
LARGEST = 1e4
EXTREMES = (1e200, -1e200, 1e308, 1e-200, 5e-324, -5e-324, float("inf"), float("-inf"), float("nan"))
TIES = (0.0, 0.0, -0.0, 1.0, 1.0, -1.0, 2.0, 0.5, 49.0, 3.0)
LABELS = (
    *("", "", "w", "b", "theta", "copy1", "z1", "table", "input0", "gradient", "x0", "out", "np"),
    *('"""', "'", "a\nb", "\\", "#", "{x}", "def", "None", "layers[0].w", "ﬁ", "π", "__import__('os')"),
)
NAMES = (
    *("g", "x0", "value", "theta", "out", "copy", "np", "t", "seed", "copy1", "z1", "table"),
    *("input0", "input1", "xﬁ", "xfi", "naïve", "aµ", "s0", "theta_g", "arrays", "gradient", "x", "a"),
    *("index", "rows", "mean_", "out1", "work", "self", "s", "p", "d", "weight", "bias", "ones", "len"),
    *("print", "float64", "ufunc", "einsum", "stack", "errstate", "result", "shape", "m", "c", "list"),
)
STATIC: Sequence[tuple[Any, Any]] = (
    ((0.0, -0.0), (1.0, 1.0), ((1,), (True,)), ((0.0,), (-0.0,)), ("sin", "cosh"), ((2,), (2.0,)))
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


@dataclass(frozen=True)
class Program:
    """A program and what it is called with; ``str`` is a script."""

    rows: tuple[str, ...]  # calls of register_primitive
    labels: tuple[str, ...]  # of the parameters
    source: str  # of `f`, the function of one example
    batches: tuple[tuple[Any, ...], ...]  # arguments of each call; static ones as they are
    thetas: tuple[tuple[float, ...], ...]  # parameters of each call
    static: tuple[int, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()  # of `compile`

    def definitions(self) -> str:
        lines = ["import numpy as np", "from numpy import array, inf, nan", ""]
        lines += ["import autograd_mini as ad", "", *self.rows]
        lines += [f"w = [ad.Value(0.0, label) for label in {list(self.labels)!r}]", ""]
        return "\n".join([*lines, self.source])

    def __str__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options)
        return "\n".join(
            [
                *(self.definitions(), "", "program = ad.compile("),
                f"    f, w, static_argnums={self.static!r}{options}\n)",
                f"thetas = {self.thetas!r}",
                f"batches = {self.batches!r}",
                "for theta, batch in zip(thetas, batches):",
                "    print(program(theta, *batch))",
            ]
        )


@contextmanager
def definitions(program: Program) -> Iterator[dict[str, Any]]:
    """The names that a program defines; its rows leave the table at the end."""
    before = set(ad.PRIMITIVES)
    names: dict[str, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # where shrinking makes nonsense
            code = compile(program.definitions(), "<fuzz>", "exec")
        exec(code, names)
        yield names
    finally:
        forget_rows(before)


def forget_rows(before: set[str]) -> None:
    for name in set(ad.PRIMITIVES) - before:
        del primitives._rows[name]
        for names in (primitives.fast_names, primitives.ieee_names):
            names.pop(name, None)


class Redraw(Exception):
    """A step that does not fit; another one is drawn."""


class Broken(Exception):
    """A step that the scalar engine cannot run: the last of its program."""


class _Draw:
    """Draws one program, step by step."""

    def __init__(self, rng: random.Random, edge: bool, steps: int) -> None:
        self.rng, self.edge = rng, edge
        self.rows: list[str] = []
        self.functions = {row: f"ad.{row}" for row in TABLE}
        self.fresh = 0
        self.lines: list[str] = []
        self.scalars: list[str] = []
        self.lists: dict[str, int] = {}
        self.integers: list[tuple[str, int]] = []  # expression, bound
        self.before = set(ad.PRIMITIVES)
        self.names: dict[str, Any] = {"ad": ad, "np": np}
        self.names |= {"inf": float("inf"), "nan": float("nan")}
        try:
            self.register()
            self.arguments()
            self.run_steps(steps)
        finally:
            forget_rows(self.before)

    # numbers and names

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def number(self) -> float:
        if self.edge and self.chance(0.5):
            return self.rng.choice(EXTREMES if self.chance(0.15) else TIES)
        if self.chance(0.3):
            return float(self.rng.choice([1, -1, 2, 3, 0.5, -2, 0]))
        return round(self.rng.uniform(-2.5, 2.5), 3)

    def constant(self) -> str:
        return repr(self.number())

    def name(self) -> str:
        self.fresh += 1
        return f"v{self.fresh}"

    # rows, parameters and arguments

    def register(self) -> None:
        for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
            operands, value, partials = self.rng.choice(FORMULAS)
            row, *given = self.rng.sample(NAMES, 4)
            given = dict(zip("ABC", given, strict=True))

            def rename(text: str, given: dict[str, str] = given) -> str:
                return "".join(given.get(c, c) for c in text)

            count = operands.count(",") + 1
            text = (
                f"ad.register_primitive({row!r}, {rename(operands)!r}, {rename(value)!r}, "
                f"{[rename(p) for p in partials]!r}, {[(0.5, 1.5)] * count!r})"
            )
            variable = self.name()
            try:
                exec(f"{variable} = {text}", self.names)
            except ValueError:  # a name that is not free
                continue
            except Exception:  # a defect, which the examination meets again
                self.rows.append(f"{variable} = {text}")
                continue
            self.rows.append(f"{variable} = {text}")
            self.functions[row] = variable

    def arguments(self) -> None:
        rng = self.rng
        self.sizes = [rng.choice([1, 1, 2, 3, 5]), rng.choice([1, 2, 3, 4])]
        self.labels = tuple(rng.choice(LABELS) for _ in range(rng.choice([1, 2, 3, 6, 12, 30])))
        self.thetas = tuple(tuple(self.number() for _ in self.labels) for _ in self.sizes)
        self.lists["w"] = len(self.labels)
        self.static: list[int] = []
        arguments, names = [], []
        pool = [n for n in NAMES if n not in ("np", "len", "list", "t", "a", "x")]
        for k in range(rng.choice([1, 1, 2, 2, 3, 4])):
            name = rng.choice([f"x{k}", f"x{k}", rng.choice(pool)])
            if name in names or name in ("xﬁ", "xfi"):
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
                values = [
                    a if k in self.static else as_values(a[row]) for k, a in enumerate(batch)
                ]
                self.spaces.append({**self.names, "w": w, **dict(zip(names, values, strict=True))})

    def argument(self, name: str, position: int | None) -> list[Any]:
        """The argument for each call; its elements join what steps draw from."""
        rng = self.rng
        kind = rng.choice(["float"] * 6 + ["integer"] * 3 + ["bool", "float32", "static"])
        if kind == "static" and position is not None:
            self.static.append(position)
            pair = rng.choice(STATIC)
            self.scalars.append(f"ad.atan2({name}, -1.0)" if type(pair[0]) is float else f"len({name})")
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
                data = [rng.randrange(bound) for _ in range(n * int(np.prod(shape)))]
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

    # expressions

    def element(self) -> str:
        if self.chance(0.12):
            return self.constant()
        if self.scalars and self.chance(0.4):
            return self.rng.choice(self.scalars)
        name = self.some_list()
        return f"{name}[{self.rng.randrange(self.lists[name])}]"

    def some_list(self) -> str:
        names = list(self.lists)
        return self.rng.choice(names[-4:] if self.chance(0.6) else names)

    def expression(self, depth: int = 1) -> str:
        if depth <= 0 or self.chance(0.4):
            return self.element()
        choice = self.rng.random()
        if choice < 0.35:
            return self.row(self.rng.choice(list(self.functions)), depth - 1)
        if choice < 0.5:
            operator = self.rng.choice(["*", "/"])
            return f"({self.expression(depth - 1)} {operator} {self.constant()})"
        if choice < 0.6:
            return f"(-{self.expression(depth - 1)})"
        operator = self.rng.choice(["+", "-", "*", "*", "/"])
        return f"({self.expression(depth - 1)} {operator} {self.expression(depth - 1)})"

    def values(self, most: int = 6) -> str:
        """A list of scalars."""
        name = self.some_list()
        length = self.lists[name]
        choice = self.rng.random()
        if choice < 0.35:
            return name
        if choice < 0.5:
            return f"{name}[{self.rng.randrange(length)}:]"
        if choice < 0.6:
            return f"{name}[::-1]"
        if choice < 0.75:
            function = self.rng.choice(self.unary())
            return f"[{function}(v) for v in {name}]"
        if choice < 0.8:
            return f"[{self.element()}] * {self.rng.randint(1, 4)}"
        count = self.rng.randint(1, most)
        return "[" + ", ".join(self.expression() for _ in range(count)) + "]"

    def unary(self) -> list[str]:
        return [
            text
            for row, text in self.functions.items()
            if not ad.PRIMITIVES[row].has_vectors and len(ad.PRIMITIVES[row].operands) == 1
        ]

    def row(self, op: str, depth: int = 1) -> str:
        """A row of the table over drawn operands, often brought inside its domain."""
        row, rng = ad.PRIMITIVES[op], self.rng
        if op in ("softmax", "log_softmax"):
            count = rng.randint(1, 5)
            logits = ", ".join(self.expression(depth) for _ in range(count))
            return f"ad.{op}([{logits}])[{rng.randrange(count)}]"
        texts = []
        count = rng.choice([1, 2, 3, 5]) if op != "variance" else rng.choice([1, 2, 3])
        fitted = not self.edge or self.chance(0.3)
        for operand, domain in zip(row.operands, row.domains, strict=True):
            may_lack = operand.kind == "optional" or operand.default is not None
            if may_lack and self.chance(0.5):
                break
            repeated = count if operand.kind == "vector" else 1
            made = []
            for _ in range(repeated):
                text = self.expression(depth)
                made.append(self.fit(text, *domain) if fitted and self.chance(0.6) else text)
            texts.append(f"[{', '.join(made)}]" if operand.kind == "vector" else made[0])
        return f"{self.functions[op]}({', '.join(texts)})"

    def fit(self, text: str, low: float, high: float) -> str:
        if (low, high) == (-3, 3):
            return text
        return f"({(low + high) / 2!r} + {(high - low) * 0.49!r} * ad.sin({text}))"

    # steps

    def run_steps(self, count: int) -> None:
        steps = [
            *(self.rows_step, self.map_step, self.zip_step, self.layer, self.layer, self.written),
            *(self.take, self.take, self.inner_gradient, self.inner_gradient, self.many_kinds),
            *(self.ragged, self.again, self.recurrence, self.attention, self.convolution),
            *(self.softmaxes, self.reductions, self.scalings, self.choice, self.arrays, self.mixed),
        ]
        made = 0
        for _ in range(6 * count):
            try:
                self.do(self.rng.choice(steps)())
                made += 1
            except Redraw:
                continue
            except Broken:
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
                raise Redraw from error
            except Exception as error:  # a defect of the engine, which the examination meets again
                self.lines += lines
                raise Broken from error
            results.append(space[name])
        for result in results:
            for value in result if isinstance(result, list) else [result]:
                self.inspect(value)
        if isinstance(results[0], list):
            if not results[0]:
                raise Redraw
            self.lists[name] = len(results[0])
        else:
            self.scalars.append(name)
        self.lines += lines
        return name

    def inspect(self, value: Any) -> None:
        number = value.data if isinstance(value, ad.Value) else value
        if not isinstance(number, (int, float)):
            raise Redraw
        if not self.edge and not abs(number) <= LARGEST:
            raise Redraw

    def rows_step(self) -> str:
        return self.row(self.rng.choice(list(self.functions)), 2)

    def map_step(self) -> str:
        body = self.rng.choice(
            [
                *(f"{self.rng.choice(self.unary())}(v)", f"v * {self.constant()}"),
                *(f"v / {self.constant()}", f"{self.element()} * v + {self.element()}"),
                *("v / (1.5 + ad.cos(v))", "ad.exp(-v * v)", f"v ** {self.rng.choice([2, 3, -1])}"),
                *("ad.where(v > 0, ad.sqrt(v), 0.25 * v)", "2 * v - 0.5 * v * v + 1"),
                *("ad.where(v >= 1.0, ad.log(v), v - 1.0)", f"ad.clip(v, -1.0, {self.constant()})"),
            ]
        )
        return f"[{body} for v in {self.values()}]"

    def zip_step(self) -> str:
        text = self.rng.choice(
            ["a + b", "a - b", "a * b", "a * b + a", "a / (1.5 + ad.sin(b))", "ad.maximum(a, b)"]
            + ["ad.minimum(a, b)", "ad.hypot(a, b) - a", "2 * a * b - b / 3", "ad.where(a > b, a, b)"]
        )
        if self.chance(0.2):
            return f"[{text} for a in ({self.values(3)})[:4] for b in ({self.values(3)})[:4]]"
        return f"[{text} for a, b in zip({self.values()}, {self.values()})]"

    def layer(self) -> str:
        """Weighted sums of a list with rows of parameters."""
        rng, source = self.rng, self.some_list()
        width, table = min(self.lists[source], 6), self.lists["w"]
        start, stride = rng.randrange(table), width + rng.choice([0, 0, 1])
        bias = rng.choice(["", "", f", w[({start} + j * {stride} + {width}) % {table}]", ", 0.5"])
        row = f"[w[({start} + j * {stride} + k) % {table}] for k in range({width})]"
        product = f"ad.dot({row}, {source}[:{width}]{bias})"
        if self.chance(0.3):
            pairs = f"zip({row}, {source})"
            product = f"sum((a * b for a, b in {pairs}), {self.element()})"
        function = rng.choice(["", "ad.tanh", "ad.relu", "ad.sigmoid"])
        return f"[{function}({product}) for j in range({rng.randint(1, 5)})]"

    def written(self) -> str:
        terms = [self.expression() for _ in range(self.rng.randint(2, 7))]
        return self.rng.choice([" + ", " - "]).join(terms)

    def many_kinds(self) -> str:
        """More than eight kinds of terms, drawn from different places."""
        unary = self.rng.sample(self.unary(), self.rng.randint(7, 14))
        terms = [f"{f}({self.element()})" for f in unary]
        terms = [f"{self.element()} * {t}" if self.chance(0.5) else t for t in terms]
        terms += [f"{self.element()} * {self.element()}" for _ in range(self.rng.randint(0, 4))]
        terms += [self.element() for _ in range(self.rng.randint(0, 3))]
        self.rng.shuffle(terms)
        listed = ", ".join(terms)
        form = self.rng.choice(["sum", "sum", "mean", "logsumexp", "norm", "dot", "list", "max"])
        if form == "dot":
            return f"ad.dot([{listed}], [{', '.join(self.element() for _ in terms)}])"
        if form == "max":
            return f"ad.prod([ad.sin(v) for v in [{listed}]])"
        return f"[{listed}]" if form == "list" else f"ad.{form}([{listed}])"

    def ragged(self) -> str:
        name = self.some_list()
        length = self.lists[name]
        f = self.rng.choice(["sum", "mean", "logsumexp", "norm", "prod", "variance"])
        if self.chance(0.5):
            return f"[ad.{f}({name}[:t + 1]) for t in range({length})]"
        parts = [f"{name}[{self.rng.randrange(length)}:]" for _ in range(self.rng.randint(1, 4))]
        if self.chance(0.5):
            return f"[ad.{f}(part) for part in [{', '.join(parts)}]]"
        return f"[ad.dot(w[:len(part)], part[:len(w)]) for part in [{', '.join(parts)}]]"

    def again(self) -> str:
        """An earlier step once more: a common subexpression, perhaps inside something else."""
        steps = [t.partition(" = ")[2] for t in self.lines if t.startswith("v") and " = " in t]
        if not steps:
            raise Redraw
        return self.rng.choice(steps)

    def recurrence(self) -> str:
        body = self.rng.choice(
            [
                *("ad.tanh(W * h + x)", "h * x + W", "0.5 * h + x", "2 * h + x / 3", "h + x * W"),
                *("ad.sin(h) + W * x", "h - W * h * 0.1", "ad.where(h > x, h, x)", "ad.relu(h - x)"),
            ]
        )
        body = body.replace("W", self.element())
        start = self.rng.choice(["0.0", self.element()])
        every = self.chance(0.4)
        lines = [f"h, hs = {start}, []", f"for x in {self.values()}:", f"    h = {body}"]
        return "\n".join([*lines, "    hs.append(h)", "hs" if every else "h"])

    def attention(self) -> str:
        name = self.some_list()
        prefix = f"{name}[:t + 1]" if self.chance(0.7) else name
        weights = f"ad.softmax([q * k * {self.element()} for k in {prefix}])"
        return f"[ad.dot({weights}, {prefix}) for t, q in enumerate({name}[:5])]"

    def convolution(self) -> str:
        name, size = self.some_list(), self.rng.randint(1, 3)
        size = min(size, self.lists["w"])
        return (
            f"[ad.dot(w[:{size}], {name}[t:t + {size}]) "
            f"for t in range({max(1, self.lists[name] - size + 1)})]"
            if self.lists[name] >= size
            else f"[ad.sum({name})]"
        )

    def softmaxes(self) -> str:
        op = self.rng.choice(["softmax", "log_softmax"])
        inner = self.values()
        if self.chance(0.2):
            inner = f"[v + {self.element()} for v in {inner}]"
        return f"ad.{op}({inner})"

    def reductions(self) -> str:
        rows = ["sum", "mean", "prod", "logsumexp", "variance", "norm"]
        rows += [f for f in self.functions if f not in TABLE and self.takes_one_vector(f)]
        listed = ", ".join(f"{self.functions[self.rng.choice(rows)]}({self.values()})" for _ in "ab")
        return f"[{listed}]"

    def takes_one_vector(self, row: str) -> bool:
        return [o.kind for o in ad.PRIMITIVES[row].operands] == ["vector"]

    def scalings(self) -> str:
        text = self.expression()
        for _ in range(self.rng.randint(2, 6)):
            text = f"{text} {self.rng.choice('*/')} {self.constant()}"
        if self.chance(0.4):
            text = f"{self.element()} * ({text})"
        return text

    def choice(self) -> str:
        relation = self.rng.choice(["greater", "greater_equal", "less", "less_equal", "equal"])
        a, b = self.expression(), self.rng.choice([self.element(), "0.0", "1.0"])
        if self.chance(0.3):
            a, b = f"{a} / 49", "1.0"
        condition = f"ad.{relation}({a}, {b})"
        return f"ad.where({condition}, {self.expression()}, {self.expression()})"

    def take(self) -> str:
        """Pick from tables of all kinds, by scalars and by elements of vectors of integers."""
        if not self.integers:
            raise Redraw
        rng = self.rng
        index, bound = rng.choice(self.integers)
        size = bound + rng.choice([0, 0, 1, 4])
        kind = rng.choice(["own", "own", "mixed", "constants", "equal", "computed", "nested"])
        own = [f"w[{rng.randrange(self.lists['w'])}]" for _ in range(size)]
        if kind == "nested":
            width = rng.randint(1, 3)
            rows = [f"[{', '.join(self.element() for _ in range(width))}]" for _ in range(size)]
            table = f"[{', '.join(rows)}]"
            if self.chance(0.3):
                table = f"np.array({table}, dtype=object)"
            return f"list(ad.take({table}, {index}))"
        items = {
            "own": own,
            "mixed": [rng.choice([self.element(), self.constant()]) for _ in range(size)],
            "constants": [self.constant() for _ in range(size)],
            "equal": [self.element()] * size,
            "computed": [self.expression() for _ in range(size)],
        }[kind]
        picked = f"ad.take([{', '.join(items)}], {index})"
        other, other_bound = rng.choice(self.integers)
        ending = rng.choice(["", "", f" * {index}", f" + {index}", f" * {self.element()}", "two"])
        if ending == "two":
            second = [self.element() for _ in range(other_bound + rng.choice([0, 1]))]
            ending = f" + ad.take([{', '.join(second)}], {other})"
        return picked + ending

    def inner_gradient(self) -> str:
        rng = self.rng
        body = self.expression(2)
        target = self.element()
        spoken = rf"(?<![\w.]){re.escape(target)}(?!\w)"
        body = re.sub(spoken, "z", body) if re.search(spoken, body) else f"z * {body}"
        choice = rng.random()
        if choice < 0.45:
            extra = rng.choice(["", f" + {rng.choice(self.unary())}(z)", " * z"])
            order = "ad.grad(" if self.chance(0.15) else ""
            close = ")" if order else ""
            return f"ad.grad({order}lambda z: {body}{extra}{close})({target})"
        if choice < 0.7:
            f = rng.choice(["softmax({})[0]", "log_softmax({})[-1]", "logsumexp({})", "norm({})"])
            f = rng.choice([f, f, "prod({})", "variance({})", "dot({0}, {0})", "mean({})"])
            f = "ad." + f.format("z")
            return f"list(ad.grad(lambda z: {f} * {self.element()})({self.values()}))"
        names = ", ".join(f"w[{rng.randrange(self.lists['w'])}]" for _ in range(rng.randint(1, 3)))
        output = rng.choice([re.sub(r"\bz\b", lambda _: target, body), self.element(), self.element()])
        return f"ad.gradients([ad.as_value({output})], [{names}], create_graph=True)"

    def arrays(self) -> str:
        a = self.some_list()
        return self.rng.choice(
            [
                f"list(np.asarray({a}) * {self.element()})",
                f"np.asarray({a}) @ np.asarray({a})",
                f"list(np.tanh(np.asarray(list(map(ad.as_value, {a})))) + np.arange({self.lists[a]}))",
                f"list(np.cumsum(np.asarray(list(map(ad.as_value, {a})))))",
            ]
        )

    def mixed(self) -> str:
        """Elements of everything there is, in a new order."""
        count = self.rng.randint(1, 8)
        return "[" + ", ".join(self.element() for _ in range(count)) + "]"

    def returned(self) -> str:
        """What the function returns: mostly one loss, at times lists of all kinds of things."""
        rng = self.rng
        last = [*self.scalars[-6:], *(f"*{name}" for name in list(self.lists)[-4:])]
        chosen = rng.sample(last, min(len(last), rng.randint(2, 6)))
        anchor = f"{rng.choice([0.5, 1.0])} * w[0]"
        if self.chance(0.65):
            reduce = rng.choice(["ad.sum", "ad.mean", "ad.sum"])
            return f"{reduce}([{anchor}, {', '.join(chosen)}])"
        extra = [self.element() for _ in range(rng.randint(0, 3))]
        items = [anchor, *chosen, *extra, *extra[:1]]
        if self.chance(0.3):
            items.append("[w[0], [1.0]]")
        rng.shuffle(items)
        return f"[{', '.join(items)}]"

    def program(self) -> Program:
        body = "\n".join(f"    {line}" for line in [*self.lines, f"return {self.result}"])
        options = tuple(
            option for option in [("reduction", "sum")] if self.chance(0.15)
        )
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
