"""A recorded graph as a function of one of its leaves, the others fixed.

Only what depends on the leaf is evaluated again.  In a long sum written with ``+`` that would still
be half of the sum for a leaf in the middle of it, so sums and products are evaluated in pairs: a
leaf of a sum of n terms is below log2(n) additions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from ..core.graph import topological_order
from ..core.value import Value
from ..table.primitives import PRIMITIVES, Primitive

_INVERSE = {"add": "sub", "mul": "div"}  # operations that may be grouped, and what undoes them
_GROUP = {op: direct for direct, inverse in _INVERSE.items() for op in (direct, inverse)}
_SAME = 1e-12  # how near the value in pairs must be to that of the graph, relative

_Term = tuple[int, bool]  # a step's index, and whether it is subtracted or divided by


class Replay:
    """Evaluates a graph again where one leaf is moved.

    The graph must hold what its leaves give, as it does from the start or after ``recompute``.

    Parameters
    ----------
    root : Value
        The output.

    Examples
    --------
    >>> x, y = Value(3.0), Value(2.0)
    >>> toward_x = Replay(x * x * y).along(x)
    >>> toward_x(3.0), toward_x(5.0)
    (18.0, 50.0)
    """

    def __init__(self, root: Value) -> None:
        order = topological_order(root)
        self._record(order, _members_of_chains(order))
        if not math.isclose(self._data[-1], root.data, rel_tol=_SAME):
            # Terms that cancel, or partial sums out of range: then the order of the graph counts.
            self._record(order, set())

    def along(self, leaf: Value) -> Callable[[float], float]:
        """The output as a function of the data of one leaf."""
        start = self._index[leaf]
        steps = [(i, *self._steps[i]) for i in self._above(start)]
        last = len(self._data) - 1

        def output(x: float) -> float:
            moved = {start: x}
            for i, row, operands in steps:
                moved[i] = row.evaluate([moved.get(k, self._data[k]) for k in operands])
            return moved.get(last, self._data[last])

        return output

    def _above(self, start: int) -> list[int]:
        """The steps that depend on one, operands first."""
        found, stack = set[int](), [start]
        while stack:
            for user in self._users[stack.pop()]:
                if user not in found:
                    found.add(user)
                    stack.append(user)
        return sorted(found)

    # Recording the steps; those of leaves are their data alone.

    def _record(self, order: Sequence[Value], members: set[Value]) -> None:
        """Make a step of every node, and several of a chain instead of its members."""
        self._index: dict[Value, int] = {}
        self._data: list[float] = []
        self._users: list[list[int]] = []
        self._steps: dict[int, tuple[Primitive, tuple[int, ...]]] = {}
        for node in order:
            if node in members:
                continue
            if not node.parents:
                self._index[node] = self._add(node.data)
            elif node.op in _GROUP:
                self._index[node] = self._add_pairs(node, members)
            else:
                self._index[node] = self._apply(node.op, *(self._index[p] for p in node.parents))

    def _add(self, data: float) -> int:
        self._data.append(data)
        self._users.append([])
        return len(self._data) - 1

    def _apply(self, op: str, *operands: int) -> int:
        row = PRIMITIVES[op]
        index = self._add(row.evaluate([self._data[k] for k in operands]))
        self._steps[index] = row, operands
        for operand in operands:
            self._users[operand].append(index)
        return index

    def _add_pairs(self, node: Value, members: set[Value]) -> int:
        """Combine the terms of a chain two by two, and the results two by two, and so on."""
        direct, terms = _GROUP[node.op], self._terms(node, members)
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=False)
            terms = [self._pair(direct, a, b) for a, b in pairs] + terms[len(terms) // 2 * 2 :]
        return terms[0][0]  # never inverted, for the first term of a chain is not

    def _pair(self, direct: str, a: _Term, b: _Term) -> _Term:
        if a[1] == b[1]:
            return self._apply(direct, a[0], b[0]), a[1]
        first, second = sorted((a, b), key=lambda term: term[1])
        return self._apply(_INVERSE[direct], first[0], second[0]), False

    def _terms(self, node: Value, members: set[Value]) -> list[_Term]:
        """What a chain adds and subtracts, or multiplies by and divides by, from left to right."""
        terms: list[_Term] = []
        stack = [(node, False)]
        while stack:
            each, inverted = stack.pop()
            if each is node or each in members:
                first, second = each.parents
                stack += [(second, inverted != (each.op in _INVERSE.values())), (first, inverted)]
            else:
                terms.append((self._index[each], inverted))
        return terms


def _members_of_chains(order: Sequence[Value]) -> set[Value]:
    """The sums that are terms of one larger sum and nothing else; likewise products."""
    uses = Counter(parent for node in order for parent in node.parents)
    return {
        parent
        for node in order
        for parent in node.parents
        if node.op in _GROUP and uses[parent] == 1 and _GROUP.get(parent.op) == _GROUP[node.op]
    }
