"""Formulas rewritten: each rule against the floats that the formulas give, on random formulas."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini.table.backends import EXACT_ON_ARRAYS, FLOAT, IEEE
from autograd_mini.table.grammar import OPERATORS, functions_in, names_in, parse_formula, parts
from autograd_mini.table.interpreter import VectorInterpreter
from autograd_mini.table.primitives import PRIMITIVES, namespace
from autograd_mini.table.rewrite import (
    derivative,
    fold,
    opened,
    simplify,
    spelled_out,
    substitute,
    times,
)

NAMES = ("u", "v", "x0")
POINT = {"u": 0.7, "v": -1.3, "x0": 0.4}
SCALAR_ROWS = [name for name, row in PRIMITIVES.items() if not row.has_vectors]
UNARY = sorted(
    name
    for name in SCALAR_ROWS
    if len(PRIMITIVES[name].operands) == 1 and name not in {"acosh", "tan", "abs", "relu"}
)
BINARY = ["add", "sub", "mul", "div", "atan2", "hypot", "multiply_no_nan"]


def parsed(text: str) -> ast.expr:
    return parse_formula(text, set(NAMES) | {"pi", "x", "y"}, set(SCALAR_ROWS) | {"sign"})


def value(formula: ast.expr, point: Mapping[str, float] = POINT) -> float:
    """The formula over IEEE floats."""
    names = namespace([formula], IEEE, vectors=False) | {
        name: np.float64(number) for name, number in point.items()
    }
    with np.errstate(all="ignore"):
        return float(eval(IEEE.interpret(formula), names))


numbers = st.sampled_from(["2", "0.5", "3", "0"])
leaves = st.sampled_from(NAMES) | numbers


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("({}) ** {}".format, inner, st.sampled_from(["2", "3", "1"])),
        st.builds("-{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(UNARY), inner),
        st.builds("{}({}, {})".format, st.sampled_from(BINARY), inner, inner),
        st.builds("where({} > {}, {}, {})".format, inner, inner, inner, inner),
    )


formulas = st.recursive(leaves, larger, max_leaves=8).map(parsed)


def same_float(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@given(formulas)
def test_a_derivative_is_that_of_the_graph(formula: ast.expr) -> None:
    """The same chain rule by the engine, whose oracles are its own tests'."""
    leaves = {name: ad.Value(number) for name, number in POINT.items()}
    functions = {name: getattr(ad, name) for name in functions_in(formula)}
    output = ad.as_value(eval(ast.unparse(formula), functions | leaves))
    for name, leaf in leaves.items():
        ours = derivative(formula, name)
        expected = ad.gradients(output, leaf)
        found = value(ours)
        assert names_in(ours) <= names_in(formula) | {"pi"}, ast.unparse(ours)
        if math.isfinite(found) and math.isfinite(expected):
            assert found == pytest.approx(expected, rel=1e-10, abs=1e-12), ast.unparse(ours)


@pytest.mark.parametrize(
    "text", ["sin(x0) * 2", "exp(x0)", "tanh(2 * x0)", "c / x0", "x0 * x0", "x0 ** c", "sqrt(x0)"]
)
def test_a_derivative_leaves_no_operand_of_a_row_unbound(text: str) -> None:
    formula = ast.parse(text, mode="eval").body
    assert names_in(derivative(formula, "x0")) <= {"x0", "c"}


def test_every_occurrence_counts() -> None:
    assert ast.unparse(derivative(parsed("x0 * sin(x0)"), "x0")) == "sin(x0) + x0 * cos(x0)"


@pytest.mark.parametrize("text", ["sum(x0)", "softmax(x0)", "logsumexp(x0)"])
def test_a_function_of_vectors_has_no_derivative_toward_one_number(text: str) -> None:
    with pytest.raises(ValueError, match="function of vectors"):
        derivative(ast.parse(text, mode="eval").body, "x0")


@given(formulas, formulas)
def test_what_is_substituted_counts_as_the_name(formula: ast.expr, new: ast.expr) -> None:
    point = POINT | {"u": value(new)}
    assert same_float(value(substitute(formula, {"u": new})), value(formula, point))


@given(formulas, st.sampled_from([0.0, 1.0, -2.5]))
def test_simplifying_changes_no_float(formula: ast.expr, number: float) -> None:
    simpler = simplify(formula, {"v": ast.Constant(number)})
    assert "v" not in names_in(simpler)
    assert same_float(value(simpler), value(formula, POINT | {"v": number}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where(u, v, x0)", "v"),
        ("where(u > 2, v, x0)", "x0"),
        ("where(v > 0, sin(u), sin(1.0))", "sin(1.0)"),
        ("where(v > u, v, x0)", "where(v > 1.0, v, x0)"),
    ],
)
def test_choices_as_they_are_left(text: str, expected: str) -> None:
    simpler = simplify(parsed(text), {"u": ast.Constant(1.0)})
    assert ast.unparse(simpler) == expected


def test_products_keep_numbers_apart_that_would_overflow() -> None:
    factor = ast.parse("1e200 * u", mode="eval").body
    assert ast.unparse(times(factor, ast.Constant(1e200))) == "1e+200 * (1e+200 * u)"
    assert (
        ast.unparse(times(factor, ast.parse("0 / v", mode="eval").body)) == "1e+200 * u * (0 / v)"
    )


@given(formulas)
def test_a_choice_that_numbers_decide_is_made(formula: ast.expr) -> None:
    decided = {name: ast.Constant(number) for name, number in POINT.items()}
    for part in parts(simplify(formula, decided)):
        if isinstance(part, ast.Compare):
            sides = [part.left, part.comparators[0]]
            assert not all(isinstance(side, ast.Constant) for side in sides)


@given(formulas)
def test_a_formula_folds_to_its_number_or_not_at_all(formula: ast.expr) -> None:
    number = fold(formula)
    if number is None:
        assert names_in(formula)
    else:
        assert same_float(number, value(formula))
    numbers = {name: ast.Constant(n) for name, n in POINT.items()}
    folded = fold(substitute(formula, numbers))
    assert folded is not None
    assert same_float(folded, value(formula))


@given(formulas, formulas)
def test_a_product_with_a_formula_is_the_product_of_the_numbers(
    factor: ast.expr, partial: ast.expr
) -> None:
    a, b = value(factor), value(partial)
    if math.isfinite(a) and math.isfinite(b) and 1e-100 < abs(a * b) < 1e100:
        assert value(times(factor, partial)) == pytest.approx(a * b, rel=1e-12)


@pytest.mark.parametrize("name", SCALAR_ROWS)
def test_an_opened_row_is_its_formula(name: str) -> None:
    row = PRIMITIVES[name]
    if name == "where":
        return
    point = {
        n: low + 0.4 * (high - low) for n, (low, high) in zip("uvx", row.domains, strict=False)
    }
    call = ast.parse(f"{name}({', '.join(point)})", mode="eval").body
    expected = row.evaluate(list(point.values()))
    assert value(opened(call, closed=()), point) == pytest.approx(expected, rel=1e-15)
    assert opened(call, closed={name}) is call


@pytest.mark.parametrize("number", [-2.0, 0.0, 3.0, math.inf, math.nan])
@pytest.mark.parametrize("text", ["2 * sign(u) + u", "silu(sign(u)) + sign(softsign(u))"])
def test_a_formula_that_is_spelled_out_has_no_rows_left(text: str, number: float) -> None:
    formula = parsed(text)
    point = {"u": number}
    out = spelled_out(formula, EXACT_ON_ARRAYS)
    assert functions_in(out) <= EXACT_ON_ARRAYS
    assert same_float(value(out, point), value(formula, point))


# The walk and its readings.


def test_an_operator_is_the_row_the_symbol_and_the_function_that_it_says() -> None:
    for node, operator in OPERATORS.items():
        operands = [3.0, 2.0][: 1 if node is ast.USub else 2]
        text = operator.symbol.join(["3", "2"]) if len(operands) == 2 else f"{operator.symbol}3"
        expected = eval(text)
        assert operator.node is node
        assert operator.function(*operands) == expected
        assert PRIMITIVES[operator.row].evaluate(operands) == expected
        assert getattr(np, operator.ufunc)(*operands) == expected
        if operator.opposite is not None:
            opposite = OPERATORS[operator.opposite].function
            assert opposite is not operator.function
            for b in (2.0, 3.0, 4.0):
                assert opposite(3.0, b) is not operator.function(3.0, b)


class Numbers(VectorInterpreter):
    """Plain floats by the smallest possible rules."""

    def number(self, value: float) -> float:
        return value

    def scalar(self, op: str, operands: object) -> float:
        return PRIMITIVES[op].evaluate(operands)  # type: ignore[arg-type]

    def reduction(self, op: str, groups: object) -> object:
        function = FLOAT.function(op)
        return function(*groups) if function else sum(groups[0]) / len(groups[0])  # type: ignore


@pytest.mark.parametrize(
    "name", ["mean", "dot", "variance", "norm", "logsumexp", "softmax", "log_softmax", "prod"]
)
def test_a_vector_row_read_by_other_rules_is_the_row(name: str) -> None:
    row = PRIMITIVES[name]
    point = [0.4, -1.2, 2.0, 0.3, 1.1][: 5 if name == "dot" else 4]
    y, derivatives = row.linearize(point)
    names = row.bind(point) | {"y": y}
    assert Numbers(names).interpret(row.value_formula) == pytest.approx(y, rel=1e-14)
    found = row.spread(
        lambda index: Numbers(names).interpret(row.partial_formulas[index]), [True] * len(point)
    )
    assert found == pytest.approx(derivatives, rel=1e-13)
