"""The benchmarks run, whichever peers are installed; their figures are not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_eager(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.eager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_eager_benchmark_runs() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.eager",
        "chain",
        "memory",
        "modes",
        "--rounds",
        "1",
    ]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert process.returncode == 0, process.stderr
    ours = [line for line in process.stdout.splitlines() if line.startswith("  autograd-mini ")]
    assert len(ours) == 2  # of chain and of memory
    forward, backward = (int(number) for number in ours[1].split()[1:])
    assert forward <= backward <= 320  # bytes per node


def test_unknown_section_is_refused() -> None:
    process = run_eager("fast")
    assert process.returncode == 2
    assert "unknown section" in process.stderr
