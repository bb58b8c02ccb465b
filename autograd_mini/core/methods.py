"""What a Value gets from the rows of the table that take one number: ``x.tanh()``."""

from __future__ import annotations


class Methods:
    """Filled in :mod:`autograd_mini.core.table_functions`; declared in ``methods.pyi``."""

    __slots__ = ()
