"""The steps of random programs: patterns that become packs, products, picks and views."""

from __future__ import annotations

import re

import autograd_mini as ad

from .expressions import TABLE, Expressions


class RedrawError(Exception):
    """A step that does not fit; another one is drawn."""


class Steps(Expressions):
    """Draws steps; the text of each ends in the expression that is its result."""

    lines: list[str]  # of the program so far

    def step(self) -> str:
        kinds = [
            *(self.rows_step, self.map_step, self.zip_step, self.layer, self.layer, self.written),
            *(self.take, self.take, self.inner_gradient, self.inner_gradient, self.many_kinds),
            *(self.ragged, self.again, self.recurrence, self.attention, self.convolution),
            *(self.softmaxes, self.reductions, self.scalings, self.choice, self.arrays, self.mixed),
        ]
        return self.rng.choice(kinds)()

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
            [
                *("a + b", "a - b", "a * b", "a * b + a", "a / (1.5 + ad.sin(b))"),
                *("ad.maximum(a, b)", "ad.minimum(a, b)", "ad.hypot(a, b) - a"),
                *("2 * a * b - b / 3", "ad.where(a > b, a, b)"),
            ]
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
            raise RedrawError
        return self.rng.choice(steps)

    def recurrence(self) -> str:
        body = self.rng.choice(
            [
                *("ad.tanh(W * h + x)", "h * x + W", "0.5 * h + x", "2 * h + x / 3", "h + x * W"),
                *(
                    "ad.sin(h) + W * x",
                    "h - W * h * 0.1",
                    "ad.where(h > x, h, x)",
                    "ad.relu(h - x)",
                ),
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
        listed = ", ".join(
            f"{self.functions[self.rng.choice(rows)]}({self.values()})" for _ in "ab"
        )
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
            raise RedrawError
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
        output = rng.choice(
            [re.sub(r"\bz\b", lambda _: target, body), self.element(), self.element()]
        )
        return f"ad.gradients([ad.as_value({output})], [{names}], create_graph=True)"

    def arrays(self) -> str:
        a = self.some_list()
        nodes = f"np.asarray(list(map(ad.as_value, {a})))"
        return self.rng.choice(
            [
                *(f"list({nodes} * {self.element()})", f"{nodes} @ {nodes}"),
                *(
                    f"list(np.tanh({nodes}) + np.arange({self.lists[a]}))",
                    f"list(np.cumsum({nodes}))",
                ),
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
