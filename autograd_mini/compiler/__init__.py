"""From the scalar graph to the matrix program."""

from .compiled import Stats
from .program import Program, ProgramWithAux, compile
from .running import TraceInfo

__all__ = ["Program", "ProgramWithAux", "Stats", "TraceInfo", "compile"]
