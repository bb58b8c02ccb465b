"""From the scalar graph to the matrix program."""

from .compiled import Stats
from .program import Program, TraceInfo, compile

__all__ = ["Program", "Stats", "TraceInfo", "compile"]
