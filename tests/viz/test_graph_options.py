"""Options of draw_graph: what nodes show, numbers, directions, legend, themes, and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

import autograd_mini as ad
from autograd_mini import Value
from tests.viz.picture import read, read_here
from tests.viz.test_computation_graph import TIMES, neuron
from viz import draw_graph


class TestShow:
    @pytest.mark.parametrize(
        ("show", "texts"),
        [
            ("label", ("y",)),
            (["data"], ("data", "0.7071")),
            (("label", "grad"), ("y", "grad", "1")),
            ({"data", "grad"}, ("data", "0.7071", "grad", "1")),
            (("label", "op"), ("y", "op", "tanh")),
        ],
    )
    def test_parts(self, show: object, texts: tuple[str, ...], tmp_path: Path) -> None:
        y, _ = neuron()
        [root] = read(draw_graph(y, show=show), tmp_path).of_kind("root")  # type: ignore[arg-type]
        assert root.texts == texts

    def test_nothing_is_a_dot(self, tmp_path: Path) -> None:
        nodes = read(draw_graph(neuron()[0], show=()), tmp_path).of_kind("interior")
        assert {node.texts for node in nodes} == {()}

    def test_an_operation_inside_needs_no_node(self, tmp_path: Path) -> None:
        a = Value(3.0, "a")
        picture = read(draw_graph(a * a, show=("data", "op")), tmp_path)
        assert picture.of_kind("operation") == []
        assert [edge.name for edge in picture.edges] == ["n0->n1"] * 2
        assert picture.nodes["n1"].texts == ("op", TIMES, "data", "9")

    def test_formulas(self, tmp_path: Path) -> None:
        w, x, b = Value(2.0, "w"), Value(3.0, "x"), Value(1.0, "b")
        s = w * x + b
        s.label = "s"
        y = ad.tanh(s)
        y.label = "y"
        picture = read(draw_graph(y, show=("label", "formula")), tmp_path)
        assert picture.labelled("y").texts == ("y", "= tanh(s)")
        assert picture.labelled("w").texts == ("w",)
        assert picture.labelled("y").tooltip.startswith("y\n= tanh(s)\n")

    def test_formulas_have_the_signs_and_names_of_the_picture(self, tmp_path: Path) -> None:
        w = Value(2.0, "layers.0.neurons.0.weights.1")
        y = ad.sigmoid(w) * w**2
        y.label = "y"
        picture = read(draw_graph(y, show=("label", "formula")), tmp_path)
        assert picture.labelled("y").texts[1] == f"= σ(w¹₁₂) {TIMES} w¹₁₂^2"  # noqa: RUF001

    def test_what_has_no_label_is_named_once_for_all_roots(self, tmp_path: Path) -> None:
        x = Value(0.5, "x")

        def long() -> Value:
            return ad.tanh(ad.exp(x) * ad.sin(x) + ad.cos(x) * x)

        picture = read(draw_graph([long() * 2, long() * 3], show=("label", "formula")), tmp_path)
        names = [node.texts[0] for node in picture.of_kind("interior")]
        called = [name for name in names if not name.startswith("=")]
        assert len(called) == len(set(called)) > 0


class TestNumbers:
    @pytest.mark.parametrize(
        ("spec", "number", "text"),
        [(".3f", 1 / 3, "0.333"), ("+.1e", 12.0, "+1.2e+01"), (".2f", -0.001, "0.00")],
    )
    def test_a_format(self, spec: str, number: float, text: str, tmp_path: Path) -> None:
        picture = read(draw_graph(Value(number), number_format=spec), tmp_path)
        assert picture.nodes["n0"].texts[1] == text

    @pytest.mark.parametrize("spec", ["d", ".3q", "%"])
    def test_no_format_of_a_float(self, spec: str) -> None:
        if spec == "%":
            assert draw_graph(Value(0.5), number_format=spec)
            return
        with pytest.raises(ValueError, match=r"a format of a float such as '.3f' or"):
            draw_graph(Value(1.0), number_format=spec)

    def test_a_format_that_fills_the_page(self) -> None:
        with pytest.raises(ValueError, match="which makes 1000 characters"):
            draw_graph(Value(1.0), number_format="1000")
        with pytest.raises(TypeError, match=r"number_format must be .*, got int"):
            draw_graph(Value(1.0), number_format=3)  # type: ignore[arg-type]  # what is tested


class TestDirection:
    @pytest.mark.parametrize(
        ("rankdir", "axis", "sign"), [("LR", 0, 1), ("RL", 0, -1), ("TB", 1, 1), ("BT", 1, -1)]
    )
    def test_the_graph_grows_there(
        self, rankdir: str, axis: int, sign: int, tmp_path: Path
    ) -> None:
        picture = read(draw_graph(ad.tanh(Value(1.0, "x")), rankdir=rankdir), tmp_path)
        leaf, root = picture.nodes["n0"].centre[axis], picture.nodes["n1"].centre[axis]
        assert (root - leaf) * sign > 0


class TestLegend:
    def test_it_tells_what_is_drawn_and_nothing_else(self, tmp_path: Path) -> None:
        x = Value(2.0, "x")
        words = read(draw_graph(x * Value(3.0), legend=True), tmp_path).words
        assert "local derivative" in words
        assert not any("constant" in word or "infinite" in word for word in words)
        words = read(draw_graph(x * 3.0, edges=None, legend=True), tmp_path).words
        assert "a constant, which has no gradient, and its dashed edge" in words
        assert "local derivative" not in words

    def test_scopes_and_zeros_that_carry_nothing(self) -> None:
        q = Value(0.0, "q")
        with ad.scope("entropy"):
            y = q.log() * q
        y.backward()
        words = read_here(draw_graph(y, edges="both", legend=True)).words
        assert "a scope: what belongs together" in words
        assert "zero carries nothing, as in backward()" in words
        words = read_here(draw_graph(y, legend=True)).words
        assert "zero carries nothing, as in backward()" not in words

    def test_there_is_none_by_default(self, tmp_path: Path) -> None:
        assert "local derivative" not in read(draw_graph(neuron()[0]), tmp_path).words


def contrast(one: str, other: str) -> float:
    """WCAG 2's ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


class TestThemes:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_every_text_can_be_read(self, theme: str) -> None:
        from viz.themes import THEMES

        palette = THEMES[theme]
        grounds = (palette.background, palette.scope, palette.scope_inside)
        fills = (palette.leaf, palette.interior, palette.operation, palette.root, palette.box)
        for ground in (*grounds, *fills):
            assert contrast(palette.ink, ground) >= 7
            assert contrast(palette.quiet, ground) >= 4.5
        for ground in grounds:
            assert contrast(palette.alarm, ground) >= 4.5
            assert contrast(palette.positive, ground) >= 4.5
            assert contrast(palette.negative, ground) >= 4.5

    def test_the_background_is_the_pictures_own(self, tmp_path: Path) -> None:
        for theme, colour in (("light", "#ffffff"), ("dark", "#14181d")):
            assert f'bgcolor="{colour}"' in draw_graph(Value(1.0), theme=theme).source


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rankdir": "lr"}, ValueError, "rankdir must be one of 'LR', 'TB', 'RL', 'BT', got 'lr'"),
        ({"edges": "gradient"}, ValueError, "edges must be one of .*None, got 'gradient'"),
        ({"edges": True}, ValueError, "edges must be one of"),
        ({"theme": "solarized"}, ValueError, "theme must be 'light' or 'dark', got 'solarized'"),
        ({"show": "labels"}, ValueError, "each part in show must be one of .*'labels'"),
        ({"show": ["data", 3]}, ValueError, "each part in show must be one of .*got 3"),
        ({"show": 3}, TypeError, "show must name parts of a node"),
        ({"legend": "yes"}, TypeError, "legend must be True or False, got 'yes'"),
        ({"flow": 1}, TypeError, "flow must be True or False, got 1"),
        ({"collapse": 0}, ValueError, "collapse must be at least 1"),
        ({"collapse": True}, TypeError, "collapse must be a name such as 'layer'.*got True"),
        ({"collapse": 1.5}, TypeError, "collapse must be a name such as 'layer'.*got 1.5"),
        ({"collapse": ["layer", 1]}, TypeError, "got 1 among the names"),
        ({"collapse": []}, ValueError, "got no name"),
    ],
)
def test_refusals(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw_graph(Value(1.0), **options)  # type: ignore[arg-type]  # what is tested
