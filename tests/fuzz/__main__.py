"""``python -m tests.fuzz --minutes 5``: random programs until the time is up, then a report."""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .draw import draw
from .oracle import Failure, examine
from .programs import Program
from .shrink import shrink

NUMBERS = "a number for a number"
ATTEMPTS = 1000


@dataclass
class Group:
    """Failures of one kind and place, and the smallest program found."""

    count: int = 0
    smallest: Program | None = None
    failure: Failure | None = None
    seeds: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What was run and what failed."""

    programs: int = 0
    numbers: int = 0
    tolerated: int = 0
    groups: dict[tuple[str, ...], Group] = field(default_factory=dict)
    met: dict[tuple[str, str], int] = field(default_factory=dict)

    def run(self, seed: str, attempts: int = ATTEMPTS) -> None:
        """Draw and examine the program of one seed."""
        program = draw(random.Random(seed))
        outcome = examine(program)
        self.programs += 1
        self.numbers += outcome.numbers
        self.tolerated += outcome.tolerated
        if outcome.failure is None:
            return
        key = outcome.failure.key
        self.met[key] = self.met.get(key, 0) + 1
        if self.met[key] <= (20 if key[1] == NUMBERS else 3):

            def fails(smaller: Program) -> bool:
                try:
                    found = examine(smaller).failure
                except Exception:  # not a program any more
                    return False
                return found is not None and found.key == key

            program = shrink(program, fails, attempts)
        failure = examine(program).failure or outcome.failure
        group_key = (*key, *primitives(program)) if key[1] == NUMBERS else key
        group = self.groups.setdefault(group_key, Group())
        group.count += 1
        group.seeds.append(seed)
        if group.smallest is None or len(str(program)) < len(str(group.smallest)):
            group.smallest, group.failure = program, failure

    def __str__(self) -> str:
        parts = []
        for number, (key, group) in enumerate(self.sorted(), 1):
            note = group.failure.note if group.failure else ""
            title = f"{' | '.join(key)}: {group.count}, seeds {', '.join(group.seeds[:3])}"
            parts.append(f"--- {number}. {title}\n# {note}\n{group.smallest}\n")
        closing = f"{self.programs:,} programs, {self.numbers:,} numbers compared"
        failed = sum(self.met.values())
        parts.append(
            f"{closing} ({self.tolerated:,} arrays within rounding only by rerunning), "
            f"{failed:,} failures in {len(self.groups)} groups"
        )
        return "\n".join(parts)

    def sorted(self) -> list[tuple[tuple[str, ...], Group]]:
        return sorted(self.groups.items(), key=lambda item: -item[1].count)


def primitives(program: Program) -> list[str]:
    """The functions that a program calls."""
    called = set(re.findall(r"\bad\.(\w+)", program.source))
    return sorted(called | ({"a row of its own"} if program.rows else set()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a directory for the smallest failing scripts")
    given = parser.parse_args(arguments)
    report, stop, k = Report(), time.monotonic() + 60 * given.minutes, 0
    while time.monotonic() < stop:
        report.run(f"{given.seed}-{k}")
        k += 1
    print(report)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        for number, (key, group) in enumerate(report.sorted(), 1):
            note = f"# {' | '.join(key)}\n# {group.failure.note if group.failure else ''}\n"
            (given.out / f"failure{number}.py").write_text(f"{note}{group.smallest}\n")
    return 1 if report.groups else 0


if __name__ == "__main__":
    sys.exit(main())
