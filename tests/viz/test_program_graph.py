"""A compiled program as a picture, read back from its SVG."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Program, ProgramWithAux, Value
from autograd_mini.operation_signs import SIGNS
from examples import char_gpt
from viz import draw_program
from viz.programs.program_graph import MAX_STEPS
from viz.themes import THEMES

from .picture import Drawn, Picture, read

TIMES = "\N{MULTIPLICATION SIGN}"
AnyProgram = Program | ProgramWithAux


def network(n_examples: int = 100) -> AnyProgram:
    model = nn.MLP(2, [16, 16, 1], rng=0)
    program = ad.compile(lambda x, t: nn.half_squared_error(model(x), t), model)
    program.value_and_grad(None, np.ones((n_examples, 2)), np.ones((n_examples, 1)))
    return program


def classifier_with_aux() -> AnyProgram:
    model = nn.MLP(64, [32, 10], rng=0)

    def loss(x: Any, t: Any) -> Any:
        logits = model(x)
        return nn.cross_entropy(logits, t), logits

    program = ad.compile(loss, model, has_aux=True)
    program.value_and_grad(None, np.ones((5, 64)), np.arange(5))
    return program


def three_scalars() -> AnyProgram:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    program = ad.compile(lambda: ad.tanh(a * b + c) * a, [a, b, c], batched=False)
    program.value_and_grad(None)
    return program


def forward_alone() -> AnyProgram:
    model = nn.MLP(2, [3, 2], rng=0)
    program = ad.compile(model, model)
    program(None, np.ones((4, 2)))
    return program


def put_together() -> AnyProgram:
    """Outputs here and there, and a sum that takes several steps."""
    w = [Value(0.5), Value(1.5), Value(2.5)]
    program = ad.compile(
        lambda x: [ad.dot(w, x) + 0.5 * w[0] * w[1], x[1], ad.exp(x[0]), w[0] * w[1]], w
    )
    program(None, np.ones((4, 3)))
    return program


def language_model() -> AnyProgram:
    gpt = char_gpt.make_gpt(5, np.random.default_rng(0))
    program = ad.compile(lambda x, y: char_gpt.loss(gpt, x, y), gpt.parameters(), batched=False)
    program.value_and_grad(None, np.array([0, 3]), np.array([3, 1]))
    return program


every_program = pytest.mark.parametrize(
    "make", [network, classifier_with_aux, three_scalars, forward_alone, put_together]
)


def box_of(picture: Picture, name: str) -> Drawn:
    """The box in which the name of an array stands as a title, with its shape."""
    (box,) = [
        box
        for kind in ("forward", "backward", "gradient", "parameters", "input")
        for box in picture.of_kind(kind)
        if any(
            text == name and after.startswith("(")
            for text, after in zip(box.texts, box.texts[2:], strict=False)
        )
    ]
    return box


def shapes(box: Drawn) -> list[str]:
    return [text.strip() for text in box.texts if text.strip().startswith("(")]


@every_program
def test_every_array_of_the_program_is_there(make: Callable[[], Any], tmp_path: Path) -> None:
    program = make()
    picture = read(draw_program(program), tmp_path)
    drawn = {text for box in picture.nodes.values() for text in box.texts}
    for step in program.steps:
        assert step.name in drawn, step
        box = box_of(picture, step.name)
        for statement in step.statement.splitlines():
            assert statement in box.tooltip.splitlines(), statement


@every_program
def test_matrix_products_are_those_of_the_statistics(
    make: Callable[[], Any], tmp_path: Path
) -> None:
    program = make()
    picture = read(draw_program(program), tmp_path)
    texts = [text.strip() for box in picture.of_kind("forward") for text in box.texts]
    assert texts.count("matrix product") == program.stats.matrix_products
    for box in picture.of_kind("forward"):
        heavy = any(float(width) > 2 for _, _, width, _ in box.outline)
        assert heavy is ("product" in box.kinds) is ("matrix product" in map(str.strip, box.texts))


def test_shapes_and_equations_of_a_network(tmp_path: Path) -> None:
    picture = read(draw_program(network()), tmp_path)
    for name, shape in {
        "x": "(2, n)",
        "z1": "(16, n)",
        "a2": "(16, n)",
        "output": "(n,)",
        "wb3": "(17,)",
        "delta1": "(16, n)",
        "dwb2": "(16, 17)",
    }.items():
        assert shapes(box_of(picture, name))[0] == shape, name
    assert {"w1", "b1"} <= set(box_of(picture, "w1").texts)
    for name, equation in {"delta3": "BP1", "delta1": "BP2", "db1": "BP3", "dw1": "BP4"}.items():
        assert any(equation in text for text in box_of(picture, name).texts), name


def edges_between(picture: Picture, kind: str) -> set[tuple[str, str]]:
    return {(edge.tail, edge.head) for edge in picture.edges if kind in edge.kinds}


def test_scalars_stand_beside_the_arrays_that_they_became(tmp_path: Path) -> None:
    picture = read(draw_program(network()), tmp_path)
    became = dict(edges_between(picture, "became"))
    texts = {
        picture.nodes[head].texts[0]: picture.nodes[tail].texts for tail, head in became.items()
    }
    assert set(texts) == {"z1", "a1", "z2", "a2", "z3", "output"}
    assert texts["a1"] == (f"16 {TIMES} tanh",)
    assert texts["z2"] == (f"16 {TIMES} sum of 17 products",)
    assert texts["z1"] == (f"16 {TIMES} sum of 2 products", f"16 {TIMES} (z1 + b1)")


def test_few_scalars_are_drawn_one_by_one(tmp_path: Path) -> None:
    picture = read(draw_program(three_scalars()), tmp_path)
    texts = {name: node.texts for name, node in picture.nodes.items() if "scalar" in node.kinds}
    assert texts == {
        **{"scalar0": ("a",), "scalar1": ("b",), "scalar2": ("c",)},
        **{"scalar3": (f"{TIMES} +",), "scalar4": ("tanh",), "scalar5": (TIMES,)},
    }
    assert edges_between(picture, "operand") == {
        *[(f"scalar{leaf}", "scalar3") for leaf in range(3)],
        *[("scalar3", "scalar4"), ("scalar4", "scalar5"), ("scalar0", "scalar5")],
    }


def test_a_scalar_used_twice_has_two_edges(tmp_path: Path) -> None:
    a = Value(3.0, "a")
    program = ad.compile(lambda: a * a, [a], batched=False)
    program(None)
    picture = read(draw_program(program), tmp_path)
    assert len([edge for edge in picture.edges if "operand" in edge.kinds]) == 2


def test_the_way_back_is_told_apart_and_points_from_the_output(tmp_path: Path) -> None:
    program = network()
    source = draw_program(program).source
    picture = read(draw_program(program), tmp_path)
    backward = {box.texts[0] for box in picture.of_kind("backward")}
    assert backward == {"delta1", "delta2", "delta3"}
    forward, back = box_of(picture, "delta1"), box_of(picture, "delta2")
    # The earlier step stands below: its edge is written the other way round, with its arrow turned.
    (line,) = [
        line
        for line in source.splitlines()
        if line.strip().startswith(f"{forward.name} -> {back.name}")
    ]
    assert "dir=back" in line


def test_names_and_numbers_of_the_caption(tmp_path: Path) -> None:
    w = [Value(0.1 * k) for k in range(3)]
    program = ad.compile(lambda x: ad.tanh(ad.dot(w[: len(x)], x)), w)
    program(None, np.ones((4, 2)))
    assert "traces" not in draw_program(program).source
    program(None, np.ones((4, 3)))
    source = draw_program(program).source
    assert f"{program.stats.nodes} scalar nodes became" in source
    assert "of 2 traces the one used last: one example is (3,)" in source
    assert "how many examples a batch has" in source
    assert "how many examples" not in draw_program(three_scalars()).source


def test_the_batch_does_not_change_the_picture() -> None:
    assert draw_program(network(3)).source == draw_program(network(100)).source


def test_a_large_program_is_refused_before_its_steps_are_described() -> None:
    class Large:
        stats = SimpleNamespace(nodes=10**6, matrix_products=50_000, elementwise_steps=50_000)
        traces = ()

        @property
        def steps(self) -> Any:
            raise AssertionError("not to be described")

    with pytest.raises(
        ValueError, match=rf"more than 100,000 array steps, .*max_steps={MAX_STEPS}: .*source"
    ):
        draw_program(Large())


def test_what_is_refused() -> None:
    program = network()
    count = len(program.steps)
    with pytest.raises(ValueError, match=rf"has {count} array steps.*max_steps={count}\)"):
        draw_program(program, max_steps=count - 1)
    draw_program(program, max_steps=count)
    model: Any = nn.MLP(2, [1], rng=0)
    with pytest.raises(TypeError, match=r"got MLP: draw_program\(autograd_mini.compile"):
        draw_program(model)
    fresh = ad.compile(model, model)
    with pytest.raises(ValueError, match="nothing is traced yet: call the program"):
        draw_program(fresh)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        draw_program(program, max_steps=0)
    for wrong in (True, 2.0, "3"):
        with pytest.raises(TypeError, match="max_steps must be an int"):
            draw_program(program, max_steps=wrong)  # type: ignore[arg-type]
    assert count < MAX_STEPS


def test_labels_are_text(tmp_path: Path) -> None:
    """What does not go into names does not go into the picture either."""
    names = ["<b>", '"]; evil [label="', "a\\N", "&amp;"]
    w = [Value(0.1, name) for name in names]
    program = ad.compile(lambda x: ad.tanh(ad.dot(w, x)), w)
    program.value_and_grad(None, np.ones((2, 4)))
    source = draw_program(program).source
    assert "evil" not in source
    read(draw_program(program), tmp_path)


def colours_of(source: str) -> set[str]:
    return set(re.findall(r"#[0-9a-f]{6}\b", source))


@pytest.mark.parametrize("make", [network, three_scalars, language_model])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_colours_are_the_themes(make: Callable[[], Any], theme: str) -> None:
    palette = THEMES[theme]
    source = draw_program(make(), theme=theme).source
    assert colours_of(source) <= set(dataclasses.astuple(palette))
    assert f'bgcolor="{palette.background}"' in source
    assert draw_program(make(), theme="light").source == draw_program(make()).source


def test_a_theme_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="theme must be 'light' or 'dark', got 'blue'"):
        draw_program(network(), theme="blue")


def test_operations_are_written_as_signs(tmp_path: Path) -> None:
    a, b = Value(1.0, "a"), Value(2.0, "b")
    program = ad.compile(lambda: [-a, a / b, a - b, b**3, ad.sigmoid(a)], [a, b], batched=False)
    program(None)
    picture = read(draw_program(program), tmp_path)
    texts = {text for node in picture.of_kind("scalar") for text in node.texts}
    assert texts == {"a", "b", "\N{MINUS SIGN}", "\N{DIVISION SIGN}", "^", SIGNS["sigmoid"]}


def attention() -> AnyProgram:
    model = nn.Attention(4, 2, rng=0)
    program = ad.compile(lambda x: ad.sum([v for row in model(x) for v in row]), model)
    program.value_and_grad(None, np.ones((5, 3, 4)))
    return program


def test_headings_stand_above_their_columns(tmp_path: Path) -> None:
    assert len(read(draw_program(network()), tmp_path).of_kind("heading")) == 4


@pytest.mark.parametrize("make", [attention, language_model])
def test_where_columns_are_wide_a_legend_says_what_boxes_are(
    make: Callable[[], Any], tmp_path: Path
) -> None:
    large = draw_program(make())
    assert read(large, tmp_path).of_kind("heading") == []
    source = " ".join(large.source.split())
    for text in ("scalars of one example", "arrays, forward", "error signals", "gradients"):
        assert text in source
    assert "labelloc=t" in source


def test_nothing_stands_alone(tmp_path: Path) -> None:
    """Without parameters there is no way back, and no seed of it."""
    program = ad.compile(lambda x: ad.exp(x) * 3.0, [])
    program.value_and_grad(None, np.ones(4))
    picture = read(draw_program(program), tmp_path)
    assert picture.of_kind("backward") == []
    headings = {text for box in picture.of_kind("heading") for text in box.texts}
    assert headings == {"scalars of one example", "arrays, forward"}
