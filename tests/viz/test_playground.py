"""The playground that lies in the repository: it is what its sources make, and it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from viz.explorer import build

ROOT = Path(__file__).parents[2]
AGAIN = "run python -m viz.explorer.build --page"


def test_the_page_is_that_of_the_present_sources_and_table() -> None:
    assert build.PLAYGROUND.read_text(encoding="utf-8") == build.playground(), AGAIN


def test_rows_of_users_are_not_in_the_page(register: Callable[..., object]) -> None:
    register("half", "x", "x / 2", ["0.5"], [(-1.0, 1.0)])
    assert build.PLAYGROUND.read_text(encoding="utf-8") == build.playground()


def test_the_page_is_small_and_says_whose_library_it_holds() -> None:
    page = build.PLAYGROUND.read_text(encoding="utf-8")
    assert len(page) < 300_000
    assert build.LICENSE.read_text(encoding="utf-8").strip() in page
    assert "@dagrejs/dagre 3.1.3" in page
    assert "sourceMappingURL" not in page


def test_npm_gives_the_library_that_lies_here() -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    try:
        library, license_text = build.fetched_library()
    except RuntimeError as error:
        pytest.skip(f"npm cannot get the library: {error}")
    assert build.LIBRARY.read_text(encoding="utf-8") == library
    assert build.LICENSE.read_text(encoding="utf-8") == license_text


def test_an_installed_package_has_the_page_and_its_sources(tmp_path: Path) -> None:
    setuptools = pytest.importorskip("setuptools", minversion="77")
    assert setuptools
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("autograd_mini", "nn", "viz"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    script = "import setuptools.build_meta as m; m.build_wheel('made')"
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    with zipfile.ZipFile(next((tmp_path / "made").glob("*.whl"))) as wheel:
        held = {name: wheel.read(name) for name in wheel.namelist()}
    folder = ROOT / "viz" / "explorer"
    files = [build.PLAYGROUND, *(folder / "source").iterdir(), *(folder / "vendor").iterdir()]
    for path in files:
        assert held[path.relative_to(ROOT).as_posix()] == path.read_bytes()


def test_the_script_writes_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("LIBRARY", "LICENSE", "PLAYGROUND"):
        monkeypatch.setattr(build, name, tmp_path / name)
    monkeypatch.setattr(build, "fetched_library", lambda: ("library", "license"))
    assert build.main(["--page"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["PLAYGROUND"]
    assert (tmp_path / "PLAYGROUND").read_text(encoding="utf-8") == build.playground()
    assert build.main([]) == 0
    assert (tmp_path / "LIBRARY").read_text(encoding="utf-8") == "library"
    assert (tmp_path / "LICENSE").read_text(encoding="utf-8") == "license"
    assert "PLAYGROUND" in capsys.readouterr().out


def test_without_npm_the_script_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert build.main([]) == 1
    assert "npm is not installed" in capsys.readouterr().err


def test_what_npm_cannot_get_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: sys.executable)
    with pytest.raises(RuntimeError, match=r"npm could not get @dagrejs/dagre@3\.1\.3: .*pack"):
        build.fetched_library()
