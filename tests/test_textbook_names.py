"""Names of parameters as in textbooks: those of a model's own layers, each its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini.textbook_names import textbook_name

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
    ],
)
def test_names(label: str, text: str, latex: str) -> None:
    assert textbook_name(label) == (text, latex)


@pytest.mark.parametrize(
    "label",
    [
        *("", "w", "w1", "bias", "weights.0", "layers.0", "layers.0.neurons.0.weights"),
        *("encoder.layers.0.neurons.0.bias", "layers.0.neurons.0.bias.0", "layers.00.weight.0.0"),
        *("layers.٣.weight.0.0", "layers.0.neurons.0.bias\n", "layers.-1.weight.0.0"),
        f"layers.{'9' * 5000}.weight.0.0",
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
