"""Names that a user gives meet none that the compiler makes: operands, rows, labels."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from autograd_mini import Value
from tests.compiler.agreement import assert_agrees

Register = Callable[..., Callable[..., Any]]
_ROWS = """
copy copy1 table places rows holes examples value value1 fixed theta gradient seed partial np
special strided huge outputs value_and_grad buffers scratch d_value d_z z z1 t t2_r t0d_r tanh1
input0 index index0 w b value_of_hostile adjoint_of_hostile d_copy copy1_flat x x0 g weight
table1_part a\ufb01 ma\u00f1ana z\u03b4
"""
ROWS = _ROWS.split()
_OPERANDS = """
g m u x0 x1 value theta out np seed d_y t copy gradient upstream error delta s\u03b4 a\ufb02
input0 partial a_
"""
OPERANDS = _OPERANDS.split()


def mixed(row: Callable[..., Any], vector: Callable[..., Any], w: list[Value]) -> Any:
    """A program with views, copies, tables, picks and temporary arrays, and with the rows."""

    def function(x: Any, i: Any) -> Any:
        picked = ad.take([w[0], x[1], 0.5], i)
        steps = [row(w[k], x[(k * k) % 3]) * c for k, c in enumerate([0.5, -1.5, 3.0])]
        bent = [ad.where(ad.greater(s, 0.3), ad.tanh(s), row(s, w[1])) for s in steps]
        return ad.sum(bent) + vector([w[2], *bent, x[0]]) * picked + ad.norm([w[1], x[2]])

    return function


BATCH = np.array([[0.4, -0.8, 1.3], [0.9, 0.2, -0.7]]), np.array([1, 0])


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_any_name(name: str, register: Register) -> None:
    row = register(name, "m, g", "m * g", ["g", "m"], [(-1, 1), (-1, 1)])
    vector = register(f"{name}_v", "v...", "sum(v * v)", ["2 * v"], [(-1.0, 1.0)])
    w = [Value(0.7), Value(-0.4), Value(1.1)]
    assert_agrees(mixed(row, vector, w), w, *BATCH)


@pytest.mark.parametrize("name", OPERANDS)
def test_an_operand_of_any_name(name: str, register: Register) -> None:
    row = register("hostile", f"a, {name}", f"a * {name}", [name, "a"], [(-1, 1), (-1, 1)])
    swapped = register(
        "turned", f"{name}, b", f"{name} / b", ["1 / b", "-y / b"], [(-1, 1), (0.5, 1)]
    )
    vector = register(
        "hostile_v", f"{name}...", f"sum({name} * {name})", [f"2 * {name}"], [(-1, 1)]
    )
    w = [Value(0.7), Value(-0.4), Value(1.1)]
    assert_agrees(mixed(row, vector, w), w, *BATCH)
    assert_agrees(mixed(swapped, vector, w), w, *BATCH)


def test_a_name_is_read_as_python_reads_it(register: Register) -> None:
    ligature = register("o\ufb01", "\u2002u\ufb02", "ufl * 2", ["2"], [(-1, 1)])
    assert ligature.__name__ == "ofi"
    assert ad.PRIMITIVES["ofi"].operands[0].name == "ufl"
    with pytest.raises(ValueError, match="'ofi' exists already"):
        register("ofi", "x", "x", ["1"], [(-1, 1)])


@pytest.mark.parametrize(
    "label",
    ["copy1", "z1", "theta", "value", "1", "", "np", "W_a", "a.b", "a..b", "é", "x\n", "d_W1", "δ"],
)
def test_a_label_of_any_kind(label: str) -> None:
    w = [Value(0.3, label), Value(-0.2, label), Value(0.9, f"{label}.1")]
    x = np.array([[0.5, 2.0, 1.5]])
    assert_agrees(lambda x: ad.tanh(ad.dot(w, x)) * w[0] + ad.norm([w[2], w[0], x[0]]), w, x)


def test_the_ending_of_a_label_makes_no_part() -> None:
    w = [Value(0.1 * k, f"first_part.weights.{k}") for k in range(3)]
    program = assert_agrees(lambda x: ad.tanh(ad.dot(w, x)), w, np.ones((2, 3)))
    assert " w_first_part = theta[" in program.source
    assert " d_w_first_part = gradient[" in program.source


def test_every_name_of_the_source_is_made_once(register: Register) -> None:
    rows = [
        register(name, "m, g", "m * g", ["g", "m"], [(-1, 1), (-1, 1)])
        for name in ("copy", "d_copy", "places", "t2_r", "copy1_part")
    ]
    vector = register("value", "v...", "sum(v * v)", ["2 * v"], [(-1.0, 1.0)])
    w = [Value(0.7), Value(-0.4), Value(1.1)]

    def function(x: Any, i: Any) -> Any:
        return ad.sum([mixed(row, vector, w)(x, i) for row in rows])

    program = assert_agrees(function, w, *BATCH)
    for definition in ast.parse(program.source).body:
        assert isinstance(definition, ast.FunctionDef)
        bound = [
            target.id
            for node in ast.walk(definition)
            if isinstance(node, ast.Assign)
            for name in node.targets
            for target in ast.walk(name)
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
        ]
        once = [name for name in bound if name != "partial"]  # a number of the moment
        assert len(once) == len(set(once))
