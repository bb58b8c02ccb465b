"""Neural networks written in scalars, on top of `autograd_mini`."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._nested import flatten
from .activations import ACTIVATIONS
from .archive import ArchiveError
from .attention import Attention
from .backprop_trace import BackpropTrace, LayerTrace, trace_backprop
from .batches import minibatches
from .callbacks import Callback, EarlyStopping, LearningRateSchedule, Record, Training
from .checkpoint import Checkpoint
from .convolution import Conv2D
from .dropout import Dropout
from .embedding import Embedding
from .history import History
from .init import (
    INITIALISERS,
    constant,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    uniform,
    zeros,
)
from .linear import Linear
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    hinge,
    huber,
    l1_penalty,
    l2_penalty,
    mean_absolute_error,
    mean_loss,
    mean_squared_error,
    multi_class_hinge,
)
from .metrics import accuracy, confusion_matrix, r_squared
from .module import Module
from .neuron import MLP, Layer, Neuron
from .normalization import LayerNorm, RMSNorm
from .optim import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp
from .parameters import parameters_to_vector, vector_to_parameters
from .randomness import counting, draw, drawn, evaluation_mode, feeding, training_mode
from .recurrent import GRUCell, RNNCell
from .saving import load
from .schedules import ConstantSchedule, CosineSchedule, LinearSchedule, StepSchedule, WarmUp
from .sequential import Sequential
from .torch_models import from_torch, to_torch
from .training import DivergenceError, evaluate, fit

__autograd_library__ = True  # errors name the caller's line, not one in here

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "MLP",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "ArchiveError",
    "Attention",
    "BackpropTrace",
    "Callback",
    "Checkpoint",
    "ConstantSchedule",
    "Conv2D",
    "CosineSchedule",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "GRUCell",
    "History",
    "Layer",
    "LayerNorm",
    "LayerTrace",
    "LearningRateSchedule",
    "Linear",
    "LinearSchedule",
    "Module",
    "Neuron",
    "Optimizer",
    "RMSNorm",
    "RMSProp",
    "RNNCell",
    "Record",
    "Sequential",
    "StepSchedule",
    "Training",
    "WarmUp",
    "accuracy",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "confusion_matrix",
    "constant",
    "counting",
    "cross_entropy",
    "draw",
    "drawn",
    "evaluate",
    "evaluation_mode",
    "feeding",
    "fit",
    "flatten",
    "from_torch",
    "glorot_normal",
    "glorot_uniform",
    "half_squared_error",
    "he_normal",
    "he_uniform",
    "hinge",
    "huber",
    "l1_penalty",
    "l2_penalty",
    "lecun_normal",
    "load",
    "mean_absolute_error",
    "mean_loss",
    "mean_squared_error",
    "minibatches",
    "multi_class_hinge",
    "parameters_to_vector",
    "r_squared",
    "to_torch",
    "trace_backprop",
    "training_mode",
    "uniform",
    "vector_to_parameters",
    "zeros",
]

_ELSEWHERE = {
    "BCELoss": "binary_cross_entropy(outputs, target)",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits(outputs, target)",
    "Conv2d": "Conv2D(n_inputs, n_outputs, kernel_size)",
    "CrossEntropyLoss": "cross_entropy(outputs, target)",
    "Dense": "Layer(n_inputs, n_outputs)",
    "ELU": '"elu" in a Sequential, or Layer(n_in, n_out, activation="elu")',
    "Flatten": "flatten, a function that a Sequential takes as it is",
    "GELU": '"gelu" in a Sequential, or Layer(n_in, n_out, activation="gelu")',
    "GRU": "GRUCell(n_inputs, n_hidden), whose unroll(rows) goes through a sequence",
    "HuberLoss": "huber(outputs, target)",
    "Identity": '"identity" in a Sequential, or lambda x: x',
    "l1_loss": "mean_absolute_error(outputs, target)",
    "L1Loss": "mean_absolute_error(outputs, target)",
    "LeakyReLU": '"leaky_relu" in a Sequential, or Layer(n_in, n_out, activation="leaky_relu")',
    "LSTM": "GRUCell(n_inputs, n_hidden), the gated cell that there is",
    "MLPClassifier": "MLPClassifier of nn.sklearn",
    "MLPRegressor": "MLPRegressor of nn.sklearn",
    "ModuleList": "a list of modules as an attribute",
    "mse": "mean_squared_error(outputs, target)",
    "mse_loss": "mean_squared_error(outputs, target)",
    "MSELoss": "mean_squared_error(outputs, target)",
    "MultiheadAttention": "Attention(width, heads)",
    "MultiHeadAttention": "Attention(width, heads)",
    "MultiMarginLoss": "multi_class_hinge(outputs, target)",
    "nll_loss": "cross_entropy(outputs, target)",
    "NLLLoss": "cross_entropy(outputs, target)",
    "Parameter": "autograd_mini.Value(number) as an attribute",
    "ReLU": '"relu" in a Sequential, or Layer(n_in, n_out, activation="relu")',
    "relu": "autograd_mini.relu(value)",
    "RNN": "RNNCell(n_inputs, n_hidden), whose unroll(rows) goes through a sequence",
    "save": "the method of a model, model.save(path)",
    "Sigmoid": '"sigmoid" in a Sequential, or Layer(n_in, n_out, activation="sigmoid")',
    "sigmoid": "autograd_mini.sigmoid(value)",
    "SiLU": '"silu" in a Sequential, or Layer(n_in, n_out, activation="silu")',
    "SmoothL1Loss": "huber(outputs, target)",
    "Softmax": "cross_entropy(outputs, target), which has the softmax inside",
    "softmax": "autograd_mini.softmax(values)",
    "Softplus": '"softplus" in a Sequential, or Layer(n_in, n_out, activation="softplus")',
    "Tanh": '"tanh" in a Sequential, or Layer(n_in, n_out, activation="tanh")',
    "tanh": "autograd_mini.tanh(value)",
}
"""What to write for names of other libraries."""

if not TYPE_CHECKING:  # type checkers are to know the names

    def __getattr__(name: str) -> Any:
        """Import what needs an extra; refuse a name that is not here, Python suggests another."""
        if name == "sklearn":
            return import_module(".sklearn", __name__)
        message = f"module 'nn' has no attribute {name!r}"
        if name in _ELSEWHERE:
            message += f": did you mean {_ELSEWHERE[name]}?"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])
