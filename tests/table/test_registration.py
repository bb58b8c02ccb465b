"""Rows of users: derivatives are checked before a row enters the table, and cells run twice."""

from __future__ import annotations

import pickle
import pydoc
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini.table import primitives
from autograd_mini.table.primitives import PRIMITIVES
from autograd_mini.table.registration import check_partials, wrong_partials
from tests.random_graphs import ROWS
from tests.table.test_table import samples

Register = Callable[..., Callable[..., Any]]
CUBE = ("cubic", "x", "x * x * x", ["3 * x * x"], [(-2.0, 2.0)])


@pytest.mark.parametrize("name", ROWS)
def test_the_rows_of_the_table_pass_their_own_check(name: str) -> None:
    check_partials(PRIMITIVES[name])


@pytest.mark.parametrize("name", ROWS)
def test_a_derivative_of_any_row_that_is_slightly_off_is_found(name: str) -> None:
    row = PRIMITIVES[name]
    for point in samples(name)[:4]:
        right = row.linearize(point)[1]
        assert list(wrong_partials(row, point, right)) == []
        for position, derivative in enumerate(right):
            wrong = list(right)
            wrong[position] += 1e-4 * max(abs(derivative), 1.0)
            assert [found for found, _ in wrong_partials(row, point, wrong)] == [position]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("cubic", "x", "x ** 3", ["2 * x ** 2"], [(1.0, 2.0)]), r"toward x, 2 \* x \*\* 2, is "),
        (("f", "a, b", "a * b", ["b", "b"], [(1, 2), (3, 4)]), r"toward b, b, is .* at a = 1\."),
        (("f", "x...", "sum(x * x)", ["x"], [(1, 2)]), r"toward x, x, is .* at x = \[1\."),
        (("f", "x, k=2", "k * x", ["k", "0"], [(1, 2)] * 2), "toward k, 0, is 0.0 at x = 1"),
        (("f", "x", "abs(x)", ["1"], [(-1, 1)]), "toward x, 1, is 1.0 at x = -0"),
    ],
)
def test_a_wrong_derivative_is_refused_with_both_numbers(
    row: Any, message: str, register: Register
) -> None:
    before = dict(PRIMITIVES)
    with pytest.raises(ValueError, match=message) as caught:
        register(*row)
    assert "two-sided differences of the value give " in str(caught.value)
    assert dict(PRIMITIVES) == before


def test_the_message_gives_the_slope_that_is_there(register: Register) -> None:
    with pytest.raises(ValueError, match="primitive 'line'") as caught:
        register("line", "x", "3 * x", ["4"], [(0.0, 1.0)])
    text = str(caught.value)
    assert ", 4, is 4.0 at x = 0." in text
    assert text.endswith("give 3")


@pytest.mark.parametrize(
    ("value", "partial"),
    [("relu(x)", "where(x <= 0, 0, 1)"), ("abs(x)", "sign(x)"), ("sqrt(x)", "1 / (2 * y)")],
)
def test_kinks_and_edges_inside_the_domain_are_no_fault(
    value: str, partial: str, register: Register
) -> None:
    low = 0.0 if value == "sqrt(x)" else -1.0
    f = register("f", "x", value, [partial], [(low, 1.0)])
    assert f(0.25) == eval(value, vars(ad) | {"x": 0.25})


def test_the_same_row_again_gives_its_function(register: Register) -> None:
    first = register(*CUBE)
    again = register(*CUBE)
    assert list(PRIMITIVES).count("cubic") == 1
    x = ad.Value(2.0)
    assert first(x).data == again(x).data == 8.0
    assert ad.gradients(again(x), x) == 12.0
    spaced = ("cubic", " x ", " x * x * x ", [" 3 * x * x "], [(-2, 2)])
    assert register(*spaced)(2.0) == 8.0


def test_a_row_whose_operand_bears_its_name_can_be_registered_again(register: Register) -> None:
    row = ("f", "f, b", "f * b", ["b", "f"], [(1, 2), (1, 2)])
    register(*row)
    assert register(*row)(2.0, 3.0) == 6.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: "z", 2: "z * z * z", 3: ["3 * z * z"]}, r"other operands: \['x'\] instead of \['z'\]"),
        ({1: "x=1"}, r"other operands: \['x'\] instead of \['x=1.0'\]"),
        ({2: "x ** 3"}, r"another value: 'x \* x \* x' instead of 'x \*\* 3'"),
        ({2: "x +"}, "another value: "),
        ({3: ["x * 3 * x"]}, r"other partials: \['3 \* x \* x'\] instead of \['x \* 3 \* x'\]"),
        ({4: [(-1.0, 2.0)]}, r"other domains: \[\(-2.0, 2.0\)\] instead of \[\(-1.0, 2.0\)\]"),
    ],
)
def test_another_row_of_that_name_is_refused_with_what_differs(
    change: dict[int, Any], message: str, register: Register
) -> None:
    register(*CUBE)
    before = dict(PRIMITIVES)
    other = [change.get(i, column) for i, column in enumerate(CUBE)]
    remedy = "; choose another name, or restart Python"
    with pytest.raises(ValueError, match=f"'cubic' exists already, with {message}.*{remedy}"):
        register(*other)
    assert dict(PRIMITIVES) == before


def test_an_edited_cell_may_change_blanks_and_descriptions(register: Register) -> None:
    first = register(*CUBE)
    edited = register("cubic", "x", "x*x*x", ["(3 * x)*x"], [(-2, 2)], "Cube.", remedy="less x")
    assert PRIMITIVES["cubic"].description == "Cube."
    assert PRIMITIVES["cubic"].remedy == "less x"
    assert (edited.__doc__ or "").startswith("Cube.\n")
    x = ad.Value(2.0)
    assert ad.gradients(first(x) + edited(x), x) == 24.0
    register(*CUBE)
    assert PRIMITIVES["cubic"].description == ""


def test_a_row_of_the_start_keeps_its_description(register: Register) -> None:
    row = PRIMITIVES["tanh"]
    with pytest.raises(ValueError, match="'tanh' exists already; choose another name"):
        register("tanh", "x", row.value, row.partials, row.domains, "Mine.")
    assert PRIMITIVES["tanh"] is row


def test_a_remedy_is_shown_by_anomaly_mode(register: Register) -> None:
    cube = register(*CUBE, remedy="cube less")
    with pytest.raises(ad.AnomalyError, match="usual remedy: cube less"), ad.detect_anomaly():
        cube(ad.Value(1e200))


def test_a_function_is_pickled_by_the_name_where_it_stands(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "cubic", register(*CUBE))
    cubic = globals()["cubic"]
    assert cubic.__module__ == __name__
    assert pickle.loads(pickle.dumps(cubic)) is cubic
    assert pickle.loads(pickle.dumps(ad.exp)) is ad.exp
    assert "table_functions" not in pydoc.plain(pydoc.render_doc(cubic))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("f", "x...", "variance(x)", ["x"], [(0, 1)]),
            "'variance' is known, .* only dot, logsumexp",
        ),
        (("f", "x", "mean(x)", ["x"], [(0, 1)]), r"'mean' is known, .* no operand like x\.\.\."),
        (("f", "x", "oops(x)", ["x"], [(0, 1)]), "calls unknown 'oops'; known: "),
    ],
)
def test_a_function_that_may_not_be_called_is_not_called_unknown(
    row: Any, message: str, register: Register
) -> None:
    with pytest.raises(ValueError, match=f"primitive 'f': .*{message}") as caught:
        register(*row)
    assert ("calls unknown" in message) == ("calls unknown" in str(caught.value))


@pytest.mark.parametrize("what", ["description", "remedy"])
@pytest.mark.parametrize("text", ["two\nlines", "a | b"])
def test_a_text_that_is_no_column_is_named(what: str, text: str, register: Register) -> None:
    with pytest.raises(ValueError, match=f"primitive 'cubic': its {what}, ") as caught:
        register(*CUBE, **{what: text})
    assert repr(text) in str(caught.value)


def test_a_description_becomes_documentation(register: Register) -> None:
    cube = register(*CUBE, description="Third power; nothing else.")
    assert PRIMITIVES["cubic"].description == "Third power; nothing else."
    assert (cube.__doc__ or "").startswith("Third power; nothing else.\n")
    assert "cubic(x) = x * x * x\n        d/dx = 3 * x * x" in (cube.__doc__ or "")
    with pytest.raises(ValueError, match="separator of the table"):
        register("other", "x", "x", ["1"], [(0, 1)], "a | b")
    with pytest.raises(TypeError, match="expected text, got 3"):
        register("other", "x", "x", ["1"], [(0, 1)], 3)


factors = st.floats(-3, 3).map(lambda number: round(number, 3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(factors, min_size=1, max_size=4), st.integers(0, 3), factors)
def test_polynomials_are_accepted_with_their_derivative_and_no_other(
    register: Register, coefficients: Sequence[float], changed: int, by: float
) -> None:
    def text(numbers: Sequence[float]) -> str:
        return " + ".join(f"{c!r} * x ** {k}" for k, c in enumerate(numbers)) or "0"

    slopes = [k * c for k, c in enumerate(coefficients)][1:]
    value, name = text(coefficients), "polynomial"
    wrong = [c + by * (k == changed) for k, c in enumerate(slopes)]
    if abs(by) > 0.01 and changed < len(slopes):
        with pytest.raises(ValueError, match="two-sided differences"):
            register(name, "x", value, [text(wrong)], [(0.5, 2.0)])
    register(name, "x", value, [text(slopes)], [(0.5, 2.0)])
    del primitives._rows[name]
