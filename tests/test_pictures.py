"""The pictures of README and docs: one list draws them all, and each is shown."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import pictures

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
SHOWN = r"!\[([^\]]+)\]\(([^)]+)\)"


def test_the_list_is_what_the_folder_has() -> None:
    assert {path.name for path in pictures.IMAGES.iterdir()} == {*pictures.PICTURES}


def test_each_is_shown_and_described() -> None:
    shown = set()
    for page in PAGES:
        for alt, target in re.findall(SHOWN, page.read_text(encoding="utf-8")):
            assert len(alt) > 30, f"{page.name}: what does {target} show?"
            shown.add((page.parent / target).resolve().relative_to(ROOT).as_posix())
    assert shown == {f"docs/images/{name}" for name in pictures.PICTURES}


@pytest.mark.parametrize("name", [name for name in pictures.PICTURES if name.endswith(".svg")])
def test_the_drawings_ask_for_nothing_from_elsewhere(name: str) -> None:
    root = ElementTree.parse(pictures.IMAGES / name).getroot()
    for element in root.iter():
        for attribute, value in element.attrib.items():
            if attribute.endswith("href"):
                assert value.startswith(("#", "data:image/png;base64,")), value


def test_the_same_pictures_are_the_same_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = [name for name in pictures.PICTURES if name.endswith(".svg")]  # fonts are not ours
    names = [name for name in drawn if pictures.PICTURES[name] is not pictures.DEMO]
    for folder in ("a", "b"):
        pictures.main([*names, "--out", str(tmp_path / folder)])
    assert capsys.readouterr().out.splitlines()[0].startswith("neuron.svg, network.svg, ")
    for name in names:
        first, second = ((tmp_path / folder / name).read_bytes() for folder in "ab")
        assert first == second


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pictures.main(["no.svg"])
    assert "no picture is called no.svg: there are neuron.svg, " in capsys.readouterr().err


def test_a_run_that_fails_draws_nothing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="exit status 2"):
        pictures.command("diff", "x +", "--draw", "{folder}/x.svg")(tmp_path)
    assert list(tmp_path.iterdir()) == []
