"""Imports point one way: each file sees only the floors below its own."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from autograd_mini import PRIMITIVES

ROOT = Path(__file__).parent.parent
PACKAGES = ("autograd_mini", "nn", "viz")

# The engine from the ground up.  What is not named here is built on top of `functions`: derivative
# transforms, checks, explanations, the compiler.
FLOORS = (
    {"errors", "interrupts", "version"},
    {"formula"},
    {"numeric"},
    {"table"},
    {"primitives"},
    {"graph", "modes", "anomaly"},
    {"backward", "copying"},
    {"value"},
    {"operators"},
    {"functions"},
)
TOOLS = len(FLOORS)
ROOF = {"demo", "cli", "__main__"}  # the only files of the engine that may see nn and viz


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported(source: str, module: str, is_package: bool = False) -> set[str]:
    """Modules of this project that a file imports, also inside functions and conditions."""
    package = module if is_package else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join(filter(None, [*(above if node.level else ()), node.module]))
            names = [f"{base}.{alias.name}" for alias in node.names]
            found |= {name if name in SOURCES else base for name in names}
    return {name for name in found if name.split(".")[0] in PACKAGES}


@cache
def arrows() -> dict[str, set[str]]:
    return {
        module: imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
        for module, path in SOURCES.items()
    }


def part_of_engine(module: str) -> str:
    return module.split(".")[1]


def floor(module: str) -> int:
    part = part_of_engine(module)
    if part in ROOF:
        return TOOLS + 1
    return next((height for height, parts in enumerate(FLOORS) if part in parts), TOOLS)


def complaints(module: str, targets: set[str]) -> list[str]:
    """What is wrong with the imports of one module."""
    package = module.split(".")[0]
    if package == "nn":
        return [t for t in targets if not (t.split(".")[0] == "nn" or t == "autograd_mini")]
    if package == "viz":
        allowed = {"autograd_mini.graph", "autograd_mini.errors"}
        return [t for t in targets if not (t.split(".")[0] == "viz" or t in allowed)]
    if module == "autograd_mini":  # the public face: everything but the roof
        return [t for t in targets if not t.startswith("autograd_mini.") or floor(t) > TOOLS]
    wrong = []
    for target in targets:
        if target.split(".")[0] in ("nn", "viz"):
            if part_of_engine(module) not in ROOF:
                wrong.append(target)
        elif target == "autograd_mini" or floor(target) > floor(module):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_down(module: str) -> None:
    assert complaints(module, arrows()[module]) == []


def test_imports_run_in_no_circle() -> None:
    remaining = dict(arrows())
    while remaining:
        free = {module for module, targets in remaining.items() if not targets & set(remaining)}
        assert free, f"circular imports among {sorted(remaining)}"
        remaining = {module: t for module, t in remaining.items() if module not in free}


def test_the_floors_named_here_are_there() -> None:
    parts = {part_of_engine(module) for module in SOURCES if module.startswith("autograd_mini.")}
    assert set().union(*FLOORS) | ROOF <= parts


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("autograd_mini.graph", "from .value import Value"),
        ("autograd_mini.graph", "def f():\n    from autograd_mini import value"),
        ("autograd_mini.value", "def f():\n    from . import functions"),
        ("autograd_mini.primitives", "from . import Value"),
        ("autograd_mini.backward", "import autograd_mini.operators"),
        ("autograd_mini.functions", "if True:\n    from .compiler import compile"),
        ("autograd_mini.compiler.trace", "import nn"),
        ("autograd_mini.compiler.trace", "from ..cli import main"),
        ("autograd_mini.value", "import viz.graph"),
        ("nn.neuron", "from autograd_mini.value import Value"),
        ("nn.neuron", "from viz import draw_graph"),
        ("viz.graph", "from autograd_mini import Value"),
        ("viz.graph", "from nn import MLP"),
        ("autograd_mini", "from .cli import main"),
    ],
)
def test_an_arrow_that_runs_back_up_is_seen(module: str, source: str) -> None:
    targets = imported(source, module, is_package="." not in module)
    assert len(complaints(module, targets)) == 1


def test_traversal_knows_nothing_of_the_project() -> None:
    assert arrows()["autograd_mini.graph"] == set()


def test_backpropagation_knows_no_operation() -> None:
    tree = ast.parse(SOURCES["autograd_mini.backward"].read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert texts.isdisjoint({*PRIMITIVES, "constant"})


def test_the_engine_needs_neither_nets_nor_pictures_nor_extras() -> None:
    script = """
import sys
import autograd_mini
heavy = {"nn", "viz", "graphviz", "pygraphviz", "matplotlib", "sklearn", "scipy", "tqdm", "torch"}
print(sorted(heavy & set(sys.modules)))
"""
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (process.stdout, process.stderr) == ("[]\n", "")


def test_every_package_is_installed() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r"^packages = (\[.*?\])\n\n", text, re.DOTALL | re.MULTILINE)
    assert match is not None
    packages = [module for module, path in SOURCES.items() if path.name == "__init__.py"]
    assert sorted(ast.literal_eval(match[1])) == sorted(packages)
