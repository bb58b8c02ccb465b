"""The functions of NumPy and SciPy that emitted source calls, noted as it is written."""

from __future__ import annotations


class Calls(dict[str, None]):
    """Writes calls, and keeps the names of the functions in the order in which they come up.

    Examples
    --------
    >>> calls = Calls()
    >>> calls.text("np.add.reduce", "x, axis=0")
    'np.add.reduce(x, axis=0)'
    >>> list(calls)
    ['np.add.reduce']
    """

    def text(self, function: str, arguments: str) -> str:
        """The text of a call."""
        self[function] = None
        return f"{function}({arguments})"
