"""The ``autograd-mini`` command.

With :mod:`autograd_mini.demo` the roof of the house: the only engine files that see `nn` and `viz`.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from viz import draw_graph, render

from . import demo
from .errors import AutogradError
from .explain import explain
from .expression import Expression, ExpressionError, parse_expression
from .gradcheck import numerical_gradient
from .value import Constant, Value

_OPTION = re.compile(r"-h|--|--[a-z]{3,}(=.*)?", re.DOTALL)
_AGREEMENT = 1e-6  # largest relative difference that rounding explains


class UsageError(Exception):
    """What the user typed cannot be done; exit status 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``autograd-mini`` on the command line; by default that of this process.

    Returns
    -------
    int
        Exit status: 0, or 1 for what failed, or 2 for what was typed wrongly.

    Examples
    --------
    >>> main(["diff", "x**2", "x=3"])
    x**2 = 9
    <BLANKLINE>
    name  value  gradient  two-sided difference
    x         3         6                     6
    0
    """
    parsed = _parser().parse_args(_protect(sys.argv[1:] if arguments is None else arguments))
    prefix = f"autograd-mini {parsed.command}: error:"
    try:
        status: int = parsed.run(parsed)
    except (UsageError, ExpressionError) as error:
        print(prefix, error, file=sys.stderr)
        return 2
    except (AutogradError, ImportError, OSError) as error:
        print(prefix, error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(prefix, "interrupted", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograd-mini",
        description="Scalar automatic differentiation, to look at.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_diff(commands)
    _add_demo(commands)
    return parser


def _add_diff(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    diff = commands.add_parser(
        "diff",
        help="differentiate an expression",
        description="Print the value of an expression and its gradient toward every name, beside "
        "a two-sided difference.",
        epilog='example: autograd-mini diff "tanh(w*x + b)" w=0.5 x=2 b=-1 --draw graph.svg',
        allow_abbrev=False,
    )
    diff.add_argument(
        "expression",
        metavar="EXPRESSION",
        help="names, numbers, pi, + - * / **, and functions of the derivative table, such as "
        "tanh(x), maximum(a, b), logsumexp(a, b, c)",
    )
    diff.add_argument("assignments", nargs="*", metavar="NAME=NUMBER", help="one for every name")
    diff.add_argument(
        "--draw", type=Path, metavar="FILE", help="draw the graph (.svg, .png or .pdf)"
    )
    diff.add_argument(
        "--explain", metavar="NAME", help="write out why the gradient toward a name is what it is"
    )
    diff.set_defaults(run=_diff)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="train a network written in scalars on handwritten digits",
        description="Train a multilayer perceptron, written in scalars, on the 1,797 handwritten "
        "digits of scikit-learn; check its gradient three ways first.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo"),
        metavar="DIR",
        help="where neuron.svg, history.svg and weights.npz go (default: demo)",
    )
    parser.add_argument(
        "--epochs",
        type=_integer(least=1),
        default=demo.EPOCHS,
        metavar="N",
        help="how often to go through the training digits (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=_integer(least=0),
        default=0,
        metavar="S",
        help="of the split, the initial weights and the minibatches (default: %(default)s)",
    )
    parser.add_argument(
        "--eager",
        action="store_true",
        help="train with the scalar engine, node by node, instead of the compiled program",
    )
    parser.set_defaults(
        run=lambda parsed: demo.run(parsed.out, parsed.epochs, parsed.seed, eager=parsed.eager)
    )


def _integer(least: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {number}")
        return number

    return integer


def _protect(arguments: Sequence[str]) -> list[str]:
    """Keep argparse from taking an expression such as ``-x**2`` for an option."""
    return [
        f" {argument}" if argument.startswith("-") and not _OPTION.fullmatch(argument) else argument
        for argument in arguments
    ]


def _diff(parsed: argparse.Namespace) -> int:
    expression = parse_expression(parsed.expression)
    numbers = _read_assignments(parsed.assignments, expression)
    values = {name: Value(number, name) for name, number in numbers.items()}
    root = expression(values)
    explained = None if parsed.explain is None else _explained(parsed.explain, values)
    print(f"{expression.text} = {_text(root.data)}")
    if not isinstance(root, Constant):
        if root.parents:
            root.label = expression.text
        root.backward()
        _print_gradients(expression, values)
    if explained is not None:
        print(f"\n{explain(root, explained)}")
    if parsed.draw is not None:
        _draw(root, parsed.draw)
    return 0


def _explained(name: str, values: dict[str, Value]) -> Value:
    if name not in values:
        names = _listed([*values])
        raise UsageError(f"--explain {name!r} is no name of the expression; it has {names}")
    return values[name]


def _read_assignments(assignments: Sequence[str], expression: Expression) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())  # as Python reads the expression's names
        if not (equals and name.isidentifier()):
            raise UsageError(f"expected NAME=NUMBER, such as x=2, got {assignment!r}")
        if name in numbers:
            raise UsageError(f"{name!r} is given twice; give it once")
        try:
            numbers[name] = float(text)
        except ValueError:
            raise UsageError(f"{name!r} must be a number, such as {name}=2, got {text!r}") from None
    missing = [name for name in expression.names if name not in numbers]
    if missing:
        example = " ".join(f"{name}=1" for name in missing)
        raise UsageError(f"no value for {_listed(missing)}; add for example {example}")
    unused = [name for name in numbers if name not in expression.names]
    if unused:
        fixed = " (pi is a number already)" if "pi" in unused else ""
        raise UsageError(f"the expression does not use {_listed(unused)}{fixed}; leave it out")
    return numbers


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _print_gradients(expression: Expression, values: dict[str, Value]) -> None:
    differences = numerical_gradient(
        lambda numbers: expression(dict(zip(values, numbers, strict=True))),
        [value.data for value in values.values()],
    )
    rows = [("name", "value", "gradient", "two-sided difference")]
    doubtful = []
    for (name, value), difference in zip(values.items(), differences, strict=True):
        rows.append((name, _text(value.data), _text(value.grad), _text(difference)))
        if not _agree(value.grad, difference):
            doubtful.append(name)
    print()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *numbers in rows:
        cells = [text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True)]
        print("  ".join([name.ljust(widths[0]), *cells]))
    if doubtful:
        print(
            f"\nThe two disagree toward {', '.join(doubtful)}: a difference is no derivative at a "
            "kink, a jump or a pole, nor where numbers are too large or too small."
        )


def _agree(gradient: float, difference: float) -> bool:
    size = max(1.0, abs(gradient), abs(difference))
    return math.isfinite(gradient) and abs(gradient - difference) <= _AGREEMENT * size


def _text(number: float) -> str:
    return f"{number + 0.0:.10g}"  # -0.0 + 0.0 is 0.0


def _draw(root: Value, path: Path) -> None:
    try:
        print(f"\nThe graph is in {render(draw_graph(root), path)}.")
    except ValueError as error:
        raise UsageError(str(error)) from None
