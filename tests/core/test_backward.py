"""Backpropagation: accumulation, several roots, depth, breadth, and letting go."""

from __future__ import annotations

import gc
import math
import random
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings

import autograd_mini as ad
from autograd_mini import Value
from tests.random_graphs import FUNCTIONS, Program, programs


def test_the_hand_worked_case() -> None:
    """z = (x + y) * x at x = 2, y = 3: dz/dx = 2x + y over two paths, dz/dy = x."""
    x, y = Value(2.0), Value(3.0)
    z = (x + y) * x
    z.backward()
    assert (z.data, z.grad, x.grad, y.grad) == (10.0, 1.0, 7.0, 2.0)
    assert z.parents[0].grad == 2.0


def test_two_losses_accumulate_in_the_leaves() -> None:
    x = Value(3.0)
    (x * x).backward()
    (5 * x).backward()
    assert x.grad == 11.0


@given(programs())
def test_a_second_call_exactly_doubles_the_leaves_and_sets_the_rest_anew(program: Program) -> None:
    leaves = [Value(x) for x in program.leaves]
    nodes = program.run_all(leaves, FUNCTIONS)
    interior = [n for n in nodes if isinstance(n, Value) and n.parents]
    nodes[-1].backward()
    once, between = [leaf.grad for leaf in leaves], [node.grad for node in interior]
    nodes[-1].backward()
    assert [leaf.grad for leaf in leaves] == [2 * grad for grad in once]
    assert [node.grad for node in interior] == between


def test_the_grad_of_a_leaf_is_kept_from_before() -> None:
    x = Value(2.0)
    x.grad = 100.0
    (x * 3).backward()
    assert x.grad == 103.0


def test_stale_gradients_of_interior_nodes_do_not_count() -> None:
    x = Value(2.0)
    h = x * x
    first, second = h * 3, h * 5
    first.backward()
    second.backward()
    assert (h.grad, x.grad) == (5.0, 12.0 + 20.0)


def test_seed() -> None:
    x = Value(2.0)
    (x * x).backward(seed=-0.5)
    assert x.grad == -2.0
    with pytest.raises(TypeError, match="expected a real number"):
        (x * x).backward(seed="1")  # type: ignore[arg-type]
    assert x.grad == -2.0


def test_backward_from_a_leaf_accumulates_the_seed() -> None:
    x = Value(2.0)
    x.backward()
    x.backward(3)
    assert x.grad == 4.0


def test_several_roots_at_once() -> None:
    x, y = Value(2.0), Value(3.0)
    h = x * y
    roots = [h * h, h + x, h, x]  # a root below another, the leaf itself
    ad.backward(roots, [1.0, 10.0, 100.0, 1000.0])
    assert h.grad == 2 * 6 + 10 + 100
    assert y.grad == h.grad * 2
    assert x.grad == h.grad * 3 + 10 + 1000
    other = Value(1.0)
    ad.backward((other * 2, other * 3))
    assert other.grad == 5.0
    ad.backward([other, other], seeds=[1, 2])
    assert other.grad == 8.0


@pytest.mark.parametrize(
    ("roots", "seeds", "error", "message"),
    [
        (lambda x: [x, x], [1.0], ValueError, "got 1 seeds for 2 outputs"),
        (lambda x: [x, 3.0], None, TypeError, "roots must hold Values only, got float"),
        (
            lambda x: 3.0,
            None,
            TypeError,
            "roots must be a Value or a sequence of Values, got float",
        ),
        (lambda x: {x: 1.0}, None, TypeError, "roots must be a Value or a sequence of Values"),
        (lambda x: [], None, ValueError, "roots is empty"),
        (lambda x: [x, x], [1.0, "a"], TypeError, "expected a real number"),
        (lambda x: [x, ad.as_value(2)], None, ValueError, "constant and depends on no Value"),
        (lambda x: ad.as_value(2) * 3, None, ValueError, "plain numbers, detached, or made inside"),
    ],
)
def test_wrong_roots_are_refused_before_anything_changes(
    roots: Callable[[Value], Any], seeds: Any, error: type[Exception], message: str
) -> None:
    x = Value(1.0)
    with pytest.raises(error, match=message):
        ad.backward(roots(x), seeds)
    assert x.grad == 0.0


def test_constants_get_no_gradient() -> None:
    x = Value(2.0)
    y = x * 5 + ad.dot([x, 1.0], [3.0, 4.0]) + ad.sum([x, 7.0]) + 2 / x + ad.maximum(x, 1.0)
    y.backward()
    constants = [leaf for leaf in ad.leaves(y) if leaf.op == "constant"]
    assert len(constants) == 7
    assert {c.grad for c in constants} == {0.0}


def test_zero_carries_nothing() -> None:
    x, y = Value(0.0), Value(2.0)
    node = ad.sqrt(x) * 0.0 + y  # sqrt'(0) is inf, its upstream gradient 0
    node.backward()
    assert (x.grad, y.grad) == (0.0, 1.0)


def test_an_infinite_upstream_gradient_does_not_pass_a_zero_local_derivative() -> None:
    zero, one = Value(0.0), Value(1.0)
    constant = (one * 3.0).parents[1]
    for node in (one * zero, zero * one, ad.dot([one, zero], [zero, zero]), ad.prod([zero, one])):
        zero.grad = one.grad = 0.0
        node.backward(math.inf)
        assert (one.grad, zero.grad) == (0.0, math.inf)
    for node in (ad.relu(zero), ad.tanh(Value(50.0)), ad.where(zero, one, 2.0), zero * 0.0):
        zero.grad = one.grad = 0.0
        node.backward(math.inf)
        assert (one.grad, zero.grad) == (0.0, 0.0)
        assert all(parent.grad == 0.0 for parent in node.parents)
    (one * constant).backward(math.inf)
    assert constant.grad == 0.0


def test_local_derivatives_are_those_of_the_forward_pass() -> None:
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    y.backward()
    assert (y.data, x.grad) == (9.0, 6.0)


def test_gradients_may_be_infinite_or_nan_and_do_not_raise() -> None:
    x = Value(0.0)
    ad.log(x).backward()
    assert x.grad == math.inf
    (ad.sqrt(x) * -1).backward()
    assert math.isnan(x.grad)


# Depth and breadth.


@pytest.fixture
def no_collector() -> Iterator[None]:
    """No collection but those of the test, which look at no object from before it."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("no_collector")
def test_a_chain_of_a_million_operations_forward_backward_and_away() -> None:
    length = 1_000_000
    assert sys.getrecursionlimit() < length
    x = Value(1.0)
    before = sys.getrefcount(x)
    node = x * 1.0
    for _ in range(length):
        node = node + x
    node.backward()
    assert node.data == 1 + length
    assert x.grad == 1 + length
    assert sys.getrefcount(x) > length  # every use holds it
    del node
    assert sys.getrefcount(x) == before
    assert gc.collect() == 0


@pytest.mark.usefixtures("no_collector")
def test_a_long_chain_of_unary_functions() -> None:
    x = Value(0.5)
    node = x
    for _ in range(100_000):
        node = ad.sin(node)
    node.backward()
    assert 0 < node.data < 0.01
    assert 0 < x.grad < 1e-3
    del node
    assert gc.collect() == 0


@pytest.mark.usefixtures("no_collector")
def test_a_sum_of_a_million_operands() -> None:
    leaves = [Value(1.0) for _ in range(1_000_000)]
    total = ad.sum(leaves)
    assert (total.data, len(total.parents)) == (1e6, 1_000_000)
    total.backward(2.0)
    assert {leaf.grad for leaf in leaves} == {2.0}
    del total
    assert gc.collect() == 0


def test_a_dot_a_mean_and_a_product_of_many_operands() -> None:
    leaves = [Value(1.0) for _ in range(50_000)]
    y = ad.dot(leaves, leaves) + ad.mean(leaves) + ad.prod(leaves) + ad.logsumexp(leaves)
    y.backward()
    expected = 2 + 1 / 50_000 + 1 + 1 / 50_000
    assert {round(leaf.grad, 12) for leaf in leaves} == {round(expected, 12)}


def test_sharing_costs_no_more_than_its_nodes() -> None:
    """Sixty doublings: 2**60 paths, 60 nodes."""
    x = Value(1.0)
    node = x
    for _ in range(60):
        node = node + node
    node.backward()
    assert x.grad == 2.0**60
    assert len(ad.topological_order(node)) == 61


# Letting go.


@pytest.mark.usefixtures("no_collector")
@settings(max_examples=25)
@given(programs())
def test_graphs_hold_no_reference_cycles(program: Program) -> None:
    gc.collect()
    leaves = [Value(x) for x in program.leaves]
    result = program.run(leaves, FUNCTIONS)
    result.backward()
    del result, leaves
    assert gc.collect() == 0


class _Tracked(Value):
    __slots__ = ("__weakref__",)


@pytest.mark.usefixtures("no_collector")
def test_a_graph_goes_with_its_last_reference() -> None:
    leaf = _Tracked(2.0)
    gone = weakref.ref(leaf)
    y = ad.tanh(leaf * 3) + ad.sum([leaf, 1.0]) + ad.softmax([leaf, 2.0])[0]
    y.backward()
    del leaf
    assert gone() is not None
    del y
    assert gone() is None


@pytest.mark.usefixtures("no_collector")
def test_results_outside_the_domain_hold_no_cycles_either() -> None:
    gc.collect()
    for _ in range(3):
        y = ad.log(Value(0.0)) + 1 / Value(0.0) + ad.exp(Value(1e4))
        del y
    assert gc.collect() == 0


# Order does not matter.


def test_the_order_in_which_a_graph_is_built_does_not_matter() -> None:
    rng = random.Random(1)
    a, b, c = (Value(rng.uniform(0.5, 2)) for _ in range(3))
    p, q, r = a * b, b / c, ad.exp(c - a)
    first = (p + q) + r
    second = r + (q + p)
    first.backward()
    grads = [v.grad for v in (a, b, c)]
    for v in (a, b, c):
        v.grad = 0.0
    second.backward()
    assert [v.grad for v in (a, b, c)] == pytest.approx(grads, rel=1e-15)


def test_an_interrupted_pass_keeps_the_gradients_of_earlier_ones() -> None:
    x = Value(2.0)
    y = x * x * 3
    y.backward()
    y.parents[0].local_derivatives = ("text", 1.0)  # type: ignore[assignment]
    with pytest.raises(TypeError):
        y.backward()
    assert x.grad == 12.0
