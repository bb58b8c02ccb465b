"""Compiled programs against their peers: ``python -m benchmarks.compiled [SECTION ...]``.

Sections: mlp (networks of three sizes), gpt (the character GPT of the examples at 5 and 16 tokens),
lift (from scalars written out one by one to the matrix program), memory (a million examples).  The
time is that of the loss and its whole gradient.  Each contestant takes turns with the compiled
program; its ratio is the median of the ratios of neighbouring turns, so that x2.0 means twice the
time of the compiled program.  All contestants are checked to agree before they are timed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

import autograd_mini as ad
import nn
from autograd_mini import Value
from benchmarks import by_hand, peers, written_out
from benchmarks.peers import GPT, MLP, Contestant
from benchmarks.timing import collector, peer, ratio
from examples import char_gpt

OURS = "autograd-mini, compiled"
_TURN = 2e-3  # seconds: a turn has as many calls as fit
_MOST_TURNS = 1_000


@dataclass(frozen=True)
class Settings:
    """How long to measure, and the peers that are installed."""

    seconds: float
    quick: bool
    libraries: dict[str, ModuleType]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="for each pair (default: %(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a twentieth of the time, and no JAX of scalars"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown or arguments.seconds <= 0:
        parser.error(f"unknown section {unknown}" if unknown else "--seconds must be above 0")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    libraries = {name: peer(name) for name in ("casadi", "torch", "jax")}
    settings = Settings(
        arguments.seconds / (20 if arguments.quick else 1),
        arguments.quick,
        {name: module for name, module in libraries.items() if module is not None},
    )
    for name in arguments.sections or SECTIONS:
        SECTIONS[name](settings)


# --- contests -----------------------------------------------------------------------------------


def contest(
    ours: Contestant, others: dict[str, Callable[[], Contestant]], settings: Settings
) -> None:
    """Make, check and time each of the others in turn with ours, a line for each."""
    expected = ours.flat(ours.run())
    timed = []
    for name, make in others.items():
        start = time.perf_counter()
        other = make()
        loss, gradient = other.flat(other.run())
        made = time.perf_counter() - start
        check_equal(name, (loss, gradient), expected)
        timed.append((name, made, turns(ours.run, other.run, settings.seconds)))
    beside_the_first = timed[0][2][OURS]  # the others leave the caches as they like
    print(f"    {OURS:34}{1e6 * median(beside_the_first):12,.1f} us")
    for name, made, seconds in timed:
        line = f"    {name:34}{1e6 * median(seconds['other']):12,.1f} us"
        times = ratio(seconds, "other", OURS)
        line += (f"x{times:,.0f}" if times >= 100 else f"x{times:.3g}").rjust(9)
        print(line + (f"   ({made:.2f} s to build)" if made >= 0.1 else ""))


def check_equal(name: str, result: peers.Result, expected: peers.Result) -> None:
    """Stop when a contestant does not compute the same."""
    loss_error = abs(result[0] / expected[0] - 1.0)
    gradient_error = np.abs(result[1] - expected[1]).max() / np.abs(expected[1]).max()
    error = np.maximum(loss_error, gradient_error)  # NaN if either is
    if not error <= 1e-12:
        raise RuntimeError(f"{name} is off by {error:.1e}")


def turns(
    first: Callable[[], object], second: Callable[[], object], seconds: float
) -> dict[str, list[float]]:
    """Seconds of a call in each of many short turns, one after the other."""
    functions = {OURS: first, "other": second}
    calls = {name: max(1, round(_TURN / duration(run))) for name, run in functions.items()}
    taken: dict[str, list[float]] = {name: [] for name in functions}
    with collector(running=False):
        end = time.perf_counter() + seconds
        while len(taken[OURS]) < 3 or (
            time.perf_counter() < end and len(taken[OURS]) < _MOST_TURNS
        ):
            for name, run in functions.items():
                start = time.perf_counter()
                for _ in range(calls[name]):
                    run()
                taken[name].append((time.perf_counter() - start) / calls[name])
    return taken


def duration(run: Callable[[], object]) -> float:
    """Seconds of the faster of two calls."""
    durations = []
    for _ in range(2):
        start = time.perf_counter()
        run()
        durations.append(time.perf_counter() - start)
    return min(durations)


def describe(stats: ad.Stats) -> str:
    """What the compiler made of the scalars, and how long it took."""
    return (
        f"{stats.nodes:,} nodes, traced in {1e3 * stats.trace_seconds:.1f} ms and lifted in "
        f"{1e3 * stats.lift_seconds:.1f} ms to {stats.packs} packs,\n"
        f"    {stats.matrix_products} matrix products, {stats.elementwise_steps} elementwise "
        f"steps, {stats.gathers} gathers"
    )


def scalar_engine(loss: Callable[[], Value], parameters: Sequence[Value]) -> Contestant:
    """The graph made anew, forward and backward."""

    def run() -> Value:
        for parameter in parameters:
            parameter.grad = 0.0
        result = loss()
        result.backward()
        return result

    return Contestant(
        run, lambda result: (result.data, np.array([parameter.grad for parameter in parameters]))
    )


# --- mlp ----------------------------------------------------------------------------------------


def mlp(settings: Settings) -> None:
    """Three networks: loss and gradient of a batch."""
    for sizes, batch, activation, head in (
        ([2, 16, 16, 1], 100, "tanh", "identity_half_squared_error"),
        ([64, 32, 10], 32, "tanh", "softmax_cross_entropy"),
        ([784, 30, 10], 10, "sigmoid", "sigmoid_half_squared_error"),
        ([784, 30, 10], 100, "sigmoid", "sigmoid_half_squared_error"),
    ):
        loss = head.replace("_", " ")
        print(f"\nMLP {'-'.join(map(str, sizes))}, {activation}, {loss}, batch of {batch}")
        rng = np.random.default_rng(0)
        sigmoid_output = head == "sigmoid_half_squared_error"
        output = "sigmoid" if sigmoid_output else "identity"
        model = nn.MLP(
            sizes[0], sizes[1:], activation=activation, output_activation=output, rng=rng
        )
        x = rng.normal(size=(batch, sizes[0]))
        t: peers.Array = rng.normal(size=batch)
        if head != "identity_half_squared_error":
            classes = rng.integers(0, sizes[-1], batch)
            t = np.eye(sizes[-1])[classes] if sigmoid_output else classes
        theta = nn.parameters_to_vector(model)
        mlp_contest(model, MLP(sizes, activation, head, theta, x, t), settings)


def mlp_contest(model: nn.MLP, case: MLP, settings: Settings) -> None:
    loss = example_loss(model, case.head)
    program = ad.compile(loss, model.parameters())
    ours = Contestant(partial(program.value_and_grad, case.theta, case.x, case.t))
    ours.run()
    print(f"    {describe(program.stats)}")
    hand = by_hand.mlp(case.sizes, case.activation, getattr(by_hand, case.head))
    contestants: dict[str, Callable[[], Contestant]] = {
        "NumPy by hand": lambda: Contestant(partial(hand, case.theta, case.x, case.t))
    }
    makers: dict[str, tuple[str, Callable[[Any, MLP], Contestant]]] = {
        "PyTorch": ("torch", peers.torch_mlp),
        "jax.jit, matrices": ("jax", peers.jax_mlp),
        "CasADi SX": ("casadi", peers.casadi_mlp),
    }
    if len(case.theta) < 1_000 and not settings.quick:
        makers["jax.jit, scalars"] = ("jax", peers.jax_scalar_mlp)
    for name, (library, maker) in makers.items():
        if library in settings.libraries:
            contestants[name] = partial(maker, settings.libraries[library], case)
    examples = list(zip(case.x.tolist(), case.t.tolist(), strict=True))
    contestants["scalar engine, nn.MLP"] = lambda: scalar_engine(
        lambda: ad.mean([loss(x, t) for x, t in examples]), model.parameters()
    )
    contest(ours, contestants, settings)


def example_loss(model: nn.MLP, head: str) -> Callable[[Any, Any], Value]:
    if head == "softmax_cross_entropy":
        return lambda x, t: nn.cross_entropy(model(x), t)
    if head == "sigmoid_half_squared_error":
        return lambda x, t: nn.half_squared_error(model(x), t)
    return lambda x, t: nn.half_squared_error(model(x)[0], t)


# --- gpt ----------------------------------------------------------------------------------------

VOCABULARY = 27
SHAPES = [
    (VOCABULARY, char_gpt.WIDTH),
    (char_gpt.BLOCK, char_gpt.WIDTH),
    *4 * [(char_gpt.WIDTH, char_gpt.WIDTH)],
    (char_gpt.HIDDEN, char_gpt.WIDTH),
    (char_gpt.WIDTH, char_gpt.HIDDEN),
    (VOCABULARY, char_gpt.WIDTH),
]
VALUE_FUNCTIONS = written_out.Functions(ad.exp, ad.log, ad.tanh, ad.relu)


def gpt_case(n_tokens: int) -> tuple[char_gpt.GPT, GPT]:
    rng = np.random.default_rng(0)
    model = char_gpt.make_gpt(VOCABULARY, rng)
    theta = nn.parameters_to_vector(model.parameters())
    tokens, targets = rng.integers(0, VOCABULARY, (2, n_tokens))
    return model, GPT(SHAPES, char_gpt.HEADS, theta, tokens, targets)


def written_out_loss(parameters: Sequence[Value], case: GPT) -> Value:
    tokens, targets = case.tokens.tolist(), case.targets.tolist()
    loss: Value = written_out.gpt(
        parameters, case.shapes, case.heads, tokens, targets, VALUE_FUNCTIONS
    )
    return loss


def gpt(settings: Settings) -> None:
    """The character GPT: loss and gradient of one name."""
    for n_tokens in (5, 16):
        print(f"\ncharacter GPT, {n_tokens} tokens")
        model, case = gpt_case(n_tokens)
        parameters = model.parameters()
        program = ad.compile(partial(char_gpt.loss, model), parameters, batched=False)
        ours = Contestant(partial(program.value_and_grad, case.theta, case.tokens, case.targets))
        ours.run()
        print(f"    {describe(program.stats)}")
        hand = by_hand.gpt(
            VOCABULARY, char_gpt.WIDTH, char_gpt.HEADS, char_gpt.HIDDEN, char_gpt.BLOCK
        )
        contestants: dict[str, Callable[[], Contestant]] = {
            "NumPy by hand": partial(
                Contestant, partial(hand, case.theta, case.tokens, case.targets)
            )
        }
        makers: dict[str, tuple[str, Callable[[Any, GPT], Contestant]]] = {
            "PyTorch": ("torch", peers.torch_gpt),
            "jax.jit, matrices": ("jax", peers.jax_gpt),
            "CasADi SX": ("casadi", peers.casadi_gpt),
        }
        for name, (library, maker) in makers.items():
            if library in settings.libraries:
                contestants[name] = partial(maker, settings.libraries[library], case)
        tokens, targets = case.tokens.tolist(), case.targets.tolist()
        contestants["scalar engine, with dot"] = partial(
            scalar_engine, partial(char_gpt.loss, model, tokens, targets), parameters
        )
        contestants["scalar engine, written out"] = partial(
            scalar_engine, partial(written_out_loss, parameters, case), parameters
        )
        contest(ours, contestants, settings)


# --- lift ---------------------------------------------------------------------------------------


def lift(settings: Settings) -> None:
    """The GPT with every sum written out as w*x + w*x + ...: from scalars to matrices."""
    model, case = gpt_case(5)
    parameters = model.parameters()
    print("\nlift: character GPT, 5 tokens, each sum and softmax written out in scalars")
    totals = []
    for _ in range(2 if settings.quick else 5):
        program = ad.compile(partial(written_out_loss, parameters, case), parameters, batched=False)
        start = time.perf_counter()
        program.value_and_grad(case.theta)
        totals.append((time.perf_counter() - start, program))
    seconds, program = sorted(totals, key=lambda pair: pair[0])[len(totals) // 2]
    print(f"    {describe(program.stats)}")
    print(f"    first call, with all of that: {seconds:.2f} s (median of {len(totals)})")
    hand = by_hand.gpt(VOCABULARY, char_gpt.WIDTH, char_gpt.HEADS, char_gpt.HIDDEN, char_gpt.BLOCK)
    contestants: dict[str, Callable[[], Contestant]] = {
        "NumPy by hand": partial(Contestant, partial(hand, case.theta, case.tokens, case.targets)),
        "scalar engine, written out": partial(
            scalar_engine, partial(written_out_loss, parameters, case), parameters
        ),
    }
    contest(Contestant(partial(program.value_and_grad, case.theta)), contestants, settings)


# --- memory -------------------------------------------------------------------------------------


def memory(settings: Settings) -> None:
    """Memory that a batch of a million examples takes beside its own arrays."""
    n = 100_000 if settings.quick else 1_000_000
    print(f"\nmemory: 2-16-16-1, batch of {n:,}, loss and gradient")
    if not Path("/proc/self/status").exists():
        print("    left out: the peak of the memory is read from /proc, which is not there")
        return
    # A process of its own, in which nothing has been freed that the batch could use again.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        before, peak, seconds = pool.submit(peak_memory, n).result()
    print(
        f"    {before:.0f} MB with the data, at most {peak:.0f} MB in the call: "
        f"+{peak - before:.0f} MB; {seconds:.2f} s"
    )


def peak_memory(n: int) -> tuple[float, float, float]:
    """Resident MB before and at most in a call, and its seconds."""
    model = nn.MLP(2, [16, 16, 1], rng=0)
    loss = example_loss(model, "identity_half_squared_error")
    program = ad.compile(loss, model.parameters())
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(n, 2)), rng.normal(size=n)
    program.value_and_grad(None, x[:2], t[:2])
    before = resident("VmRSS")
    start = time.perf_counter()
    program.value_and_grad(None, x, t)
    return before, resident("VmHWM"), time.perf_counter() - start


def resident(field: str) -> float:
    """MB of the process, VmRSS now or VmHWM at most so far."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError(f"/proc/self/status has no {field}")
    return int(found[1]) / 1024


SECTIONS: dict[str, Callable[[Settings], None]] = {
    "mlp": mlp,
    "gpt": gpt,
    "lift": lift,
    "memory": memory,
}

if __name__ == "__main__":
    main()
