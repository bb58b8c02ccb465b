"""``autograd-mini play``: the playground is found, opened, or copied."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from autograd_mini.command import cli
from viz.explorer.build import PLAYGROUND

Output = pytest.CaptureFixture[str]


def test_it_opens_the_page_and_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    opened: list[str] = []

    def browser(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browser)
    assert cli.main(["play"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"The playground is at {opened[0]}\n", "")
    address = urlparse(opened[0])
    assert address.scheme == "file"
    assert Path(unquote(address.path)).read_bytes() == PLAYGROUND.read_bytes()


def test_it_writes_a_copy_and_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Output
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("opened"))
    path = tmp_path / "page.html"
    for _ in range(2):  # an older copy is replaced
        assert cli.main(["play", "--out", str(path)]) == 0
        assert capsys.readouterr().out == f"The playground is in {path}.\n"
        assert path.read_bytes() == PLAYGROUND.read_bytes()


def no_browser(_: str) -> bool:
    return False


def failing_browser(_: str) -> bool:
    raise webbrowser.Error("could not locate runnable browser")


@pytest.mark.parametrize("attempt", [no_browser, failing_browser])
def test_without_a_browser_it_says_what_to_do(
    attempt: object, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(webbrowser, "open", attempt)
    assert cli.main(["play"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("The playground is at file:///")
    assert err.startswith("autograd-mini play: error: no browser could be opened")
    assert "--out" in err


@pytest.mark.parametrize(
    ("name", "message", "status"),
    [("page.svg", "must end in .html", 2), ("missing/page.html", "does not exist", 1)],
)
def test_it_refuses_to_write_there(
    name: str, message: str, status: int, tmp_path: Path, capsys: Output
) -> None:
    assert cli.main(["play", "--out", str(tmp_path / name)]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_it_takes_nothing_else(capsys: Output) -> None:
    with pytest.raises(SystemExit) as exit_of:
        cli.main(["play", "tanh(x)"])
    assert exit_of.value.code == 2
    assert "tanh(x)" in capsys.readouterr().err
