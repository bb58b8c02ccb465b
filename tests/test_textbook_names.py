"""Names of parameters as in textbooks: those of a model's own layers, each its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini.textbook_names import numbered, textbook_name, textbook_names

INDEX = st.integers(min_value=0, max_value=120)


@pytest.mark.parametrize(
    ("label", "text", "latex"),
    [
        ("layers.0.neurons.0.weights.1", "w¹₁₂", "w^{(1)}_{12}"),
        ("layers.1.neurons.0.bias", "b²₁", "b^{(2)}_{1}"),
        ("layers.11.neurons.8.weights.9", "w¹²₉,₁₀", "w^{(12)}_{9,10}"),
        ("layers.0.neurons.9.bias", "b¹₁₀", "b^{(1)}_{10}"),
        ("layers.1.weight.2.3", "w²₃₄", "w^{(2)}_{34}"),
        ("modules.2.biases.1", "b³₂", "b^{(3)}_{2}"),
        ("neurons.0.weights.1", "w₁₂", "w_{12}"),
        ("weights.0.0", "w₁₁", "w_{11}"),
        ("bias.9", "b₁₀", "b_{10}"),
        ("weights.0", "w₁", "w_{1}"),
        ("gain.1", "g₂", "g_{2}"),
        ("weights.0.2.1.0", "w₁₃₂₁", "w_{1321}"),
        ("weights.0.2.9.0", "w₁,₃,₁₀,₁", "w_{1,3,10,1}"),
        ("layer.neurons.1.weights.0", "w₂₁", "w_{21}"),
        ("encoder.weights.0.1", "encoder w₁₂", r"w^{(\mathrm{encoder})}_{12}"),
        ("cell.layer.neurons.0.bias", "cell b₁", r"b^{(\mathrm{cell})}_{1}"),
        ("layers.0.layer.neurons.0.bias", "b¹₁", "b^{(1)}_{1}"),
        ("encoder.layers.0.neurons.0.bias", "encoder b¹₁", r"b^{(\mathrm{encoder},1)}_{1}"),
        ("my_head.bias", "my_head b", r"b^{(\mathrm{my\_head})}"),
        ("heads.left.weights.0", "heads left w₁", r"w^{(\mathrm{heads\ left})}_{1}"),
        (
            "blocks.1.query.weights.0.1",
            "block 2 query w₁₂",
            r"w^{(\mathrm{block\ 2\ query})}_{12}",
        ),
        ("modules.0.layers.1.weight.2.0", "module 1 w²₃₁", r"w^{(\mathrm{module\ 1},2)}_{31}"),
        (
            "layers.0.attention.key.bias.0",
            "layer 1 attention key b₁",
            r"b^{(\mathrm{layer\ 1\ attention\ key})}_{1}",
        ),
    ],
)
def test_names(label: str, text: str, latex: str) -> None:
    assert textbook_name(label) == (text, latex)


@pytest.mark.parametrize(
    "label",
    [
        *("", "w", "w1", "bias", "weights", "gain", "layers.0", "cell.slope", "encoder"),
        *("layers.00.weight.0.0", "layers.٣.weight.0.0", "layers.0.neurons.0.bias\n"),
        *("layers.-1.weight.0.0", "heads.a 2.weights.0", "0.weights.0", ".weights.0", "a..bias"),
        *("weights.0.0.0.0.0", "encoder.Weights.0.0", "layers.0.weights.0.", "<b>.bias"),
        *(f"layers.{'9' * 5000}.weight.0.0", "weights" + ".1" * 100_000),
    ],
)
def test_other_labels_have_none(label: str) -> None:
    assert textbook_name(label) is None


@given(INDEX, INDEX, INDEX, INDEX, INDEX, INDEX)
def test_two_weights_of_a_model_have_two_names(
    layer: int, j: int, k: int, other_layer: int, other_j: int, other_k: int
) -> None:
    paths = [
        f"layers.{layer}.neurons.{j}.weights.{k}",
        f"layers.{other_layer}.neurons.{other_j}.weights.{other_k}",
    ]
    first, second = map(textbook_name, paths)
    assert first is not None
    assert second is not None
    same = paths[0] == paths[1]
    assert (first.text == second.text) == (first.latex == second.latex) == same
    exponent, index = re.fullmatch(r"w\^\{\((\d+)\)\}_\{([\d,]+)\}", first.latex).groups()  # type: ignore[union-attr]
    assert int(exponent) == layer + 1
    assert index.replace(",", "") == f"{j + 1}{k + 1}"


class Part(nn.Module):
    """Parts under any names."""

    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)


LEAF_PARTS: list[Callable[[], nn.Module]] = [
    lambda: nn.Neuron(2, rng=0),
    lambda: nn.Layer(2, 2, rng=0),
    lambda: nn.Linear(1, 2, rng=0),
    lambda: nn.Linear(12, 1, bias=False, rng=0),
    lambda: nn.MLP(1, [2, 1], rng=0),
    lambda: nn.Sequential(nn.Linear(1, 1, rng=0), "tanh", nn.Linear(1, 1, rng=0)),
    lambda: nn.RNNCell(1, 1, rng=0),
    lambda: nn.GRUCell(1, 1, rng=0),
    lambda: nn.Attention(1, rng=0),
    lambda: nn.LayerNorm(2),
    lambda: nn.Conv2D(1, 2, 2, rng=0),
    lambda: nn.Embedding(2, 1, rng=0),
]
WORDS = ("encoder", "cell", "blocks", "out_2", "heads", "modules", "größe")
ALIKE = ("layer", "layers", "modules", "block", "blocks", "weights", "weight", "neurons", "bias")


def models(words: tuple[str, ...]) -> st.SearchStrategy[nn.Module]:
    """Random modules of modules, in attributes of these names, in lists and in dicts."""

    def parts(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        held = inner | st.lists(inner, min_size=1, max_size=2)
        held |= st.dictionaries(st.sampled_from(("left", "right")), inner, min_size=1)
        attributes = st.dictionaries(st.sampled_from(words), held, min_size=1, max_size=3)
        return attributes.map(lambda found: Part(**found))

    return parts(
        st.recursive(st.sampled_from(LEAF_PARTS).map(lambda make: make()), parts, max_leaves=4)
    )


@given(models(WORDS))
def test_every_parameter_of_a_model_of_parts_has_a_name_of_its_own(model: nn.Module) -> None:
    paths = [path for path, _ in model.named_parameters()]
    assert [parameter.label for parameter in model.parameters()] == paths
    names = [textbook_name(path) for path in paths]
    assert textbook_names(paths) == names
    assert None not in names
    for form in ("text", "latex"):
        assert len({getattr(name, form) for name in names}) == len(paths)


@given(models(ALIKE))
def test_words_for_the_same_are_told_apart_by_primes(model: nn.Module) -> None:
    paths = [path for path, _ in model.named_parameters()]
    names = textbook_names(paths)
    assert None not in names
    for form in ("text", "latex"):
        assert len({getattr(name, form) for name in names}) == len(paths)


def test_parameters_of_many_models_are_told_apart() -> None:
    names = [name for name in textbook_names(["cell.weights.0.1"] * 12) if name]
    assert len({name.text for name in names}) == len({name.latex for name in names}) == 12
    assert [names[i].text for i in (0, 1, 11)] == ["cell w₁₂", "cell w\N{PRIME}₁₂", "cell w₁₂#12"]
    assert names[1].latex == r"{w'}^{(\mathrm{cell})}_{12}"


@pytest.mark.parametrize(
    "model",
    [
        nn.MLP(2, [11, 3, 1], rng=0),
        nn.Layer(3, 12, rng=0),
        nn.Linear(3, 2, rng=0),
        nn.Sequential(nn.Linear(2, 11, rng=0), "tanh", nn.Layer(11, 2, rng=0)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_parameter_of_a_network_has_a_name_of_its_own(model: nn.Module) -> None:
    names = [textbook_name(path) for path, _ in model.named_parameters()]
    assert None not in names
    assert len({name.text for name in names if name}) == len(names)
    assert len({name.latex for name in names if name}) == len(names)


@given(st.text("wx#²٣01 ", max_size=8), st.integers(1, 10**9 - 1))
def test_the_number_of_a_copy_is_read_back(stem: str, copy: int) -> None:
    assert numbered(f"{stem}#{copy}") == (stem, copy)
    known, number = numbered(stem)
    assert stem == (known if number is None else f"{known}#{number}")


@pytest.mark.parametrize(
    "mark", ["#²", "#٣", "#0", "#02", "#", "#-1", "#1.0", "# 2", f"#{'9' * 5000}"]
)
def test_other_marks_are_part_of_a_label(mark: str) -> None:
    assert numbered(f"w{mark}") == (f"w{mark}", None)
    assert textbook_name(f"weights.0.0{mark}") is None


def test_copies_have_primes() -> None:
    for copy in (1, 2, 3, 10):
        name = textbook_name("weights.0.0")
        assert name is not None
        assert textbook_name(f"weights.0.0#{copy}") == name.primed(copy)


@given(
    st.lists(
        st.sampled_from(
            (
                *("weights.0.0", "layer.weights.0.0", "weights.0.0#2", "weights.0.0#1", "x"),
                *("layers.0.weights.0.0", "modules.0.weights.0.0", "weights.0.0#²"),
                *("w₁₁", "w\N{PRIME}₁₁"),
            )
        )
    )
)
def test_names_are_unlike_each_other_and_unlike_labels(labels: list[str]) -> None:
    names = textbook_names(labels)
    texts = [name.text for name in names if name]
    assert len({*texts}) == len(texts)
    others = {label for label, name in zip(labels, names, strict=True) if name is None}
    assert others.isdisjoint(texts)
    first = {name.text for label in labels if (name := textbook_name(label))}
    assert all(re.sub("\N{PRIME}|#.*", "", text) in {"w₁₁", "w¹₁₁"} for text in {*texts, *first})
