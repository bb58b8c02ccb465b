"""One row is enough: what comes from the table is there for every row, and for a new one."""

from __future__ import annotations

import builtins
import inspect
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.core import table_functions
from autograd_mini.core.methods import Methods
from autograd_mini.table.primitives import PRIMITIVES, Primitive
from autograd_mini.table.reference import BY_HAND, generated, is_method
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


def test_numpy_finds_its_own_names_on_a_value() -> None:
    for name in ("arcsin", "arctan", "arcsinh", "exp", "tanh"):
        assert getattr(Value(0.5), name)().data == getattr(ad, name.replace("arc", "a"))(0.5)


def test_what_is_generated_is_written_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["table", str(tmp_path)])
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
v.unknown()
"""
REVEALED = ["Value", "float", "Value", "Value", "Value", "Value"]


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
    assert printed.count("error:") == 1
    assert '"Value" has no attribute "unknown"' in printed
