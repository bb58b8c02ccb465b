"""The fully connected layers of a model, read off what its modules have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["NetworkLayer", "layers_of"]

_HOLDERS = ("layers", "modules")  # attributes that hold modules in a row
_MODELS = (
    "draw_network draws an MLP, a Layer, a Linear, a Neuron, a Sequential of them with activations "
    "between, or a list of such layers"
)


@dataclass
class NetworkLayer:
    """A fully connected layer.

    Attributes
    ----------
    weights : list of list of Value
        One row for each neuron.
    biases : list of Value or None
        One for each neuron, if there are biases.
    functions : list of str
        What is applied to the weighted inputs, and to that, and so on: names of activations.
    """

    weights: list[list[Any]]
    biases: list[Any] | None
    functions: list[str] = field(default_factory=list)

    @property
    def n_inputs(self) -> int:
        """How many inputs each neuron has.

        Examples
        --------
        >>> NetworkLayer([[1.0, 2.0]], None).n_inputs
        2
        """
        return len(self.weights[0])

    def parameters(self) -> list[Any]:
        """All weights, and all biases.

        Examples
        --------
        >>> NetworkLayer([[1.0, 2.0]], [3.0]).parameters()
        [1.0, 2.0, 3.0]
        """
        return [weight for row in self.weights for weight in row] + (self.biases or [])


def layers_of(model: Any) -> list[NetworkLayer]:
    """Return the layers of a model, first to last.

    Parameters
    ----------
    model : object
        What has ``neurons`` (a Layer), ``weights`` with ``bias`` (a Neuron) or ``biases`` (a
        Linear); what holds such in ``layers`` or ``modules``, also in the ``model_`` of a fitted
        estimator; or a list of them.

    Returns
    -------
    list of NetworkLayer
        At least one; each has as many inputs as the one before has neurons.

    Raises
    ------
    TypeError
        A model that is no stack of fully connected layers.
    ValueError
        Layers that do not fit each other.
    """
    layers: list[NetworkLayer] = []
    for path, part in _parts(getattr(model, "model_", model), ""):
        layer = _dense(part)
        if layer is not None:
            layers.append(layer)
            _check_sizes(layers, path)
        elif _is_part(part) and layers:
            layers[-1].functions.append(_name(part))
        else:
            what = f"{path} is" if path else "got"
            first = " before the first layer" if _is_part(part) and path else ""
            raise TypeError(f"{_MODELS}; {what} {_text(part)}{first}")
    if not layers:
        raise TypeError(f"{_MODELS}; got {type(model).__name__} without a layer")
    _check_nothing_left_out(getattr(model, "model_", model), layers)
    return layers


def _check_nothing_left_out(model: Any, layers: list[NetworkLayer]) -> None:
    """Refuse a model that computes with more than these layers."""
    named = getattr(model, "named_parameters", None)
    drawn = {id(parameter) for layer in layers for parameter in layer.parameters()}
    left = [name for name, value in named() if id(value) not in drawn] if callable(named) else []
    if left:
        raise TypeError(f"{_MODELS}; {type(model).__name__} has {left[0]} besides")


def _parts(model: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All modules in a row, with where each was found."""
    if isinstance(model, (list, tuple)):
        for i, part in enumerate(model):
            yield from _parts(part, f"{path}[{i}]")
        return
    for name in _HOLDERS:
        held = getattr(model, name, None)
        if isinstance(held, (list, tuple)):
            for i, part in enumerate(held):
                yield from _parts(part, f"{path}.{name}[{i}]".lstrip("."))
            return
    yield path, model


def _dense(part: Any) -> NetworkLayer | None:
    """A fully connected layer; None for what is none."""
    neurons = getattr(part, "neurons", None)
    if isinstance(neurons, (list, tuple)) and neurons:
        rows, biases = [neuron.weights for neuron in neurons], [neuron.bias for neuron in neurons]
    elif hasattr(part, "weights") and hasattr(part, "biases"):
        rows, biases = part.weights, part.biases
    elif hasattr(part, "weights") and hasattr(part, "bias"):
        rows, biases = [part.weights], [part.bias]
    else:
        return None
    if not _are_rows(rows):
        return None
    layer = NetworkLayer([list(row) for row in rows], list(biases) if biases else None)
    activations = dict.fromkeys(_name(each.activation) for each in neurons or [part] if _acts(each))
    if [*activations] != ["identity"]:
        layer.functions += [" and ".join(activations)] if activations else []
    return layer


def _acts(part: Any) -> bool:
    return hasattr(part, "activation")


def _are_rows(rows: Any) -> bool:
    """Whether these are rows of Values, as of a matrix, and not those of a kernel."""
    return all(isinstance(row, Sequence) and _are_values(row) for row in rows)


def _are_values(row: Sequence[Any]) -> bool:
    return len(row) > 0 and all(hasattr(value, "data") and hasattr(value, "grad") for value in row)


def _check_sizes(layers: list[NetworkLayer], path: str) -> None:
    if len({len(row) for row in layers[-1].weights}) > 1:
        raise ValueError(f"the neurons of {path or 'the layer'} have different numbers of inputs")
    if len(layers) > 1 and layers[-1].n_inputs != len(layers[-2].weights):
        raise ValueError(
            f"the layers do not fit each other: {path} has {layers[-1].n_inputs} inputs, the one "
            f"before it {len(layers[-2].weights)} neurons"
        )


def _is_part(part: Any) -> bool:
    """Whether something without parameters works on what the layer before it returns."""
    if isinstance(part, str):
        return True
    parameters = getattr(part, "parameters", None)
    return callable(part) and not isinstance(part, type) and not (parameters and parameters())


def _name(part: Any) -> str:
    if isinstance(part, str):
        return part
    return str(getattr(part, "__name__", type(part).__name__.lower()))


def _text(part: Any) -> str:
    return repr(part) if hasattr(part, "parameters") else type(part).__name__
