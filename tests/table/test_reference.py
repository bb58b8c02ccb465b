"""One row is enough: what comes from the table is there for every row, and for a new one."""

from __future__ import annotations

import builtins
import inspect
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.core import table_functions
from autograd_mini.core.methods import Methods
from autograd_mini.table.primitives import PRIMITIVES, Primitive
from autograd_mini.table.reference import BY_HAND, example, generated, is_method
from tests.random_graphs import ROWS

ROOT = Path(__file__).parents[2]
REGENERATE = "python -m autograd_mini.table"


def built_in() -> list[Primitive]:
    return [PRIMITIVES[name] for name in ROWS]


@pytest.mark.parametrize("path", generated(built_in()))
def test_what_is_generated_is_up_to_date(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text == generated(built_in())[path], f"the table has changed: run `{REGENERATE}`"


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_described_and_exported(name: str) -> None:
    row = PRIMITIVES[name]
    assert row.description.endswith(".")
    function = getattr(ad, name)
    assert inspect.getdoc(function)
    assert (name in ad.__all__) == (not hasattr(builtins, name))
    if name not in BY_HAND:
        assert function is table_functions.FUNCTIONS[name]
        assert f"= {row.value}\n" in (function.__doc__ or "")
    assert hasattr(Methods, name) >= is_method(row)


def test_rows_by_hand_are_shown_with_what_their_functions_take() -> None:
    page = generated(built_in())["docs/primitives.md"]
    for name, taken in BY_HAND.items():
        parameters = inspect.signature(getattr(ad, name)).parameters.values()
        texts = [p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters]
        assert taken == ", ".join(texts)
        assert f"| `{name}({taken})` |" in page
    assert "`abs` and `neg` are `abs(x)` and\n`-x`" in page
    assert not hasattr(Value, "abs")
    assert not hasattr(Value, "neg")


@pytest.mark.parametrize("name", [name for name in ROWS if name not in BY_HAND])
def test_examples_show_the_order_of_operands(name: str) -> None:
    call = example(PRIMITIVES[name]).splitlines()[-2]
    numbers = re.findall(r"-?\d+\.\d+", call)
    assert len(numbers) == len(set(numbers)) > 0


def test_an_example_shows_equal_operands_where_they_matter() -> None:
    results = [float(line) for line in example(PRIMITIVES["equal"]).splitlines()[1::2]]
    assert results == [1.0, 0.0]


@pytest.mark.parametrize("name", [name for name in ROWS if name not in BY_HAND])
def test_a_docstring_speaks_of_the_errors_that_occur(name: str) -> None:
    row, document = PRIMITIVES[name], inspect.getdoc(getattr(ad, name)) or ""
    assert ("differ in length" in document) == (len(row.vectors) > 1)
    try:
        getattr(ad, name)(*[[] if o.kind == "vector" else 0.5 for o in row.operands])
        assert "are empty" not in document
    except ValueError:
        assert "are empty" in document


def test_a_docstring_says_what_the_formulas_speak_of() -> None:
    assert "d/dx = y\n\nHere ``y`` is the output.\n" in (inspect.getdoc(ad.exp) or "")
    assert "Here" not in (inspect.getdoc(ad.sin) or "")
    assert "Here ``n`` is the length of the vectors." in (inspect.getdoc(ad.mean) or "")
    dot = inspect.getdoc(ad.dot) or ""
    assert "b : iterable of Value or float\n    As many as a.\nbias" in dot
    assert "its parents are all of a, then all of b, then bias if given." in dot


def test_functions_have_annotations() -> None:
    parameters = inspect.signature(ad.sum).parameters
    assert parameters["values"].annotation == Iterable[Value | float]
    assert inspect.signature(ad.dot).parameters["bias"].annotation == Value | float | None
    assert inspect.signature(ad.exp).return_annotation is Any


@pytest.mark.parametrize(("method", "row"), [("__mul__", "mul"), ("__rtruediv__", "div")])
def test_operators_are_described(method: str, row: str) -> None:
    assert inspect.getdoc(getattr(Value, method)) == PRIMITIVES[row].description


def test_a_value_before_which_a_default_is_left_out_is_given_by_name(
    register: Callable[..., Any],
) -> None:
    register("f", "x, k=2, m=3", "k * x * m", ["k * m", "x * m", "k * x"], [(1, 2)] * 3)
    text = generated([PRIMITIVES["f"]])["autograd_mini/core/table_functions.pyi"]
    assert "def f(x: float, k: float, m: Value) -> Value: ...\n" in text
    assert "def f(x: float, k: float = ..., *, m: Value) -> Value: ...\n" in text


def test_numpy_finds_its_own_names_on_a_value() -> None:
    for name in ("arcsin", "arctan", "arcsinh", "exp", "tanh"):
        assert getattr(Value(0.5), name)().data == getattr(ad, name.replace("arc", "a"))(0.5)


def test_what_is_generated_is_written_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["table", str(tmp_path)])
    monkeypatch.delitem(sys.modules, "autograd_mini.table.__main__", raising=False)  # as a new run
    runpy.run_module("autograd_mini.table", run_name="__main__")
    expected = {str(tmp_path / path): text for path, text in generated(PRIMITIVES.values()).items()}
    assert capsys.readouterr().out.split() == list(expected)
    assert {path: Path(path).read_text(encoding="utf-8") for path in expected} == expected


def test_parameters_of_a_vector_function_are_declared_with_their_kinds(
    register: Callable[..., Any],
) -> None:
    register("f", "x..., c, k=2", "k * sum(x) + c", ["k", "1", "sum(x)"], [(0, 1)] * 3)
    text = generated([PRIMITIVES["f"]])["autograd_mini/core/table_functions.pyi"]
    assert text.endswith(
        "\ndef f(x: Iterable[Operand], c: Operand, k: Operand = ...) -> Any: ...\n"
    )


# A new row in a copy of the packages.

NEW_ROW = (
    "cube | x | x * x * x | 3 * x * x | -2..2 | Third power. | nothing is wrong with a cube\n"
    "rms | x... | sqrt(sum(x * x) / n) | x / (n * y) | 0.5..2 | Root mean square.\n"
)
USE = """
import numpy as np
import autograd_mini as ad

v = ad.Value(2.0, "v")
print(ad.cube(v).data, v.cube().data, ad.cube(2.0), "cube" in ad.__all__, "rms" in ad.__all__)
print(ad.cube.__doc__.splitlines()[0], ad.rms.__doc__.splitlines()[0])
print(ad.gradients(ad.cube(v), v), ad.gradients(v.cube(), v, create_graph=True).data)
print(ad.rms([v, 2.0]).local_derivatives)
print("3 * v**2" in ad.explain(v.cube(), v).text())
print(ad.compile(lambda x: ad.rms([v * x, ad.cube(x)]), [v])(None, np.array([1.0])).tolist())
try:
    with ad.detect_anomaly():
        ad.cube(ad.Value(1e200))
except ad.AnomalyError as error:
    print(str(error).rpartition("usual remedy: ")[2])
"""
PRINTED = """\
8.0 8.0 8.0 True True
Third power. Root mean square.
12.0 12.0
(0.5, 0.0)
True
[1.5811388300841898]
nothing is wrong with a cube
"""
TYPES = """
import autograd_mini as ad

v = ad.Value(1.0)
reveal_type(ad.exp(v))
reveal_type(ad.exp(1.0))
reveal_type(ad.cube(v))
reveal_type(v.cube().exp())
reveal_type(ad.hypot(v, 1.0))
reveal_type(ad.clip(1.0, v, 2.0))
w = ad.rms([v, 1.0]), ad.sum([v]), ad.abs(v), ad.dot([v], [2.0], 1.0), ad.softmax([v, v])
reveal_type(ad.leaky_relu(v, slope=0.1))
reveal_type(ad.elu(1.0, alpha=v))
reveal_type(ad.elu(1.0, alpha=2))
reveal_type(ad.leaky_relu(1))
reveal_type(ad.atan2(a=v, b=1.0))
reveal_type(ad.clip(v, low=0.0, high=1.0))
reveal_type(ad.exp(x=v))
reveal_type(v.arcsin() + v.arctan2(1.0))
v.unknown()
ad.atan2(v)
ad.hypot(1.0)
ad.exp(v, v)
ad.clip(v, 0.0)
ad.leaky_relu(v, alpha=1.0)
"""
REVEALED = [
    *["Value", "float", "Value", "Value", "Value", "Value"],
    *["Value", "Value", "float", "float", "Value", "Value", "Value", "Value"],
]
STAR = """
from autograd_mini import *

v = Value(1.0)
reveal_type(exp(v))
reveal_type(cube(v))
reveal_type(sum([1]))
reveal_type(grad(tanh))
rms([v]), dot([v], [v]), softmax([v]), PRIMITIVES
frames
"""


def run(*command: str, cwd: Path) -> str:
    process = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert process.stderr == ""
    return process.stdout


@pytest.fixture(scope="module")
def copy_with_new_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "autograd_mini", root / "autograd_mini")
    (root / "docs").mkdir()
    rows = root / "autograd_mini/table/rows.py"
    text = rows.read_text(encoding="utf-8")
    end = text.rindex('"""')
    rows.write_text(text[:end] + NEW_ROW + text[end:], encoding="utf-8")
    assert "cube" not in run("-m", "autograd_mini.table", cwd=root)
    return root


def test_a_new_row_is_found_everywhere(copy_with_new_rows: Path) -> None:
    assert run("-c", USE, cwd=copy_with_new_rows) == PRINTED
    page = (copy_with_new_rows / "docs/primitives.md").read_text(encoding="utf-8")
    assert "| `cube(x)` | Third power. | `x * x * x` | `3 * x * x` |\n" in page


def test_type_checkers_know_a_new_row(copy_with_new_rows: Path) -> None:
    pytest.importorskip("mypy")
    (copy_with_new_rows / "use.py").write_text(TYPES, encoding="utf-8")
    printed = run("-m", "mypy", "--strict", "use.py", cwd=copy_with_new_rows)
    revealed = [line.rpartition(".")[2] for line in printed.splitlines() if "Revealed" in line]
    assert [text.rpartition('"')[0].rpartition('"')[2] for text in revealed] == REVEALED
    first, last = TYPES.count("\n", 0, TYPES.index("v.unknown")) + 1, TYPES.count("\n")
    refused = {int(line.split(":")[1]) for line in printed.splitlines() if " error: " in line}
    assert refused == set(range(first, last + 1))
    assert '"Value" has no attribute "unknown"' in printed


def test_type_checkers_follow_an_import_of_everything(copy_with_new_rows: Path) -> None:
    pytest.importorskip("mypy")
    (copy_with_new_rows / "star.py").write_text(STAR, encoding="utf-8")
    printed = run("-m", "mypy", "--strict", "star.py", cwd=copy_with_new_rows)
    revealed = [line.partition('Revealed type is "')[2] for line in printed.splitlines()]
    types = [text.rstrip('"').rpartition(".")[2] for text in revealed if text]
    assert types[:3] == ["Value", "Value", "int"]
    assert [line for line in printed.splitlines() if "error:" in line] == [
        'star.py:10: error: Name "frames" is not defined  [name-defined]'
    ]


def test_an_example_of_equality_with_a_vector_is_right(register: Callable[..., Any]) -> None:
    f = register("f", "x..., c", "where(sum(x) == c, 1, 0)", ["0", "0"], [(0, 1), (4, 5)])
    call, printed = example(PRIMITIVES["f"]).splitlines()
    assert eval(call.removeprefix(">>> "), {"f": f}) == float(printed)
