"""What each threshold and special case of the compiler buys: programs with and without it.

A line for each: what is left out, on what model, microseconds of a call (loss and gradient) with
and without, how many times as long it takes without, and lines of source.  Both compute the same,
and take turns; the times are those of the quickest turns, the least disturbed by other processes.

    python -m benchmarks.ablation [--seconds 1.0] [PART OF A NAME OR MODEL ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.compiler import canonical, compiled
from autograd_mini.compiler import schedule as schedule_module
from autograd_mini.compiler.backends.numpy import contraction, plan, statements
from autograd_mini.compiler.lower import arrays, grids, packs, sums, terms
from autograd_mini.compiler.reverse import rules, signals
from autograd_mini.compiler.reverse.passing import Passing
from autograd_mini.compiler.runtime import Functions
from autograd_mini.compiler.schedule import earliest
from benchmarks.compiled import OURS, check_equal, example_loss, gpt_case, turns
from examples import char_gpt

Call = Callable[[], tuple[float, Any]]


@dataclass(frozen=True)
class Model:
    """A function of one example, its parameters, and what it is called with."""

    loss: Callable[..., Value]
    parameters: Sequence[Value]
    batch: Sequence[Any]
    batched: bool = True

    def compiled(self) -> tuple[Call, str]:
        """A call of it, and its source."""
        program = ad.compile(self.loss, self.parameters, batched=self.batched)
        theta = np.array([parameter.data for parameter in self.parameters])
        call = partial(program.value_and_grad, theta, *self.batch)
        call()
        return call, program.source


# --- models ---------------------------------------------------------------------------------------


def gpt(tokens: int = 15) -> Model:
    """The character GPT: embeddings, causal attention, cross-entropy."""
    model, case = gpt_case(tokens)
    loss = partial(char_gpt.loss, model)
    return Model(loss, model.parameters(), [case.tokens, case.targets], batched=False)


def wide_digits(pixels: int = 784) -> Model:
    """A classifier of images with 100 hidden neurons in batches of 10: most of it is one matrix."""
    model = nn.MLP(pixels, [100, 10], rng=0)
    rng = np.random.default_rng(0)
    batch = [rng.normal(size=(10, pixels)), rng.integers(0, 10, 10)]
    return Model(example_loss(model, "softmax_cross_entropy"), model.parameters(), batch)


def small_network() -> Model:
    """A network so small that calls count."""
    model = nn.MLP(2, [16, 16, 1], rng=0)
    rng = np.random.default_rng(0)
    batch = [rng.normal(size=(20, 2)), rng.normal(size=20)]
    return Model(example_loss(model, "identity_half_squared_error"), model.parameters(), batch)


def many_classes() -> Model:
    """A linear classifier with 100 classes."""
    rng = np.random.default_rng(0)
    rows = [[Value(w) for w in row] for row in rng.normal(size=(100, 4))]

    def loss(x: Sequence[Value], target: Value) -> Value:
        shares = ad.log_softmax([ad.dot(row, x) for row in rows])
        picked: Value = ad.take(shares, target)
        return -picked

    batch = [rng.normal(size=(32, 4)), rng.integers(0, 100, 32)]
    return Model(loss, [w for row in rows for w in row], batch)


def few_neurons() -> Model:
    """A call of a few microseconds."""
    w = [Value(0.1 * k) for k in range(10)]

    def loss(x: Sequence[Value]) -> Value:
        total: Value = ad.sum([ad.tanh(a * b) for a, b in zip(w, x, strict=True)])
        return total

    return Model(loss, w, [np.random.default_rng(0).normal(size=(32, 10))])


def residual_network() -> Model:
    """A deep and narrow one: each layer adds to what the one before gave."""
    rng = np.random.default_rng(0)
    layers = [[[Value(w) for w in row] for row in rng.normal(size=(8, 8))] for _ in range(8)]

    def loss(x: Sequence[Value]) -> Value:
        h = list(x)
        for layer in layers:
            positive = [ad.relu(v) for v in h]
            h = [v + 0.1 * ad.dot(row, positive) for v, row in zip(h, layer, strict=True)]
        total: Value = ad.sum([ad.square(v) for v in h])
        return total

    parameters = [w for layer in layers for row in layer for w in row]
    return Model(loss, parameters, [rng.normal(size=(1000, 8))])


def activations() -> Model:
    """The sum of several functions of each number: all have the error signal of the sum."""
    functions = (
        ad.relu,
        ad.leaky_relu,
        abs,
        partial(ad.maximum, 1.0),
        partial(ad.minimum, 1.0),
    )
    w = [Value(0.1 * (k + 1)) for k in range(50)]

    def loss(x: Sequence[Value]) -> Value:
        numbers = [a * b for a, b in zip(w, x, strict=True)]
        sums = [ad.sum([function(v) for function in functions]) for v in numbers]
        total: Value = ad.sum([ad.square(s) for s in sums])
        return total

    return Model(loss, w, [np.random.default_rng(0).normal(size=(1000, 50))])


def weighted_sums(rows: Sequence[Sequence[int]], inputs: int) -> Model:
    """A network of one layer; each neuron sees some of the inputs."""
    rng = np.random.default_rng(0)
    weights = [[Value(w) for w in rng.normal(size=len(row))] for row in rows]

    def loss(x: Sequence[Value]) -> Value:
        sums = [ad.dot(w, [x[k] for k in row]) for w, row in zip(weights, rows, strict=True)]
        total: Value = ad.sum([ad.tanh(s) for s in sums])
        return total

    parameters = [w for row in weights for w in row]
    return Model(loss, parameters, [rng.normal(size=(32, inputs))])


def shuffled() -> Model:
    """A layer whose sums are written in any order."""
    rng = np.random.default_rng(0)
    weights = [[Value(w) for w in row] for row in rng.normal(size=(20, 30))]
    orders = [rng.permutation(30) for _ in weights]

    def loss(x: Sequence[Value]) -> Value:
        pairs = zip(weights, orders, strict=True)
        sums = [ad.dot([w[k] for k in order], [x[k] for k in order]) for w, order in pairs]
        total: Value = ad.sum([ad.tanh(s) for s in sums])
        return total

    return Model(loss, [w for row in weights for w in row], [rng.normal(size=(32, 30))])


def features() -> Model:
    """A convolution written feature by feature, and a layer that reads it so."""
    rng = np.random.default_rng(0)
    filters = [[Value(w) for w in row] for row in rng.normal(size=(8, 3))]
    last = [[Value(w) for w in row] for row in rng.normal(size=(10, 8 * 30))]

    def loss(x: Sequence[Value]) -> Value:
        hidden = [ad.tanh(ad.dot(f, x[k : k + 3])) for f in filters for k in range(30)]
        total: Value = ad.sum([ad.tanh(ad.dot(w, hidden)) for w in last])
        return total

    parameters = [w for row in [*filters, *last] for w in row]
    return Model(loss, parameters, [rng.normal(size=(32, 32))])


def letters() -> Model:
    """Embeddings of 64 letters of 27."""
    table = [[Value(0.1 * (j + k)) for k in range(16)] for j in range(27)]

    def loss(tokens: Sequence[Value]) -> Value:
        total: Value = ad.sum([ad.tanh(v) for t in tokens for v in ad.take(table, t)])
        return total

    return Model(loss, [v for row in table for v in row], [np.arange(64) % 27], batched=False)


def one_long_sum() -> Model:
    """One neuron with many inputs among many with few."""
    return weighted_sums([range(300), *[[k, k + 1, k + 2] for k in range(200)]], 300)


def neighbours() -> Model:
    """Each neuron sees its two neighbours on a ring: few of all pairs."""
    count = 60
    w = [[Value(0.1 * (j + k + 1)) for k in range(2)] for j in range(count)]

    def loss(x: Sequence[Value]) -> Value:
        features = [[x[k], x[(k + 7) % count]] for k in range(count)]
        pairs = [(j, (j + d) % count) for j in range(count) for d in (0, 1)]
        total: Value = ad.sum([ad.tanh(ad.dot(w[j], features[k])) for j, k in pairs])
        return total

    rng = np.random.default_rng(0)
    return Model(loss, [v for row in w for v in row], [rng.normal(size=(32, count))])


def convolution() -> Model:
    """Causal averages: each row continues the one before."""
    count = 40
    w = [Value(0.1 * (k + 1)) for k in range(count)]

    def loss(x: Sequence[Value]) -> Value:
        rows = [ad.dot(w[: t + 1], x[: t + 1]) for t in range(count)]
        total: Value = ad.sum([ad.tanh(row) for row in rows])
        return total

    return Model(loss, w, [np.random.default_rng(0).normal(size=(32, count))])


def padded_images() -> Model:
    """Two convolutions whose kernels see beyond the border of the image."""
    layers = [nn.Conv2D(n, 4, 3, padding=1, activation="tanh", rng=n) for n in (1, 4)]

    def loss(image: Any) -> Value:
        for layer in layers:
            image = layer(image)
        total: Value = ad.sum([ad.sum(row) for channel in image for row in channel])
        return total

    images = np.random.default_rng(0).normal(size=(32, 1, 8, 8))
    return Model(loss, [p for layer in layers for p in layer.parameters()], [images])


def causal_means() -> Model:
    """Means over all inputs so far: a division, or a product where there are 2, 4, 8, ..."""
    count = 20
    w = [Value(0.1 * (k + 1)) for k in range(count)]

    def loss(x: Sequence[Value]) -> Value:
        hidden = [ad.tanh(a * b) for a, b in zip(w, x, strict=True)]
        means = [ad.mean(hidden[: t + 1]) for t in range(count)]
        outputs = [ad.tanh(a * ad.sin(m)) for a, m in zip(w, means, strict=True)]
        total: Value = ad.sum(outputs)
        return total

    return Model(loss, w, [np.random.default_rng(0).normal(size=(32, count))])


def two_recurrences() -> Model:
    """Two recurrences of unequal length, and a loss of both at each of 300 steps."""
    w = [Value(0.5), Value(0.9)]
    rows = (ad.tanh, ad.sin, ad.cos)

    def loss(x: Any) -> Value:
        a, b, losses = w[0] * x, w[1] * x, []
        for step in range(300):
            a = rows[step % 3](w[0] * a + x)
            if step % 2:
                b = rows[step % 4 // 2](ad.tanh(b) * w[1])
            losses.append(ad.square(ad.log1p(a * a) + ad.sigmoid(b)))
        total: Value = ad.sum(losses)
        return total

    return Model(loss, w, [np.linspace(-1, 1, 10)])


def edges() -> Model:
    """Messages along the edges of a random graph, written in any order of the edges."""
    rng = np.random.default_rng(0)
    nodes, count = 20, 60
    w = [Value(v) for v in rng.normal(size=count)]
    ends, order = rng.integers(0, nodes, count), rng.permutation(count)

    def loss(x: Sequence[Value]) -> Value:
        messages = [ad.tanh(x[ends[k]] + w[k]) for k in order]
        total: Value = ad.sum([ad.square(v) for v in messages])
        return total

    return Model(loss, w, [rng.normal(size=(32, nodes))])


def scores() -> Model:
    """Each of 32 words asks each other one: scaled products of vectors."""
    rng = np.random.default_rng(0)
    queries, keys = ([[Value(w) for w in row] for row in rng.normal(size=(16, 16))] for _ in "qk")

    def loss(words: Sequence[Sequence[Value]]) -> Value:
        asked, offered = ([[ad.dot(w, x) for w in rows] for x in words] for rows in (queries, keys))
        total: Value = ad.sum([ad.tanh(ad.dot(q, k) / 4) for q in asked for k in offered])
        return total

    parameters = [w for row in [*queries, *keys] for w in row]
    return Model(loss, parameters, [rng.normal(size=(32, 16))], batched=False)


def lengths() -> Model:
    """Vectors divided by their lengths."""
    rng = np.random.default_rng(0)
    rows = [[Value(w) for w in row] for row in rng.normal(size=(30, 8))]

    def loss(x: Sequence[Value]) -> Value:
        hidden = [[w * v for w, v in zip(row, x, strict=True)] for row in rows]
        total: Value = ad.sum([ad.tanh(ad.dot(h, h)) for h in hidden])
        return total

    return Model(loss, [w for row in rows for w in row], [rng.normal(size=(32, 8))])


def many_places() -> Model:
    """A sum of terms from many places: the end of a long irregular computation."""
    w = [Value(0.5), Value(-0.3)]

    def loss(x: Value) -> Value:
        state, kept = x, []
        for k in range(60):
            state = (ad.sin if k % 2 else ad.tanh)(w[k % 2] * state + 0.1)
            kept.append(state)
        total: Value = ad.sum(kept)
        return total

    return Model(loss, w, [np.linspace(-1, 1, 32)])


# --- what is left out -----------------------------------------------------------------------------


def as_early_as_possible(program: Any, rowed: Sequence[bool]) -> list[int]:
    """Levels without waiting for nodes of the same kind."""
    return earliest([node.operands for node in program.nodes])


def never(*arguments: object) -> bool:
    """In place of a question: no."""
    return False


def unchanged(argument: Any) -> Any:
    """In place of a transformation: what is given."""
    return argument


def as_it_is(_: object, table: Any) -> Any:
    """In place of a transformation that asks where things are: what is given."""
    return table


def nothing(*arguments: object) -> None:
    """In place of an answer: none."""


def as_named(functions: Functions, dotted: str) -> str:
    """In place of a global for a function: its name, to be looked up in each call."""
    return dotted


def by_first_operand(keys: Sequence[Any]) -> list[Sequence[Any]]:
    """Sort by the first operand before all others, and not the other way round."""
    return [keys[::-1]][: len(keys)]


def other_forms(left_out: Any) -> tuple[Any, ...]:
    """What a contraction may be, without one of these."""
    return tuple([form for form in contraction.FORMS if form is not left_out])


@dataclass(frozen=True)
class Choice:
    """A threshold or special case: where it is, what stands there without it, and for what."""

    name: str
    owner: Any
    attribute: str
    without: Any
    model: Callable[[], Model]

    @contextmanager
    def left_out(self) -> Iterator[None]:
        """Compile without it."""
        there = getattr(self.owner, self.attribute)
        setattr(self.owner, self.attribute, self.without)
        try:
            yield
        finally:
            setattr(self.owner, self.attribute, there)


CHOICES = (
    Choice("nodes wait for their kind", packs, "schedule", as_early_as_possible, causal_means),
    Choice("and look far ahead for it", schedule_module, "_LOOKS", 2, two_recurrences),
    Choice("log_softmax: pick, then subtract", canonical, "_common_rest", nothing, many_classes),
    Choice("terms in an order of their own", sums, "common_order", nothing, shuffled),
    Choice("grids as they are read", grids, "as_read", unchanged, features),
    Choice("and sorted by either operand", grids, "_priorities", by_first_operand, edges),
    Choice("short sums are filled up", sums, "RAGGED", 0.0, gpt),
    Choice("but not to many times the work", sums, "RAGGED", np.inf, one_long_sum),
    Choice("holes in a product", grids, "DENSE", 1.0, gpt),
    Choice("but not more holes than entries", grids, "DENSE", 0.0, neighbours),
    Choice("short rows continue longer ones", sums, "extend_rows", never, convolution),
    Choice("images with zeros around them", sums, "without_holes", as_it_is, padded_images),
    Choice("long formulas become sums", terms, "MOST_GROUPS", 10**6, many_places),
    Choice("a bias is one more column", arrays.Arrays, "has_one_after", never, small_network),
    Choice("overlapping windows in parts", signals, "_overlapping_axes", nothing, padded_images),
    Choice("error signals are shared", Passing, "share", never, activations),
    Choice("error signals are lent", Passing, "lend", nothing, residual_network),
    Choice("and scaled before their products", rules, "_scales_in_place", never, scores),
    Choice("both factors of a square at once", rules, "_is_square", never, lengths),
    Choice("the first one is a number", plan.Plan, "_may_be_a_number", never, few_neurons),
    Choice("np.dot for plain matrices", plan.Plan, "is_plain", never, gpt),
    Choice("np.tensordot", contraction, "FORMS", other_forms(contraction.tensordot), features),
    Choice("np.vecdot", contraction, "FORMS", other_forms(contraction.vecdot), gpt),
    Choice("embeddings: one-hot adjoint", statements, "ONE_HOT", 0, letters),
    Choice("functions looked up beforehand", Functions, "_direct", as_named, few_neurons),
    Choice("some entries for all", compiled, "witnesses", nothing, wide_digits),
)


@cache
def baseline(model: Callable[[], Model]) -> tuple[Call, str]:
    """The model compiled with everything."""
    return model().compiled()


def measure(choice: Choice, seconds: float) -> str:
    """The line of a choice."""
    call, source = baseline(choice.model)
    with choice.left_out():
        other, other_source = choice.model().compiled()
        check_equal(f"without {choice.name!r}", other(), call())
    taken = turns(call, other, seconds)
    times = [1e6 * min(taken[name]) for name in (OURS, "other")]
    lines = [text.count("\n") for text in (source, other_source)]
    return (
        f"{choice.name:34}{choice.model.__name__:17}{times[0]:9.1f}{times[1]:9.1f} us"
        f"  x{times[1] / times[0]:<7.3g}{lines[0]:6}{lines[1]:6} lines"
    )


def chosen(part: str) -> list[Choice]:
    """The choices with this in their names, or in the names of their models."""
    return [choice for choice in CHOICES if part in choice.name or part in choice.model.__name__]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    names = [f"{choice.name} ({choice.model.__name__})" for choice in CHOICES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation",
        description=__doc__,
        epilog="\n  ".join(["choices (models):", *names]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of the names of choices")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each (default: 1)")
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.names if not chosen(name)]
    if unknown:
        parser.error(f"no choice and no model has {unknown[0]!r} in its name; --help lists them")
    if not arguments.seconds > 0:
        parser.error("--seconds must be above 0")
    return arguments


def main(argv: Sequence[str] | None = None) -> None:
    """Print the lines that the command line asks for."""
    arguments = _arguments(argv)
    wanted = [choice for name in arguments.names or [""] for choice in chosen(name)]
    print(f"{'':51}{'with':>9}{'without':>9}")
    for choice in dict.fromkeys(wanted):
        print(measure(choice, arguments.seconds), flush=True)


if __name__ == "__main__":
    main()
