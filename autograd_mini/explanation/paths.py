"""Paths from an output to a leaf: what backpropagation sums over without walking them one by one.

A path is a tuple of nodes, from the root to the leaf; each step goes over one edge to a parent.  An
operand that is used twice has two edges, so ``a + a`` has two paths to ``a``.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core.graph import interior_order
from ..core.modes import switched
from ..core.value import Value

Edge = tuple[Value, int]
"""A node and the position of one of its operands."""


@switched(by_identity=True)
def count_paths(root: Value, leaf: Value) -> int:
    """Count the paths from `root` to `leaf`, exactly, without walking them.

    Every node passes its number of paths on to its parents: one addition for each edge, however
    many paths there are.

    Parameters
    ----------
    root : Value
        Where the paths start.
    leaf : Value
        Where they end; it may be any node.

    Returns
    -------
    int
        The number of paths: 0 if `root` does not depend on `leaf`, 1 if they are the same node.

    Raises
    ------
    TypeError
        If an argument is not a Value.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> x = Value(1.0, "x")
    >>> y = x
    >>> for _ in range(60):
    ...     y = y + y
    >>> count_paths(y, x) == 2**60
    True
    """
    check_nodes(root, leaf)
    return counted(root, leaf, on_paths(root, leaf))


def path_derivatives(
    root: Value, leaf: Value, *, limit: int = 10_000
) -> Iterator[tuple[tuple[Value, ...], float]]:
    """Walk the paths from `root` to `leaf` with the product of local derivatives along each.

    The products add up to the gradient: the chain rule before dynamic programming.  As in
    ``backward``, a local derivative of 0 makes the product 0, whatever the others are.

    Parameters
    ----------
    root : Value
        Where the paths start.
    leaf : Value
        Where they end; it may be any node.
    limit : int, optional
        The most paths that you are prepared to walk.

    Returns
    -------
    iterator of (tuple of Value, float)
        Each path from `root` to `leaf`, leftmost operands first, and its product.  The next path
        is made when it is asked for.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If there are more than `limit` paths, before the first is walked, or `limit` is negative.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> c = a * b + a
    >>> [product for _, product in path_derivatives(c, a)]
    [-3.0, 1.0]
    >>> [[node.op or node.label for node in path] for path, _ in path_derivatives(c, a)]
    [['add', 'mul', 'a'], ['add', 'a']]
    """
    return (
        ((*(node for node, _ in edges), leaf), product)
        for edges, product in edge_paths(root, leaf, limit)
    )


def edge_paths(root: Value, leaf: Value, limit: int) -> Iterator[tuple[tuple[Edge, ...], float]]:
    """The paths as the edges they go over, and their products; refuses as `path_derivatives`."""
    check_nodes(root, leaf)
    check_limit(limit)
    members = on_paths(root, leaf)
    count = counted(root, leaf, members)
    if count > limit:
        raise ValueError(
            f"there are {describe_count(count)} paths, more than limit={limit}: raise limit to "
            "walk them all, or take backward() or explain(), which visit each edge once"
        )
    return _walk(root, leaf, members)


def _walk(
    root: Value, leaf: Value, members: set[Value]
) -> Iterator[tuple[tuple[Edge, ...], float]]:
    """Depth-first over the nodes on paths, with an explicit stack: one iterator for each node."""
    if root is leaf:
        yield (), 1.0
        return
    if root not in members:
        return
    nodes, products = [root], [1.0]
    pending = [enumerate(root.parents)]
    taken: list[int] = []
    while pending:
        for index, parent in pending[-1]:
            if parent not in members:
                continue
            derivative = nodes[-1].local_derivatives[index]
            upstream = products[-1]
            product = upstream * derivative if upstream and derivative else 0.0
            taken.append(index)
            if parent is not leaf:
                nodes.append(parent)
                products.append(product)
                pending.append(enumerate(parent.parents))
                break
            yield tuple(zip(nodes, taken, strict=True)), product
            taken.pop()
        else:
            pending.pop()
            nodes.pop()
            products.pop()
            if taken:
                taken.pop()


def on_paths(root: Value, leaf: Value) -> set[Value]:
    """Every node on a path from `root` to `leaf`, both included; empty if there is no path.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> a, b = Value(2.0), Value(-3.0)
    >>> len(on_paths(a * b + b, a))
    3
    """
    members = {leaf}
    for node in interior_order(root):
        if not members.isdisjoint(node.parents):
            members.add(node)
    return members if root in members else set()


def counted(root: Value, leaf: Value, members: set[Value], at_most: int | None = None) -> int:
    """Count the paths over `members`; with `at_most` a larger number may come out as that."""
    if root not in members:
        return 0
    counts = {root: 1}
    for node in reversed(interior_order(root)):
        if node not in members or node is leaf:
            continue
        count = counts.pop(node)  # large integers of a deep graph do not pile up
        if at_most is not None:
            count = min(count, at_most)
        for parent in node.parents:
            if parent in members:
                counts[parent] = counts.get(parent, 0) + count
    return counts[leaf] if at_most is None else min(counts[leaf], at_most)


def describe_count(count: int) -> str:
    """The number in digits, or its power of 2 where the digits would fill a line.

    Examples
    --------
    >>> describe_count(2**20), describe_count(2**100 + 1)
    ('1,048,576', 'more than 2**100')
    """
    return f"{count:,}" if count < 2**64 else f"more than 2**{(count - 1).bit_length() - 1}"


def check_nodes(root: Value, leaf: Value) -> None:
    """Raise TypeError unless both are Values."""
    for name, node in (("root", root), ("leaf", leaf)):
        if not isinstance(node, Value):
            raise TypeError(f"{name} must be a Value, got {type(node).__name__}: {node!r:.80}")


def check_limit(limit: int) -> None:
    """Raise unless `limit` is a whole number, 0 or more."""
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"limit must be an int, got {type(limit).__name__}: {limit!r:.80}")
    if limit < 0:
        raise ValueError(f"limit must be 0 or more, got {limit}")
