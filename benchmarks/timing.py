"""Paired timing: the contestants take turns, so that whatever slows the machine slows all."""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from types import ModuleType


def paired(functions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each function in each round, after one run to warm up."""
    for function in functions.values():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            gc.collect()  # what the others left behind is not on this one's bill
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: Mapping[str, list[float]], name: str, base: str) -> float:
    """Median over the rounds of the seconds of `name` divided by those of `base`."""
    return median(a / b for a, b in zip(seconds[name], seconds[base], strict=True))


@contextmanager
def collector(running: bool) -> Iterator[None]:
    """Run with Python's cyclic garbage collector on or off."""
    before = gc.isenabled()
    (gc.enable if running else gc.disable)()
    try:
        yield
    finally:
        (gc.enable if before else gc.disable)()


HEADER = f"  {'cyclic garbage collector:':32}{'paused':>13}{'running':>20}"


def compare(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    unit: str = "ms",
    operations: int = 1,
) -> None:
    """Print a line for each contestant: its median times and their ratios to the first one's.

    Parameters
    ----------
    functions : mapping
        The contestants by name.
    rounds : int
        How often each has its turn.
    unit : str
        "ms" or "ns".
    operations : int
        How many operations a turn has: the times are those of one.
    """
    columns = []
    for running in (False, True):
        with collector(running):
            columns.append(paired(functions, rounds))
    first = next(iter(functions))
    scale, digits = {"ms": (1e3, 1), "ns": (1e9, 0)}[unit]
    for name in functions:
        line = f"  {name:32}"
        for seconds in columns:
            times = f"x{ratio(seconds, name, first):.3g}" if name != first else ""
            line += f"{scale * median(seconds[name]) / operations:10.{digits}f} {unit}{times:>7}"
        print(line.rstrip())


def peer(name: str) -> ModuleType | None:
    """A library to compare with, or None with a line that says it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"  {name} is not installed and left out (pip install {name})")
        return None
