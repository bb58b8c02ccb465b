"""The lines of an elementwise step, once for all steps of one formula.

They name what differs from step to step in braces: operands as they are, the rest in capitals.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache

from ....table.rewrite import simplify
from ...ir.steps import Map
from .calls import Calls
from .ufuncs import Expression


def _placeholder(name: str) -> str:
    return "{" + name + "}"


OUT, GUARD = map(_placeholder, ("OUT", "GUARD"))


@dataclass(frozen=True)
class Form:
    """What the lines depend on: the formula, and how the step uses it.

    Attributes
    ----------
    formula : ast.expr
        Without the operands that are numbers.
    names : tuple of str
        The operands that stand in it, in order.
    add, guarded : bool
        Of the step.
    in_place : frozenset of str
        The operands that lie where the output does.
    """

    formula: ast.expr
    names: tuple[str, ...]
    add: bool
    guarded: bool
    in_place: frozenset[str] = frozenset()


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


def form_of(step: Map) -> Form:
    """The form of a step whose output lies apart from all operands."""
    numbers = tuple([(name, value.hex()) for name, value in step.numbers.items()])
    formula, names = _without_numbers(step.formula, numbers)
    used = tuple([name for name in step.operands if name in names])
    return Form(formula, used, step.add, step.guard is not None)


@lru_cache(maxsize=4096)
def _without_numbers(
    formula: ast.expr, numbers: tuple[tuple[str, str], ...]
) -> tuple[ast.expr, frozenset[str]]:
    known = {name: ast.Constant(float.fromhex(digits)) for name, digits in numbers}
    rest = simplify(formula, known)
    names = [node.id for node in ast.walk(rest) if isinstance(node, ast.Name)]
    return rest, frozenset(names)


@lru_cache(maxsize=4096)
def template_of(form: Form) -> Template:
    """The lines of a form."""
    template, out = Template(), OUT
    names = {name: out if name in form.in_place else _placeholder(name) for name in form.names}
    expression = Expression(template, names)
    formula = form.formula
    if form.guarded:
        target = template.temp()
        expression.into(formula, target)
        zero = template.temp("bool")
        template.call("np.equal", f"{GUARD}, 0, out={zero}")
        template.call("np.copyto", f"{target}, 0, where={zero}")
        if form.add:
            template.call("np.add", f"{out}, {target}, out={out}")
        else:
            template.line(f"{out}[...] = {target}")
    elif not form.add:
        expression.into(formula, out)
    elif isinstance(formula, ast.UnaryOp):
        template.call("np.subtract", f"{out}, {expression.value(formula.operand)}, out={out}")
    else:
        template.call("np.add", f"{out}, {expression.value(formula)}, out={out}")
    return template
