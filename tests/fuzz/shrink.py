"""Make a failing program small: pieces of its source and its numbers go, while it fails alike."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .programs import Program


def shrink(program: Program, fails: Callable[[Program], bool], attempts: int) -> Program:
    """The smallest program found that still fails, within so many attempts."""
    left = attempts
    found = True
    while found and left > 0:
        found = False
        for smaller in _smaller(program):
            left -= 1
            if left <= 0:
                break
            if fails(smaller):
                program, found = smaller, True
                break
    return program


def _smaller(program: Program) -> Iterator[Program]:
    """Programs with something less, the largest steps first."""
    if len(program.thetas) > 1:
        for k in range(len(program.thetas)):
            yield replace(
                program, thetas=program.thetas[k : k + 1], batches=program.batches[k : k + 1]
            )
    for rows in _without_one(program.rows):
        yield replace(program, rows=rows)
    if program.options:
        yield replace(program, options=())
    for k, batch in enumerate(program.batches):
        for part in _parts_of_batch(batch, program.static):
            batches = list(program.batches)
            batches[k] = part
            yield replace(program, batches=tuple(batches))
    yield from _shorter_parameters(program)
    for source in _sources(program.source):
        yield replace(program, source=source)
    yield from _plainer_numbers(program)


def _without_one(items: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for k in range(len(items)):
        yield items[:k] + items[k + 1 :]


def _parts_of_batch(batch: tuple[Any, ...], static: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    n = min(len(a) for k, a in enumerate(batch) if k not in static)
    if n > 1:
        for part in (slice(0, n // 2), slice(n // 2, n)):
            yield tuple(a if k in static else a[part] for k, a in enumerate(batch))
    for j, array in enumerate(batch):
        if j in static or array.ndim < 2 or array.shape[-1] < 2:
            continue
        for part in (slice(0, -1), slice(1, None)):
            yield tuple(a[..., part] if k == j else a for k, a in enumerate(batch))


def _shorter_parameters(program: Program) -> Iterator[Program]:
    if len(program.labels) > 1:
        for size in {len(program.labels) // 2, len(program.labels) - 1}:
            thetas = tuple(theta[:size] for theta in program.thetas)
            yield replace(program, labels=program.labels[:size], thetas=thetas)
    for k, label in enumerate(program.labels):
        if label:
            labels = (*program.labels[:k], "", *program.labels[k + 1 :])
            yield replace(program, labels=labels)


def _plainer_numbers(program: Program) -> Iterator[Program]:
    for k, theta in enumerate(program.thetas):
        for j, number in enumerate(theta):
            for plain in (1.0, 2.0, 0.5):
                if number == plain:
                    break
                changed = (*theta[:j], plain, *theta[j + 1 :])
                thetas = (*program.thetas[:k], changed, *program.thetas[k + 1 :])
                yield replace(program, thetas=thetas)
    for k, batch in enumerate(program.batches):
        for j, array in enumerate(batch):
            if j in program.static or array.dtype.kind != "f":
                continue
            for at in np.ndindex(array.shape):
                for plain in (1.0, 2.0, 0.5):
                    if array[at] == plain:
                        break
                    changed = array.copy()
                    changed[at] = plain
                    batches = list(program.batches)
                    batches[k] = (*batch[:j], changed, *batch[j + 1 :])
                    yield replace(program, batches=tuple(batches))


# The source: every list of statements without one, every expression as one of its parts.


def _sources(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    edits = sum(1 for _ in _edits(tree))
    for number in range(edits):
        changed = copy.deepcopy(tree)
        for k, edit in enumerate(_edits(changed)):
            if k == number:
                edit()
                break
        try:
            yield ast.unparse(ast.fix_missing_locations(changed)) + "\n"
        except (ValueError, AttributeError):
            continue


def _edits(tree: ast.Module) -> Iterator[Callable[[], None]]:
    """Everything that could be done to the tree; nothing is until one of them is called."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1:
            for k in range(len(body)):
                yield _Delete(body, k)
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and isinstance(
                getattr(value, "ctx", ast.Load()), ast.Load
            ):
                for part in _parts(value):
                    yield _Set(node, name, part)
            elif isinstance(value, list) and value and isinstance(value[0], ast.expr):
                if name in ("elts", "args") and len(value) > 1:
                    for k in range(len(value)):
                        yield _Delete(value, k)
                for k, item in enumerate(value):
                    for part in _parts(item):
                        yield _Replace(value, k, part)


def _parts(value: ast.expr) -> list[ast.expr]:
    """Expressions to try in place of one."""
    if isinstance(value, (ast.Name, ast.Attribute, ast.Lambda, ast.Slice, ast.Starred)):
        return []
    if isinstance(value, ast.Constant):
        plain = 0 if type(value.value) is int else 1.0
        return (
            []
            if value.value in (plain, 0) and str(value.value) in "01.0"
            else [ast.Constant(plain)]
        )
    parts = [child for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr)]
    deeper = [c for p in parts for c in ast.iter_child_nodes(p) if isinstance(c, ast.expr)]
    found = [
        p for p in parts + deeper if not isinstance(p, (ast.Attribute, ast.Slice, ast.Starred))
    ]
    return [*found, ast.Constant(1.0)] if not isinstance(value, ast.Subscript) else found


class _Delete:
    def __init__(self, items: list[Any], k: int) -> None:
        self.items, self.k = items, k

    def __call__(self) -> None:
        del self.items[self.k]


class _Replace(_Delete):
    def __init__(self, items: list[Any], k: int, new: ast.expr) -> None:
        super().__init__(items, k)
        self.new = new

    def __call__(self) -> None:
        self.items[self.k] = self.new


class _Set:
    def __init__(self, node: ast.AST, name: str, new: ast.expr) -> None:
        self.node, self.name, self.new = node, name, new

    def __call__(self) -> None:
        setattr(self.node, self.name, self.new)
