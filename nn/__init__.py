"""Neural networks written in scalars, on top of `autograd_mini`."""

from .init import glorot_uniform
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    mean_loss,
)
from .module import Module
from .neuron import ACTIVATIONS, MLP, Layer, Neuron
from .optim import SGD, Adam
from .parameters import parameters_to_vector, vector_to_parameters
from .training import (
    History,
    accuracy,
    compiled_gradient,
    correct_class,
    correct_probability,
    correct_sign,
    eager_gradient,
    evaluate,
    fit,
    minibatches,
)

__autograd_library__ = True  # errors name the caller's line, not one in here

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "SGD",
    "Adam",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "accuracy",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "compiled_gradient",
    "correct_class",
    "correct_probability",
    "correct_sign",
    "cross_entropy",
    "eager_gradient",
    "evaluate",
    "fit",
    "glorot_uniform",
    "half_squared_error",
    "mean_loss",
    "minibatches",
    "parameters_to_vector",
    "vector_to_parameters",
]
