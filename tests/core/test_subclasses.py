"""A subclass of Value computes, differentiates, compiles and explains as Value does."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Value
from tests.random_graphs import FUNCTIONS, Program, programs


class Named(Value):
    """With attributes of its own, in a slot and in a dict."""

    __slots__ = ("__dict__", "unit")


def leaves_of(kind: Any, data: Sequence[float]) -> list[Any]:
    return [kind(x, f"x{i}") for i, x in enumerate(data)]


def both(program: Program) -> list[tuple[list[Any], Any]]:
    """Leaves and root, of Value and of the subclass."""
    found = []
    for kind in (Value, Named):
        leaves = leaves_of(kind, program.leaves)
        found.append((leaves, program.run(leaves, FUNCTIONS)))
    return found


def assert_same(results: Sequence[Any]) -> None:
    expected, found = results
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


def numbers(values: Sequence[Value]) -> list[float]:
    return [value.data for value in values]


@given(programs())
def test_data_and_gradients_are_the_same(program: Program) -> None:
    results = []
    for leaves, root in both(program):
        root.backward()
        found = ad.gradients(root, leaves)
        results.append([root.data, *(leaf.grad for leaf in leaves), *found])
    assert_same(results)


@given(programs())
def test_derivatives_of_derivatives_are_the_same(program: Program) -> None:
    results = []
    for leaves, root in both(program):
        first = ad.gradients(root, leaves, create_graph=True)
        second = ad.gradients(ad.sum(first), leaves, create_graph=True)
        results.append(numbers(first) + numbers(second))
    assert_same(results)


@given(programs(), st.randoms(use_true_random=False))
def test_a_replay_is_the_same(program: Program, rng: Any) -> None:
    moved = [x + rng.uniform(-0.01, 0.01) for x in program.leaves]
    results = []
    for leaves, root in both(program):
        for leaf, x in zip(leaves, moved, strict=True):
            leaf.data = x
        ad.recompute(root)
        root.backward()
        results.append([root.data, *(leaf.grad for leaf in leaves)])
    assert_same(results)


@given(programs())
def test_a_copy_is_the_same_and_of_the_same_class(program: Program) -> None:
    for leaves, root in both(program):
        for i, leaf in enumerate(leaves):
            if isinstance(leaf, Named):
                leaf.unit, leaf.notes = "m", [i]  # type: ignore[attr-defined]
        twin, twins = copy.deepcopy((root, leaves))
        root.backward()
        twin.backward()
        assert [t.grad for t in twins] == [leaf.grad for leaf in leaves]
        assert [type(t) for t in twins] == [type(leaf) for leaf in leaves]
        if isinstance(leaves[0], Named):
            assert [(t.unit, t.notes) for t in twins] == [("m", [i]) for i in range(len(twins))]


@settings(max_examples=40)
@given(programs(max_steps=6))
def test_checks_and_explanations_are_the_same(program: Program) -> None:
    (_, plain), (_, root) = both(program)
    assert ad.check_local_derivatives(root)
    expected_leaves = [leaf for leaf in ad.leaves(plain) if leaf.label]
    found_leaves = [leaf for leaf in ad.leaves(root) if leaf.label]
    for expected, found in zip(expected_leaves, found_leaves, strict=True):
        assert ad.count_paths(root, found) == ad.count_paths(plain, expected)
        assert str(ad.explain(root, found)) == str(ad.explain(plain, expected))


@settings(max_examples=40)
@given(programs(max_steps=6))
def test_programs_of_such_parameters_are_the_same(program: Program) -> None:
    results = []
    for kind in (Value, Named):
        parameters = leaves_of(kind, program.leaves)

        def scaled(x: Value, parameters: list[Any] = parameters) -> Any:
            return program.run(parameters, FUNCTIONS) * x

        compiled = ad.compile(scaled, parameters)
        value, gradient = compiled.value_and_grad(None, np.array([1.0, 2.0]))
        results.append([value, *gradient])
        assert {type(parameter) for parameter in parameters} == {kind}
    assert_same(results)


@pytest.mark.parametrize("kind", [Value, Named])
def test_at_a_kink_the_second_derivative_has_a_number(kind: Any) -> None:
    x = kind(0.0)
    slope = ad.gradients(ad.sqrt(x * x), x, create_graph=True)
    assert (slope.data, ad.gradients(ad.sqrt(x * x), x)) == (0.0, 0.0)


COMPARISONS: list[Callable[[Any, Any], Any]] = [
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize("kinds", [(Named, Named), (Named, Value), (Value, Named)])
def test_what_a_traced_function_was_given_is_compared_by_its_number(
    compare: Callable[[Any, Any], Any], kinds: Any
) -> None:
    low, high, w = kinds[0](1.0), kinds[1](2.0), Named(3.0)
    program = ad.compile(lambda x: ad.where(compare(low, high), w, x) * x, [w])
    expected = 3.0 if compare(1.0, 2.0) else 5.0
    assert program(None, np.array([5.0])) == pytest.approx([5.0 * expected], rel=1e-12)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_a_traced_number_is_compared_when_the_program_runs(
    compare: Callable[[Any, Any], Any],
) -> None:
    limit, w = Named(1.5), Named(3.0)
    X = np.array([1.0, 1.5, 2.0])
    first = ad.compile(lambda x: ad.where(compare(limit, x), w, x), [w])
    assert first(None, X).tolist() == [3.0 if compare(1.5, x) else x for x in X]
    with_parameter = ad.compile(lambda x: ad.where(compare(w, x), w, x), [w])
    assert with_parameter(None, 2 * X).tolist() == [3.0 if compare(3, 2 * x) else 2 * x for x in X]
