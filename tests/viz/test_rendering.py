"""Writing pictures: formats, either Graphviz, and what happens with neither."""

from __future__ import annotations

import errno
import os
import stat
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import graphviz
import pytest

import autograd_mini as ad
from autograd_mini import Value
from autograd_mini.errors import RenderError
from tests.viz.picture import Picture
from viz import bundled_graphviz, draw_graph, render

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}


@pytest.fixture
def picture() -> graphviz.Digraph:
    return draw_graph(Value(3.0, label="x") * Value(2.0, label="ŵ"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def no_system_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def make_dot(folder: Path, program: str) -> None:
    """Put an executable called dot into the folder that is the PATH."""
    dot = folder / "dot"
    dot.write_text(f"#!{sys.executable}\nimport sys\n{program}\n")
    dot.chmod(dot.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def no_pygraphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


class TestFormats:
    @pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "SVG", "Png"])
    def test_by_suffix(self, picture: graphviz.Digraph, out: Path, suffix: str) -> None:
        path = out / f"graph.{suffix}"
        assert render(picture, path) == path
        assert path.read_bytes().startswith(MAGIC[suffix.lower()])
        assert list(out.iterdir()) == [path]

    def test_takes_a_string(self, picture: graphviz.Digraph, out: Path) -> None:
        assert render(picture, str(out / "graph.svg")) == out / "graph.svg"

    def test_takes_a_bare_file_name(
        self, picture: graphviz.Digraph, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(out)
        render(picture, "graph.svg")
        assert (out / "graph.svg").exists()

    def test_png_is_sharper_than_the_svg_is_large(
        self, picture: graphviz.Digraph, out: Path
    ) -> None:
        width, _ = struct.unpack(">II", render(picture, out / "graph.png").read_bytes()[16:24])
        svg = render(picture, out / "graph.svg").read_text(encoding="utf-8")
        points = float(svg.split('<svg width="')[1].split("pt")[0])
        assert width == pytest.approx(points * 144 / 72, abs=4)

    def test_the_users_resolution_is_kept(self, picture: graphviz.Digraph, out: Path) -> None:
        def width() -> int:
            data = render(picture, out / "graph.png").read_bytes()
            return int(struct.unpack(">I", data[16:20])[0])

        usual = width()
        picture.graph_attr["dpi"] = "72"
        assert width() == pytest.approx(usual / 2, abs=4)

    def test_the_digraph_is_left_as_it_was(self, picture: graphviz.Digraph, out: Path) -> None:
        before = picture.source
        render(picture, out / "graph.png")
        assert picture.source == before

    def test_an_existing_file_is_replaced(self, picture: graphviz.Digraph, out: Path) -> None:
        path = out / "graph.svg"
        path.write_text("old")
        render(picture, path)
        assert path.read_bytes().startswith(b"<?xml")


class TestBadArguments:
    @pytest.mark.parametrize("name", ["graph", "graph.gif", "graph.svg.txt", ".svg", "graph."])
    def test_suffix(self, picture: graphviz.Digraph, out: Path, name: str) -> None:
        with pytest.raises(ValueError, match=r"must end in \.svg, \.png or \.pdf"):
            render(picture, out / name)
        assert list(out.iterdir()) == []

    def test_missing_directory(self, picture: graphviz.Digraph, out: Path) -> None:
        with pytest.raises(FileNotFoundError, match="absent' does not exist; create it first"):
            render(picture, out / "absent" / "graph.svg")

    def test_path_is_a_directory(self, picture: graphviz.Digraph, out: Path) -> None:
        (out / "graph.svg").mkdir()
        with pytest.raises(IsADirectoryError, match="it is a directory"):
            render(picture, out / "graph.svg")

    def test_not_a_path(self, picture: graphviz.Digraph) -> None:
        with pytest.raises(TypeError, match="path must be a str or a Path, got int"):
            render(picture, 3)  # type: ignore[arg-type]  # what is tested

    def test_a_prompt_says_how_to_write_a_picture(self) -> None:
        assert "viz.render(picture, 'x.svg')" in repr(draw_graph(Value(1.0)))

    def test_not_a_digraph(self, out: Path) -> None:
        with pytest.raises(TypeError, match=r"a picture, such as draw_graph\(value\), got Value"):
            render(Value(1.0), out / "graph.svg")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a script with a #! line")
class TestSystemGraphviz:
    def test_is_asked_first(
        self, picture: graphviz.Digraph, out: Path, no_system_dot: Path, no_pygraphviz: None
    ) -> None:
        make_dot(
            no_system_dot,
            "source = sys.stdin.buffer.read()\n"
            "lines = [b'<svg>', ' '.join(sys.argv[1:]).encode(), source + b'</svg>']\n"
            "sys.stdout.buffer.write(b'\\n'.join(lines))",
        )
        written = render(picture, out / "graph.svg").read_text("utf-8")
        _, arguments, source = written.split("\n", 2)
        assert arguments.split() == ["-Kdot", "-Tsvg"]
        assert source == f"{picture.source}</svg>"

    def test_its_failure_is_told(
        self, picture: graphviz.Digraph, out: Path, no_system_dot: Path
    ) -> None:
        make_dot(no_system_dot, "sys.exit('Format: \"svg\" not recognized')")
        with pytest.raises(RenderError, match='dot failed: Format: "svg" not recognized'):
            render(picture, out / "graph.svg")
        assert (out / "graph.dot").read_text("utf-8") == picture.source
        assert list(out.iterdir()) == [out / "graph.dot"]

    @pytest.mark.parametrize("suffix", MAGIC)
    @pytest.mark.parametrize(
        ("program", "told"),
        [
            ("", "wrote nothing"),
            ("print(' ')", "wrote nothing"),
            ("print('Segmentation fault')", "wrote something else"),
            ("print('<?xml version=\\'1.0\\'?><svg><g>')", "wrote something else"),  # cut off
        ],
    )
    def test_success_without_a_picture_is_a_failure(
        self,
        picture: graphviz.Digraph,
        out: Path,
        no_system_dot: Path,
        suffix: str,
        program: str,
        told: str,
    ) -> None:
        make_dot(no_system_dot, program)
        (out / f"graph.{suffix}").write_text("old")
        with pytest.raises(RenderError, match=f"Graphviz failed: .* {told}"):
            render(picture, out / f"graph.{suffix}")
        assert (out / f"graph.{suffix}").read_text() == "old"

    @pytest.mark.parametrize(
        ("program", "ending"),
        [
            ("sys.exit(3)", "it ended with exit status 3 and no message"),
            ("import os; os.kill(os.getpid(), 9)", "it was ended by signal 9"),
        ],
    )
    def test_a_dot_that_ends_without_a_word(
        self,
        picture: graphviz.Digraph,
        out: Path,
        no_system_dot: Path,
        program: str,
        ending: str,
    ) -> None:
        make_dot(no_system_dot, program)
        with pytest.raises(RenderError, match=f"dot failed: {ending}"):
            render(picture, out / "graph.svg")

    def test_a_users_dot_file_is_not_overwritten(
        self, picture: graphviz.Digraph, out: Path, no_system_dot: Path
    ) -> None:
        make_dot(no_system_dot, "sys.exit(1)")
        (out / "graph.dot").write_text("mine")
        (out / "elsewhere").write_text("mine too")
        (out / "graph-2.dot").symlink_to(out / "elsewhere")
        for _ in range(2):  # the same source is not kept twice
            with pytest.raises(RenderError, match=r"DOT source is in '.*graph-3\.dot'"):
                render(picture, out / "graph.svg")
        assert (out / "graph.dot").read_text() == "mine"
        assert (out / "elsewhere").read_text() == "mine too"
        assert (out / "graph-3.dot").read_text("utf-8") == picture.source
        assert len(list(out.iterdir())) == 4

    def test_a_source_that_cannot_be_kept_does_not_hide_the_failure(
        self,
        picture: graphviz.Digraph,
        out: Path,
        no_system_dot: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError("disk full")

        make_dot(no_system_dot, "sys.exit('it is broken')")
        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(RenderError, match=r"dot failed: it is broken\.$"):
            render(picture, out / "graph.svg")
        assert list(out.iterdir()) == []

    def test_a_dot_that_cannot_run(
        self, picture: graphviz.Digraph, out: Path, no_system_dot: Path
    ) -> None:
        (no_system_dot / "dot").write_bytes(b"\0not a program")
        (no_system_dot / "dot").chmod(0o755)
        with pytest.raises(RenderError, match="Graphviz failed: "):
            render(picture, out / "graph.svg")


class TestPygraphviz:
    def test_draws_where_there_is_no_system_dot(
        self, picture: graphviz.Digraph, out: Path, no_system_dot: Path
    ) -> None:
        drawn = Picture(render(picture, out / "graph.svg").read_bytes())
        assert drawn.labelled("ŵ").texts == ("ŵ", "data", "2", "grad", "0")

    def test_its_failure_is_told(self, out: Path, no_system_dot: Path) -> None:
        broken = graphviz.Digraph(body=["\tthis is -> -> not DOT\n"])
        with pytest.raises(RenderError, match="Graphviz failed"):
            render(broken, out / "graph.svg")
        assert (out / "graph.dot").read_text("utf-8") == broken.source

    def test_what_has_no_letters_is_visible(self, out: Path, no_system_dot: Path) -> None:
        digraph = graphviz.Digraph(body=['\ta [label="<\ud800>"]\n'])
        root = ElementTree.fromstring(render(digraph, out / "graph.svg").read_bytes())
        assert "<\N{REPLACEMENT CHARACTER}>" in "".join(root.itertext())

    def test_an_odd_source_is_kept(
        self, out: Path, no_system_dot: Path, no_pygraphviz: None
    ) -> None:
        with pytest.raises(RenderError, match="no Graphviz was found"):
            render(graphviz.Digraph(body=["\t\ud800\n"]), out / "graph.svg")
        assert "\N{REPLACEMENT CHARACTER}" in (out / "graph.dot").read_text("utf-8")

    @pytest.mark.parametrize("image_format", ["xyz", "", "dot", 3])
    def test_other_formats_are_refused(self, image_format: Any) -> None:
        with pytest.raises(ValueError, match=r"^image_format must be one of svg, png, pdf, got"):
            bundled_graphviz.draw("digraph {a}", image_format, "dot")

    def test_a_layout_without_end_is_ended(
        self, out: Path, no_system_dot: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bundled_graphviz, "_PROGRAM", "while True: pass")
        monkeypatch.setattr(bundled_graphviz, "PATIENCE", 0.2)
        with pytest.raises(RenderError, match=r"not come to an end within 0\.2 seconds: draw less"):
            render(graphviz.Digraph(), out / "graph.svg")

    def test_threads_draw_the_same(self, no_system_dot: Path, out: Path) -> None:
        pictures = [draw_graph(Value(float(i), label=f"x{i}") * 2.0) for i in range(12)]

        def draw(i: int) -> bytes:
            return render(pictures[i], out / f"{i}.svg").read_bytes()

        alone = [draw(i) for i in range(12)]
        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(draw, range(12))) == alone


class TestNoGraphviz:
    def test_names_both_remedies_and_keeps_the_source(
        self, picture: graphviz.Digraph, out: Path, no_system_dot: Path, no_pygraphviz: None
    ) -> None:
        with pytest.raises(RenderError) as caught:
            render(picture, out / "graph.svg")
        message = str(caught.value)
        assert "pip install pygraphviz" in message
        assert "apt install graphviz" in message
        assert str(out / "graph.dot") in message
        assert (out / "graph.dot").read_text("utf-8") == picture.source
        assert list(out.iterdir()) == [out / "graph.dot"]

    def test_an_existing_picture_stays(
        self, picture: graphviz.Digraph, out: Path, no_system_dot: Path, no_pygraphviz: None
    ) -> None:
        (out / "graph.svg").write_text("old")
        with pytest.raises(RenderError):
            render(picture, out / "graph.svg")
        assert (out / "graph.svg").read_text() == "old"


class TestNoHalfFiles:
    def test_a_failed_write_leaves_the_old_file(
        self, picture: graphviz.Digraph, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError("disk full")

        (out / "graph.svg").write_text("old")
        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            render(picture, out / "graph.svg")
        assert (out / "graph.svg").read_text() == "old"
        assert list(out.iterdir()) == [out / "graph.svg"]

    def test_a_failed_write_names_the_file_that_was_meant(
        self, picture: graphviz.Digraph, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(source: Path, _: Path) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(source))

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(PermissionError, match=r"Permission denied: '\S+graph\.svg'$"):
            render(picture, out / "graph.svg")

    def test_a_symbolic_link_is_replaced_and_not_followed(
        self, picture: graphviz.Digraph, out: Path
    ) -> None:
        (out / "elsewhere").write_text("mine")
        (out / "graph.svg").symlink_to(out / "elsewhere")
        render(picture, out / "graph.svg")
        assert (out / "elsewhere").read_text() == "mine"
        assert not (out / "graph.svg").is_symlink()

    def test_permissions_are_the_usual_ones(self, picture: graphviz.Digraph, out: Path) -> None:
        (out / "usual").touch()
        render(picture, out / "graph.svg")
        assert (out / "graph.svg").stat().st_mode == (out / "usual").stat().st_mode


class TestSizes:
    @pytest.fixture
    def chain(self) -> graphviz.Digraph:
        value = Value(1.0)
        for _ in range(150):
            value = ad.tanh(value)
        return draw_graph(value)

    def test_a_bitmap_too_large_for_its_format(self, chain: graphviz.Digraph, out: Path) -> None:
        with pytest.raises(
            RenderError, match=r"too large for a \.png file.*32,767.*write an \.svg"
        ):
            render(chain, out / "graph.png")
        assert {path.suffix for path in out.iterdir()} == {".dot"}
        chain.graph_attr["dpi"] = "30"  # what fits is drawn
        width = struct.unpack(">I", render(chain, out / "graph.png").read_bytes()[16:20])[0]
        assert 5_000 < width < 32_767

    @pytest.mark.parametrize("suffix", ["svg", "pdf"])
    def test_others_have_no_limit(self, chain: graphviz.Digraph, out: Path, suffix: str) -> None:
        assert render(chain, out / f"graph.{suffix}").stat().st_size > 0


class TestNotebooks:
    def test_the_bundled_graphviz_is_enough(self, no_system_dot: Path) -> None:
        bundle = draw_graph(Value(2.0, "a") * 3)._repr_mimebundle_()
        assert ElementTree.fromstring(bundle["image/svg+xml"]).tag.endswith("svg")

    def test_without_any_the_remedy_is_shown(
        self, no_system_dot: Path, no_pygraphviz: None
    ) -> None:
        bundle = draw_graph(Value(2.0, "a") * 3)._repr_mimebundle_(include=None, exclude=None)
        assert set(bundle) == {"text/plain", "text/html"}
        for text in bundle.values():
            assert "pip install pygraphviz" in text
            assert "apt install graphviz" in text

    @pytest.mark.skipif(os.name == "nt", reason="the stand-in for dot is a script with a #! line")
    def test_what_dot_says_is_text(self, no_system_dot: Path) -> None:
        make_dot(no_system_dot, "sys.exit('<b>broken</b>')")
        bundle = draw_graph(Value(2.0, "a") * 3)._repr_mimebundle_()
        assert "<b>" not in bundle["text/html"]
        assert "dot failed: <b>broken</b>" in bundle["text/plain"]


NOISY = """
import sys
from pathlib import Path
from typing import Any
from autograd_mini import Value
from viz import draw_graph, render
picture = draw_graph(Value(2.0, "重み") * 3)
render(picture, Path(sys.argv[1]) / "graph.png")
picture._repr_mimebundle_()
print("pygraphviz" in sys.modules)
"""


def test_what_the_font_library_says_reaches_nobody(out: Path, no_system_dot: Path) -> None:
    """It complains of a file of settings that it does not understand."""
    settings = out / "fonts.conf"
    settings.write_text('<?xml version="1.0"?><fontconfig><unheard-of/></fontconfig>')
    environment = {**os.environ, "FONTCONFIG_FILE": str(settings), "PATH": str(no_system_dot)}
    done = subprocess.run(
        [sys.executable, "-c", NOISY, str(out)],
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_broken_pygraphviz_is_none(
    picture: graphviz.Digraph, out: Path, no_system_dot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = out.parent / "broken"
    (broken / "pygraphviz").mkdir(parents=True)
    (broken / "pygraphviz" / "__init__.py").write_text("raise OSError('libgvc is missing')")
    monkeypatch.setattr(bundled_graphviz, "_folder", lambda: str(broken))
    monkeypatch.setattr(
        bundled_graphviz,
        "_PROGRAM",
        bundled_graphviz._PROGRAM.replace("sys.path.append(", "sys.path.insert(0, "),
    )
    with pytest.raises(RenderError, match=r"no Graphviz was found.*pip install pygraphviz"):
        render(picture, out / "graph.svg")
