"""The table in JavaScript gives what it gives in Python, in the domains and at their edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

import autograd_mini as ad
from autograd_mini.table.javascript import table_module
from tests.edges import points
from tests.viz import node

pytestmark = node.needs_node

IMPORTS = 'import { NUMBERS, localDerivatives, value } from "./numbers.js";'
LINEARIZE = """(op, operands, wanted) => {
  const y = value(op, operands);
  return [y, ...localDerivatives(op, operands, y, wanted ?? operands.map(() => true))];
}"""
Point = tuple[float, ...]


def sampled(row: str, generator: np.random.Generator, count: int = 60) -> list[Point]:
    """Points in the domain; vectors of 1 to 7 elements."""
    primitive = ad.PRIMITIVES[row]
    found = []
    for i in range(count):
        point: list[float] = []
        for operand, (low, high) in zip(primitive.operands, primitive.domains, strict=True):
            size = {"scalar": 1, "vector": 1 + i % 7, "optional": i % 2}[operand.kind]
            point += generator.uniform(low, high, size).tolist()
        found.append(tuple(point))
    return found


def test_every_row_in_its_domain() -> None:
    generator = np.random.default_rng(0)
    at = {row: sampled(row, generator) for row in ad.PRIMITIVES}
    cases = [(row, point) for row in at for point in at[row]]
    for (row, point), found in zip(cases, node.run(IMPORTS, LINEARIZE, cases), strict=True):
        y, partials = ad.PRIMITIVES[row].linearize(point)
        cancels = row in ("sum", "mean", "dot")  # Python 3.12 compensates its sums
        assert node.agree(found, [y, *partials], cancels), (row, point, found, (y, *partials))


def test_every_row_at_the_edges() -> None:
    cases = [(row, point) for row in ad.PRIMITIVES for point in points(row)]
    for (row, point), found in zip(cases, node.run(IMPORTS, LINEARIZE, cases), strict=True):
        y, partials = ad.PRIMITIVES[row].linearize(point)
        assert node.agree(found, [y, *partials]), (row, point, found, (y, *partials))


HARD = [
    *(5e-324, 1e-310, 2.2e-308, 1e-200, 1e-17, 1.1e-16, 1e-8, 1e-5, 0.1, 0.25, 0.4999, 0.5),
    *(0.69, 0.999999, 1 - 1e-15, 1 - 2**-53, 1 + 2**-52, 1 + 1e-15, 1.0000001, 1.5, 2.0, 3.0),
    *(1.4142135623730951, 1.5707963267948966, 2.718281828459045, 3.141592653589793, 5.9, 6.1),
    *(10.0, 22.0, 26.5, 27.2, 36.7, 100.0, 355.0, 708.0, 709.7, 710.4, 745.0, 1e5, 1e15, 1e22),
]


def test_functions_of_one_number_at_hard_points() -> None:
    """Near 0, near poles and ends of domains, at large arguments, and all over the range."""
    generator = np.random.default_rng(1)
    spread = (10.0 ** generator.uniform(-300, 300, 40)).tolist()
    near = generator.uniform(0, 30, 100).tolist()
    numbers = [sign * x for x in [*HARD, *spread, *near] for sign in (1.0, -1.0)]
    rows = [name for name, row in ad.PRIMITIVES.items() if len(row.operands) == 1]
    rows = [name for name in rows if not ad.PRIMITIVES[name].has_vectors]
    cases = [(row, (x,)) for row in rows for x in numbers]
    for (row, point), found in zip(cases, node.run(IMPORTS, LINEARIZE, cases), strict=True):
        y, partials = ad.PRIMITIVES[row].linearize(point)
        assert node.agree(found, [y, *partials]), (row, point, found, (y, *partials))


def test_error_functions_are_exact_to_their_last_digits() -> None:
    numbers = np.linspace(-8, 27, 3000).tolist()
    cases = [(row, (x,)) for row in ("erf", "erfc") for x in numbers]
    for (row, (x,)), found in zip(cases, node.run(IMPORTS, LINEARIZE, cases), strict=True):
        with mpmath.workdps(40):
            exact = getattr(mpmath, row)(mpmath.mpf(x))
            assert abs(found[0] - exact) <= abs(exact) * 2e-14 + 1e-320, (row, x)


def test_functions_of_two_numbers_over_all_sizes() -> None:
    generator = np.random.default_rng(2)
    sizes = 10.0 ** generator.uniform(-200, 200, (60, 2)) * generator.choice([-1, 1], (60, 2))
    powers = [
        *zip(10.0 ** generator.uniform(-5, 5, 60), generator.uniform(-60, 60, 60), strict=True)
    ]
    powers += [(1 + 1e-7, 1e9), (1 - 1e-10, 1e12), (10.0, 308.0), (10.0, -323.0), (-2.0, 61.0)]
    points_of = {"pow": powers, "hypot": sizes.tolist(), "atan2": sizes.tolist()}
    cases = [(row, tuple(map(float, point))) for row, at in points_of.items() for point in at]
    for (row, point), found in zip(cases, node.run(IMPORTS, LINEARIZE, cases), strict=True):
        y, partials = ad.PRIMITIVES[row].linearize(point)
        assert node.agree(found, [y, *partials]), (row, point, found, (y, *partials))


def test_rows_of_users_with_any_name(register: Callable[..., Callable[..., Any]]) -> None:
    register(
        *("größe", "new, arguments=2", "new * arguments", ["arguments", "new"]),
        domains=[(-1.0, 1.0), (1.0, 2.0)],
        description="</script><!-- \u2028",
    )
    register("constructor", "var...", "sum(square(var)) / n", ["2 * var / n"], [(1.0, 2.0)])
    register(
        "delete", "x", "größe(x, 3) + sigmoid(x)", ["3 + sigmoid(x) * sigmoid(-x)"], [(-1.0, 1.0)]
    )
    register("counted", "x...", "sum(where(n > 1, 1, x))", ["where(n > 1, 0, 1)"], [(1.0, 2.0)])
    cases = [
        ("counted", (5.0, 6.0, 7.0)),
        ("counted", (5.0,)),
        ("größe", (0.5, 3.0)),
        ("constructor", (1.0, 2.0, 4.0)),
        ("delete", (0.5,)),
    ]
    for (row, point), found in zip(cases, node.run(IMPORTS, LINEARIZE, cases), strict=True):
        y, partials = ad.PRIMITIVES[row].linearize(point)
        assert node.agree(found, [y, *partials]), (row, found)
    text = table_module(["delete"])
    assert [name for name in ad.PRIMITIVES if f'"{name}"' in text] == ["sigmoid", "delete"]
    assert "<" not in table_module()
