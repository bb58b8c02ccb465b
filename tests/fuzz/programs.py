"""A random program as data: Python source that is a script by itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import autograd_mini as ad
from autograd_mini.table import primitives


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
        lines = ["import numpy as np", "from numpy import array, inf, nan"]
        lines += ["from numpy import float32, int8, int32, uint8, uint64", ""]
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
