"""Names that a user gives meet none that the compiler makes: operands, rows, labels."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.compiler.backends.numpy.source import emit
from autograd_mini.compiler.ir.array_program import ArrayProgram
from autograd_mini.compiler.ir.spaces import THETA
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


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (["F.np_tanh.0", "F.np_tanh.1"], "w_F_np_tanh"),
        (["F.np.tanh.0", "F.np.tanh.1"], "w_F_np_tanh"),
        (["F_np.tanh.0", "F_np.tanh.1"], "w_F_np_tanh"),
        (["_.debug__.0", "_.debug__.1"], "w___debug__"),
        (["F.0.gain.0", "F.0.gain.1"], "F1_gain"),
        (["lambda.0", "lambda.1"], "w_lambda"),
    ],
)
def test_what_labels_are_joined_to(labels: list[str], name: str) -> None:
    w = [Value(0.3, label) for label in labels]
    program = assert_agrees(lambda x: ad.tanh(ad.dot(w, x)), w, np.ones((3, 2)))
    assert f" {name} = theta[" in program.source


def test_an_attribute_that_is_named_as_functions_of_the_source() -> None:
    class Functions(nn.Module):
        def __init__(self) -> None:
            self.np_tanh = [Value(0.5), Value(-0.25)]

    class Model(nn.Module):
        def __init__(self) -> None:
            self.F = Functions()

        def __call__(self, x: Any) -> Any:
            return ad.tanh(ad.dot(self.F.np_tanh, x))

    model = Model()
    program = assert_agrees(model, model.parameters(), np.array([[1.0, 2.0], [0.5, -1.0]]))
    assert " w_F_np_tanh = theta[" in program.source


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


def matrix(label: str, *shape: int) -> Any:
    """Values labelled by their positions, in lists of lists."""
    if not shape:
        return Value(0.1, label)
    return [matrix(f"{label}.{k}", *shape[1:]) for k in range(shape[0])]


def flat(values: Any) -> list[Value]:
    if isinstance(values, Value):
        return [values]
    return [value for part in values for value in flat(part)]


def names_of(program: ad.Program) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(program.source)) if isinstance(node, ast.Name)}


def test_one_probability_of_a_softmax_by_hand_is_no_mean() -> None:
    w = matrix("w", 4, 3)

    def loss(x: Any) -> Any:
        exponentials = [ad.exp(ad.dot(row, x)) for row in w]
        return -ad.log(exponentials[1] / ad.sum(exponentials))

    program = assert_agrees(loss, flat(w), np.ones((5, 3)))
    assert lines_with(program, "np.divide(exponential_1, total, out=probability)")
    assert lines_with(program, "np.log(probability, out=log_probability)")
    assert "mean" not in names_of(program)


def test_means_and_what_comes_of_them_are_called_so() -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.LayerNorm(4), nn.RMSNorm(4))
    program = assert_agrees(lambda x: ad.sum(model(x)), model.parameters(), np.eye(3))
    names = names_of(program)
    assert {"mean", "centred", "variance", "inverse_deviation", "normalised"} <= names
    assert {"mean_square", "inverse_rms", "gain2", "dgain2"} & names >= {"mean_square", "gain2"}


@pytest.mark.parametrize("used", [True, False])
def test_without_a_way_back_there_is_no_bp1(used: bool) -> None:
    w = [Value(2.0, "w")] if used else []
    program = ad.compile(lambda x: ad.exp(x) * (w[0] if used else 3.0), w)
    program.value_and_grad(None, np.ones(4))
    assert ("BP1" in program.source) is used
    assert any(step.operation == "seed" for step in program.steps) is used


def test_an_unused_parameter_is_called_unused() -> None:
    w = [Value(0.5, f"layer.weights.{k}") for k in range(4)]
    program = assert_agrees(lambda x: ad.dot(w[:3], x), w, np.ones((2, 3)))
    assert [name for name in names_of(program) if name.endswith("unused")] == ["d_unused"]


def test_times_of_a_recurrent_net_are_no_layers() -> None:
    """The second matrix is told by its label, the second time by its number."""
    inward, across, bias = (
        matrix("cell.weights", 3, 2), matrix("cell.recurrent", 3, 3), matrix("cell.bias", 3)
    )  # fmt: skip

    def loss(xs: Any) -> Any:
        state: Any = [0.5, 0.5, 0.5]
        for x in xs:
            state = [
                ad.tanh(ad.dot(inward[j], x) + ad.dot(across[j], state) + bias[j]) for j in range(3)
            ]
        return ad.sum(state)

    program = assert_agrees(loss, flat([inward, across, bias]), np.ones((5, 3, 2)))
    names = names_of(program)
    assert {"w_cell", "cell_recurrent", "b_cell", "dw_cell", "d_cell_recurrent"} <= names
    assert {f"{kind}_cell_{t}" for kind in ("z", "a", "delta") for t in (1, 2, 3)} <= names
    assert not {"w_cell2", "z_cell", "z_cell2"} & names


def test_parts_of_the_matrix_of_a_cell_are_told_by_what_they_meet() -> None:
    cell = nn.RNNCell(2, 3, rng=0)
    program = assert_agrees(
        lambda xs: ad.sum(cell.unroll(xs)[-1]), cell.parameters(), np.ones((5, 3, 2))
    )
    assert {"w_xs", "w_hidden", "b1", "z1", "z2", "z3", "dw_xs"} <= names_of(program)


def test_gates_are_told_by_their_names() -> None:
    cell = nn.GRUCell(2, 3, rng=0)
    program = assert_agrees(
        lambda xs: ad.sum(cell.unroll(xs)[-1]), cell.parameters(), np.ones((5, 2, 2))
    )
    assert {"a_reset_1", "a_update_1", "a_reset_2", "a_update_2"} <= names_of(program)


def test_queries_keys_and_values_are_told_by_their_names() -> None:
    model = nn.Attention(4, 2, rng=0)
    program = assert_agrees(
        lambda x: ad.sum(flat(model(x))), model.parameters(), np.ones((5, 3, 4))
    )
    names = names_of(program)
    assert {"z_query", "z_key", "z_value"} <= names
    for part in ("query", "key", "value"):
        assert any(name.startswith(f"delta_{part}") for name in names), part
    assert not [name for name in names if "_part" in name]


def test_embeddings_are_picked_by_name() -> None:
    words = nn.Embedding(5, 3, rng=0)
    hidden = nn.Linear(3, 2, rng=1)

    class Model(nn.Module):
        def __init__(self) -> None:
            self.words, self.hidden = words, hidden

        def __call__(self, k: Any) -> Any:
            return self.hidden(self.words(k))

    program = ad.compile(lambda k: ad.sum(Model()(k)), Model())
    program.value_and_grad(None, np.array([1, 4]))
    assert {"picked_words", "w_words", "dw_words"} <= names_of(program)


def test_scalars_with_numbers_are_one_array() -> None:
    w = [Value(0.1 * k, f"c{k}") for k in range(4)]
    program = assert_agrees(lambda x: ad.tanh(ad.dot(w, x)), w, np.ones((2, 4)))
    assert {"c", "dc"} & names_of(program)
    centres = matrix("centre", 3, 2)
    program = assert_agrees(
        lambda x: ad.minimum(*[ad.norm([a - b for a, b in zip(x, c, strict=True)])
                               for c in centres[:2]]),
        flat(centres), np.ones((2, 2)),
    )  # fmt: skip
    assert {"centre", "difference"} <= names_of(program)


@pytest.mark.parametrize("word", ["lambda", "np", "theta", "None", "F_x", "tmp", "a_b", "w1", "z"])
def test_a_container_of_any_name(word: str) -> None:
    w = [[Value(0.1 * (j + k), f"{word}.{j}.{k}") for k in range(3)] for j in range(2)]
    more = [Value(0.3, f"{word}{k}") for k in range(2)]
    assert_agrees(
        lambda x: ad.sum([ad.tanh(ad.dot(row, x)) * c for row, c in zip(w, more, strict=True)]),
        flat([w, more]),
        np.ones((2, 3)),
    )


def test_names_that_nothing_in_the_source_defines_are_explained() -> None:
    weights = matrix("w", 3, 4)
    rows = [[0, 2, 5, 7], [1, 3, 4, 8], [2, 6, 7, 9]]

    def loss(x: Any, i: Any) -> Any:
        hidden = [ad.tanh(ad.dot(w, [x[k] for k in row])) for row in rows for w in weights]
        powers = ad.sum([x[0] ** 1.5, x[1] ** 2.5, x[2] ** 3.5])
        return ad.take(hidden, i) * powers + ad.norm([x[5], x[8], x[3]]) + ad.softmax(x)[0]

    program = ad.compile(loss, flat(weights))
    program.value_and_grad(None, np.ones((5, 10)), np.zeros(5, dtype=int))
    comments = [line for line in program.source.splitlines() if line.startswith("#")]
    tree = ast.parse(program.source)
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    made = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    made |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    unexplained = read - made - {"np"}
    assert {"huge", "value_of_norm", "constants1"} < unexplained
    for name in unexplained:
        assert any(re.search(rf"\b{name}\b", line) for line in comments), name
    assert "x_gathered" in read


def test_the_same_program_has_the_same_names() -> None:
    def source() -> str:
        model = nn.GRUCell(2, 3, rng=0)
        program = ad.compile(lambda xs: ad.sum(model.unroll(xs)[-1]), model)
        program.value_and_grad(None, np.ones((5, 3, 2)))
        return program.source

    assert source() == source()


class Erased(ast.NodeTransformer):
    """Every name by the order in which it comes, so that only names may differ."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}

    def _numbered(self, name: str) -> str:
        return self.numbers.setdefault(name, f"name{len(self.numbers)}")

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._numbered(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self._numbered(node.arg))


def erased(source: str) -> str:
    return ast.dump(Erased().visit(ast.parse(source)))


_PARTS = """
layers modules neurons weights weight bias biases cell gain query w b z a tmp np lambda theta 0 1 11
delta seed dw d_w F_x z_1 output unused minus_x strided huge constants1 places1 wb1 \u00e9 __x
F np_tanh F_np tanh _ debug__
"""
PARTS = _PARTS.split()
paths = st.lists(st.sampled_from(PARTS), max_size=4).map(".".join)
labelling = st.one_of(
    st.lists(paths, min_size=1, max_size=6),
    st.builds(lambda head: [f"{head}.{k // 5}.{k % 5}" for k in range(60)], paths),
    st.builds(lambda head: [f"{head}{k}" for k in range(60)], paths),
)


@cache
def array_programs() -> list[tuple[ArrayProgram, str]]:
    """Of a cell at two times, attention, and an embedding before a layer, with their code."""
    cell, attention = nn.GRUCell(2, 2, rng=0), nn.Attention(4, 2, rng=0)
    words, layer = nn.Embedding(4, 3, rng=0), nn.Layer(3, 2, rng=0)
    functions: list[tuple[Callable[..., Any], list[Value], Any]] = [
        (lambda xs: ad.sum(cell.unroll(xs)[-1]), cell.parameters(), np.ones((2, 2, 2))),
        (lambda xs: ad.sum(flat(attention(xs))), attention.parameters(), np.ones((2, 3, 4))),
        (
            lambda k: ad.sum(layer(words(k))),
            [*words.parameters(), *layer.parameters()],
            np.array([1, 2]),
        ),
    ]
    found = []
    for function, parameters, batch in functions:
        program = ad.compile(function, parameters)
        program.value_and_grad(None, batch)
        array_program = program._last().program
        found.append((array_program, erased(emit(array_program).source)))
    return found


@given(labelling, st.sampled_from(PARTS), st.integers(0, 2))
def test_labels_change_names_alone(labels: list[str], argument: str, which: int) -> None:
    program, code = array_programs()[which]
    count = program.sizes[THETA]
    labels = (labels * count)[:count]
    named = emit(program, (), labels, (argument,))
    assert erased(named.source) == code
    names = {n.id for n in ast.walk(ast.parse(named.source)) if isinstance(n, ast.Name)}
    assert all(name.isascii() and name.isidentifier() for name in names)
    assert not any(keyword.iskeyword(name) or name.startswith(("F_", "__")) for name in names)
    assert names.isdisjoint(dir(builtins))
    assert emit(program, (), labels, (argument,)).source == named.source
