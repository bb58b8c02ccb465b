"""Neural networks written in scalars, on top of `autograd_mini`."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _other_libraries
from ._nested import flatten
from .backprop.backprop_trace import BackpropTrace, trace_backprop
from .backprop.layer_trace import LayerTrace
from .files.saving import load
from .files.torch_models import from_torch, to_torch
from .layers.activations import ACTIVATIONS
from .layers.attention import Attention
from .layers.convolution import Conv2D
from .layers.dropout import Dropout
from .layers.embedding import Embedding
from .layers.initialisers import (
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
from .layers.linear import Linear
from .layers.neuron import MLP, Layer, Neuron
from .layers.normalization import LayerNorm, RMSNorm
from .layers.recurrent import GRUCell, RNNCell
from .layers.sequential import Sequential
from .losses.classification import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    multi_class_hinge,
)
from .losses.loss_calls import mean_loss
from .losses.metrics import accuracy, confusion_matrix, r_squared
from .losses.penalties import l1_penalty, l2_penalty
from .losses.regression import half_squared_error, huber, mean_absolute_error, mean_squared_error
from .models.archive import ArchiveError
from .models.module import Module
from .models.parameters import parameters_to_vector, vector_to_parameters
from .models.randomness import counting, draw, drawn, evaluation_mode, feeding, training_mode
from .optimizers.optimizer import Optimizer
from .optimizers.schedules import (
    ConstantSchedule,
    CosineSchedule,
    LinearSchedule,
    StepSchedule,
    WarmUp,
)
from .optimizers.update_rules import SGD, AdaGrad, Adam, AdamW, RMSProp
from .training.batches import minibatches
from .training.callbacks import Callback, EarlyStopping, LearningRateSchedule, Record, Training
from .training.checkpoint import Checkpoint
from .training.fitting import evaluate, fit
from .training.history import History
from .training.loop import DivergenceError

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

if not TYPE_CHECKING:  # type checkers are to know the names

    def __getattr__(name: str) -> Any:
        """Import what needs an extra; refuse a name that is not here, Python suggests another."""
        if name == "sklearn":
            return import_module(".sklearn", __name__)
        message = f"module 'nn' has no attribute {name!r}"
        if name in _other_libraries.NAMES:
            message += f": did you mean {_other_libraries.NAMES[name]}?"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])
