"""Whose line an error names: the user's, whatever his modules are called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import TraceError, Value

ROOT = Path(__file__).parent.parent.parent
NAMES = ["nn", "nn.model", "viz", "autograd_mini.mine", "model", "profile", "ast.mine"]


def module(name: str, source: str, path: Path) -> ModuleType:
    """A user's module of any name, from a file of its own."""
    path.write_text(source, encoding="utf-8")
    made = ModuleType(name)
    exec(compile(source, str(path), "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_node_names_the_users_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    user = module(name, "def double(x):\n    return x + x\n", path)
    with ad.detect_anomaly():
        assert user.double(Value(1.0)).source == f"{path}:2"


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_error_names_the_users_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    user = module(name, "\ndef f(x):\n    return x.data * x\n", path)
    w = Value(1.0)
    with pytest.raises(TraceError) as caught:
        ad.compile(user.f, [w])(None, np.ones(2))
    assert str(caught.value).startswith(f"{path}:3: ")


def test_the_frames_of_libraries_are_skipped() -> None:
    model = nn.MLP(1, [1], rng=0)
    with ad.detect_anomaly():
        outputs = model([1.0])
    assert outputs[0].source.startswith(f"{__file__}:")


def test_a_package_of_users_is_theirs_where_ours_is_not_imported(tmp_path: Path) -> None:
    package = tmp_path / "nn"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "model.py").write_text("def double(x):\n    return x + x\n", encoding="utf-8")
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import autograd_mini as ad
from nn.model import double
with ad.detect_anomaly():
    print(double(ad.Value(1.0)).source)
"""
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (process.stdout, process.stderr) == (f"{package / 'model.py'}:2\n", "")


def test_a_package_that_says_so_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    source = "__autograd_library__ = True\n\ndef double(x):\n    return x + x\n"
    (layers / "__init__.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "layers", raising=False)
    import layers as package  # type: ignore[import-not-found]

    with ad.detect_anomaly():
        assert package.double(Value(1.0)).source.startswith(f"{__file__}:")
