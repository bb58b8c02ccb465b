"""Models to PyTorch and back: `to_torch` and `from_torch`.

PyTorch is imported only when one of them is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from .._nested import flatten
from ..layers.convolution import Conv2D
from ..layers.dropout import Dropout
from ..layers.embedding import Embedding
from ..layers.linear import Linear
from ..layers.neuron import MLP, Layer
from ..layers.normalization import LayerNorm, RMSNorm
from ..layers.sequential import Sequential
from ..models.module import Module
from ..models.parameters import vector_to_parameters

if TYPE_CHECKING:
    import torch

__all__ = ["from_torch", "to_torch"]

_TORCH_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "identity": ("Identity", {}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "relu": ("ReLU", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": 0.01}),
    "elu": ("ELU", {"alpha": 1.0}),
    "gelu": ("GELU", {"approximate": "none"}),
    "silu": ("SiLU", {}),
    "softplus": ("Softplus", {"beta": 1.0, "threshold": 40.0}),
    "softsign": ("Softsign", {}),
}
"""Class in torch.nn and its options, for each activation.

From its threshold on, PyTorch's softplus is the identity: at 40 that is exact in float64, at its
default of 20 it is wrong by up to 2e-9.
"""

_LEAST_THRESHOLD = 20.0  # of a softplus that is taken for ours: PyTorch's default


@dataclass(frozen=True)
class _Dense:
    """A fully connected layer on its way: weights (n_out, n_in), biases and what follows."""

    weights: NDArray[np.float64]
    biases: NDArray[np.float64] | None
    activation: str = "identity"

    def numbers(self) -> NDArray[np.float64]:
        """The parameters in the order of a Layer, or of a Linear without bias."""
        if self.biases is None:
            return self.weights.ravel()
        return np.column_stack([self.weights, self.biases]).ravel()


@dataclass(frozen=True)
class _Counterpart:
    """A module that is one of PyTorch's: its name there, its options and tensors in our terms."""

    name: str
    options: Callable[[Any], dict[str, Any]]
    tensors: dict[str, str]
    made: Callable[[Any], Module]

    def data(self, module: Any) -> dict[str, NDArray[np.float64]]:
        """The numbers of each tensor; what a module does without is left out."""
        ours = {theirs: getattr(module, name) for theirs, name in self.tensors.items()}
        return {theirs: _data(values) for theirs, values in ours.items() if values is not None}


Stage: TypeAlias = _Dense | Module | Callable[..., Any] | str
"""What models are made of on both sides; a str is an activation by itself."""


def to_torch(model: Module) -> torch.nn.Sequential:
    """Return the equal PyTorch model, with copies of the parameters.

    Parameters
    ----------
    model : MLP, Layer, Linear, Conv2D, LayerNorm, RMSNorm, Embedding, Dropout or Sequential of them
        With activations by name, and `nn.flatten`. "sin", which PyTorch lacks, becomes a module of
        its own.

    Returns
    -------
    torch.nn.Sequential
        Of PyTorch's layers, in float64: it takes tensors of N examples, made with
        ``torch.tensor(X, dtype=torch.float64)``; tokens of an Embedding are integers.
        Dropout is on, as in every new PyTorch model, until its ``eval()`` is called.

    Raises
    ------
    TypeError
        A model with other parts.
    ValueError
        An activation or options that PyTorch does not have; parameters that are shared, computed
        or not finite.
    ImportError
        PyTorch is not installed.

    Examples
    --------
    >>> from nn import MLP
    >>> to_torch(MLP(2, [3, 1], rng=0))  # doctest: +SKIP
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Tanh()
      (2): Linear(in_features=3, out_features=1, bias=True)
    )
    """
    stages = list(_stages_of(model))
    n_numbers = sum(map(_size, stages))
    if len(model.parameters()) != n_numbers:
        raise ValueError(
            f"to_torch needs {n_numbers} parameters, one for every weight and bias, the model has "
            f"{len(model.parameters())}: PyTorch's layers have no place for shared or computed ones"
        )
    for name, parameter in model.named_parameters():
        if not math.isfinite(parameter.data):
            raise ValueError(f"{name} is {parameter.data}: the model diverged, or was never finite")
    torch = _torch("to_torch")
    modules = [module for stage in stages for module in _torch_modules(torch, stage)]
    return torch.nn.Sequential(*modules)


def from_torch(model: torch.nn.Sequential) -> MLP | Sequential:
    """Return the equal model in scalars, with copies of the parameters.

    Parameters
    ----------
    model : torch.nn.Sequential, or one of the layers
        `torch.nn.Linear`, `Conv2d`, `LayerNorm`, `RMSNorm`, `Embedding`, `Flatten`, `Dropout` and
        activations; other Sequentials inside are opened. An Embedding takes one token per example.
        Numbers of lower precision become the equal float64 numbers. A `Softplus` with PyTorch's
        default threshold differs by up to 2e-9 past inputs of 20.

    Returns
    -------
    MLP or Sequential
        An MLP where each Linear has a bias and all hidden layers have one activation.

    Raises
    ------
    TypeError
        Something that is no Sequential, a module that has no counterpart or has hooks, numbers that
        are not real.
    ValueError
        A module with options that have no counterpart, layers that share weights or do not fit,
        parameters that are not finite, nothing in the Sequential.
    ImportError
        PyTorch is not installed.

    Examples
    --------
    >>> from torch.nn import Linear, ReLU, Sequential  # doctest: +SKIP
    >>> from_torch(Sequential(Linear(2, 3), ReLU(), Linear(3, 1)))  # doctest: +SKIP
    MLP(
      layers.0: Layer(2, 3, activation='relu')
      layers.1: Layer(3, 1, activation='identity')
    )
    """
    torch = _torch("from_torch")
    if type(model) in _layers(torch):
        model = torch.nn.Sequential(model)
    if not _is_sequential(torch, model):
        raise TypeError(f"from_torch takes a torch.nn.Sequential, got {type(model).__name__}")
    modules = list(_opened(torch, model))
    _check_layers([(path, part) for path, part in modules if type(part) in _layers(torch)])
    stages = _stages_from(torch, modules)
    _refuse_hooks(model)
    if not stages:
        raise ValueError("the Sequential is empty: nothing to make layers of")
    result = _mlp(stages) or Sequential([_part(stage) for stage in stages])
    numbers = [_numbers_of(stage) for stage in stages]
    vector_to_parameters(np.concatenate([*numbers, []]), result)
    return result


def _torch(function: str) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(f"{function} needs PyTorch; install it with pip install torch") from None
    return torch


# Scalars to modules.


def _stages_of(model: Any) -> Iterator[Stage]:
    """The parts of a model, known by what computes their outputs."""
    call = None if isinstance(model, type) else getattr(type(model), "__call__", None)  # noqa: B004
    if call in _PARTS:
        for part in _PARTS[call](model):
            yield from _stages_of(part)
    elif call is Linear.__call__:
        yield _Dense(_data(model.weights), model.biases and _data(model.biases))
    elif call is Layer.__call__:
        weights = _data([neuron.weights for neuron in model.neurons])
        biases = _data([neuron.bias for neuron in model.neurons])
        yield _Dense(weights, biases, _known(*{neuron.activation for neuron in model.neurons}))
    elif call is Dropout.__call__ or call in _COUNTERPARTS or model is flatten:
        yield model
    elif isinstance(model, str):
        yield _known(model)
    else:
        what = getattr(model, "__name__", type(model).__name__)
        raise TypeError(
            "to_torch takes an MLP, Layer, Linear, Conv2D, LayerNorm, RMSNorm, Embedding, Dropout, "
            f"nn.flatten or a Sequential of these, got {what}"
        )


_PARTS: dict[Any, Callable[[Any], Sequence[Any]]] = {
    MLP.__call__: lambda model: model.layers,
    Sequential.__call__: lambda model: model.modules,
}


def _data(values: Any) -> NDArray[np.float64]:
    array = np.array(values, dtype=object)
    numbers = [value.data for value in array.flat]
    return np.array(numbers, dtype=np.float64).reshape(array.shape)


def _size(stage: Stage) -> int:
    """How many numbers a stage has where nothing is shared."""
    if isinstance(stage, _Dense):
        return stage.numbers().size
    known = _COUNTERPARTS.get(_call_of(stage))
    return sum(numbers.size for numbers in known.data(stage).values()) if known else 0


def _call_of(stage: Any) -> Any:
    return getattr(type(stage), "__call__", None)  # noqa: B004


def _known(*names: Any) -> str:
    """The one activation of all neurons of a layer, if PyTorch has it."""
    if len(names) > 1:
        raise ValueError(
            f"the neurons of a layer have different activations ({', '.join(map(str, names))})"
        )
    if names[0] not in (*_TORCH_ACTIVATIONS, "sin"):
        raise ValueError(
            f"PyTorch has no activation {names[0]!r}; known: {', '.join(_TORCH_ACTIVATIONS)}, sin"
        )
    return str(names[0])


def _torch_modules(torch: Any, stage: Stage) -> list[Any]:
    if isinstance(stage, Dropout):
        return [torch.nn.Dropout(stage.rate)]
    if isinstance(stage, str):
        return [_torch_activation(torch, stage)]
    if stage is flatten:
        return [torch.nn.Flatten()]
    if not isinstance(stage, _Dense):
        return _torch_counterpart(torch, stage)
    linear = _torch_linear(torch, stage)
    if stage.activation == "identity":
        return [linear]
    return [linear, _torch_activation(torch, stage.activation)]


def _torch_counterpart(torch: Any, stage: Any) -> list[Any]:
    """The equal module, and the activation that ours has inside."""
    known = _COUNTERPARTS[_call_of(stage)]
    if not hasattr(torch.nn, known.name):
        raise ValueError(f"this PyTorch has no {known.name}: it needs version 2.4")
    options = known.options(stage)
    module = torch.nn.utils.skip_init(getattr(torch.nn, known.name), **options, dtype=torch.float64)
    with torch.no_grad():
        for name, numbers in known.data(stage).items():
            getattr(module, name).copy_(torch.tensor(numbers))
    activation = _known(getattr(stage, "activation", "identity"))
    return [module] + [_torch_activation(torch, activation)] * (activation != "identity")


def _torch_linear(torch: Any, stage: _Dense) -> Any:
    n_out, n_in = stage.weights.shape
    bias = stage.biases is not None
    linear = torch.nn.utils.skip_init(  # draws nothing from PyTorch's random numbers
        torch.nn.Linear, n_in, n_out, bias=bias, dtype=torch.float64
    )
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(stage.weights))
        if bias:
            linear.bias.copy_(torch.tensor(stage.biases))
    return linear


def _torch_activation(torch: Any, activation: str) -> Any:
    if activation == "sin":
        return _sine(torch)()
    name, options = _TORCH_ACTIVATIONS[activation]
    return getattr(torch.nn, name)(**options)


@cache
def _sine(torch: Any) -> type[Any]:
    """The module of the sine, which PyTorch lacks."""

    def forward(self: Any, x: Any) -> Any:
        return torch.sin(x)

    return type("Sin", (torch.nn.Module,), {"forward": forward})


# Modules to scalars.


def _is_sequential(torch: Any, module: Any) -> bool:
    """Whether a module does what a Sequential does; subclasses may do something else."""
    return (
        isinstance(module, torch.nn.Sequential)
        and type(module).forward is torch.nn.Sequential.forward
    )


def _opened(torch: Any, model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Modules with their paths, those of Sequentials inside too."""
    for name, module in model._modules.items():  # children() leaves out what comes twice
        if _is_sequential(torch, module):
            yield from _opened(torch, module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def _refuse_hooks(model: Any) -> None:
    """Refuse modules that do more than their class: hooks, as of ``torch.nn.utils.prune``."""
    for path, module in model.named_modules():
        for kind in ("_forward_pre_hooks", "_forward_hooks"):
            for hook in getattr(module, kind).values():
                name = getattr(hook, "__name__", type(hook).__name__)
                raise TypeError(
                    f"{path or 'the Sequential'} has a hook ({name} in {kind}), which may change "
                    "what it computes: remove it first, by the handle that registering it returned"
                )


def _layers(torch: Any) -> dict[Any, _Counterpart | None]:
    """The classes of PyTorch that have parameters; Linear is a kind of its own."""
    known = {getattr(torch.nn, k.name, None): k for k in _COUNTERPARTS.values()}
    return {torch.nn.Linear: None, **known}


def _check_layers(layers: Sequence[tuple[str, Any]]) -> None:
    for path, layer in layers:
        for name, tensor in layer.named_parameters():
            if not tensor.is_floating_point():
                raise TypeError(f"{path}.{name} must hold real numbers, got {tensor.dtype}")
            if not tensor.isfinite().all():
                raise ValueError(f"{path}.{name} holds numbers that are not finite")
    for (_, before), (path, after) in pairwise(layers):
        gives, takes = _sizes(before)[1], _sizes(after)[0]
        if None not in (gives, takes) and gives != takes:
            raise ValueError(
                f"{path}: takes {takes} inputs, the layer before it has {gives} outputs"
            )
    tensors = [id(tensor) for _, layer in layers for tensor in layer._parameters.values()]
    tensors = [tensor for tensor in tensors if tensor != id(None)]
    if len(set(tensors)) < len(tensors):
        raise ValueError("two of the layers share their weights: give each its own")


def _sizes(layer: Any) -> tuple[int | None, int | None]:
    """How many numbers a layer takes and gives; None where that depends on an image."""
    if hasattr(layer, "in_features"):
        return layer.in_features, layer.out_features
    if hasattr(layer, "normalized_shape"):
        return layer.normalized_shape[-1], layer.normalized_shape[-1]
    return None, getattr(layer, "embedding_dim", None)


def _stages_from(torch: Any, modules: Sequence[tuple[str, Any]]) -> list[Stage]:
    """Each Linear with the activation that follows; what else there is by itself."""
    stages: list[Stage] = []
    for path, module in modules:
        before = stages[-1] if stages else None
        if type(module) is torch.nn.Linear:
            stages.append(_Dense(_numbers(module.weight), _numbers(module.bias)))
        elif type(module) is torch.nn.Dropout:
            stages.append(Dropout(module.p))
        elif type(module) is torch.nn.Flatten:
            _check_options(path, module, "Flatten", {"start_dim": 1, "end_dim": -1})
            stages.append(flatten)
        elif (known := _layers(torch).get(type(module))) is not None:
            stages.append(_module_from(path, module, known))
        elif (activation := _activation_of(torch, path, module)) == "identity":
            continue
        elif _is_plain(before) and before.biases is not None:
            stages[-1] = replace(before, activation=activation)
        else:
            stages.append(activation)
    return stages


def _module_from(path: str, module: Any, known: _Counterpart) -> Module:
    _check_options(path, module, known.name, _USUAL.get(known.name, {}))
    try:
        return known.made(module)
    except ValueError as error:
        raise ValueError(f"{path}: {known.name}: {error}") from None


def _numbers_of(stage: Stage) -> NDArray[np.float64]:
    if isinstance(stage, _Dense):
        return stage.numbers()
    return np.array([p.data for p in stage.parameters()] if isinstance(stage, Module) else [])


def _is_plain(stage: Stage | None) -> TypeGuard[_Dense]:
    return isinstance(stage, _Dense) and stage.activation == "identity"


def _activation_of(torch: Any, path: str, module: Any) -> str:
    if type(module) is _sine(torch):
        return "sin"
    for activation, (name, options) in _TORCH_ACTIVATIONS.items():
        if type(module) is getattr(torch.nn, name):
            _check_options(path, module, name, options)
            return activation
    cure = ""
    if type(module) in (torch.nn.Softmax, torch.nn.LogSoftmax):
        cure = "; leave it out: nn.cross_entropy takes logits"
    raise TypeError(f"{path}: {type(module).__name__} has no counterpart{cure}")


def _check_options(path: str, module: Any, name: str, options: dict[str, Any]) -> None:
    for option, wanted in options.items():
        found = getattr(module, option)
        if found != wanted and not (option == "threshold" and found >= _LEAST_THRESHOLD):
            raise ValueError(
                f"{path}: {name} with {option}={found!r} has no counterpart, only with {wanted!r}"
            )


def _numbers(tensor: Any) -> Any:
    """A tensor's numbers, or None if there is none."""
    return None if tensor is None else tensor.detach().cpu().double().numpy()


def _mlp(stages: Sequence[Stage]) -> MLP | None:
    """Make the MLP of these layers, if they are those of one."""
    layers = [s for s in stages if isinstance(s, _Dense) and s.biases is not None]
    *hidden, output = [layer.activation for layer in layers] or [""]
    if len(layers) < len(stages) or len({*hidden}) > 1:
        return None
    return MLP(
        layers[0].weights.shape[1],
        [len(layer.weights) for layer in layers],
        activation=hidden[0] if hidden else "tanh",
        output_activation=output,
        rng=0,
    )


def _part(stage: Stage) -> Module | Callable[..., Any] | str:
    """Make one module of a Sequential."""
    if not isinstance(stage, _Dense):
        return stage
    n_out, n_in = stage.weights.shape
    if stage.biases is None:
        return Linear(n_in, n_out, bias=False, rng=0)
    return Layer(n_in, n_out, activation=stage.activation, rng=0)


# What is one module on both sides.


def _filled(module: Module, tensors: Sequence[Any]) -> Module:
    """A module with the numbers of PyTorch's tensors, in the order of its parameters."""
    numbers = [_numbers(tensor).ravel() for tensor in tensors if tensor is not None]
    vector_to_parameters(np.concatenate([*numbers, []]), module)
    return module


def _conv_options(conv: Conv2D) -> dict[str, Any]:
    return {
        "in_channels": conv.n_inputs,
        "out_channels": conv.n_outputs,
        "kernel_size": conv.kernel_size,
        "stride": conv.stride,
        "padding": conv.padding,
        "bias": conv.biases is not None,
    }


def _conv(conv: Any) -> Module:
    padding = conv.padding
    if padding == "same":
        if any(size % 2 == 0 for size in conv.kernel_size):
            raise ValueError("padding='same' has a counterpart only with kernels of odd sizes")
        padding = tuple(size // 2 for size in conv.kernel_size)
    made = Conv2D(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        stride=conv.stride,
        padding=0 if padding == "valid" else padding,
        bias=conv.bias is not None,
        init="zeros",
    )
    return _filled(made, [conv.weight, conv.bias])


def _layer_norm_options(norm: LayerNorm) -> dict[str, Any]:
    if norm.gain is None and norm.bias is not None:
        raise ValueError("PyTorch's LayerNorm has no biases without gains")
    return {
        "normalized_shape": norm.width,
        "eps": norm.epsilon,
        "elementwise_affine": norm.gain is not None,
        "bias": norm.bias is not None,
    }


def _width(norm: Any) -> int:
    if len(norm.normalized_shape) != 1:
        raise ValueError(f"only one axis can be normalised, got {norm.normalized_shape}")
    return int(norm.normalized_shape[0])


def _layer_norm(norm: Any) -> Module:
    affine = {"gain": norm.weight is not None, "bias": norm.bias is not None}
    return _filled(LayerNorm(_width(norm), **affine, epsilon=norm.eps), [norm.weight, norm.bias])


def _rms_norm(norm: Any) -> Module:
    if norm.eps is None:
        raise ValueError("eps=None depends on the precision of the inputs: give a number")
    gain = norm.weight is not None
    return _filled(RMSNorm(_width(norm), gain=gain, epsilon=norm.eps), [norm.weight])


def _embedding(table: Any) -> Module:
    made = Embedding(table.num_embeddings, table.embedding_dim, init="zeros")
    return _filled(made, [table.weight])


_COUNTERPARTS: dict[Any, _Counterpart] = {
    Conv2D.__call__: _Counterpart(
        "Conv2d", _conv_options, {"weight": "weights", "bias": "biases"}, _conv
    ),
    LayerNorm.__call__: _Counterpart(
        "LayerNorm", _layer_norm_options, {"weight": "gain", "bias": "bias"}, _layer_norm
    ),
    RMSNorm.__call__: _Counterpart(
        "RMSNorm",
        lambda norm: {
            "normalized_shape": norm.width,
            "eps": norm.epsilon,
            "elementwise_affine": norm.gain is not None,
        },
        {"weight": "gain"},
        _rms_norm,
    ),
    Embedding.__call__: _Counterpart(
        "Embedding",
        lambda table: {"num_embeddings": table.n_tokens, "embedding_dim": table.width},
        {"weight": "weights"},
        _embedding,
    ),
}
_USUAL: dict[str, dict[str, Any]] = {
    "Conv2d": {"groups": 1, "dilation": (1, 1), "padding_mode": "zeros"},
    "Embedding": {"padding_idx": None, "max_norm": None, "scale_grad_by_freq": False},
}
"""Options that have a counterpart with these alone."""
