"""Imports point one way: each file sees only the floors below its own."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from autograd_mini import PRIMITIVES

ROOT = Path(__file__).parent.parent
PACKAGES = ("autograd_mini", "nn", "viz")

# The engine from the ground up: its rooms, and the modules in each.  A module imports what stands
# before it.
ROOMS = {
    "": "version errors operation_signs textbook_names whole_files npy_files",
    "table": """
        rows grammar vectors interpreter reductions backends parsing primitives rewrite
        reference differences registration syntax javascript
    """,
    "core": """
        graph backward coerce modes scopes collector frames anomaly propagation copied_scopes
        copying methods node_display value recording operators row_functions table_functions
        functions recompute
    """,
    "derivatives": "value_backend gradients trees transforms gradcheck replay",
    "explanation": "algebra notation text latex bound_row names paths chainrule page derivation",
    "compiler": """
        trace ir.spaces ir.scalars scalar_interpreter choices open_sums builder canonical schedule
        ir.references ir.marks ir.steps ir.array_program ir.facts
        lower.arrays lower.placement lower.terms lower.borders lower.grids lower.sums lower.packs
        reverse.local reverse.flow reverse.storage reverse.signals reverse.passing reverse.rules
        backends.numpy.block_names backends.numpy.view_names backends.numpy.array_stems
        backends.numpy.array_names backends.numpy.views
        backends.numpy.calls backends.numpy.contraction backends.numpy.ufuncs
        backends.numpy.elementwise backends.numpy.plan backends.numpy.statements
        backends.numpy.source backends.numpy.description runtime array_interpreter signature
        compiled arguments running program
    """,
    "command": """
        interrupts expression number_rows predict tables opinions gallery demo_pictures demo_report
        digits demo play cli
    """,
}
# The same of `nn`, from what is shared to what trains and saves.
NN_ROOMS = {
    "": "_calls _checks _other_libraries _assignment _interrupts _nested",
    "models": """
        kept_attributes archive randomness states predicting parameter_search lost_values
        module_scopes module parameters
    """,
    "layers": """
        initialisers activations neuron linear sequential recurrent embedding normalization dropout
        channels convolution attention
    """,
    "losses": """
        loss_uses loss_calls loss_outputs loss_targets regression classification penalties metrics
    """,
    "backprop": "equations layer_trace backprop_text layer_nodes backprop_trace",
    "optimizers": "hyperparameters step_vectors optimizer update_rules schedules",
    "training": """
        history batches examination measuring progress differentiation callbacks training_state
        checkpoint fit_arguments tasks earlier_nodes training_settings loop fitting
    """,
    "files": "saving torch_models",
}

# And of `viz`.
VIZ_ROOMS = {
    "": "options themes _node_text files figures bundled_graphviz rendering",
    "graphs": """
        graph_nodes scope_tree collapsing edge_spans cluster_ranks gradient_flow equal_siblings
        graph_style node_formulas node_tables graph_legend graph_options graph_size graph_painter
        computation_graph
    """,
    "networks": "network_layers network_names network_signals network_style network_diagram",
    "programs": "_program_boxes program_graph",
    "plots": """
        plot_arguments history_curves history_plots class_scores decision_boundary name_places
        gradient_plots confusion_plots network_plots
    """,
    "explorer": "assembly build explorer_page",
}


def in_order(package: str, rooms: dict[str, str]) -> list[str]:
    return [
        ".".join(filter(None, (package, room, module)))
        for room, modules in rooms.items()
        for module in modules.split()
    ]


ORDER = in_order("autograd_mini", ROOMS)
NN_ORDER = [*in_order("nn", NN_ROOMS), "nn.sklearn"]
VIZ_ORDER = in_order("viz", VIZ_ROOMS)
# What pictures take from the engine: the traversal, and how formulas and parameters are written.
SEEN_BY_VIZ = {
    f"autograd_mini.{module}"
    for module in (
        "core.graph",
        "core.scopes",
        "errors",
        "explanation.names",
        "explanation.notation",
        "explanation.text",
        "operation_signs",
        "table.javascript",
        "textbook_names",
        "whole_files",
    )
}
ROOF = ("autograd_mini.command", "autograd_mini.__main__")  # what may see nn and viz
FIRST = "autograd_mini.command.interrupts"  # so that Ctrl-C may come during all other imports


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


def is_roof(module: str) -> bool:
    return module.startswith(ROOF)


def floor(module: str) -> int:
    """Where a module stands; a room, that is its ``__init__``, as high as what it imports."""
    if module in ORDER:
        return ORDER.index(module)
    if module == "autograd_mini.__main__":
        return len(ORDER)
    return max((floor(target) for target in arrows()[module]), default=-1)


def complaints(module: str, targets: set[str]) -> list[str]:
    """What is wrong with the imports of one module."""
    package = module.split(".")[0]
    if package == "nn":  # the public face sees all of it
        below = NN_ORDER[: NN_ORDER.index(module)] if module in NN_ORDER else NN_ORDER
        return [t for t in targets if t not in below and t != "autograd_mini"]
    if package == "viz":
        below = VIZ_ORDER[: VIZ_ORDER.index(module)] if module in VIZ_ORDER else VIZ_ORDER
        return [t for t in targets if t not in below and t not in SEEN_BY_VIZ]
    if module == "autograd_mini":  # the public face: everything but the roof
        return [
            t for t in targets if not t.startswith("autograd_mini.") or (is_roof(t) and t != FIRST)
        ]
    wrong = []
    for target in targets:
        if target.split(".")[0] in ("nn", "viz"):
            if not is_roof(module):
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


def test_every_module_has_its_place() -> None:
    modules = {
        module
        for module, path in SOURCES.items()
        if "." in module and path.name not in ("__init__.py", "__main__.py")
    }
    assert modules == {*ORDER, *NN_ORDER, *VIZ_ORDER}


def test_no_two_files_share_a_name() -> None:
    names = [path.stem for path in SOURCES.values() if not path.stem.startswith("__")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("module", [module for module in SOURCES if "." in module])
def test_no_module_is_hidden_by_what_its_package_exports(module: str) -> None:
    package, _, name = module.rpartition(".")
    importlib.import_module(module)
    assert getattr(sys.modules[package], name) is sys.modules[module]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("autograd_mini.core.graph", "from .value import Value"),
        ("autograd_mini.core.graph", "def f():\n    from autograd_mini.core import value"),
        ("autograd_mini.core.value", "def f():\n    from . import functions"),
        ("autograd_mini.table.primitives", "from .. import Value"),
        ("autograd_mini.core.backward", "import autograd_mini.core.operators"),
        ("autograd_mini.core.functions", "if True:\n    from ..compiler import compile"),
        ("autograd_mini.compiler.trace", "import nn"),
        ("autograd_mini.compiler.trace", "from ..command.cli import main"),
        ("autograd_mini.core.value", "import viz.graphs.computation_graph"),
        ("nn.layers.neuron", "from autograd_mini.core.value import Value"),
        ("nn.layers.neuron", "from viz import draw_graph"),
        ("nn.layers.neuron", "from ..training.fitting import fit"),
        ("nn.models.module", "def f():\n    from ..files.saving import load"),
        ("nn.models.module", "from nn import MLP"),
        ("viz.graphs.computation_graph", "from autograd_mini import Value"),
        ("viz.graphs.computation_graph", "from nn import MLP"),
        ("autograd_mini", "from .command.cli import main"),
    ],
)
def test_an_arrow_that_runs_back_up_is_seen(module: str, source: str) -> None:
    targets = imported(source, module, is_package="." not in module)
    assert len(complaints(module, targets)) == 1


def test_traversal_knows_nothing_of_the_project() -> None:
    assert arrows()["autograd_mini.core.graph"] == set()


def test_backpropagation_knows_no_operation() -> None:
    tree = ast.parse(SOURCES["autograd_mini.core.backward"].read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert texts.isdisjoint({*PRIMITIVES, "constant"})


@pytest.mark.parametrize("module", [m for m in SOURCES if m.startswith("autograd_mini")])
def test_the_engine_does_not_name_what_is_built_on_it(module: str) -> None:
    text = SOURCES[module].read_text(encoding="utf-8")
    assert is_roof(module) or not re.search(r"\b(nn|viz)\b", text, re.IGNORECASE)


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
