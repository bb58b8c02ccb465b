"""Names that a user gives meet none that the compiler makes: operands, rows, labels."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value
from tests.compiler.agreement import assert_agrees

Register = Callable[..., Callable[..., Any]]
_ROWS = """
copy copy1 table places rows holes examples value value1 fixed theta gradient seed partial np
special strided huge outputs value_and_grad buffers scratch d_value d_z z z1 t t2_r t0d_r tanh1
input0 index index0 w b value_of_hostile adjoint_of_hostile d_copy copy1_flat x x0 g weight
table1_part a\ufb01 ma\u00f1ana z\u03b4 gathered joined joined_flat tmp mask picked output
output_row contributions total difference exponential probability delta1 dw1 wb1 b1 a1 da
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
    [
        *("copy1", "z1", "theta", "value", "1", "", "np", "W_a", "a.b", "a..b", "é", "x\n", "d_W1"),
        *(
            "δ",
            "lambda",
            "None",
            "F_np_multiply",
            "input0",
            "output",
            "tmp",
            "dw",
            "seed",
            "huge",
            "__debug__",
        ),
    ],
)
def test_a_label_of_any_kind(label: str) -> None:
    w = [Value(0.3, label), Value(-0.2, label), Value(0.9, f"{label}.1")]
    x = np.array([[0.5, 2.0, 1.5]])
    assert_agrees(lambda x: ad.tanh(ad.dot(w, x)) * w[0] + ad.norm([w[2], w[0], x[0]]), w, x)


def test_the_ending_of_a_label_makes_no_part() -> None:
    w = [Value(0.1 * k, f"first_part.weights.{k}") for k in range(3)]
    program = assert_agrees(lambda x: ad.tanh(ad.dot(w, x)), w, np.ones((2, 3)))
    assert " w_first_part = theta[" in program.source
    assert " dw_first_part = gradient[" in program.source


def test_every_name_of_the_source_is_made_once(register: Register) -> None:
    rows = [
        register(name, "m, g", "m * g", ["g", "m"], [(-1, 1), (-1, 1)])
        for name in ("gathered", "d_gathered", "places", "tmp", "mask", "picked", "output")
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


def lines_with(program: ad.Program, text: str) -> list[str]:
    return [line.strip() for line in program.source.splitlines() if text in line]


def test_a_network_has_the_names_of_textbooks() -> None:
    """BP1 to BP4 as they are written: weights w, biases b, sums z, activations a, signals delta."""
    model = nn.MLP(2, [16, 16, 1], rng=0)
    program = ad.compile(lambda x, t: nn.half_squared_error(model(x), t), model)
    program.value_and_grad(None, np.ones((5, 2)), np.ones((5, 1)))
    for statement in (
        "np.matmul(w1, x, out=z1)",
        "np.add(z1, b1, out=z1)",
        "np.tanh(z1, out=a1)",
        "np.dot(wb2, a1_with_1, out=z2)",
        "np.matmul(w2.T, delta2, out=delta1)",
        "np.dot(delta2, a1_with_1.T, out=dwb2)",
        "np.matmul(delta1, x.T, out=dw1)",
        "np.add.reduce(delta1, axis=1, out=db1)",
    ):
        assert lines_with(program, statement), statement
    assert len(lines_with(program, "BP3: gradient of biases")) == 1


def test_softmax_is_told_by_its_names() -> None:
    w = [[Value(0.1 * j + k, f"w.{j}.{k}") for k in range(3)] for j in range(4)]
    program = ad.compile(
        lambda x: ad.softmax([ad.dot(row, x) for row in w]), [v for row in w for v in row]
    )
    program(None, np.ones((2, 3)))
    for name in ("largest", "shifted", "exponential", "total", "probability"):
        assert lines_with(program, f"out={name}"), name


def test_plain_scalars_keep_the_names_they_have() -> None:
    gravity, damping = Value(9.8, "gravity"), Value(0.1, "damping")
    program = assert_agrees(
        lambda angle, speed: -gravity * ad.sin(angle) - damping * speed,
        [gravity, damping],
        np.array([0.1, 0.2]),
        np.array([0.3, 0.4]),
    )
    heads = {line.split(" = ")[0] for line in lines_with(program, " = ")}
    assert {"gravity", "damping", "angle", "speed", "d_gravity", "d_damping"} <= heads


@pytest.mark.parametrize(
    "name", ["theta", "np", "buffers", "w1", "z1", "tmp", "input0", "F_np_add"]
)
def test_an_argument_of_any_name(name: str) -> None:
    w = [Value(0.3, "w1"), Value(-0.2, "z1")]
    namespace: dict[str, Any] = {"ad": ad, "w": w}
    exec(f"def function({name}): return ad.tanh(w[0] * {name} + w[1]) + {name}", namespace)
    assert_agrees(namespace["function"], w, np.array([0.5, 1.5]))


UGLY = r"\b\w*(?:_part\d*_part|\d_r\d|\d[a-z]\d|_b\d|part1)\b"


@pytest.mark.parametrize("sizes", [[3, 2], [4, 4, 3], [5]])
@pytest.mark.parametrize("loss", [nn.half_squared_error, nn.cross_entropy])
def test_names_are_words(sizes: list[int], loss: Any) -> None:
    model = nn.MLP(4, sizes, activation="sigmoid", rng=0)
    targets = np.zeros((5, *sizes[-1:] * (loss is nn.half_squared_error)), dtype=int)
    program = ad.compile(lambda x, t: loss(model(x), t), model)
    program.value_and_grad(None, np.ones((5, 4)), targets)
    assert not re.findall(UGLY, program.source)
    names = {node.id for node in ast.walk(ast.parse(program.source)) if isinstance(node, ast.Name)}
    assert all(len(name) <= 24 and name.isidentifier() for name in names)
    assert names.isdisjoint(dir(builtins))
