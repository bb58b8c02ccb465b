"""Every code block of the documentation runs, and prints what it says it prints."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from autograd_mini.command import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

# Shell commands that other places run: `.ci/run` the first three and the checks, tests the others.
COMMANDS = (
    r'python3 -m venv \.venv && \.venv/bin/pip install -e "\.\[demo\]" && '
    r"\.venv/bin/autograd-mini demo",
    r'python3 -m venv \.venv && \.venv/bin/pip install -e "\.\[test\]" && '
    r"\.venv/bin/python -m pytest",
    r"\.venv/bin/autograd-mini predict demo/model\.npz demo/digits\.csv --classes",
    r"python -m benchmarks\.eager",
    r"python -m benchmarks\.compiled",
    r"python -m benchmarks\.ablation",
    r"python -m benchmarks\.training",
    r'python3 -m venv \.venv && \.venv/bin/pip install -e "\.\[dev\]"',
    r"\.venv/bin/(ruff check|ruff format|mypy)",
    r"(HYPOTHESIS_PROFILE=explore )?\.venv/bin/python -m pytest( tests/core)?",
    r"\.venv/bin/python -m tests\.fuzz --help",
    r"\.venv/bin/python -m tools\.pictures",
)


class Block(NamedTuple):
    page: Path
    line: int
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced code blocks of a page."""
    text = page.read_text(encoding="utf-8")
    fences = re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(page, text[: m.start()].count("\n") + 2, m[1], m[2]) for m in fences]


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.usefixtures("register")  # rows that a page adds to the table leave it again
@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_python_blocks_run_one_after_another(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "documentation"}
    for block in blocks(page):
        if block.language == "python":
            source = "\n" * (block.line - 1) + block.text  # so that tracebacks show the page's line
            exec(compile(source, str(page), "exec"), namespace)
        elif block.language == "pycon":
            run_session(block, namespace)


def run_session(block: Block, namespace: dict[str, object]) -> None:
    """Run a session of the interpreter, with what the page has made before it."""
    name = page_name(block.page)
    session = doctest.DocTestParser().get_doctest(
        block.text, namespace, name, str(block.page), block.line - 1
    )
    assert session.examples
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(session, out=report.append, clear_globs=False)
    assert "".join(report) == ""
    namespace.update(session.globs)


def test_a_session_that_prints_something_else_fails() -> None:
    made: dict[str, object] = {"x": 2}
    run_session(Block(PAGES[0], 1, "pycon", ">>> x + 1\n3\n"), made)
    for wrong in (">>> x + 1\n4\n", ">>> x.y\nTraceback (most recent call last):\nKeyError: 1\n"):
        with pytest.raises(AssertionError):
            run_session(Block(PAGES[0], 1, "pycon", wrong), made)


CONSOLE = [block for page in PAGES for block in blocks(page) if block.language == "console"]


@pytest.mark.parametrize("block", CONSOLE, ids=lambda b: f"{page_name(b.page)}:{b.line}")
def test_commands_print_what_the_page_shows(
    block: Block,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    sessions = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert sessions[0] == ""
    for session in sessions[1:]:
        command, _, expected = session.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "autograd-mini"
        cli.main(arguments)
        printed = "".join(capsys.readouterr())
        if not doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS):
            assert printed == expected


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_nothing_on_a_page_goes_unchecked(page: Path) -> None:
    for block in blocks(page):
        assert block.language in {"python", "pycon", "console", "sh", "text"}
        if block.language == "sh":
            for line in block.text.splitlines():
                assert any(re.fullmatch(command, line) for command in COMMANDS), line


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=page_name)
def test_no_page_has_a_gap(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"\b(?:X{2,}|TODO|FIXME|TBD)\b|\?{3}", text) == []


def test_the_readme_names_every_example() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = {path.stem for path in (ROOT / "examples").glob("[!_]*.py")}
    assert {*re.findall(r"\]\(examples/(\w+)\.py\)", text)} == examples


def test_the_readme_has_each_command_once() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    for command in COMMANDS[:2]:
        assert sum(re.fullmatch(command, line) is not None for line in lines) == 1


def test_continuous_integration_runs_the_checks() -> None:
    shown = [
        line
        for block in blocks(ROOT / "CONTRIBUTING.md")
        for line in block.text.splitlines()
        if line.startswith((".venv/bin/ruff", ".venv/bin/mypy"))
    ]
    assert len(shown) == 3
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    for command in shown:
        assert any(line.removesuffix(" --check") == command for line in run), command
