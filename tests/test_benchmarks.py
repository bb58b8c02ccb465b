"""The benchmarks run, whichever peers are installed; their figures are not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_eager(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.eager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def lines_of_ours(*sections: str) -> list[str]:
    """What a run of the benchmark's sections prints of the engine."""
    process = run_eager(*sections, "--rounds", "1")
    assert process.returncode == 0, process.stderr
    return [line for line in process.stdout.splitlines() if line.startswith("  autograd-mini ")]


def test_eager_benchmark_runs() -> None:
    assert len(lines_of_ours("chain")) == 1


def test_eager_benchmark_measures_memory_and_modes() -> None:
    [memory] = lines_of_ours("memory", "modes")
    forward, backward = (int(number) for number in memory.split()[1:])
    assert forward <= backward <= 320  # bytes per node


def test_unknown_section_is_refused() -> None:
    process = run_eager("fast")
    assert process.returncode == 2
    assert "unknown section" in process.stderr
