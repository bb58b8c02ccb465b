"""Models to PyTorch and back: `to_torch` and `from_torch`.

PyTorch is imported only when one of them is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from inspect import isfunction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._nested import data_of, flatten
from ..layers.convolution import Conv2D
from ..layers.dropout import Dropout
from ..layers.embedding import Embedding
from ..layers.linear import Linear
from ..layers.neuron import MLP, Layer
from ..layers.normalization import LayerNorm, RMSNorm
from ..layers.sequential import Part, Sequential
from ..models.module import Module
from ..models.parameters import parameters_to_vector, vector_to_parameters

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
class _Counterpart:
    """A part that is one of PyTorch's modules: its name there, and how each is made of the other.

    `options` and `tensors` are what PyTorch's module is made of, `made` makes ours of it. `usual`
    are options of PyTorch's that have a counterpart with these values alone.
    """

    name: str
    options: Callable[[Any], dict[str, Any]]
    tensors: Callable[[Any], dict[str, NDArray[np.float64]]] | None
    made: Callable[[Any], Part]
    usual: dict[str, Any] = field(default_factory=dict)


def _attributes(**names: str) -> Callable[[Any], dict[str, NDArray[np.float64]]]:
    """The numbers of each tensor from our attribute; what a module does without is left out."""

    def tensors(module: Any) -> dict[str, NDArray[np.float64]]:
        ours = {theirs: getattr(module, name) for theirs, name in names.items()}
        return {theirs: data_of(values) for theirs, values in ours.items() if values is not None}

    return tensors


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
    parts = list(_parts_of(model))
    n_numbers = sum(numbers.size for part in parts for numbers in _tensors_of(part).values())
    if len(model.parameters()) != n_numbers:
        raise ValueError(
            f"to_torch needs {n_numbers} parameters, one for every weight and bias, the model has "
            f"{len(model.parameters())}: PyTorch's layers have no place for shared or computed ones"
        )
    for name, parameter in model.named_parameters():
        if not math.isfinite(parameter.data):
            raise ValueError(f"{name} is {parameter.data}: the model diverged, or was never finite")
    torch = _torch("to_torch")
    modules = [module for part in parts for module in _torch_modules(torch, part)]
    return torch.nn.Sequential(*modules)


def from_torch(model: torch.nn.Sequential) -> MLP | Sequential:
    """Return the equal model in scalars, with copies of the parameters.

    Parameters
    ----------
    model : torch.nn.Sequential, or one of the layers
        `torch.nn.Linear`, `Conv2d`, `LayerNorm`, `RMSNorm`, `Embedding`, `Flatten`, `Dropout` and
        activations; other Sequentials inside are opened. An Embedding takes one token per example.
        Numbers of lower precision become the equal float64 numbers, and an RMSNorm without `eps`
        has PyTorch's for inputs of its weights' precision. A `Softplus` with PyTorch's default
        threshold differs by up to 2e-9 past inputs of 20.

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
    if type(model) in _known_to(torch):
        model = torch.nn.Sequential(model)
    if not _is_sequential(torch, model):
        raise TypeError(f"from_torch takes a torch.nn.Sequential, got {type(model).__name__}")
    modules = list(_opened(torch, model))
    _check_layers([(path, part) for path, part in modules if _has_numbers(torch, part)])
    parts = _parts_from(torch, modules)
    _refuse_hooks(model)
    if not parts:
        raise ValueError("the Sequential is empty: nothing to make layers of")
    return _mlp(parts) or Sequential(parts)


def _torch(function: str) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(f"{function} needs PyTorch; install it with pip install torch") from None
    return torch


# Scalars to modules.


def _parts_of(model: Any) -> Iterator[Part]:
    """The parts of a model, known by what computes their outputs."""
    call = _call_of(model)
    if call in _INSIDE:
        for part in _INSIDE[call](model):
            yield from _parts_of(part)
    elif call in _COUNTERPARTS:
        yield model
    elif isinstance(model, str):
        yield _known(model)
    else:
        what = getattr(model, "__name__", type(model).__name__)
        raise TypeError(
            "to_torch takes an MLP, Layer, Linear, Conv2D, LayerNorm, RMSNorm, Embedding, Dropout, "
            f"nn.flatten or a Sequential of these, got {what}"
        )


_INSIDE: dict[Any, Callable[[Any], Sequence[Any]]] = {
    MLP.__call__: lambda model: model.layers,
    Sequential.__call__: lambda model: model.modules,
}


def _call_of(part: Any) -> Any:
    """What computes a part's outputs: a function itself, or the method of a module's class."""
    if isfunction(part):
        return part
    return None if isinstance(part, type) else getattr(type(part), "__call__", None)  # noqa: B004


def _tensors_of(part: Any) -> dict[str, NDArray[np.float64]]:
    known = _COUNTERPARTS.get(_call_of(part))
    return known.tensors(part) if known and known.tensors else {}


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


def _torch_modules(torch: Any, part: Any) -> list[Any]:
    """The equal module, and the activation that ours has inside."""
    if isinstance(part, str):
        return [_torch_activation(torch, part)]
    known = _COUNTERPARTS[_call_of(part)]
    module = _torch_module(torch, known, part)
    activation = _known(getattr(part, "activation", "identity"))
    return [module] + [_torch_activation(torch, activation)] * (activation != "identity")


def _torch_module(torch: Any, known: _Counterpart, part: Any) -> Any:
    if not hasattr(torch.nn, known.name):
        raise ValueError(f"this PyTorch has no {known.name}: it needs version 2.4")
    kind, options = getattr(torch.nn, known.name), known.options(part)
    if known.tensors is None:
        return kind(**options)
    # That draws nothing from PyTorch's random numbers.
    module = torch.nn.utils.skip_init(kind, **options, dtype=torch.float64)
    with torch.no_grad():
        for name, numbers in known.tensors(part).items():
            getattr(module, name).copy_(torch.tensor(numbers))
    return module


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


def _known_to(torch: Any) -> dict[Any, _Counterpart]:
    """The classes of PyTorch that have a counterpart; those that come twice by the first."""
    known = {getattr(torch.nn, k.name, None): k for k in reversed(_COUNTERPARTS.values())}
    known.pop(None, None)  # of an older PyTorch
    return known


def _has_numbers(torch: Any, module: Any) -> bool:
    known = _known_to(torch).get(type(module))
    return known is not None and known.tensors is not None


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


def _parts_from(torch: Any, modules: Sequence[tuple[str, Any]]) -> list[Part]:
    """Each Linear with the activation that follows; what else there is by itself."""
    parts: list[Part] = []
    known_to = _known_to(torch)
    for path, module in modules:
        known = known_to.get(type(module))
        if known is not None:
            parts.append(_part_from(path, module, known))
        elif (activation := _activation_of(torch, path, module)) == "identity":
            continue
        elif parts and isinstance(plain := parts[-1], Layer) and plain.activation == "identity":
            parts[-1] = _layer(*plain.as_arrays(), activation)
        else:
            parts.append(activation)
    return parts


def _part_from(path: str, module: Any, known: _Counterpart) -> Part:
    _check_options(path, module, known.name, known.usual)
    try:
        return known.made(module)
    except ValueError as error:
        raise ValueError(f"{path}: {known.name}: {error}") from None


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


def _mlp(parts: Sequence[Part]) -> MLP | None:
    """Make the MLP of these layers, if they are those of one."""
    layers = [part for part in parts if isinstance(part, Layer)]
    *hidden, output = [layer.activation for layer in layers] or [""]
    if len(layers) < len(parts) or len({*hidden}) > 1:
        return None
    model = MLP(
        layers[0].n_inputs,
        [layer.n_outputs for layer in layers],
        activation=hidden[0] if hidden else "tanh",
        output_activation=output,
        init="zeros",
    )
    vector_to_parameters(parameters_to_vector(Sequential(layers)), model)
    return model


# What is one module on both sides.


def _filled(module: Module, tensors: Sequence[Any]) -> Module:
    """A module with the numbers of PyTorch's tensors, in the order of its parameters."""
    numbers = [_numbers(tensor).ravel() for tensor in tensors if tensor is not None]
    vector_to_parameters(np.concatenate([*numbers, []]), module)
    return module


def _numbers(tensor: Any) -> Any:
    return tensor.detach().cpu().double().numpy()


def _layer_tensors(layer: Any) -> dict[str, NDArray[np.float64]]:
    _known(*{neuron.activation for neuron in layer.neurons})
    return dict(zip(("weight", "bias"), layer.as_arrays(), strict=True))


def _layer(weights: Any, biases: Any, activation: Any = "identity") -> Layer:
    made = Layer(*weights.shape[::-1], activation=activation, init="zeros")
    vector_to_parameters(np.column_stack([weights, biases]).ravel(), made)
    return made


def _linear(linear: Any) -> Module:
    if linear.bias is not None:
        return _layer(_numbers(linear.weight), _numbers(linear.bias))
    made = Linear(linear.in_features, linear.out_features, bias=False, init="zeros")
    return _filled(made, [linear.weight])


def _linear_options(ours: Any) -> dict[str, Any]:
    bias = getattr(ours, "biases", True) is not None  # a Layer always has them
    return {"in_features": ours.n_inputs, "out_features": ours.n_outputs, "bias": bias}


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
    gain, epsilon = norm.weight is not None, norm.eps
    if epsilon is None:
        if not gain:
            raise ValueError("eps=None depends on the precision of the inputs: give a number")
        epsilon = _rounding(norm.weight.dtype)
    return _filled(RMSNorm(_width(norm), gain=gain, epsilon=epsilon), [norm.weight])


def _rounding(dtype: Any) -> float:
    """The epsilon of numbers in which PyTorch adds up squares: lower precision does so in float32.

    So it does for inputs of the weights' type, which are those that a model is made for.
    """
    torch = _torch("from_torch")
    return float(torch.finfo(torch.promote_types(dtype, torch.float32)).eps)


def _embedding(table: Any) -> Module:
    made = Embedding(table.num_embeddings, table.embedding_dim, init="zeros")
    return _filled(made, [table.weight])


_COUNTERPARTS: dict[Any, _Counterpart] = {
    Layer.__call__: _Counterpart("Linear", _linear_options, _layer_tensors, _linear),
    Linear.__call__: _Counterpart(
        "Linear", _linear_options, _attributes(weight="weights", bias="biases"), _linear
    ),
    Conv2D.__call__: _Counterpart(
        "Conv2d",
        _conv_options,
        _attributes(weight="weights", bias="biases"),
        _conv,
        {"groups": 1, "dilation": (1, 1), "padding_mode": "zeros"},
    ),
    LayerNorm.__call__: _Counterpart(
        "LayerNorm", _layer_norm_options, _attributes(weight="gain", bias="bias"), _layer_norm
    ),
    RMSNorm.__call__: _Counterpart(
        "RMSNorm",
        lambda norm: {
            "normalized_shape": norm.width,
            "eps": norm.epsilon,
            "elementwise_affine": norm.gain is not None,
        },
        _attributes(weight="gain"),
        _rms_norm,
    ),
    Embedding.__call__: _Counterpart(
        "Embedding",
        lambda table: {"num_embeddings": table.n_tokens, "embedding_dim": table.width},
        _attributes(weight="weights"),
        _embedding,
        {"padding_idx": None, "max_norm": None, "scale_grad_by_freq": False},
    ),
    Dropout.__call__: _Counterpart(
        "Dropout", lambda dropout: {"p": dropout.rate}, None, lambda module: Dropout(module.p)
    ),
    flatten: _Counterpart(
        "Flatten", lambda _: {}, None, lambda _: flatten, {"start_dim": 1, "end_dim": -1}
    ),
}
"""By what computes the outputs, each part that has an equal module."""
