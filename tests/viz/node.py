"""The page's JavaScript in Node: many cases in one process, numbers to the last bit."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autograd_mini.core.graph import topological_order
from autograd_mini.core.value import Constant, Value
from autograd_mini.table.javascript import grammar_module, table_module
from viz.explorer.assembly import signs_module

SOURCE = Path(__file__).parents[2] / "viz" / "explorer" / "source"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")

_MAIN = """\
import {{ readFileSync }} from "node:fs";
{imports}
const written = (x) => {{
  if (typeof x === "bigint") return {{ integer: String(x) }};
  if (typeof x === "number") return Object.is(x, -0) ? "-0.0" : String(x);
  if (Array.isArray(x)) return x.map(written);
  if (x === null || typeof x !== "object") return {{ plain: x ?? null }};
  return {{ object: Object.fromEntries(Object.entries(x).map(([k, v]) => [k, written(v)])) }};
}};
const NAMES = {{ nan: NaN, inf: Infinity, "-inf": -Infinity }};
const read = (x) => {{
  if (Array.isArray(x)) return x.map(read);
  if ("number" in x) return NAMES[x.number] ?? Number(x.number);
  if ("object" in x) {{
    return Object.fromEntries(Object.entries(x.object).map(([k, v]) => [k, read(v)]));
  }}
  return x.plain;
}};
const run = {function};
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((each) => written(run(...read(each))))));
"""


def run(imports: str, function: str, cases: Sequence[Sequence[Any]]) -> list[Any]:
    """What a function of JavaScript gives for each list of arguments.

    Parameters
    ----------
    imports : str
        The first lines, such as ``import { parse } from "./parse.js";``.
    function : str
        An expression that is a function.
    cases : sequence of sequence
        Its arguments, for each call.
    """
    assert NODE is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in SOURCE.glob("*.js"):
            shutil.copy(source, folder)
        (folder / "table.js").write_text(table_module(), encoding="utf-8")
        (folder / "signs.js").write_text(signs_module(), encoding="utf-8")
        (folder / "grammar.js").write_text(grammar_module(), encoding="utf-8")
        (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        main = folder / "main.js"
        main.write_text(_MAIN.format(imports=imports, function=function), encoding="utf-8")
        process = subprocess.run(
            [NODE, str(main)],
            input=json.dumps([_written(list(case)) for case in cases]),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert process.returncode == 0, process.stderr
    return [_read(result) for result in json.loads(process.stdout)]


def _written(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return [_written(each) for each in data]
    if isinstance(data, dict):
        return {"object": {key: _written(each) for key, each in data.items()}}
    if isinstance(data, (int, float)) and not isinstance(data, bool):
        return {"number": repr(float(data))}
    return {"plain": data}


def _read(data: Any) -> Any:
    if isinstance(data, list):
        return [_read(each) for each in data]
    if isinstance(data, str):
        return float(data)
    if "integer" in data:
        return int(data["integer"])
    if "object" in data:
        return {key: _read(each) for key, each in data["object"].items()}
    return data["plain"]


def graph_json(*roots: Value) -> dict[str, Any]:
    """A graph as the page reads it."""
    order = topological_order(*roots)
    ids = {node: position for position, node in enumerate(order)}
    nodes = [
        {
            "id": ids[node],
            "op": "constant" if isinstance(node, Constant) else node.op,
            "label": node.label,
            "parents": [ids[parent] for parent in node.parents],
            "data": node.data,
            "local": list(node.local_derivatives),
        }
        for node in order
    ]
    return {"roots": [ids[root] for root in roots], "nodes": nodes}


def agree(found: Sequence[float], expected: Sequence[float], scale: float = 0.0) -> bool:
    """Equal to 1e-12 of the number, or of what cancels in it; the least float is one step."""
    return len(found) == len(expected) and all(
        f == e
        or (math.isnan(f) and math.isnan(e))
        or abs(f - e) <= max(1e-12 * max(abs(e), scale), 5e-324)
        for f, e in zip(found, expected, strict=True)
    )
