"""A small fixed part of the fuzzer; ``python -m tests.fuzz --minutes 60`` goes on."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
from tests.fuzz.__main__ import Report, main
from tests.fuzz.draw import draw
from tests.fuzz.oracle import examine
from tests.fuzz.programs import Program
from tests.fuzz.shrink import shrink
from tests.random_graphs import ROWS

PROGRAMS = 120
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs_agree_with_the_scalar_engine(part: int) -> None:
    report = Report()
    for k in range(part, PROGRAMS, PARTS):
        report.run(f"fixed-{k}", attempts=300)
    assert not report.groups, str(report)
    assert report.numbers > 10 * report.programs


def test_the_programs_of_a_seed_are_the_same_every_time() -> None:
    rows = set(ad.PRIMITIVES)
    for k in range(20):
        assert str(draw(random.Random(f"same-{k}"))) == str(draw(random.Random(f"same-{k}")))
    assert set(ad.PRIMITIVES) == rows


def test_the_programs_hold_every_row_and_all_that_compile_has() -> None:
    sources = "\n".join(str(draw(random.Random(f"kinds-{k}"))) for k in range(400))
    for row in ROWS:
        assert f"ad.{row}(" in sources
    for part in ("ad.grad(", "create_graph=True", "ad.take(", "np.array(", "register_primitive"):
        assert part in sources
    for number in ("1e+200", "5e-324", "-0.0", "inf", "nan", "49"):
        assert number in sources
    for dtype in ("float32", "int8", "uint64", "True", "'cosh'"):
        assert dtype in sources


def test_a_failure_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of programs that call `sin` is doubled."""
    program = Program(
        (),
        ("a", "b"),
        "def f(x):\n    u = [ad.tanh(v) * 2 for v in x]\n    h = ad.sin(w[0] * x[0])\n"
        "    return ad.sum([h + w[1], *u])\n",
        ((np.array([[0.5, 1.0, 2.0], [0.25, 1.5, 3.0]]),),),
        ((1.5, 2.5),),
    )
    assert examine(program).failure is None
    value_and_grad = ad.Program.value_and_grad

    def wrong(self: ad.Program, *arguments: Any) -> Any:
        value, gradient = value_and_grad(self, *arguments)
        return value, gradient * (2 if "sin(" in self.source else 1)

    def fails(smaller: Program) -> bool:
        try:
            found = examine(smaller).failure
        except Exception:  # not a program any more
            return False
        return found is not None and found.kind == "gradient"

    monkeypatch.setattr(ad.Program, "value_and_grad", wrong)
    assert fails(program)
    small = shrink(program, fails, 500)
    assert "sin" in small.source
    assert "tanh" not in small.source
    assert len(small.source) < len(program.source) / 2
    assert small.batches[0][0].shape[0] == 1


def test_the_command_reports_and_exits(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--minutes", "0"])
    assert status == 0
    assert "0 programs" in capsys.readouterr().out
