"""The scalar engine against its peers: ``python -m benchmarks.eager [SECTION ...]``.

Sections: moons (a small network, one epoch), chain (cost of an operation), nodes (cost of a node in
graphs of growing size), collector (100,000 nodes, and a small engine that keeps them in tuples),
memory (bytes of a node), modes (cost of modes that are not used).  Times are medians over rounds in
which the contestants take turns; a ratio is the median of the ratios within the rounds, so that
x2.0 means twice the time of the first contestant.  Everything is measured with Python's cyclic
garbage collector paused, and running as it does by default.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import math
import platform
import re
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import nn
from autograd_mini import Value
from benchmarks.compiled import gpt_case
from benchmarks.peers import TupleScalar
from benchmarks.timing import HEADER, compare, peer
from benchmarks.written_out import Functions, gpt

OURS = "autograd-mini"
SIZES = [16, 16, 1]
N_EXAMPLES = 100
N_OPERATIONS = 2_000
N_TOKENS = 12  # as many as make 100,000 nodes
_REPEATS = 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eager", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown or arguments.rounds < 1:
        parser.error(f"unknown section {unknown}" if unknown else "--rounds must be at least 1")
    sys.setrecursionlimit(20_000)  # micrograd's backward recurses along the longest path
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    for name in arguments.sections or SECTIONS:
        SECTIONS[name](arguments.rounds)


# --- moons --------------------------------------------------------------------------------------


def moons(rounds: int) -> None:
    """One epoch of a 2-16-16-1 network on two moons: forward and backward, 100 examples."""
    print(f"\nmoons: MLP 2-16-16-1, {N_EXAMPLES} examples, one epoch forward and backward")
    if peer("micrograd") is None:
        return
    from micrograd import nn as micrograd_nn
    from micrograd.engine import Value as MicrogradValue

    examples = two_moons(N_EXAMPLES)
    model = nn.MLP(2, SIZES, activation="relu", rng=0)
    micrograd_model = micrograd_nn.MLP(2, SIZES)
    start = [parameter.data for parameter in model.parameters()]
    for parameter, data in zip(micrograd_model.parameters(), start, strict=True):
        parameter.data = data

    written, written_parameters = written_out(Value, start)
    micrograd_written, micrograd_parameters = written_out(MicrogradValue, start)
    contests: dict[str, dict[str, Callable[[], list[float]]]] = {
        "sum(w*x) + b": {
            OURS: epoch(written, written_parameters, examples),
            "micrograd": epoch(micrograd_written, micrograd_parameters, examples),
        },
        "nn.MLP": {
            OURS: epoch(lambda x: model(x)[0], model.parameters(), examples),
            "micrograd": epoch(micrograd_model, micrograd_model.parameters(), examples),
        },
    }
    check_equal([run() for contest in contests.values() for run in contest.values()])
    print(HEADER)
    for name, contest in contests.items():
        compare({f"{engine}, {name}": run for engine, run in contest.items()}, rounds)


def two_moons(n: int) -> list[tuple[list[float], float]]:
    """Points on two interleaved half circles, with labels -1 and 1."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(0.0, math.pi, n)
    labels = np.where(np.arange(n) % 2, 1.0, -1.0)
    upper = np.column_stack([np.cos(angles), np.sin(angles)])
    points = np.where(labels[:, None] < 0, upper, [1.0, 0.5] - upper)
    points += rng.normal(scale=0.1, size=points.shape)
    return list(zip(points.tolist(), labels.tolist(), strict=True))


def written_out(value: Any, start: Sequence[float]) -> tuple[Callable[[Any], Any], list[Any]]:
    """The network as plain Python over any scalar engine, and its parameters."""
    parameters = [value(data) for data in start]
    supply = iter(parameters)
    layers = [
        [([next(supply) for _ in range(n_in)], next(supply)) for _ in range(n_out)]
        for n_in, n_out in zip([2, *SIZES], SIZES, strict=False)
    ]

    def model(x: Any) -> Any:
        for layer in layers:
            x = [sum((w * a for w, a in zip(weights, x, strict=True)), b) for weights, b in layer]
            x = [a.relu() for a in x] if layer is not layers[-1] else x
        return x[0]

    return model, parameters


def epoch(
    model: Callable[[Any], Any],
    parameters: Sequence[Any],
    examples: Sequence[tuple[list[float], float]],
) -> Callable[[], list[float]]:
    """Mean hinge loss over all examples and its gradient, as in micrograd's own demo."""

    def run() -> list[float]:
        losses = [(1 + -label * model(x)).relu() for x, label in examples]
        loss = sum(losses[1:], losses[0]) * (1.0 / len(losses))
        for parameter in parameters:
            parameter.grad = 0.0
        loss.backward()
        return [loss.data, *(parameter.grad for parameter in parameters)]

    return run


def check_equal(results: Sequence[Any]) -> None:
    """Stop when the contestants do not compute the same."""
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-9, atol=1e-12)


# --- chain --------------------------------------------------------------------------------------


def chain(rounds: int) -> None:
    """Cost of one operation, forward and backward, in a chain of 2,000."""
    print(f"\nchain: x*w + b repeated, {N_OPERATIONS:,} operations, per operation")
    contestants: dict[str, Callable[[], list[float]]] = {OURS: values_chain(Value)}
    if peer("micrograd") is not None:
        from micrograd.engine import Value as MicrogradValue

        contestants["micrograd"] = values_chain(MicrogradValue)
    if peer("autograd") is not None:
        contestants["HIPS autograd"] = hips_chain()
    if peer("torch") is not None:
        contestants["PyTorch"] = torch_chain()
    check_equal([run() for run in contestants.values()])
    print(HEADER)
    turns = {name: repeated(run, _REPEATS) for name, run in contestants.items()}
    compare(turns, rounds, unit="ns", operations=_REPEATS * N_OPERATIONS)


def repeated(run: Callable[[], object], times: int) -> Callable[[], None]:
    """A turn long enough for the collector to come by."""

    def turn() -> None:
        for _ in range(times):
            run()

    return turn


def repeat(x: Any, w: Any, b: Any) -> Any:
    for _ in range(N_OPERATIONS // 2):
        x = x * w + b
    return x


def values_chain(value: Any) -> Callable[[], list[float]]:
    def run() -> list[float]:
        leaves = value(0.5), value(0.999), value(0.001)
        repeat(*leaves).backward()
        return [leaf.grad for leaf in leaves]

    return run


def hips_chain() -> Callable[[], list[float]]:
    import autograd

    gradient = autograd.grad(repeat, argnum=(0, 1, 2))
    return lambda: list(gradient(0.5, 0.999, 0.001))


def torch_chain() -> Callable[[], list[float]]:
    import torch

    torch.set_num_threads(1)

    def run() -> list[float]:
        leaves = [
            torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.5, 0.999, 0.001)
        ]
        repeat(*leaves).backward()
        return [float(leaf.grad) for leaf in leaves if leaf.grad is not None]

    return run


# --- nodes --------------------------------------------------------------------------------------


def nodes(rounds: int) -> None:
    """Cost of a node in graphs from a thousand to a million nodes."""
    print("\nnodes: chains of 1,000 operations under a tree of sums; per node, forward, backward")
    print("  and freed")
    print(HEADER)
    engines = scalar_engines()
    for n in (1_000, 10_000, 100_000, 1_000_000):
        turns = {
            f"{name}, {n:,} nodes": partial(build_and_free, value, n)
            for name, value in engines.items()
        }
        compare(turns, max(1, min(rounds, 3_000_000 // n)), unit="ns", operations=n)
    print("  Nodes form no cycles, so that the collector finds nothing: paused_collector() around")
    print("  the making of a large graph, or gc.freeze() after it, saves what its search costs.")


def scalar_engines() -> dict[str, Any]:
    """The engines whose values are single numbers, by name."""
    engines: dict[str, Any] = {OURS: Value, "tuples": TupleScalar}
    if peer("micrograd") is not None:
        from micrograd.engine import Value as MicrogradValue

        engines["micrograd"] = MicrogradValue
    return engines


def build_and_free(value: Any, n: int) -> None:
    w, b = value(0.999), value(0.001)
    ends = []
    for _ in range(n // 1_000):
        x = value(0.5)
        for _ in range(500):
            x = x * w + b
        ends.append(x)
    while len(ends) > 1:  # a tree, which keeps the longest path short
        pairs = zip(ends[::2], ends[1::2], strict=False)
        ends = [x + y for x, y in pairs] + ([ends[-1]] if len(ends) % 2 else [])
    ends.pop().backward()


# --- collector ----------------------------------------------------------------------------------


def collector(rounds: int) -> None:
    """The engine and a small one with tuples, where Python's collector follows 100,000 nodes."""
    n = 100_000
    print(f"\ncollector: {n:,} nodes forward, backward and freed, per node; and the loss of a")
    print(f"  character GPT in micrograd-style code, {N_TOKENS} tokens")
    print(HEADER)
    engines: dict[str, Any] = {OURS: Value, "tuples": TupleScalar}
    turns = {f"{name}, chains": partial(build_and_free, engines[name], n) for name in engines}
    compare(turns, rounds, unit="ns", operations=n)
    models = {f"{name}, GPT": gpt_epoch(value) for name, value in engines.items()}
    check_equal([run() for run in models.values()])
    compare(models, rounds)


def gpt_epoch(value: Any) -> Callable[[], list[float]]:
    """Loss and gradient of the character GPT, written out."""
    _, case = gpt_case(N_TOKENS)
    functions = Functions(value.exp, value.log, value.exp, value.relu)  # there is no tanh in it

    def run() -> list[float]:
        theta = [value(x) for x in case.theta.tolist()]
        tokens, targets = case.tokens.tolist(), case.targets.tolist()
        loss = gpt(theta, case.shapes, case.heads, tokens, targets, functions)
        loss.backward()
        return [loss.data, *(parameter.grad for parameter in theta)]

    return run


# --- memory -------------------------------------------------------------------------------------


def memory(rounds: int) -> None:
    """Bytes of a node with two operands, counted by tracemalloc."""
    print("\nmemory: bytes per node of x*w + b repeated, after forward and after backward")
    for name, value in scalar_engines().items():
        x, w, b = value(0.5), value(0.999), value(0.001)
        gc.collect()
        tracemalloc.start()
        x = repeat(x, w, b)
        forward = tracemalloc.get_traced_memory()[0]
        x.backward()
        backward = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        print(f"  {name:30}{forward / N_OPERATIONS:10.0f}{backward / N_OPERATIONS:10.0f}")


# --- modes --------------------------------------------------------------------------------------


def modes(rounds: int) -> None:
    """What no_grad, detect_anomaly and tracing cost where they are not used."""
    print("\nmodes: a multiplication with and without the look at the modes")
    n = 20_000
    a, b = Value(1.5), Value(-0.5)
    print(HEADER)
    turns = {
        name: repeated(partial(multiply, a, b), n)
        for name, multiply in (
            ("without", without_modes("__mul__")),
            ("with", without_modes("__mul__", keep=True)),
        )
    }
    compare(turns, 10 * rounds, unit="ns", operations=n)


def without_modes(method: str, *, keep: bool = False) -> Callable[[Any, Any], Any]:
    """An operator compiled again from its own source, its look at the modes cut out or kept."""
    operator: Any = getattr(Value, method)
    source = inspect.getsource(operator)
    cut = re.sub(r"if _ACTIVE:\n.*?(?=return _node\n)", "", source, flags=re.DOTALL)
    if cut == source:
        raise RuntimeError(f"the source of {method} does not look at the modes where expected")
    namespace = dict(operator.__globals__)
    exec(source if keep else cut, namespace)
    compiled: Callable[[Any, Any], Any] = namespace[method]
    return compiled


SECTIONS: dict[str, Callable[[int], None]] = {
    "moons": moons,
    "chain": chain,
    "nodes": nodes,
    "collector": collector,
    "memory": memory,
    "modes": modes,
}

if __name__ == "__main__":
    main()
