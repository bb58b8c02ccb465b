"""The lines of an elementwise step, once for all steps of one formula.

They name what differs from step to step in braces: operands as they are, the rest in capitals.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache

from ....table.rewrite import simplify
from ...ir.steps import KnownNumbers
from .calls import Calls
from .ufuncs import Expression


def _placeholder(name: str) -> str:
    return "{" + name + "}"


OUT, GUARD = map(_placeholder, ("OUT", "GUARD"))


@dataclass
class Template:
    """Lines with names in braces, and the types of the temporary arrays T1, T2, ... in them.

    `calls` are the functions of NumPy and SciPy that they call.
    """

    lines: list[str] = field(default_factory=list)
    calls: Calls = field(default_factory=Calls)
    temporaries: list[str] = field(default_factory=list)

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(text)

    def call(self, function: str, arguments: str) -> None:
        """Add a line that calls a function of NumPy or SciPy."""
        self.line(self.calls.text(function, arguments))

    def temp(self, dtype: str = "real") -> str:
        """Name an array for a moment."""
        self.temporaries.append(dtype)
        return _placeholder(f"T{len(self.temporaries)}")


@lru_cache(maxsize=4096)
def without_numbers(formula: ast.expr, numbers: KnownNumbers) -> tuple[ast.expr, frozenset[str]]:
    """A formula in which some operands are numbers, and the other names that stand in it."""
    known = {name: ast.Constant(float.fromhex(digits)) for name, digits in numbers}
    rest = simplify(formula, known)
    names = [node.id for node in ast.walk(rest) if isinstance(node, ast.Name)]
    return rest, frozenset(names)


@lru_cache(maxsize=4096)
def template_of(
    formula: ast.expr, names: tuple[str, ...], in_place: tuple[str, ...], add: bool, guarded: bool
) -> Template:
    """The lines of an elementwise step.

    Parameters
    ----------
    formula : ast.expr
        Without the operands that are numbers.
    names : tuple of str
        The operands that stand in it.
    in_place : tuple of str
        Those of them that lie where the output does.
    add, guarded : bool
        Of the step.

    Returns
    -------
    Template
        The same object for the same step.
    """
    template, out = Template(), OUT
    placed = {name: out if name in in_place else _placeholder(name) for name in names}
    expression = Expression(template, placed)
    if guarded:
        target = template.temp()
        expression.into(formula, target)
        zero = template.temp("bool")
        template.call("np.equal", f"{GUARD}, 0, out={zero}")
        template.call("np.copyto", f"{target}, 0, where={zero}")
        if add:
            template.call("np.add", f"{out}, {target}, out={out}")
        else:
            template.line(f"{out}[...] = {target}")
    elif not add:
        expression.into(formula, out)
    elif isinstance(formula, ast.UnaryOp):
        template.call("np.subtract", f"{out}, {expression.value(formula.operand)}, out={out}")
    else:
        template.call("np.add", f"{out}, {expression.value(formula)}, out={out}")
    return template
