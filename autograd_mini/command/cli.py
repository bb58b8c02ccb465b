"""The ``autograd-mini`` command.

With the demonstration the roof of the house: what sees `nn` and `viz`.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from viz import draw_graph, explore, render
from viz.explorer import explorer_page
from viz.files import output_path
from viz.graphs.computation_graph import MAX_NODES

from ..core.graph import topological_order
from ..core.value import Constant, Value
from ..derivatives.gradcheck import compare
from ..derivatives.replay import Replay
from ..errors import AutogradError
from ..explanation.derivation import explain
from ..table.primitives import PRIMITIVES
from ..version import __version__
from . import demo, interrupts, play, predict
from .expression import Expression, ExpressionError, parse_expression
from .number_rows import RowsError
from .tables import table

_OPTION = re.compile(r"-h|--|--[a-z]{3,}(=.*)?", re.DOTALL)


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
        Exit status: 0, or 1 for what failed, 2 for what was typed wrongly, 130 after Ctrl-C.

    Examples
    --------
    >>> main(["diff", "x**2", "x=3"])
    x**2 = 9
    <BLANKLINE>
    name  value  gradient  two-sided difference
    x         3         6                     6
    0
    """
    try:
        with interrupts.Raised():
            try:
                return _run(sys.argv[1:] if arguments is None else arguments)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()  # where an error can still be told
    except BrokenPipeError:  # as by ``| head -1``: the reader has all that it wants
        _discard_output()
        return 0
    except OSError as error:
        print("autograd-mini: error:", error, file=sys.stderr)
        _discard_output()
        return 1
    except KeyboardInterrupt:
        print("autograd-mini: interrupted", file=sys.stderr)
        return interrupts.STATUS


def _run(arguments: Sequence[str]) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show
    parsed = _parse(arguments)
    prefix = f"autograd-mini {parsed.command}: error:"
    try:
        status: int = parsed.run(parsed)
    except (UsageError, ExpressionError) as error:
        print(prefix, error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except (AutogradError, ImportError, OSError, predict.PredictionError, RowsError) as error:
        print(prefix, error, file=sys.stderr)
        return 1
    return status


def _discard_output() -> None:
    """Let Python's own flush at the exit meet no error again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; argparse itself takes assignments only in one row."""
    parser = _parser()
    parsed, rest = parser.parse_known_args(_protect(arguments))
    rest = [argument for argument in rest if argument != "--"]
    if rest and (parsed.command != "diff" or any(map(_OPTION.fullmatch, rest))):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        parsed.assignments += rest
    return parsed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autograd-mini",
        description="Scalar automatic differentiation, to look at.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_diff(commands)
    _add_play(commands)
    _add_demo(commands)
    _add_predict(commands)
    for each in (parser, *commands.choices.values()):
        each.add_argument("--version", action="version", version=f"autograd-mini {__version__}")
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
        "tanh(x), maximum(a, b), logsumexp(a, b, c); softmax(a, b, c) is the first of the three",
    )
    diff.add_argument(
        "assignments",
        nargs="*",
        metavar="NAME=NUMBER",
        help="one for every name, such as x=2, x=-1e-3, x=1/3 or x=pi",
    )
    diff.add_argument(
        "--draw", type=Path, metavar="FILE", help="draw the graph (.svg, .png or .pdf)"
    )
    diff.add_argument(
        "--explore",
        type=Path,
        metavar="FILE",
        help="make a page (.html) in which the backward pass is stepped and played",
    )
    diff.add_argument(
        "--explain", metavar="NAME", help="write out why the gradient toward a name is what it is"
    )
    diff.set_defaults(run=_diff)


def _add_play(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "play",
        help="type expressions in a page and watch how their gradients come about",
        description="Open the playground in a browser: a page with a field for expressions, in "
        "which graph, forward pass, backward pass and chain rule follow at once. It is one file "
        "and needs no network.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write a copy of the page (.html) there, and open nothing",
    )
    parser.set_defaults(run=_play)


def _play(parsed: argparse.Namespace) -> int:
    if parsed.out is not None:
        _check("--out", explorer_page.explorer_path, parsed.out)
    return play.run(parsed.out)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="train a network written in scalars on handwritten digits",
        description="Train a multilayer perceptron, written in scalars, on the 1,797 handwritten "
        "digits of scikit-learn; check its gradient three ways first, show what it has learned.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo"),
        metavar="DIR",
        help="where the pictures, the model and some digits go (default: demo)",
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


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "predict",
        help="ask a saved model about rows of numbers",
        description="Print what a model that was saved with model.save(...) says of each example, "
        "a line with numbers between tabs. By default these are the model's outputs.",
        epilog="example: autograd-mini predict demo/model.npz demo/digits.csv --classes",
        allow_abbrev=False,
    )
    parser.add_argument("model", type=Path, metavar="MODEL.npz", help="the saved model")
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="one example per row: text (.csv, .tsv), with a line of names above or without, or an "
        "array of NumPy's (.npy); whole numbers may be tokens; default, or -: standard input",
    )
    asked = parser.add_mutually_exclusive_group()
    for name, described in (
        ("classes", "the class of each example, and its probability"),
        ("proba", "the probability of each class (of label 1, if there is but one output)"),
    ):
        asked.add_argument(
            f"--{name}", dest="asked", action="store_const", const=name, help=described
        )
    parser.set_defaults(run=_predict, asked="outputs")


def _predict(parsed: argparse.Namespace) -> int:
    path = None if parsed.file in (None, Path("-")) else parsed.file
    return predict.run(parsed.model, path, parsed.asked)


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
        f" {argument}"
        if argument[:1] == "-" != argument and not _OPTION.fullmatch(argument)
        else argument
        for argument in arguments
    ]


def _diff(parsed: argparse.Namespace) -> int:
    expression = parse_expression(parsed.expression)
    numbers = _read_assignments(parsed.assignments, expression)
    values = {name: Value(number, name) for name, number in numbers.items()}
    explained = None if parsed.explain is None else _explained(parsed.explain, values)
    root = expression(values)
    if parsed.draw is not None:
        _check_size("--draw", "a picture", root, MAX_NODES)
        _check("--draw", output_path, parsed.draw)
        _check("--draw", draw_graph, root)  # too many edges; its numbers follow
    if parsed.explore is not None:
        _check_size("--explore", "a page", root, explorer_page.MAX_NODES)
        _check("--explore", explorer_page.explorer_path, parsed.explore)
        page = explore(root, title=expression.text)  # before the whole text becomes a label
    print(f"{expression.text} = {_text(root.data)}")
    if not isinstance(root, Constant):
        if root.parents:
            root.label = expression.text
        root.backward()
    _print_gradients(expression, root, values)
    if explained is not None:
        print(f"\n{explain(root, explained)}")
    if parsed.draw is not None:
        print(f"\nThe graph is in {render(draw_graph(root), parsed.draw)}.")
    if parsed.explore is not None:
        print(f"\nThe explorer is in {page.save(parsed.explore).path}.")
    return 0


def _explained(name: str, values: dict[str, Value]) -> Value:
    name = _normalized(name)
    if name not in values:
        names = _listed([*values]) or "none"
        raise UsageError(f"--explain {name!r} is no name of the expression; it has {names}")
    return values[name]


def _check_size(option: str, what: str, root: Value, most: int) -> None:
    """Refuse before the work what could not be shown after it."""
    size = len(topological_order(root))
    if size > most:
        show = option.removeprefix("--")
        raise UsageError(
            f"{option}: the graph has {size:,} values, and {what} of more than {most} is not "
            f"to be read; {show} a part of the expression, or leave out {option}"
        )


def _check(option: str, check: Callable[[Any], object], given: object) -> None:
    """Refuse before the work what the option cannot be used for."""
    try:
        check(given)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _read_assignments(assignments: Sequence[str], expression: Expression) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = _normalized(name)
        if not (equals and name.isidentifier()):
            raise UsageError(f"expected NAME=NUMBER, such as x=2, got {assignment!r}")
        if name in numbers:
            raise UsageError(f"{name!r} is given twice; give it once")
        numbers[name] = _read_number(name, text)
    missing = [name for name in expression.names if name not in numbers]
    if missing:
        example = " ".join(f"{name}={'exp(1)' if name == 'e' else 1}" for name in missing)
        functions = [f"{name}(...)" for name in missing if name in PRIMITIVES]
        hint = f" (a function is written {functions[0]})" if functions else ""
        raise UsageError(f"no value for {_listed(missing)}{hint}; add for example {example}")
    unused = [name for name in numbers if name not in expression.names]
    if unused:
        fixed = " (pi is a number already)" if "pi" in unused else ""
        raise UsageError(f"the expression does not use {_listed(unused)}{fixed}; leave it out")
    return numbers


def _read_number(name: str, text: str) -> float:
    """An expression without names, or nan or inf as Python reads them."""
    if text.strip().lstrip("+-").lower() in ("nan", "inf", "infinity"):
        return float(text)
    wanted = f"{name!r} must be a number, such as {name}=2, got {text.strip()!r:.80}"
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        raise UsageError(f"{wanted}: {error}" if text.strip() else wanted) from None
    if expression.names:
        raise UsageError(f"{wanted}: {_listed(expression.names)} has no value")
    number = expression({}).data
    if math.isnan(number):
        raise UsageError(f"{wanted}: it is not a real number")
    return number


def _normalized(name: str) -> str:
    """A name as Python, and so an expression, reads it."""
    return unicodedata.normalize("NFKC", name.strip())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _print_gradients(expression: Expression, root: Value, values: dict[str, Value]) -> None:
    """Print each gradient beside its two-sided difference, and why the two need not agree."""
    replay = Replay(root)
    rows: list[tuple[str, ...]] = [("name", "value", "gradient", "two-sided difference")]
    doubtful: dict[str, list[str]] = {}
    for name, value in values.items():
        comparison = compare(replay.along(value), value.data, value.grad)
        rows.append((name, *map(_text, (value.data, value.grad, comparison.difference))))
        if not comparison.agrees:
            doubtful.setdefault(comparison.remark, []).append(name)
    if values:
        print("", *table(rows), sep="\n")
    if math.isnan(root.data) and (part := expression.not_real(values)) is not None:
        print(f"\n{part} is not a real number, so there is no derivative.")
        return
    for remark, names in doubtful.items():
        reason = f": {remark}" if remark else ""
        print(f"\nThe two disagree toward {', '.join(names)}{reason}.")


def _text(number: float) -> str:
    return f"{number + 0.0:.10g}"  # -0.0 + 0.0 is 0.0
