"""From the scalar graph to the matrix program."""

from .backends.numpy.description import ProgramStep, ScalarNode
from .compiled import Stats
from .program import BoundProgram, Program, ProgramWithAux, compile
from .running import TraceInfo

__all__ = [
    "BoundProgram",
    "Program",
    "ProgramStep",
    "ProgramWithAux",
    "ScalarNode",
    "Stats",
    "TraceInfo",
    "compile",
]
