"""The command: every output, every refusal and its exit status, as a user meets them."""

from __future__ import annotations

import contextlib
import html
import importlib.util
import io
import math
import operator
import os
import random
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, NamedTuple, cast
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini.command import cli, demo, demo_report, interrupts
from autograd_mini.command.digits import Digits, load_digits
from autograd_mini.command.expression import ExpressionError, parse_expression
from autograd_mini.command.opinions import Opinions
from tests import matrix_backprop

Output = pytest.CaptureFixture[str]

needs_demo = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sklearn", "tqdm", "matplotlib")),
    reason="needs the extra 'demo'",
)


def table(text: str) -> dict[str, list[float]]:
    """The rows of a printed table: name -> value, gradient, two-sided difference."""
    lines = iter(text.splitlines())
    next(line for line in lines if line.startswith("name "))
    rows = {}
    for line in lines:
        if not line:
            break
        name, *numbers = line.split()
        rows[name] = [float(number) for number in numbers]
    return rows


# --- diff: what it prints -----------------------------------------------------------------------


def test_diff_prints_value_and_gradients_beside_two_sided_differences(capsys: Output) -> None:
    assert cli.main(["diff", "tanh(w*x + b)", "w=0.5", "x=2", "b=-0.4"]) == 0
    out, err = capsys.readouterr()
    slope = 1 - math.tanh(0.6) ** 2
    assert out.splitlines()[0] == f"tanh(w*x + b) = {math.tanh(0.6):.10g}"
    assert err == ""
    rows = table(out)
    assert list(rows) == ["w", "x", "b"]  # the order of the command line
    for name, number, gradient in (
        ("w", 0.5, 2 * slope),
        ("x", 2.0, 0.5 * slope),
        ("b", -0.4, slope),
    ):
        assert rows[name] == pytest.approx([number, gradient, gradient], rel=2e-9)


def test_diff_table_is_aligned(capsys: Output) -> None:
    cli.main(["diff", "longname*x", "longname=123456.5", "x=-1e-7"])
    header, *rows = capsys.readouterr().out.splitlines()[2:]
    for row in rows:
        assert len(row) == len(header)
        assert [m.end() for m in re.finditer(r"\S+", row)][1:] == [
            m.end() for m in re.finditer(r"(value|gradient|difference)", header)
        ]


# Closed forms of value and gradient, worked out by hand.
CLOSED_FORMS = [
    ("-x**2", {"x": 3.0}, -9.0, {"x": -6.0}),
    ("2**-x", {"x": 1.0}, 0.5, {"x": -0.5 * math.log(2)}),
    ("2**3**2 * x", {"x": 1.0}, 512.0, {"x": 512.0}),
    ("(a - b) / c", {"a": 5.0, "b": 3.0, "c": 4.0}, 0.5, {"a": 0.25, "b": -0.25, "c": -0.125}),
    ("a - b - c", {"a": 5.0, "b": 3.0, "c": 4.0}, -2.0, {"a": 1.0, "b": -1.0, "c": -1.0}),
    ("x*x + x", {"x": 3.0}, 12.0, {"x": 7.0}),
    ("sin(pi*x)", {"x": 1.0}, 0.0, {"x": -math.pi}),
    ("sum(a, b, 2*a)", {"a": 1.0, "b": 2.0}, 5.0, {"a": 3.0, "b": 1.0}),
    ("norm(a, b)", {"a": 3.0, "b": 4.0}, 5.0, {"a": 0.6, "b": 0.8}),
    ("softmax(a, b)", {"a": 0.0, "b": 0.0}, 0.5, {"a": 0.25, "b": -0.25}),
    ("logsumexp(a, 0)", {"a": 0.0}, math.log(2), {"a": 0.5}),
    ("leaky_relu(x)", {"x": -2.0}, -0.02, {"x": 0.01}),
    ("elu(x, 2)", {"x": 1.0}, 1.0, {"x": 1.0}),
    ("where(greater(x, 0), x, 5*x)", {"x": -1.0}, -5.0, {"x": 5.0}),
    ("λ*μ", {"λ": 2.0, "μ": 3.0}, 6.0, {"λ": 3.0, "μ": 2.0}),
    ("x", {"x": 3.0}, 3.0, {"x": 1.0}),
    ("log(x)", {"x": 1e-9}, math.log(1e-9), {"x": 1e9}),
    ("log(x)", {"x": 1e-300}, math.log(1e-300), {"x": 1e300}),
    ("x**2", {"x": 1e9}, 1e18, {"x": 2e9}),
    ("sin(x)", {"x": 1e9}, math.sin(1e9), {"x": math.cos(1e9)}),
]


@pytest.mark.parametrize(("expression", "numbers", "value", "gradients"), CLOSED_FORMS)
def test_diff_of_closed_forms(
    expression: str,
    numbers: dict[str, float],
    value: float,
    gradients: dict[str, float],
    capsys: Output,
) -> None:
    assignments = [f"{name}={number!r}" for name, number in numbers.items()]
    assert cli.main(["diff", expression, *assignments]) == 0
    out = capsys.readouterr().out
    assert float(out.splitlines()[0].split(" = ")[1]) == pytest.approx(value, rel=2e-10, abs=1e-15)
    for name, row in table(out).items():
        assert row == pytest.approx([numbers[name], gradients[name], gradients[name]], rel=1e-8)
    assert "disagree" not in out


def test_diff_of_numbers_alone_has_no_table(capsys: Output) -> None:
    assert cli.main(["diff", "2 + 3*4"]) == 0
    assert capsys.readouterr().out == "2 + 3*4 = 14\n"


@pytest.mark.parametrize("assignments", [["x=0"], ["x=1e999"], ["x=nan"]])
def test_diff_says_where_the_two_disagree(assignments: list[str], capsys: Output) -> None:
    assert cli.main(["diff", "1/x + relu(x)", *assignments]) == 0
    assert "The two disagree toward x" in capsys.readouterr().out


def test_diff_shows_the_kink_of_relu(capsys: Output) -> None:
    cli.main(["diff", "relu(x)", "x=0"])
    out = capsys.readouterr().out
    assert table(out)["x"] == [0.0, 0.0, 0.5]
    assert "disagree toward x: a kink, where every slope from 0 to 1 is right." in out


@pytest.mark.parametrize(
    ("expression", "function", "x"),
    [
        ("greater(x, 1) + x", lambda x: ad.greater(x, 1.0) + x, 1.0),
        ("sqrt(x)", ad.sqrt, 0.0),
        ("1/x", lambda x: 1 / x, 0.0),
        ("1/x", lambda x: 1 / x, math.inf),
    ],
)
def test_diff_and_gradcheck_say_the_same(
    expression: str, function: Callable[[ad.Value], ad.Value], x: float, capsys: Output
) -> None:
    cli.main(["diff", expression, f"x={x}"])
    remark = capsys.readouterr().out.rstrip(".\n").rpartition("disagree toward x: ")[2]
    with pytest.raises(ad.GradientCheckError) as caught:
        ad.gradcheck(function, x)
    assert remark.removeprefix("the value is inf, ") in str(caught.value)
    assert len(remark) > 30


@pytest.mark.parametrize("expression", ["relu(x)", "abs(x) + relu(x)", "maximum(x, -x)"])
def test_what_gradcheck_finds_right_at_a_kink_is_not_called_wrong(
    expression: str, capsys: Output
) -> None:
    parsed = parse_expression(expression)
    assert ad.gradcheck(lambda x: parsed({"x": x}), 0.0)
    cli.main(["diff", expression, "x=0"])
    out = capsys.readouterr().out
    assert ("disagree" in out) == ("where every slope from" in out)


@pytest.mark.parametrize(
    ("expression", "assignments", "part"),
    [
        ("(-2)**0.5", [], "(-2)**0.5"),
        ("1 + 2*x ** 0.5", ["x=-2"], "x ** 0.5"),
        ("log(x - 1) - sqrt(y)", ["x=-3", "y=-1"], "log(x - 1)"),
        ("exp((acos(2*x)))", ["x=1"], "acos(2*x)"),
        ("(x - x)/(0*x)", ["x=3"], "(x - x)/(0*x)"),
    ],
)
def test_diff_says_what_is_not_a_real_number(
    expression: str, assignments: list[str], part: str, capsys: Output
) -> None:
    assert cli.main(["diff", expression, *assignments]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{expression} = nan\n")
    assert f"\n{part} is not a real number, so there is no derivative.\n" in out
    assert "disagree" not in out


@pytest.mark.parametrize(
    ("expression", "assignment"), [("exp(x) - exp(x)", "x=1000"), ("2*x", "x=nan")]
)
def test_a_nan_of_numbers_too_large_is_not_called_unreal(
    expression: str, assignment: str, capsys: Output
) -> None:
    assert cli.main(["diff", expression, assignment]) == 0
    out = capsys.readouterr().out
    assert "real number" not in out
    assert "disagree toward x: the value is nan, not finite" in out


FLAT_SUM = "+".join("a" * 3_000)


def test_diff_of_a_flat_sum_of_thousands_of_terms(capsys: Output) -> None:
    assert cli.main(["diff", FLAT_SUM, "a=2", "--explain", "a"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{FLAT_SUM} = 6000\n")
    assert table(out)["a"] == [2.0, 3000.0, 3000.0]
    assert "sum = 3000" in out


def calls_of_diff(n: int) -> int:
    """How many functions Python calls for a sum of `n` products of two names."""
    expression = " + ".join(f"a{i}*b{i}" for i in range(n))
    assignments = [f"{name}{i}=1.{i}" for name in "ab" for i in range(n)]
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    previous = sys.getprofile()
    sys.setprofile(counted)
    try:
        assert cli.main(["diff", expression, *assignments]) == 0
    finally:
        sys.setprofile(previous)
    return count


def test_work_of_a_long_sum_grows_with_its_terms_and_hardly_faster(capsys: Output) -> None:
    calls_of_diff(1)  # imports
    assert calls_of_diff(80) <= 2.3 * calls_of_diff(40)  # n log n
    capsys.readouterr()


@pytest.mark.parametrize(
    ("expression", "gradient"),
    [
        ("*".join("a" * 4_999), 4_999),
        ("-".join("a" * 4_999), -4_997),
        ("(" + FLAT_SUM + ")/a*a", 3_000),
        ("sum(" + ",".join(["a"] * 4_000) + ")", 4_000),
        ("-" * 900 + "a", 1),
        ("(" * 900 + "a" + ")" * 900, 1),
        ("a**" * 900 + "a", 900 + 1),
        ("sin(0*" * 300 + "a" + ")" * 300, 0),
    ],
)
def test_long_and_deep_expressions_are_read(expression: str, gradient: float) -> None:
    a = ad.Value(1.0, "a")
    parse_expression(expression)({"a": a}).backward()
    if "**" in expression:  # d a**a**... / da at 1 is 1 for the outermost base alone
        gradient = 1
    assert a.grad == pytest.approx(gradient, rel=1e-12)


def test_diff_follows_ieee_arithmetic(capsys: Output) -> None:
    assert cli.main(["diff", "exp(x) - log(0*x)", "x=1000"]) == 0
    assert capsys.readouterr().out.startswith("exp(x) - log(0*x) = inf\n")


def test_diff_draws_the_graph(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "graph.svg"
    command = ["diff", "tanh(w*x + b)", "w=0.5", "x=2", "b=-0.4", "--draw", str(path)]
    assert cli.main(command) == 0
    assert str(path) in capsys.readouterr().out
    texts = {node.text for node in ElementTree.parse(path).iter() if node.text}
    assert {"w", "x", "b", "\N{MULTIPLICATION SIGN}", "+", "tanh", "tanh(w*x + b)"} <= texts
    assert f"{2 * (1 - math.tanh(0.6) ** 2):.4g}" in texts


def test_diff_makes_an_explorer(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "page.html"
    command = ["diff", "tanh(w*x + b)", "w=0.5", "x=2", "b=-0.4"]
    assert cli.main([*command, "--explore", str(path)]) == 0
    assert capsys.readouterr().out.endswith(f"\nThe explorer is in {path}.\n")
    page = path.read_text(encoding="utf-8")
    assert "<title>tanh(w*x + b)</title>" in page
    assert '"label":"w"' in page


# --- diff: what it refuses ----------------------------------------------------------------------

# Expression -> the part that the carets must point at.
FORBIDDEN = {
    "__import__('os').system('touch hacked')": "__import__('os').system",
    "x + open('hacked', 'w')": "open",
    "x.__class__": "x.__class__",
    "x + y[0]": "y[0]",
    "[x for x in y]": "[x for x in y]",
    "lambda x: x": "lambda x: x",
    "1 + (lambda: 0)()": "lambda: 0",
    "x if y else z": "x if y else z",
    "x < y": "x < y",
    "x and y": "x and y",
    "x ^ 2": "x ^ 2",
    "x // 2": "x // 2",
    "x % 2": "x % 2",
    "x @ y": "x @ y",
    "~x": "~x",
    "not x": "not x",
    "x + 'text'": "'text'",
    "f'{x}'": "f'{x}'",
    "x * 2j": "2j",
    "x + True": "True",
    "x + None": "None",
    "x + ...": "...",
    "x, y": "x, y",
    "2*(x, y)": "(x, y)",
    "{x}": "{x}",
    "λμν + x.y": "x.y",
    "eval(x)": "eval",
    "cosine(x)": "cosine",
    "dot(x, y)": "dot",
    "sin(x, y)": "sin(x, y)",
    "atan2(x)": "atan2(x)",
    "mean()": "mean()",
    "softmax(x)": "softmax(x)",
    "clip(x, 1)": "clip(x, 1)",
    "sin(x=1)": "x=1",
    "sum(*x)": "*x",
    "exp(**x)": "**x",
    "x # y": "# y",
    "2(x + 1)": "2(x + 1)",
    "y * 2x": "2x",
    "(x + 1)(x - 1)": "(x + 1)(x - 1)",
    "sin x": "sin x",
    "ln(x)": "ln",
    "x\N{MINUS SIGN}1": "\N{MINUS SIGN}",
    "y + x\N{SUPERSCRIPT TWO}": "\N{SUPERSCRIPT TWO}",
    "x * / y": "/",
    "sin(x": "(",
    "(x + y": "(",
    "sum(,x)": ",",
    "x + " + "9" * 400: "9" * 400,
    "x + 0b2": "0b2",
}


@pytest.mark.parametrize(("expression", "offence"), FORBIDDEN.items())
def test_diff_refuses_what_is_no_expression_and_points_at_it(
    expression: str,
    offence: str,
    capsys: Output,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["diff", expression, "x=1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    message, shown, pointer = err.rstrip("\n").split("\n")
    assert message.startswith("autograd-mini diff: error: ")
    assert shown.removesuffix("...") == f"  {expression}"[: len(shown.removesuffix("..."))]
    start = expression.index(offence)
    width = min(len(offence), 72 - start)
    assert pointer == "  " + " " * start + "^" * width
    assert list(tmp_path.iterdir()) == []  # nothing was executed


@pytest.mark.parametrize(
    "expression", ["(x", "x +", "x y", "x = 2", "x; y", "x)", "@", "import os"]
)
def test_diff_points_into_what_does_not_parse(expression: str, capsys: Output) -> None:
    assert cli.main(["diff", expression, "x=1"]) == 2
    message, shown, pointer = capsys.readouterr().err.rstrip("\n").split("\n")
    assert "not an expression" in message
    assert shown == f"  {expression}"
    assert re.fullmatch(r" {2,}\^+", pointer)
    assert len(pointer) <= len(shown) + 1


def test_diff_shows_a_window_of_a_long_expression(capsys: Output) -> None:
    assert cli.main(["diff", "x*" * 50 + "y.z" + "*x" * 50, "x=1"]) == 2
    _, shown, pointer = capsys.readouterr().err.rstrip("\n").split("\n")
    assert len(shown) < 100
    assert shown[pointer.index("^") : pointer.rindex("^") + 1] == "y.z"


@pytest.mark.parametrize(
    "expression",
    [
        *("(" * 4999 + "x" + ")" * 4999, "-" * 9000 + "x", "x**" * 3000 + "x", "sin(" * 2000),
        *("(" * 10_000, "-" * 10_000, "2" + "**2" * 3333, "[" * 10_000, "x*(" * 3333),
    ],
)
def test_diff_refuses_pathological_nesting_without_a_traceback(
    expression: str, capsys: Output
) -> None:
    assert cli.main(["diff", expression, "x=1"]) == 2
    err = capsys.readouterr().err
    assert ("nested" in err) == ("[" not in expression)
    assert len(err) < 500


@pytest.mark.parametrize("expression", ["", "   ", "\n"])
def test_diff_refuses_an_empty_expression(expression: str, capsys: Output) -> None:
    assert cli.main(["diff", expression]) == 2
    assert "empty" in capsys.readouterr().err


def test_diff_refuses_a_very_long_expression(capsys: Output) -> None:
    assert cli.main(["diff", "x" * 100_000, "x=1"]) == 2
    err = capsys.readouterr().err
    assert "10,000" in err
    assert len(err) < 500


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        ([], "no value for 'x', 'y'; add for example x=1 y=1"),
        (["x=1"], "no value for 'y'"),
        (["x=1", "y=2", "z=3"], "does not use 'z'"),
        (["x=1", "y=2", "pi=3"], "does not use 'pi' (pi is a number already)"),
        (["x=1", "y=2", "x=3"], "'x' is given twice"),
        (["x=one", "y=2"], "'x' must be a number, such as x=2, got 'one'"),
        (["x=", "y=2"], "'x' must be a number"),
        (["x=1j", "y=2"], "'x' must be a number"),
        (["x=__import__('os')", "y=2"], "'x' must be a number"),
        (["x", "y=2"], "expected NAME=NUMBER"),
        (["=1"], "expected NAME=NUMBER"),
        (["x=y", "y=2"], "'x' must be a number, such as x=2, got 'y': 'y' has no value"),
        (["x=2(1+1)", "y=2"], "got '2(1+1)': not an expression (an operator is missing; a pro"),
        (["x=(-1)**0.5", "y=2"], "got '(-1)**0.5': it is not a real number"),
        (["x=" + "9" * 400, "y=2"], "'x' must be a number"),
        (["x=" + "(" * 20_000, "y=2"], "'x' must be a number"),
        (["2=1"], "expected NAME=NUMBER"),
        (["x.y=1"], "expected NAME=NUMBER"),
    ],
)
def test_diff_refuses_wrong_assignments(
    assignments: list[str], message: str, capsys: Output
) -> None:
    assert cli.main(["diff", "x*y", *assignments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("pi", math.pi),
        ("1/3", 1 / 3),
        ("-2e-3", -2e-3),
        ("+2", 2.0),
        ("-pi/2", -math.pi / 2),
        ("sqrt(2)*2**-1", math.sqrt(2) / 2),
        (" 1_000 ", 1000.0),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("NaN", math.nan),
        ("1e999", math.inf),
    ],
)
def test_assignments_are_expressions_without_names(
    text: str, number: float, capsys: Output
) -> None:
    assert cli.main(["diff", "x", f"x={text}"]) == 0
    [given_number, _, _] = table(capsys.readouterr().out)["x"]
    assert given_number == pytest.approx(number, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["x*y", "--draw", "FILE", "x=1", "y=-2"],
        ["x*y", "x=1", "--draw", "FILE", "y=-2"],
        ["--draw", "FILE", "x*y", "x=1", "y=-2"],
        ["--explain", "y", "x*y", "--draw=FILE", "x=1", "y=-2"],
        ["x*y", "x=1", "--draw", "FILE", "--explain", "y", "--", "y=-2"],
    ],
)
def test_options_stand_anywhere(arguments: list[str], tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "graph.svg"
    arguments = [argument.replace("FILE", str(path)) for argument in arguments]
    assert cli.main(["diff", *arguments]) == 0
    out = capsys.readouterr().out
    assert table(out) == {"x": [1.0, -2.0, -2.0], "y": [-2.0, 1.0, 1.0]}
    assert ("uses of y" in out) == ("--explain" in arguments)
    assert path.exists()


def test_a_sign_is_no_option(capsys: Output) -> None:
    assert cli.main(["diff", "-x + +3", "x=1"]) == 0
    assert capsys.readouterr().out.startswith("-x + +3 = 2\n")


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("2(x+1)", "a product is written 2*(x+1)"),
        ("2x", "a product is written 2*x"),
        ("(x)(x + 1)*3", "a product is written (x)*(x + 1)"),
        ("2 sin(x)", "a product is written 2*sin(x)"),
        ("x(x+1)", "a product is written x*(...)"),
        ("sin x", "a function is written sin(x)"),
        ("1 + sin", "a function is written sin(...)"),
        ("ln(x)", "did you mean 'log'?"),
        ("arctan(x)", "did you mean 'atan'?"),
        ("max(x, 1)", "did you mean 'maximum'?"),
        ("x^2", "a power is written **"),
        ("x\N{MULTIPLICATION SIGN}2", "did you mean '*'?"),
        ("x\N{MIDDLE DOT}y", "did you mean '*'?"),
        ("x \N{MIDDLE DOT} y", "did you mean '*'?"),
        ("y = 2*x", "the numbers for names follow"),
        ("e**x", "e=exp(1)"),
    ],
)
def test_diff_says_how_it_is_written(expression: str, advice: str, capsys: Output) -> None:
    assert cli.main(["diff", expression, "x=1"]) == 2
    assert advice in capsys.readouterr().err


def test_names_are_normalised_as_python_does(capsys: Output) -> None:
    assert cli.main(["diff", "ﬁ*2", "ﬁ=3"]) == 0  # the ligature is one character
    assert table(capsys.readouterr().out) == {"fi": [3.0, 2.0, 2.0]}


@pytest.mark.parametrize(
    ("file", "message", "status"),
    [("graph.txt", ".svg", 2), ("missing/graph.svg", "does not exist", 1), (".", ".svg", 2)],
)
def test_diff_refuses_to_draw_there(
    file: str, message: str, status: int, tmp_path: Path, capsys: Output
) -> None:
    assert cli.main(["diff", "x*x", "x=1", "--draw", str(tmp_path / file)]) == status
    out, err = capsys.readouterr()
    assert out == ""  # before the work
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "message", "status"),
    [("page.svg", ".html", 2), ("missing/page.html", "does not exist", 1), (".", ".html", 2)],
)
def test_diff_refuses_to_put_an_explorer_there(
    file: str, message: str, status: int, tmp_path: Path, capsys: Output
) -> None:
    assert cli.main(["diff", "x*x", "x=1", "--explore", str(tmp_path / file)]) == status
    out, err = capsys.readouterr()
    assert out == ""  # before the work
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("option", "file"), [("--draw", "graph.svg"), ("--explore", "page.html")])
def test_a_picture_too_large_is_refused_before_the_work(
    option: str, file: str, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object) -> None:
        raise AssertionError("this is what must not be done")

    monkeypatch.setattr(ad.Value, "backward", work)
    monkeypatch.setattr(cli, "compare", work)
    monkeypatch.setattr(cli, "explain", work)
    drawing = [option, str(tmp_path / file), "--explain", "a"]
    assert cli.main(["diff", FLAT_SUM, "a=2", *drawing]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"autograd-mini diff: error: {option}: the graph has 3,000 values")
    assert f"leave out {option}" in err
    assert "max_nodes" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_picture_of_too_many_edges_is_refused_too(tmp_path: Path, capsys: Output) -> None:
    path = str(tmp_path / "graph.svg")
    assert cli.main(["diff", f"logsumexp({'a,' * 4000}a)", "a=2", "--draw", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("autograd-mini diff: error: --draw: the graph has 4,001 edges")
    assert list(tmp_path.iterdir()) == []


SAFE_TEXT = st.text(alphabet="xy01 .+-*/()[]{},:=<>'\"\\#@^~!%&|_λsin\n\t\x00", max_size=40)


@given(text=SAFE_TEXT)
@example("x\\\n+y")
@example("\udc80")
@example("1if x else 2")
def test_any_text_is_an_expression_or_a_clear_refusal(text: str) -> None:
    try:
        expression = parse_expression(text)
    except ExpressionError:
        return
    values = dict.fromkeys(expression.names, 0.5)
    assert isinstance(expression(values).data, float)


OPERANDS = st.sampled_from(["x", "y", "0.5", "2", "(x + 1)", "-y", "sin(x)", "(2 - y)"])


class Typed(NamedTuple):
    """An expression as a user could type it, the rank of its last operation, and its value."""

    text: str
    rank: int
    value: float

    def within(self, rank: int) -> str:
        return self.text if self.rank >= rank else f"({self.text})"


BINARY = {
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
    "**": (4, operator.pow),
}
SIGN, ATOM = 3, 5


def typed(rng: random.Random, depth: int) -> Typed:
    """A random expression, with parentheses where they must be and here and there besides."""
    kind = rng.random() if depth else 0.0
    if kind < 0.1:
        text, value = rng.choice([("x", 0.7), ("yy", -1.3), ("pi", math.pi), ("2", 2.0)])
        return Typed(text, ATOM, value)
    a = typed(rng, depth - 1)
    if kind < 0.2:
        return Typed(f"({a.text})", ATOM, a.value)
    if kind < 0.35:
        sign = rng.choice(["-", "+", "- "])
        return Typed(f"{sign}{a.within(SIGN)}", SIGN, -a.value if "-" in sign else a.value)
    if kind < 0.45:
        name = rng.choice(["sin", "atan", "tanh"])
        return Typed(f"{name}({a.text})", ATOM, getattr(math, name)(a.value))
    b = typed(rng, depth - 1)
    if kind < 0.5:
        return Typed(f"hypot({a.text}, {b.text} )", ATOM, math.hypot(a.value, b.value))
    symbol = rng.choice([*BINARY])
    rank, function = BINARY[symbol]
    left, right = (ATOM, SIGN) if symbol == "**" else (rank, rank + 1)
    space = rng.choice(["", " ", "  "])
    text = f"{a.within(left)}{space}{symbol}{space}{b.within(right)}"
    return Typed(text, rank, function(a.value, b.value))


def test_random_expressions_have_the_value_of_their_tree() -> None:
    rng = random.Random(0)
    count = 0
    while count < 2_000:
        try:
            text, _, value = typed(rng, depth=6)
        except (ArithmeticError, ValueError, TypeError):  # Python's arithmetic is not IEEE's
            continue
        if isinstance(value, float) and math.isfinite(value):
            count += 1
            result = parse_expression(text)({"x": 0.7, "yy": -1.3}).data
            assert result == pytest.approx(value, rel=1e-12), text


@given(
    operands=st.lists(OPERANDS, min_size=1, max_size=8),
    operators=st.lists(st.sampled_from([" + ", " - ", "*", "/"]), min_size=7, max_size=7),
    x=st.floats(0.1, 3.0),
    y=st.floats(0.1, 3.0),
)
def test_precedence_is_that_of_python(
    operands: list[str], operators: list[str], x: float, y: float
) -> None:
    pairs = zip(operands, [*operators[: len(operands) - 1], ""], strict=True)
    text = "".join(a + b for a, b in pairs)
    expected = eval(text, {"sin": math.sin, "x": x, "y": y}) if y != 2.0 else None
    if expected is not None:
        assert parse_expression(text)({"x": x, "y": y}).data == pytest.approx(expected, rel=1e-12)


# --- the command as a process -------------------------------------------------------------------


COMMAND = [sys.executable, "-W", "error", "-m", "autograd_mini"]


def run_process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, **options
    )


def test_python_m_autograd_mini_is_the_command() -> None:
    process = run_process("diff", "x*x", "x=3")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("x*x = 9\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["integrate"],
        ["diff"],
        ["diff", "x", "--drew"],
        ["diff", "x+", "x=1"],
        ["demo", "--epochs", "0"],
        ["demo", "--epochs", "-3"],
        ["demo", "--epochs", "many"],
        ["demo", "--seed", "-1"],
        ["demo", "extra"],
    ],
)
def test_wrong_usage_ends_with_status_2(arguments: list[str]) -> None:
    process = run_process(*arguments)
    assert process.returncode == 2
    assert process.stdout == ""
    assert "error" in process.stderr
    assert "Traceback" not in process.stderr


def test_importing_the_main_module_runs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "autograd_mini.__main__", raising=False)
    names = runpy.run_module("autograd_mini.__main__")
    assert names["__name__"] == "autograd_mini.__main__"
    assert capsys.readouterr() == ("", "")


def test_output_may_go_to_any_object_that_takes_text() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(["diff", "logsumexp(x,)", "x=3"]) == 0
    assert out.getvalue().startswith("logsumexp(x,) = 3\n")


def test_other_errors_in_destructors_are_left_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "__unraisablehook__", seen.append)
    other: Any = SimpleNamespace(exc_type=ValueError)
    interrupts._on_unraisable(other)
    assert seen == [other]


def test_version() -> None:
    process = run_process("--version")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == f"autograd-mini {ad.__version__}\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes and signals of POSIX")
class TestProcess:
    @pytest.mark.parametrize(
        "arguments", [["diff", FLAT_SUM, "a=2", "--explain", "a"], ["--help"], ["diff", "x", "x=1"]]
    )
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_a_closed_pipe_is_no_error(self, arguments: list[str], unbuffered: str) -> None:
        read, write = os.pipe()
        os.close(read)
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        process = subprocess.run(
            [*COMMAND, *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
            env=environment,
        )
        os.close(write)
        assert (process.returncode, process.stderr) == (0, b"")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_a_full_disk_is_told(self, unbuffered: str) -> None:
        with open("/dev/full", "w") as full:
            process = subprocess.run(
                [*COMMAND, "diff", "x", "x=1"],
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
                env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            )
        assert process.returncode == 1
        assert re.fullmatch(rb"autograd-mini.*: error: .*No space left on device\n", process.stderr)

    def test_a_name_that_the_terminal_cannot_show(self) -> None:
        process = run_process("diff", "λ", "λ=1", env=os.environ | {"PYTHONIOENCODING": "ascii"})
        assert (process.returncode, process.stderr) == (0, "")
        assert process.stdout.startswith("\\u03bb = 1\n")

    @pytest.mark.parametrize(
        ("module", "arguments"),
        [
            ("numpy", ["diff", "x", "x=1"]),  # imported before the first line of the command
            ("graphviz", ["diff", "x", "x=1"]),
            pytest.param("sklearn", ["demo"], marks=needs_demo),  # imported by what it does
        ],
    )
    @pytest.mark.parametrize("swallowed", [False, True])
    def test_an_interrupt_during_an_import_leaves_no_traceback(
        self, module: str, arguments: list[str], swallowed: bool, tmp_path: Path
    ) -> None:
        """Ctrl-C comes while a module is imported, and in a destructor, which cannot raise it."""
        interrupt = "import signal\nsignal.raise_signal(signal.SIGINT)"
        if swallowed:
            interrupt = f"class A:\n def __del__(self):\n  {interrupt.replace(chr(10), ';')}\nA()"
        (tmp_path / f"{module}.py").write_text(interrupt)
        path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
        process = run_process(*arguments, env=os.environ | {"PYTHONPATH": path}, cwd=tmp_path)
        assert process.returncode == 130
        assert process.stderr == "autograd-mini: interrupted\n"

    def test_the_installed_script_is_the_command_too(self, tmp_path: Path) -> None:
        script = tmp_path / "autograd-mini"
        script.write_text(
            "import sys\nfrom autograd_mini.command.cli import main\nsys.exit(main())\n"
        )
        (tmp_path / "numpy.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)")
        path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
        process = subprocess.run(
            [sys.executable, str(script), "diff", "x", "x=1"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert process.returncode == 130
        assert process.stderr == "autograd-mini: interrupted\n"

    def test_a_library_leaves_interrupts_alone(self) -> None:
        program = (
            "import signal, sys\n"
            "import autograd_mini.command.cli\n"
            "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
            "assert sys.unraisablehook is sys.__unraisablehook__\n"
        )
        subprocess.run([sys.executable, "-c", program, "autograd-mini"], check=True)


def test_an_interrupt_of_the_work_is_told(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "compare", interrupted)
    assert cli.main(["diff", "x", "x=1"]) == 130
    assert capsys.readouterr().err == "autograd-mini: interrupted\n"


# --- explain ---


def test_explain_writes_out_the_gradient(capsys: Output) -> None:
    assert cli.main(["diff", "sin(w*x)", "w=0.5", "x=2", "--explain", "w"]) == 0
    out = capsys.readouterr().out
    assert "uses of w" in out
    assert "cos(w * x) * x = 1.0806" in out


def test_explain_refuses_a_name_that_is_not_there(capsys: Output) -> None:
    assert cli.main(["diff", "sin(w)", "w=0.5", "--explain", "v"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--explain 'v' is no name of the expression; it has 'w'" in err


# --- demo ---------------------------------------------------------------------------------------


DEMO_FILES = (
    "confusion.svg",
    "digits.csv",
    "explorer.html",
    "first_layer.svg",
    "gradient_check.svg",
    "history.svg",
    "index.html",
    "misread.svg",
    "model.npz",
    "network.svg",
    "neuron.svg",
)


def saved_parameters(out: Path) -> Any:
    """The parameters in a demo's file, as NumPy alone reads it."""
    with np.load(out / "model.npz") as saved:
        return saved["parameters"]


def svg_texts(path: Path) -> list[str]:
    """The texts of a picture, each line of a title by itself."""
    tag = "{http://www.w3.org/2000/svg}"
    found = [
        "".join(element.itertext()).strip()
        for element in ElementTree.parse(path).iter(f"{tag}text")
    ]
    return [line for text in found for line in text.splitlines()]


@pytest.fixture
def briefly_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two-sided differences are the longest part of a demo; here they are not what is tested."""
    monkeypatch.setattr(demo, "_N_CHECKED", 2)


def few(rng: np.random.Generator) -> Digits:
    digits = load_digits(rng)
    return Digits(digits.train_x[:34], digits.train_y[:34], digits.test_x[:8], digits.test_y[:8])


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a demo does with any digits: some, in batches of 4, of which the last is not full."""
    monkeypatch.setattr(demo, "load_digits", few)
    monkeypatch.setattr(demo, "_BATCH_SIZE", 4)


@needs_demo
@pytest.mark.usefixtures("few_digits")
def test_demo_checks_its_gradient(tmp_path: Path, capsys: Output) -> None:
    assert cli.main(["demo", "--epochs", "1", "--out", str(tmp_path), "--seed", "3"]) == 0
    printed = capsys.readouterr().out
    assert float(re.findall(r"(\S+) from NumPy", printed)[0]) < 1e-15
    assert float(re.findall(r"(\S+) from two-sided", printed)[0]) < 1e-9
    assert "on 50 random weights" in printed


class Demonstration(NamedTuple):
    """What a demo of two epochs printed and wrote, and its test digits as read independently."""

    out: Path
    printed: str
    progress: str
    digits: Digits
    predicted: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def share(self) -> float:
        """Of the test digits, those that it says were read correctly."""
        return float(re.findall(r"test accuracy: (\S+)%", self.printed)[0]) / 100

    @property
    def counts(self) -> list[list[int]]:
        """How often each digit was read as each."""
        expected = np.zeros((10, 10), dtype=int)
        np.add.at(expected, (self.digits.test_y, self.predicted), 1)
        return cast("list[list[int]]", expected.tolist())


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    out = tmp_path_factory.mktemp("demo") / "new" / "directory"
    printed, progress = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(progress),
    ):
        patched.setattr(demo, "_N_CHECKED", 2)
        assert cli.main(["demo", "--epochs", "2", "--out", str(out), "--seed", "3"]) == 0
    # The saved parameters, run by the independent matrix reference on the same split.
    digits = load_digits(np.random.default_rng(3).spawn(4)[0])
    network = matrix_backprop.Network.from_vector(
        saved_parameters(out), [64, 32, 10], "tanh", "identity"
    )
    predicted = matrix_backprop.forward(network, digits.test_x)[1][-1].argmax(axis=1)
    return Demonstration(out, printed.getvalue(), progress.getvalue(), digits, predicted)


@needs_demo
def test_demo_checks_and_trains(demonstration: Demonstration) -> None:
    printed = demonstration.printed
    assert "1,797 digits of 8x8 pixels: 1,437 to train, 360 to test" in printed
    assert "2,410 parameters" in printed
    assert float(re.findall(r"(\S+) from NumPy", printed)[0]) < 1e-15
    assert float(re.findall(r"(\S+) from two-sided", printed)[0]) < 1e-9
    assert "2 matrix products" in printed
    assert float(re.findall(r"compiled: (\S+) times as fast", printed)[0].replace(",", "")) > 1
    assert demonstration.progress == ""  # nobody watches: it is no terminal


@needs_demo
def test_demo_writes_its_files(demonstration: Demonstration) -> None:
    out = demonstration.out
    assert sorted(path.name for path in out.iterdir()) == sorted(DEMO_FILES)
    for name in DEMO_FILES:
        if name.endswith("svg"):
            assert ElementTree.parse(out / name).getroot().tag.endswith("svg")
    assert {"training", "test"} <= set(svg_texts(out / "history.svg"))


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attributes.get(attribute) or "" for name, attributes in self.tags if name == tag]


@needs_demo
def test_demo_shows_all_of_it_on_a_page(demonstration: Demonstration) -> None:
    out = demonstration.out
    page = Page((out / "index.html").read_text("utf-8"))
    pictures = [name for name in DEMO_FILES if name.endswith(".svg")]
    assert sorted(page.all("img", "src")) == pictures
    assert all(len(alt) > 30 for alt in page.all("img", "alt"))
    linked = page.all("a", "href")
    assert {*linked} == {*pictures, "digits.csv", "explorer.html", "model.npz"}
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert "url(" not in page.text
    assert page.all("html", "lang") == ["en"]
    headings = [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert headings == ["h1"] + ["h2"] * (len(headings) - 1)

    printed = demonstration.printed
    [accuracy] = re.findall(r"test accuracy: (.*)", printed)
    assert accuracy in page.text
    for number in re.findall(r"  (\S+) from (?:NumPy|two-sided)", printed):
        assert number in page.text
    [nodes, products] = re.findall(r"compiled: (\S+) scalar nodes became (\d+) matrix", printed)[0]
    assert f"{nodes} scalar nodes of the loss, compiled{products} matrix products" in page.text


@needs_demo
def test_demo_draws_the_network_that_it_trained(demonstration: Demonstration) -> None:
    model = nn.load(demonstration.out / "model.npz")
    assert isinstance(model, nn.MLP)
    texts = svg_texts(demonstration.out / "network.svg")
    assert {"64", "32 neurons, tanh", "10 neurons", "x₆₄", "a¹₃₂", "a²₁₀"} <= set(texts)
    svg = html.unescape((demonstration.out / "network.svg").read_text("utf-8"))
    for j, k in ((0, 0), (9, 31)):
        assert f"= {model.layers[1].neurons[j].weights[k].data!r}" in svg


@needs_demo
@pytest.mark.parametrize("seed", range(5))
def test_the_neuron_to_explore_is_one_of_the_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, pixels = nn.MLP(64, [8, 10], rng=rng), rng.random((1, 64))
    opinions = Opinions(pixels, rng.integers(10, size=1), model.predict_proba(pixels))
    output = demo_report.strongest_neuron(model, opinions)
    j = int(output.label.removeprefix("neuron ")) - 1
    hidden = model.layers[0](pixels[0].tolist())
    assert output.data == pytest.approx(hidden[j].data, rel=1e-12)
    logit = model.layers[1].neurons[int(opinions.digits[0])]
    counts = [abs(w.data * h.data) for w, h in zip(logit.weights, hidden, strict=True)]
    assert counts[j] == max(counts)

    leaves = {leaf.label: leaf for leaf in ad.topological_order(output) if not leaf.parents}
    assert len(leaves) == 2 * 4 + 2
    weights = model.layers[0].neurons[j].weights
    shares = [abs(w.data * x) for w, x in zip(weights, pixels[0].tolist(), strict=True)]
    for name, leaf in leaves.items():
        if name.startswith("w"):
            k = int(name[1:]) - 1
            assert leaf.data == weights[k].data
            assert leaf.grad == pytest.approx(pixels[0, k] * (1 - output.data**2), rel=1e-12)
            assert shares[k] in sorted(shares)[-4:]


@needs_demo
def test_demo_saves_what_it_tested(demonstration: Demonstration) -> None:
    share = np.mean(demonstration.predicted == demonstration.digits.test_y)
    assert share == pytest.approx(demonstration.share, abs=1e-4)
    assert share > 0.85  # after two epochs


@needs_demo
def test_demo_prints_and_draws_what_it_takes_for_what(demonstration: Demonstration) -> None:
    table = demonstration.printed.partition("was read as:\n")[2].partition("\n\n")[0].splitlines()
    counts = [[int(cell.replace(".", "0")) for cell in line.split()[1:]] for line in table[1:]]
    assert counts == demonstration.counts
    assert table[0].split() == [line.split()[0] for line in table[1:]] == list("0123456789")
    shown = [text for text in svg_texts(demonstration.out / "confusion.svg") if text.isdigit()]
    drawn = [str(count) for row in demonstration.counts for count in row if count]
    assert Counter(shown) == Counter([*"0123456789" * 2, *drawn])


@needs_demo
def test_demo_draws_the_misread_digits(demonstration: Demonstration) -> None:
    digits, predicted = demonstration.digits.test_y, demonstration.predicted
    texts = svg_texts(demonstration.out / "misread.svg")
    misread = [text for text in texts if "read as" in text]
    pairs = {f"{digits[i]} read as {predicted[i]}" for i in range(360)}
    assert len(misread) == min(24, (predicted != digits).sum())
    assert set(misread) <= {pair for pair in pairs if pair[0] != pair[-1]}


@needs_demo
@pytest.mark.usefixtures("few_digits", "briefly_checked")
def test_what_the_demo_says_to_try_works(tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "a folder"
    assert cli.main(["demo", "--epochs", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    [command] = re.findall(r"^  autograd-mini (.*)$", printed, re.MULTILINE)
    assert cli.main(shlex.split(command)) == 0
    classes, probabilities = zip(
        *(line.split("\t") for line in capsys.readouterr().out.splitlines()), strict=True
    )
    assert all(0.1 < float(probability) <= 1 for probability in probabilities)

    first, second = printed.partition("in Python:\n")[2].splitlines()
    exec(f"{first.strip()}\n{second.strip()}", {})
    assert capsys.readouterr().out == f"[{' '.join(classes)}]\n"

    digits = few(np.random.default_rng(0).spawn(4)[0])
    head, *rows = (out / "digits.csv").read_text().splitlines()
    assert len(rows) == len(classes) == 8
    they_are = " ".join(map(str, digits.test_y))
    assert head.endswith(f"They are {they_are}")
    assert f"which are {they_are}:\n" in printed
    np.testing.assert_array_equal(np.loadtxt(rows, delimiter=","), digits.test_x)


@needs_demo
def test_where_nothing_is_misread_there_is_no_picture_of_it(tmp_path: Path, capsys: Output) -> None:
    digits = np.arange(10)
    opinions = Opinions(np.zeros((10, 64)), digits, np.eye(10))
    model = nn.MLP(64, [2, 10], rng=0)
    demo_report.tell(opinions)
    demo_report.write(tmp_path, model, nn.History(), opinions)
    assert "test accuracy: 100.00% (10 of 10)" in capsys.readouterr().out
    left_out = {"misread.svg", "history.svg", "gradient_check.svg"}
    assert {path.name for path in tmp_path.iterdir()} == {*DEMO_FILES} - left_out
    assert not any(name in (tmp_path / "index.html").read_text("utf-8") for name in left_out)


@needs_demo
def test_digits_are_split_once_with_nothing_lost_or_shared() -> None:
    from sklearn import datasets

    digits = load_digits(np.random.default_rng(0))
    x, y = datasets.load_digits(return_X_y=True)
    rows = np.vstack([digits.train_x, digits.test_x]) * 16
    labels = np.concatenate([digits.train_y, digits.test_y])
    assert digits.test_x.shape == (360, 64)
    given_rows = sorted(map(tuple, np.column_stack([x, y]).tolist()))
    assert sorted(map(tuple, np.column_stack([rows, labels]).tolist())) == given_rows


def test_matrix_gradient_of_the_demo_agrees_with_the_tests_reference() -> None:
    rng = np.random.default_rng(0)
    model = nn.MLP(5, [4, 3], activation="tanh", rng=rng)
    x, y = rng.normal(size=(7, 5)), rng.integers(3, size=7)
    network = matrix_backprop.Network.from_vector(
        nn.parameters_to_vector(model), [5, 4, 3], "tanh", "softmax"
    )
    _, dw, db = matrix_backprop.backpropagate(network, x, np.eye(3)[y], "cross_entropy")
    expected = matrix_backprop.to_vector(dw, db)
    np.testing.assert_allclose(demo.matrix_gradient(model, x, y), expected, rtol=1e-12)


@needs_demo
@pytest.mark.usefixtures("few_digits", "briefly_checked")
def test_demo_keeps_the_last_whole_step_when_interrupted(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[list[float]] = []
    rule = nn.SGD.rule

    def interrupted_rule(self: nn.SGD, theta: Any, gradient: Any, memory: Any) -> Any:
        if len(steps) == 3:
            raise KeyboardInterrupt
        moved, left = rule(self, theta, gradient, memory)
        steps.append(moved.tolist())
        return moved, left

    monkeypatch.setattr(nn.SGD, "rule", interrupted_rule)
    assert cli.main(["demo", "--out", str(tmp_path)]) == 130
    out = capsys.readouterr().out
    assert "last whole step" in out
    assert "test accuracy" in out
    assert not (tmp_path / "history.svg").exists()  # no epoch is whole
    assert saved_parameters(tmp_path).tolist() == steps[-1]


@needs_demo
@pytest.mark.usefixtures("few_digits", "briefly_checked")
def test_demo_trains_the_same_with_the_scalar_engine(tmp_path: Path, capsys: Output) -> None:
    for name, options in (("compiled", []), ("eager", ["--eager"])):
        command = ["demo", "--epochs", "1", "--out", str(tmp_path / name), *options]
        assert cli.main(command) == 0
    assert "matrix products" not in capsys.readouterr().out.split("two-sided")[2]
    compiled, eager = (saved_parameters(tmp_path / name) for name in ("compiled", "eager"))
    np.testing.assert_allclose(compiled, eager, rtol=1e-9, atol=1e-12)


@needs_demo
@pytest.mark.usefixtures("few_digits", "briefly_checked")
def test_demo_is_reproducible(tmp_path: Path, capsys: Output) -> None:
    for name in ("a", "b"):
        assert cli.main(["demo", "--epochs", "1", "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    for name in DEMO_FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@needs_demo
@pytest.mark.usefixtures("few_digits", "briefly_checked")
def test_demo_follows_no_link_and_leaves_no_half_file(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (*DEMO_FILES, ".model.npz")
    (tmp_path / "mine").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    for name in names:
        (out / name).symlink_to(tmp_path / "mine")
    assert cli.main(["demo", "--epochs", "1", "--out", str(out)]) == 0
    assert (tmp_path / "mine").read_text() == "mine"
    assert [name for name in names if (out / name).is_symlink()] == [".model.npz"]
    assert len(list(out.iterdir())) == len(names)

    model = (out / "model.npz").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert cli.main(["demo", "--epochs", "1", "--out", str(out)]) == 1
    assert (out / "model.npz").read_bytes() == model
    assert len(list(out.iterdir())) == len(names)


@needs_demo
@pytest.mark.parametrize("below", ["file", "file/below"])
def test_demo_refuses_an_unwritable_directory_before_it_trains(
    below: str, tmp_path: Path, capsys: Output
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["demo", "--out", str(tmp_path / below)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("autograd-mini demo: error:")
    assert str(tmp_path / "file") in err


@pytest.mark.parametrize("missing", ["sklearn", "tqdm", "matplotlib", "pygraphviz"])
def test_demo_names_the_packages_that_are_missing(
    missing: str, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find_spec(name)
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert cli.main(["demo", "--out", str(tmp_path / "out")]) == 1
    err = capsys.readouterr().err
    assert missing in err
    assert re.search(r"pip install (\S+ )*?" + missing.replace("sklearn", "scikit-learn"), err)
    assert "autograd-mini[" not in err  # an extra is of use in a copy of the repository only
    assert not (tmp_path / "out").exists()
