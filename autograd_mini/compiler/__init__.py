"""From the scalar graph to the matrix program."""

from .program import Program, Stats, TraceInfo, compile

__all__ = ["Program", "Stats", "TraceInfo", "compile"]
