"""Numbers and expressions of random programs."""

from __future__ import annotations

import random

import autograd_mini as ad

TABLE = tuple(ad.PRIMITIVES)
INF = float("inf")
EXTREMES = (1e200, -1e200, 1e308, 1e-200, 5e-324, -5e-324, INF, -INF, float("nan"))
TIES = (0.0, 0.0, -0.0, 1.0, 1.0, -1.0, 2.0, 0.5, 49.0, 3.0)


class Expressions:
    """Draws expressions over the names that there are so far."""

    def __init__(self, rng: random.Random, edge: bool) -> None:
        self.rng, self.edge = rng, edge
        self.functions = {row: f"ad.{row}" for row in TABLE}
        self.scalars: list[str] = []
        self.lists: dict[str, int] = {}  # name, length
        self.integers: list[tuple[str, int]] = []  # expression, bound
        self.fresh = 0

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
