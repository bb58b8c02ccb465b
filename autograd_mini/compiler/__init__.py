"""From the scalar graph to the matrix program."""

from .compiled import Stats
from .program import BoundProgram, Program, ProgramWithAux, compile
from .running import TraceInfo

__all__ = ["BoundProgram", "Program", "ProgramWithAux", "Stats", "TraceInfo", "compile"]
