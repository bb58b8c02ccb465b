"""One page of its own out of the explorer's sources: no file beside it, nothing from the network.

The program is written as small ES modules, which Node runs as they are.  A page holds them as one
script: each module becomes a function that returns what it exports, so that the names of two
modules never meet.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from autograd_mini.operation_signs import SIGNS

__all__ = ["assemble", "signs_module"]

_HERE = Path(__file__).parent
_SOURCES = _HERE / "source"
_LIBRARY = _HERE / "vendor" / "dagre.min.js"
_START = "app.js"

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_NAME = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)


@cache
def source(name: str) -> str:
    """One of the files that the page is made of, as it lies beside this module."""
    return (_SOURCES / name).read_text(encoding="utf-8")


def joined(modules: Mapping[str, str], start: str = _START) -> str:
    r"""ES modules as one script, each before those that import it.

    Parameters
    ----------
    modules : mapping of str to str
        Modules by file name; others are read from the sources.
    start : str
        The module that runs last.

    Returns
    -------
    str
        A script without imports and exports.

    Raises
    ------
    ValueError
        If modules import each other in a circle, or a name that is not exported.

    Examples
    --------
    >>> print(joined({"app.js": 'import { one } from "./one.js";\nalert(one);\n',
    ...               "one.js": "export const one = 1;\n"}))
    "use strict";
    const one_js = (() => {
    const one = 1;
    return { one };
    })();
    const app_js = (() => {
    const { one } = one_js;
    alert(one);
    return {  };
    })();
    """
    order: dict[str, str] = {}
    _visit(start, modules, order, ())
    return "\n".join(['"use strict";', *order.values()])


def _visit(
    name: str, modules: Mapping[str, str], order: dict[str, str], above: tuple[str, ...]
) -> None:
    """Put a module behind all that it imports."""
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*above, name))}")
    if name in order:
        return
    text = modules[name] if name in modules else source(name)
    for match in _IMPORT.finditer(text):
        _visit(match[2], modules, order, (*above, name))
        _check_exports(match, modules)
    body = _IMPORT.sub(lambda m: f"const {{{_renamed(m[1])}}} = {_variable(m[2])};\n", text)
    exports = ", ".join(_NAME.findall(text))
    body = _EXPORT.sub("", body)
    if re.search(r"^(?:import|export)\b", body, re.MULTILINE):
        raise ValueError(f"{name} imports or exports in a way that cannot be joined")
    order[name] = f"const {_variable(name)} = (() => {{\n{body}return {{ {exports} }};\n}})();"


def _check_exports(match: re.Match[str], modules: Mapping[str, str]) -> None:
    text = modules[match[2]] if match[2] in modules else source(match[2])
    wanted = {part.split(" as ")[0].strip() for part in match[1].split(",")} - {""}
    if missing := wanted - {*_NAME.findall(text)}:
        raise ValueError(f"{match[2]} does not export {', '.join(sorted(missing))}")


def _renamed(names: str) -> str:
    """``a as b`` as objects are taken apart: ``a: b``."""
    return re.sub(r"(\w+) as (\w+)", r"\1: \2", names)


def _variable(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _hash(text: str) -> str:
    """What allows a script or style of just this content, and no other, to act."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def embedded(data: object) -> str:
    r"""JSON that neither ends a script element nor opens a comment in it.

    Examples
    --------
    >>> embedded({"label": "</script>"})
    '{"label":"\\u003c/script>"}'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # all beyond ASCII escaped
    return text.replace("<", r"\u003c")


def signs_module() -> str:
    """The source of a JavaScript module with the signs of operations: ``export const SIGNS``.

    Examples
    --------
    >>> signs_module().startswith("export const SIGNS")
    True
    """
    signs = "".join(f"  {embedded(op)}: {embedded(sign)},\n" for op, sign in SIGNS.items())
    return f"export const SIGNS = {{\n  __proto__: null,\n{signs}}};\n"


def assemble(title: str, graph: object, modules: Mapping[str, str]) -> str:
    """The page, complete.

    Parameters
    ----------
    title : str
        What stands above it, any text.
    graph : object
        The graph as JSON has it; None for a page with a field to type an expression in.
    modules : mapping of str to str
        Modules that are generated rather than read from the sources, by file name.

    Returns
    -------
    str
        HTML whose policy forbids every request and every script but its own.

    Raises
    ------
    ValueError
        If the modules do not fit together.
    """
    style, library, program = (
        source("page.css"),
        _library(),
        joined({"signs.js": signs_module(), **modules}),
    )
    if re.search(r"</script|<!--", library + program, re.IGNORECASE):
        raise ValueError("a script must not hold '</script' or '<!--', which end it or hide it")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(library)} {_hash(program)}; base-uri 'none'; form-action 'none'"
    )
    shown = html.escape(title.encode(errors="replace").decode())  # no lone surrogates
    return string.Template(source("page.html")).substitute(
        policy=policy,
        title=shown,
        style=style,
        graph=embedded(graph),
        library=library,
        program=program,
    )


@cache
def _library() -> str:
    return _LIBRARY.read_text(encoding="utf-8").strip()
