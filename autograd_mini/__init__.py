"""Scalar automatic differentiation: write scalars, see everything, get matrices."""

from .command import interrupts as interrupts  # first: Ctrl-C may come during all that follows
from .compiler import (
    BoundProgram,
    Program,
    ProgramStep,
    ProgramWithAux,
    ScalarNode,
    Stats,
    TraceInfo,
)
from .compiler import compile as compile
from .core import table_functions as _table_functions
from .core.coerce import is_ordered as is_ordered  # for packages built on the engine
from .core.collector import paused_collector
from .core.functions import abs as abs
from .core.functions import log_softmax, register_primitive, softmax, take, where
from .core.functions import pow as pow
from .core.functions import sum as sum
from .core.graph import leaves, topological_order
from .core.modes import detect_anomaly, no_grad
from .core.recompute import recompute
from .core.scopes import Scope, scope
from .core.scopes import in_scope as in_scope  # for packages built on the engine
from .core.table_functions import *
from .core.table_functions import __all__ as __all__
from .core.value import Constant, Operand, Value, as_value, backward
from .derivatives.gradcheck import check_local_derivatives, gradcheck, numerical_gradient
from .derivatives.gradients import gradients
from .derivatives.transforms import grad, hessian, hvp, jacobian, value_and_grad
from .errors import AnomalyError, AutogradError, GradientCheckError, RenderError, TraceError
from .explanation.chainrule import LeafUse
from .explanation.derivation import Derivation, PathTerm, explain
from .explanation.paths import count_paths, path_derivatives
from .npy_files import array_from_npy as array_from_npy  # these as is_ordered
from .table.primitives import PRIMITIVES
from .textbook_names import place_name as place_name
from .version import __version__ as __version__
from .whole_files import check_place as check_place
from .whole_files import write_whole as write_whole

__autograd_library__ = True  # errors name the caller's line, not one in here

# What bears the name of a builtin (abs, compile, pow, sum) is left out, so that
# ``from autograd_mini import *`` replaces none; it is there as ``ad.sum``.  Type checkers
# follow the literal, and what is added: mypy by the import of ``__all__`` above, pyright below.
__all__ = [  # noqa: F811
    "PRIMITIVES",
    "AnomalyError",
    "AutogradError",
    "BoundProgram",
    "Constant",
    "Derivation",
    "GradientCheckError",
    "LeafUse",
    "Operand",
    "PathTerm",
    "Program",
    "ProgramStep",
    "ProgramWithAux",
    "RenderError",
    "ScalarNode",
    "Scope",
    "Stats",
    "TraceError",
    "TraceInfo",
    "Value",
    "as_value",
    "backward",
    "check_local_derivatives",
    "count_paths",
    "detect_anomaly",
    "explain",
    "grad",
    "gradcheck",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "leaves",
    "log_softmax",
    "no_grad",
    "numerical_gradient",
    "path_derivatives",
    "paused_collector",
    "recompute",
    "register_primitive",
    "scope",
    "softmax",
    "take",
    "topological_order",
    "value_and_grad",
    "where",
]
__all__ += _table_functions.__all__
