"""Generated functions can be read like written ones, and every public name is documented."""

from __future__ import annotations

import builtins
import inspect
import linecache
import traceback
from typing import Any

import pytest

import autograd_mini as ad
from autograd_mini import Value

FUNCTION_ROWS = [n for n in ad.PRIMITIVES if not ad.PRIMITIVES[n].has_vectors and n != "where"]


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
def test_operators_show_their_source(name: str) -> None:
    for method in (f"__{name}__", f"__r{name}__"):
        source = inspect.getsource(getattr(Value, method))
        assert source.startswith(f"def {method}(")
        assert "_da, _db = " in source
        assert getattr(Value, method).__qualname__ == f"Value.{method}"


def test_the_source_of_an_operator_holds_the_rows_formulas() -> None:
    assert "y = (a * b)" in inspect.getsource(Value.__mul__)
    assert "_da, _db = b, a" in inspect.getsource(Value.__mul__)


@pytest.mark.parametrize("name", FUNCTION_ROWS)
def test_functions_show_their_source_and_their_formulas(name: str) -> None:
    function = getattr(ad, name)
    assert function.__name__ == name
    assert inspect.getsource(function).startswith("def ")
    row = ad.PRIMITIVES[name]
    assert row.value in function.__doc__
    assert all(partial in function.__doc__ for partial in row.partials)


def test_a_traceback_shows_the_generated_line() -> None:
    try:
        ad.exp(None)  # type: ignore[call-overload]
    except TypeError as error:
        text = "".join(traceback.format_exception(error))
    assert "<autograd_mini exp" in text
    assert "_general('exp'" in text


def test_generated_sources_survive_a_check_of_the_line_cache() -> None:
    linecache.checkcache()
    assert inspect.getsource(Value.__mul__)


NAMES = [*ad.__all__, "abs", "compile", "pow", "sum"]
CALLABLES = [name for name in NAMES if callable(getattr(ad, name)) and name != "Operand"]


@pytest.mark.parametrize("name", CALLABLES)
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    thing: Any = getattr(ad, name)
    assert thing.__doc__, name
    assert ">>> " in thing.__doc__, name


def test_the_public_names_are_sorted_unique_and_there() -> None:
    assert len(set(ad.__all__)) == len(ad.__all__)
    assert all(hasattr(ad, name) for name in ad.__all__)


def test_every_row_is_a_public_function() -> None:
    builtin = set(dir(builtins))
    assert set(FUNCTION_ROWS) - builtin <= set(ad.__all__)
    assert {n for n in ad.PRIMITIVES if ad.PRIMITIVES[n].has_vectors} - builtin <= set(ad.__all__)


@pytest.mark.parametrize("package", ["autograd_mini", "nn", "viz"])
def test_a_star_import_replaces_no_builtin(package: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from {package} import *", namespace)
    assert set(namespace) - {"__builtins__"}
    assert set(namespace) & set(dir(builtins)) == set()


def test_what_bears_a_builtins_name_is_an_attribute() -> None:
    functions: list[Any] = [ad.abs, ad.compile, ad.pow, ad.sum]
    assert all(function.__module__.startswith("autograd_mini") for function in functions)
