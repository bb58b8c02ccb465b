"""Parameters as one vector, in the order of `parameters()`, and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd_mini import Value, is_ordered

from .._assignment import assign_data
from .module import Module

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Module | Iterable[Value]) -> NDArray[np.float64]:
    """Return the parameters' data as one new vector.

    Parameters
    ----------
    parameters : Module or iterable of Value
        A model, or parameters in the order wanted.

    Returns
    -------
    numpy.ndarray
        Shape (P,), float64, in the order of `parameters()`.

    Raises
    ------
    TypeError
        Something that is neither a module nor made of leaf Values.
    ValueError
        The same parameter twice.

    Examples
    --------
    >>> from nn import Neuron
    >>> parameters_to_vector(Neuron.from_weights([0.5, -1.0], 0.25))
    array([ 0.5 , -1.  ,  0.25])
    """
    return np.array([parameter.data for parameter in parameter_list(parameters)], dtype=np.float64)


def vector_to_parameters(vector: ArrayLike, parameters: Module | Iterable[Value]) -> None:
    """Write a vector into the parameters' data; gradients stay as they are.

    Everything is checked first: either all parameters change or none does.

    Parameters
    ----------
    vector : array_like
        P finite real numbers, in the order of `parameters()`.
    parameters : Module or iterable of Value
        A model, or parameters in the same order.

    Raises
    ------
    TypeError
        A vector of something other than real numbers; parameters that are not leaf Values.
    ValueError
        A vector of the wrong shape, or with a number that is not finite.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron(2, rng=0)
    >>> vector_to_parameters([0.5, -1.0, 0.25], neuron)
    >>> neuron.weights[1].data, neuron.bias.data
    (-1.0, 0.25)
    """
    leaves = parameter_list(parameters)
    data = float_vector(vector, len(leaves), "vector")
    if not np.isfinite(data).all():
        first = int(np.flatnonzero(~np.isfinite(data))[0])
        raise ValueError(f"vector[{first}] is {data[first]}: parameters must be finite")
    assign_data(leaves, data.tolist())


def float_vector(numbers: ArrayLike, length: int, name: str) -> NDArray[np.float64]:
    """Return numbers as a vector of float64, itself where it is one, checked to be so long."""
    vector = np.asarray(numbers)
    if vector.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold real numbers, got an array of {vector.dtype}")
    if vector.shape != (length,):
        raise ValueError(
            f"{name} must have shape ({length},), one number per parameter, got {vector.shape}"
        )
    return vector if vector.dtype == np.float64 else vector.astype(np.float64)


_ADVICE: dict[type, str] = {
    dict: "; make one optimizer for each group of parameters",
    tuple: "; model.parameters() lists them without their names",
}


def parameter_list(parameters: object) -> list[Value]:
    """Return the parameters of a module, or those given, checked to be distinct leaf Values."""
    if isinstance(parameters, Module):
        return parameters.parameters()
    if not is_ordered(parameters):
        raise TypeError(
            f"expected a Module or a list of its parameters, got {type(parameters).__name__}"
        )
    leaves = list(parameters)
    for i, leaf in enumerate(leaves):
        if not isinstance(leaf, Value):
            advice = _ADVICE.get(type(leaf), "")
            raise TypeError(f"parameters[{i}] must be a Value, got {type(leaf).__name__}{advice}")
        if leaf.op != "":
            raise TypeError(
                f"parameters[{i}] must be a leaf, got the result of {leaf.op!r}: "
                "a parameter is a Value made by Value(number)"
            )
    if len({id(leaf) for leaf in leaves}) < len(leaves):
        raise ValueError("the same parameter is listed twice; list each once")
    return leaves
