"""Models to PyTorch and back: equal outputs, equal parameters, clear refusals."""

from __future__ import annotations

import builtins
import doctest
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd_mini import Value
from nn import (
    ACTIVATIONS,
    MLP,
    Dropout,
    Layer,
    Linear,
    Module,
    Neuron,
    RMSNorm,
    Sequential,
    flatten,
    from_torch,
    to_torch,
)
from nn.files import torch_models

SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=4)
NAMES = st.sampled_from(sorted(ACTIVATIONS))


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def hide_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without_torch(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return imported(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_torch)


def outputs(model: Any, X: Any) -> Any:
    return np.array([[y.data for y in model(x)] for x in X])


def torch_outputs(model: Any, X: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor(X, dtype=torch.float64)).numpy()


def check_equal(model: Any, peer: Any, seed: int = 0) -> None:
    scale = np.random.default_rng(seed).choice([0.1, 1.0, 30.0], size=(7, 1))
    X = np.random.default_rng(seed).normal(size=(7, model.n_inputs)) * scale
    np.testing.assert_allclose(torch_outputs(peer, X), outputs(model, X), rtol=1e-12, atol=1e-12)


# To PyTorch.


@given(st.integers(1, 5), SIZES, NAMES, NAMES, st.integers(0, 1000))
@settings(max_examples=60)
def test_outputs_are_equal_both_ways(
    n_inputs: int, sizes: list[int], activation: str, output: str, seed: int
) -> None:
    pytest.importorskip("torch")
    options = {"activation": activation, "output_activation": output}
    model = MLP(n_inputs, sizes, **options, rng=seed)
    rng = np.random.default_rng(seed)
    for parameter in model.parameters():
        parameter.data = rng.normal()
    peer = to_torch(model)
    check_equal(model, peer, seed)
    back: Any = from_torch(peer)
    assert back.state_dict() == model.state_dict()
    assert repr(back.layers[:-1]) == repr(model.layers[:-1])
    assert back.layers[-1].activation == output
    check_equal(back, peer, seed)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_alone(torch: Any, name: str) -> None:
    layer = Layer(1, 1, activation=name, rng=0)
    layer.load_state_dict({"neurons.0.weights.0": 1.0, "neurons.0.bias": 0.0})
    X = np.concatenate([np.linspace(-45.0, 45.0, 901), [0.0, -1e-9, 1e-9, 700.0, -700.0]])[:, None]
    peer = to_torch(layer)
    np.testing.assert_allclose(torch_outputs(peer, X), outputs(layer, X), rtol=1e-12, atol=1e-12)
    assert len(peer) == (1 if name == "identity" else 2)


def test_a_torch_model_is_double_and_a_copy(torch: Any) -> None:
    model = MLP(2, [3, 1], rng=0)
    before = model.state_dict()
    state = torch.get_rng_state()
    peer = to_torch(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert [type(module).__name__ for module in peer] == ["Linear", "Tanh", "Linear"]
    for tensor in peer.parameters():
        assert tensor.dtype == torch.float64
        assert tensor.requires_grad
        with torch.no_grad():
            tensor += 1.0
    assert model.state_dict() == before


def test_gradients_are_equal(torch: Any) -> None:
    model = MLP(3, [4, 1], activation="gelu", rng=0)
    peer = to_torch(model)
    model([0.5, -1.0, 2.0])[0].backward()
    peer(torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)).backward()
    with torch.no_grad():
        for layer, linear in zip(model.layers, peer[::2], strict=True):
            ours = [
                [*(w.grad for w in neuron.weights), neuron.bias.grad] for neuron in layer.neurons
            ]
            theirs = torch.cat([linear.weight.grad, linear.bias.grad[:, None]], dim=1)
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def shared() -> MLP:
    model = MLP(2, [2, 1], rng=0)
    model.layers[0].neurons[1].weights[0] = model.layers[0].neurons[0].weights[0]
    return model


def computed() -> MLP:
    model = MLP(2, [2, 1], rng=0)
    model.layers[0].neurons[1].weights[0] = Value(2.0) * 3.0
    return model


def layer_twice() -> Sequential:
    layer = Layer(2, 2, rng=0)
    return Sequential(layer, layer)


def mixed() -> Layer:
    layer = Layer(2, 2, rng=0)
    layer.neurons[0] = Neuron(2, activation="relu", rng=0)
    return layer


class Residual(MLP):
    def __call__(self, inputs: Any) -> list[Value]:
        return [x + y for x, y in zip(inputs, super().__call__(inputs), strict=True)]


class Named(MLP):
    """Its outputs are an MLP's."""


UNEQUAL: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "number": (lambda: 1.0, TypeError, "or a Sequential of these, got float"),
    "module": (Module, TypeError, "got Module"),
    "neuron": (lambda: Neuron(2, rng=0), TypeError, "got Neuron"),
    "class": (lambda: MLP, TypeError, "got MLP"),
    "subclass": (lambda: Residual(2, [2], rng=0), TypeError, "got Residual"),
    "shared": (shared, ValueError, "needs 9 parameters.*the model has 8.*shared or computed"),
    "computed": (computed, ValueError, "needs 9 parameters.*the model has 8.*shared or computed"),
    "layer twice": (layer_twice, ValueError, "needs 12 parameters.*has 6.*shared or computed"),
    "function": (lambda: Sequential(Linear(1, 1), sorted), TypeError, "got sorted"),
    "part": (lambda: Sequential(nn.GRUCell(2, 2), Linear(2, 1)), TypeError, "got GRUCell"),
    "mixed": (mixed, ValueError, "neurons of a layer have different activations"),
}


@pytest.mark.parametrize("case", UNEQUAL)
def test_models_without_an_equal_are_refused(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    hide_torch(monkeypatch)  # it is not needed for this
    make, error, message = UNEQUAL[case]
    with pytest.raises(error, match=message):
        to_torch(make())


def test_an_activation_of_one_s_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "cube", lambda x: x**3)
    with pytest.raises(ValueError, match="PyTorch has no activation 'cube'; known: identity, tanh"):
        to_torch(MLP(1, [1], output_activation="cube", rng=0))


def test_a_subclass_with_the_same_outputs_is_taken(torch: Any) -> None:
    model = Named(2, [3, 1], rng=0)
    check_equal(model, to_torch(model))


# From PyTorch.


def test_a_model_made_in_pytorch(torch: Any) -> None:
    modules = torch.nn
    peer = modules.Sequential(
        modules.Sequential(modules.Linear(3, 4), modules.Identity(), modules.ReLU(inplace=True)),
        modules.Sequential(modules.Linear(4, 2), modules.ReLU()),
        modules.Linear(2, 2),
        modules.Sigmoid(),
    ).double()
    model = from_torch(peer)
    assert repr(model) == repr(
        MLP(3, [4, 2, 2], activation="relu", output_activation="sigmoid", rng=0)
    )
    check_equal(model, peer)
    with torch.no_grad():
        for tensor in peer.parameters():
            tensor.zero_()
    assert any(number for number in model.state_dict().values())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_numbers_of_lower_precision_are_taken_exactly(torch: Any, dtype: str) -> None:
    peer = torch.nn.Sequential(torch.nn.Linear(3, 2, dtype=getattr(torch, dtype)))
    model: Any = from_torch(peer)
    assert [w.data for w in model.layers[0].neurons[1].weights] == peer[0].weight[1].tolist()
    check_equal(model, peer.double())


def test_a_parameter_without_gradient_is_taken(torch: Any) -> None:
    peer = torch.nn.Sequential(torch.nn.Linear(3, 2)).requires_grad_(False)
    assert len(from_torch(peer).parameters()) == 8


def test_softplus_as_pytorch_makes_it(torch: Any) -> None:
    peer = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Softplus()).double()
    model: Any = from_torch(peer)
    assert model.layers[0].activation == "softplus"


def test_linear_layers_in_a_row(torch: Any) -> None:
    peer = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)).double()
    model: Any = from_torch(peer)
    assert [layer.activation for layer in model.layers] == ["identity", "identity"]
    check_equal(model, peer)


MIXED: dict[str, tuple[Callable[[Any], list[Any]], list[str]]] = {
    "activations": (
        lambda m: [m.Linear(2, 3), m.Tanh(), m.Linear(3, 2), m.ReLU(), m.Linear(2, 1)],
        ["Layer(2, 3, 'tanh')", "Layer(3, 2, 'relu')", "Layer(2, 1, 'identity')"],
    ),
    "no bias": (
        lambda m: [m.Linear(2, 3, bias=False), m.ELU(), m.Linear(3, 1)],
        ["Linear(2, 3, bias=False)", "'elu'", "Layer(3, 1, 'identity')"],
    ),
    "dropout": (
        lambda m: [m.Linear(2, 3), m.Tanh(), m.Dropout(0.25), m.Sequential(m.Linear(3, 1))],
        ["Layer(2, 3, 'tanh')", "Dropout(0.25)", "Layer(3, 1, 'identity')"],
    ),
    "first": (lambda m: [m.Tanh(), m.Linear(2, 1)], ["'tanh'", "Layer(2, 1, 'identity')"]),
    "two": (
        lambda m: [m.Linear(2, 2), m.Tanh(), m.Sigmoid(), m.ReLU()],
        ["Layer(2, 2, 'tanh')", "'sigmoid'", "'relu'"],
    ),
    "no linear": (lambda m: [m.GELU()], ["'gelu'"]),
}


@pytest.mark.parametrize("case", MIXED)
def test_what_is_no_mlp_becomes_a_sequential_and_comes_back(torch: Any, case: str) -> None:
    make, parts = MIXED[case]
    peer = torch.nn.Sequential(*make(torch.nn)).double().eval()
    model = from_torch(peer)
    assert isinstance(model, Sequential)
    assert [repr(part).replace("activation=", "") for part in model.modules] == parts
    X = np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_allclose(torch_outputs(peer, X), outputs(model, X), rtol=1e-12, atol=1e-12)
    back = to_torch(model).eval()
    np.testing.assert_allclose(torch_outputs(back, X), outputs(model, X), rtol=1e-12, atol=1e-12)
    wanted = [p.tolist() for p in peer.parameters()]
    assert [p.tolist() for p in back.parameters()] == wanted
    assert [p.training for p in to_torch(model)] == [True] * len(to_torch(model))


def test_a_sequential_of_everything(torch: Any) -> None:
    model = Sequential(
        MLP(3, [4, 4], output_activation="elu", rng=0),
        Sequential(Dropout(0.5), "sin", Linear(4, 3, rng=1)),
        Layer(3, 2, activation="relu", rng=2),
    )
    peer = to_torch(model).eval()
    names = ["Linear", "Tanh", "Linear", "ELU", "Dropout", "Sin", "Linear", "Linear", "ReLU"]
    assert [type(module).__name__ for module in peer] == names
    assert peer[4].p == 0.5
    X = np.random.default_rng(0).normal(size=(7, 3))
    np.testing.assert_allclose(torch_outputs(peer, X), outputs(model, X), rtol=1e-12, atol=1e-12)


def twice(modules: Any) -> list[Any]:
    linear = modules.Linear(2, 2)
    return [linear, modules.ReLU(), linear]


def with_weight(modules: Any, number: complex) -> list[Any]:
    import torch

    linear = modules.Linear(2, 1)
    linear.weight = torch.nn.Parameter(torch.full((1, 2), number))
    return [linear]


REFUSED: dict[str, tuple[Callable[[Any], list[Any]], type[Exception], str]] = {
    "empty": (lambda m: [], ValueError, "the Sequential is empty"),
    "nothing": (lambda m: [m.Sequential(m.Identity())], ValueError, "the Sequential is empty"),
    "other module": (
        lambda m: [m.Linear(1, 1), m.BatchNorm1d(1)], TypeError, "1: BatchNorm1d has no counterpart"
    ),
    "softmax": (
        lambda m: [m.Linear(1, 1), m.Softmax(dim=1)], TypeError, "leave it out: nn.cross_entropy"
    ),
    "slope": (
        lambda m: [m.Linear(1, 1), m.LeakyReLU(0.2)],
        ValueError,
        r"1: LeakyReLU with negative_slope=0\.2 has no.*, only with 0\.01",
    ),
    "alpha": (lambda m: [m.Linear(1, 1), m.ELU(0.5)], ValueError, r"ELU with alpha=0\.5"),
    "gelu": (lambda m: [m.Linear(1, 1), m.GELU("tanh")], ValueError, "approximate='tanh'"),
    "beta": (lambda m: [m.Linear(1, 1), m.Softplus(beta=2)], ValueError, "Softplus with beta=2"),
    "threshold": (
        lambda m: [m.Linear(1, 1), m.Softplus(threshold=5)], ValueError, "with threshold=5"
    ),
    "twice": (twice, ValueError, "share their weights"),
    "sizes": (
        lambda m: [m.Linear(2, 3), m.Linear(2, 1)],
        ValueError,
        "1: takes 2 inputs, the layer before it has 3 outputs",
    ),
    "dropout": (lambda m: [m.Dropout(1.0)], ValueError, "rate must be at least 0 and below 1"),
    "groups": (lambda m: [m.Conv2d(2, 2, 1, groups=2)], ValueError, "0: Conv2d with groups=2"),
    "dilation": (lambda m: [m.Conv2d(1, 1, 2, dilation=2)], ValueError, r"dilation=\(2, 2\) has"),
    "even": (lambda m: [m.Conv2d(1, 1, 2, padding="same")], ValueError, "only with kernels of odd"),
    "padding": (lambda m: [m.Conv2d(1, 1, 1, padding=1)], ValueError, "0: Conv2d: padding must be"),
    "flatten": (lambda m: [m.Flatten(0)], ValueError, "0: Flatten with start_dim=0"),
    "padded": (lambda m: [m.Embedding(3, 2, padding_idx=0)], ValueError, "padding_idx=0"),
    "axes": (lambda m: [m.LayerNorm((2, 3))], ValueError, "0: LayerNorm: only one axis"),
    "rms": (
        lambda m: [m.RMSNorm(2, elementwise_affine=False)],
        ValueError,
        "0: RMSNorm: eps=None depends on the precision",
    ),
    "several tokens": (
        lambda m: [m.Embedding(5, 3), m.Flatten(), m.Linear(6, 2)], ValueError,
        "2: takes 6 inputs, the layer before it has 3 outputs",
    ),
    "widths": (
        lambda m: [m.Linear(2, 3), m.LayerNorm(2)], ValueError, "1: takes 2 inputs.*has 3 outputs",
    ),
    "other dropout": (lambda m: [m.Dropout2d()], TypeError, "0: Dropout2d has no counterpart"),
    "lazy": (lambda m: [m.LazyLinear(2)], TypeError, "0: LazyLinear has no counterpart"),
    "nan": (lambda m: with_weight(m, float("nan")), ValueError, r"0\.weight holds.*not finite"),
    "complex": (lambda m: with_weight(m, 1j), TypeError, r"0\.weight must hold real.*complex"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_torch_models_without_an_equal_are_refused(torch: Any, case: str) -> None:
    make, error, message = REFUSED[case]
    peer = torch.nn.Sequential(*make(torch.nn))
    with pytest.raises(error, match=message):
        from_torch(peer)


@pytest.mark.parametrize("where", ["", "1", "2.0"])
@pytest.mark.parametrize("before", [False, True])
def test_modules_with_hooks_are_refused(torch: Any, where: str, before: bool) -> None:
    modules = torch.nn
    peer = modules.Sequential(
        modules.Linear(2, 2), modules.Tanh(), modules.Sequential(modules.Linear(2, 1))
    ).double()

    def twice(module: Any, inputs: Any, outputs: Any = None) -> Any:
        return inputs[0] * 2 if before else outputs * 2

    hooked = peer.get_submodule(where)
    register = hooked.register_forward_pre_hook if before else hooked.register_forward_hook
    handle = register(twice)
    name = where or "the Sequential"
    kind = "_forward_pre_hooks" if before else "_forward_hooks"
    with pytest.raises(TypeError, match=rf"^{name} has a hook \(twice in {kind}\).*remove it"):
        from_torch(peer)
    handle.remove()
    check_equal(from_torch(peer), peer)


def test_a_pruned_module_is_refused(torch: Any) -> None:
    from torch.nn.utils import prune

    peer = torch.nn.Sequential(torch.nn.Linear(2, 2))
    prune.l1_unstructured(peer[0], "weight", amount=0.5)
    with pytest.raises(TypeError, match=r"^0 has a hook \(L1Unstructured in _forward_pre_hooks"):
        from_torch(peer)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_diverged_model_is_refused(torch: Any, number: float) -> None:
    model = MLP(2, [2, 1], rng=0)
    model.layers[1].neurons[0].bias.data = number
    with pytest.raises(ValueError, match=rf"^layers\.1\.neurons\.0\.bias is {number}"):
        to_torch(model)


def test_what_is_no_sequential_is_refused(torch: Any) -> None:
    class Other(torch.nn.Sequential):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return -super().forward(x)

    linear = torch.nn.Linear(1, 1)
    for peer in (torch.nn.ReLU(), Other(linear), MLP(1, [1], rng=0)):
        message = f"takes a torch.nn.Sequential, got {type(peer).__name__}"
        with pytest.raises(TypeError, match=message):
            from_torch(peer)
    with pytest.raises(TypeError, match="0: Other has no counterpart"):
        from_torch(torch.nn.Sequential(Other(linear)))


# Layers that both sides have.


def conv_net(m: Any) -> list[Any]:
    conv = m.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(1, 0))
    return [conv, m.ReLU(), m.Conv2d(3, 1, 2, bias=False), m.Dropout(0.5), m.Flatten(), m.Tanh()]


LAYERS: dict[str, tuple[Callable[[Any], list[Any]], tuple[int, ...], list[str]]] = {
    "images": (
        conv_net,
        (2, 4, 5),
        [
            "Conv2D(2, 3, kernel_size=(2, 3), stride=(1, 2), padding=(1, 0))",
            "'relu'", "Conv2D(3, 1, kernel_size=(2, 2), bias=False)", "Dropout(0.5)", "flatten",
            "'tanh'",
        ],
    ),
    "to classes": (
        lambda m: [m.Conv2d(2, 1, 3, padding="same"), m.Flatten(), m.Linear(20, 3), m.LayerNorm(3)],
        (2, 4, 5),
        [
            "Conv2D(2, 1, kernel_size=(3, 3), padding=(1, 1))", "flatten",
            "Layer(20, 3, 'identity')", "LayerNorm(3)",
        ],
    ),
    "norms": (
        lambda m: [
            m.LayerNorm(4, eps=0.1), m.Linear(4, 3), m.RMSNorm(3, eps=1e-3), m.ReLU(),
            m.LayerNorm(3, bias=False), m.LayerNorm(3, elementwise_affine=False),
            m.RMSNorm(3, eps=1e-5, elementwise_affine=False),
        ],
        (4,),
        [
            "LayerNorm(4, epsilon=0.1)", "Layer(4, 3, 'identity')", "RMSNorm(3, epsilon=0.001)",
            "'relu'", "LayerNorm(3, bias=False)", "LayerNorm(3, gain=False, bias=False)",
            "RMSNorm(3, gain=False)",
        ],
    ),
}  # fmt: skip


def row(values: Any) -> list[float]:
    return [value.data for value in flatten(values)]


def torch_rows(model: Any, X: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor(X)).reshape(len(X), -1).numpy()


@pytest.mark.parametrize("case", LAYERS)
def test_layers_of_pytorch_come_and_go_back(torch: Any, case: str) -> None:
    make, shape, parts = LAYERS[case]
    peer = torch.nn.Sequential(*make(torch.nn)).double().eval()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for tensor in peer.parameters():
            tensor.copy_(torch.tensor(rng.normal(size=tensor.shape)))
    model: Any = from_torch(peer)
    found = [part if callable(part) and not isinstance(part, Module) else None for part in model]
    texts = ["flatten" if f else repr(part) for part, f in zip(model, found, strict=True)]
    assert [text.replace("activation=", "") for text in texts] == parts
    X = rng.normal(size=(5, *shape))
    wanted = [row(model(x)) for x in X]
    np.testing.assert_allclose(torch_rows(peer, X), wanted, rtol=1e-12, atol=1e-12)
    back = to_torch(model).eval()
    np.testing.assert_allclose(torch_rows(back, X), wanted, rtol=1e-12, atol=1e-12)
    assert [p.tolist() for p in back.parameters()] == [p.tolist() for p in peer.parameters()]
    again: Any = from_torch(back)
    assert again.state_dict() == model.state_dict()


def test_a_convolution_takes_its_activation_along(torch: Any) -> None:
    model = nn.Conv2D(1, 2, 3, padding=1, activation="gelu", rng=0)
    state = torch.get_rng_state()
    peer = to_torch(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert [type(module).__name__ for module in peer] == ["Conv2d", "GELU"]
    X = np.random.default_rng(0).normal(size=(3, 1, 4, 4))
    wanted = [row(model(x)) for x in X]
    np.testing.assert_allclose(torch_rows(peer, X), wanted, rtol=1e-12, atol=1e-12)


def test_an_embedding_takes_one_token(torch: Any) -> None:
    model = Sequential(nn.Embedding(5, 3, rng=0), Linear(3, 2, rng=1))
    peer = to_torch(model)
    tokens = np.array([4, 0, 2, 2])
    np.testing.assert_allclose(torch_rows(peer, tokens), model.predict(tokens), rtol=1e-12)
    np.testing.assert_allclose(from_torch(peer).predict(tokens), model.predict(tokens), rtol=1e-12)


def test_a_layer_alone(torch: Any) -> None:
    linear, norm = torch.nn.Linear(3, 2).double(), torch.nn.LayerNorm(3).double()
    check_equal(from_torch(linear), linear)
    x = np.random.default_rng(0).normal(size=(1, 3))
    np.testing.assert_allclose(torch_rows(norm, x)[0], row(from_torch(norm)(x[0])), rtol=1e-12)


def test_a_layer_norm_that_pytorch_lacks_is_refused(torch: Any) -> None:
    with pytest.raises(ValueError, match="no biases without gains"):
        to_torch(nn.LayerNorm(3, gain=False))


@pytest.mark.parametrize(
    ("dtype", "scale", "tolerance"),
    [("float64", 1e-8, 1e-12), ("float32", 1e-4, 1e-6), ("bfloat16", 1e-3, 2e-2)],
)
def test_an_rms_norm_without_eps_has_that_of_its_precision(
    torch: Any, dtype: str, scale: float, tolerance: float
) -> None:
    kind = getattr(torch, dtype)
    peer = torch.nn.Sequential(torch.nn.RMSNorm(3, dtype=kind))
    model: Any = from_torch(peer)
    x = torch.tensor([[0.5, -1.0, 2.0]], dtype=kind) * scale  # so small that eps counts
    with torch.no_grad():
        wanted = peer(x).double().numpy()
    found = model.predict(x.double().numpy())
    np.testing.assert_allclose(found, wanted, rtol=tolerance)  # rounded in that precision


def test_an_old_pytorch_without_rms_norm_says_so(
    torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(torch.nn, "RMSNorm")
    with pytest.raises(ValueError, match=r"no RMSNorm: it needs version 2\.4"):
        to_torch(RMSNorm(3))
    assert from_torch(torch.nn.Sequential(torch.nn.Linear(1, 1))).parameters()


# Without PyTorch.


@pytest.mark.parametrize("call", [to_torch, from_torch])
def test_without_pytorch_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[Any], Any]
) -> None:
    hide_torch(monkeypatch)
    with pytest.raises(ImportError, match=f"{call.__name__} needs PyTorch.*pip install torch"):
        call(MLP(1, [1], rng=0))


def test_pytorch_is_not_imported_before_it_is_asked_for() -> None:
    script = "import sys, nn; print('torch' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"


@pytest.mark.parametrize("name", ["to_torch", "from_torch"])
def test_the_examples_run(torch: Any, name: str) -> None:
    text = getattr(torch_models, name).__doc__.replace("# doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(text, vars(torch_models), name, None, None)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
    assert name in nn.__all__
