"""What a Value is: its data, operators with numbers on either side, identity, and refusals."""

from __future__ import annotations

import decimal
import fractions
import gc
import math
import operator
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Constant, Value

NUMBERS = [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2), np.array(2.0), np.bool_(True)]
ODD_NUMBERS = [fractions.Fraction(1, 2), np.longdouble(2), np.uint8(2), np.array(2)]


def test_a_leaf_holds_a_float_and_nothing_else() -> None:
    leaf = Value(3, "a")
    assert (leaf.data, leaf.grad, leaf.op, leaf.label) == (3.0, 0.0, "", "a")
    assert (leaf.parents, leaf.local_derivatives) == ((), ())
    assert type(leaf.data) is float
    assert type(leaf.grad) is float
    assert Value(1.0).label == ""


@pytest.mark.parametrize("number", NUMBERS + ODD_NUMBERS)
def test_real_numbers_of_every_kind_become_floats(number: Any) -> None:
    assert type(Value(number).data) is float
    assert Value(number).data == float(number)


@pytest.mark.parametrize("number", [math.inf, -math.inf, -0.0, 5e-324])
def test_special_floats_are_kept(number: float) -> None:
    assert math.copysign(1, Value(number).data) == math.copysign(1, number)
    assert Value(number).data == number


def test_nan_is_kept() -> None:
    assert math.isnan(Value(math.nan).data)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ("3", "str"),
        (b"3", "bytes"),
        (None, "None"),
        (1j, "complex"),
        (np.complex128(1), "complex"),
        ([1], "list"),
        ((1.0,), "tuple"),
        ({}, "dict"),
        (np.array([1.0]), "ndarray"),
        (np.array("3"), "str"),
        (np.array(1j), "complex"),
        (decimal.Decimal(1), "Decimal"),
        (object(), "object"),
        (len, "builtin"),
    ],
)
def test_other_data_is_refused_by_name(data: Any, named: str) -> None:
    with pytest.raises(TypeError, match=f"expected a real number.*{named}"):
        Value(data)


def test_a_value_of_a_value_is_refused() -> None:
    with pytest.raises(TypeError, match=r"got a Value; use it as it is, or take its \.data"):
        Value(Value(1.0))  # type: ignore[arg-type]


def test_an_int_beyond_float64_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond the range of float64"):
        Value(10**400)
    with pytest.raises(ValueError, match="beyond the range of float64"):
        Value(1.0) + 10**400


@pytest.mark.parametrize("label", [None, 3, b"a"])
def test_a_label_is_text(label: Any) -> None:
    with pytest.raises(TypeError, match="label must be text"):
        Value(1.0, label)
    for node in (Value(1.0, "x"), Value(1.0, "x").detach(), Value(1.0) * 2):
        before = node.label
        with pytest.raises(TypeError, match="label must be text"):
            node.label = label
        assert node.label == before
        node.label = "new"
        assert node.label == "new"


@pytest.mark.parametrize("sequence", [[1.0, 2.0], (1.0,), [], [Value(1.0)]])
@pytest.mark.parametrize("op", ["add", "sub", "mul", "truediv", "pow"])
def test_arithmetic_with_a_sequence_says_what_to_write(op: str, sequence: Any) -> None:
    says = rf"takes a Value and a number, got a {type(sequence).__name__}: write \[w \* x for"
    operation = getattr(operator, op)
    for w in (Value(2.0), Value(2.0) * 1.0, Value(2.0).detach()):
        with pytest.raises(TypeError, match=says):
            operation(w, sequence)
        with pytest.raises(TypeError, match=says):
            operation(sequence, w)


@pytest.mark.parametrize("text", ["3", b"3", ""])
def test_arithmetic_with_text(text: Any) -> None:
    for operation in (operator.mul, operator.add):
        with pytest.raises(TypeError, match=r"takes a Value and a number, got (str|bytes): "):
            operation(Value(2.0), text)
    with pytest.raises(TypeError, match="mul takes a Value and a number"):
        text * Value(2.0)


@pytest.mark.parametrize("other", [{1: 2}, {1}, None, object(), 1j])
def test_arithmetic_with_other_things_is_pythons(other: Any) -> None:
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \*: 'Value' and"):
        Value(2.0) * other


NO_SEQUENCES: list[Any] = [
    *({0: 1.0, 1: 2.0}, {1.0, 2.0}, frozenset({1.0}), {1.0: 0}.keys()),
    *("12", b"12", bytearray(b"12"), 3.0, Value(1.0), None),
]


@pytest.mark.parametrize("given", NO_SEQUENCES, ids=lambda given: type(given).__name__)
def test_what_has_no_order_is_no_sequence_of_values(given: Any) -> None:
    a = Value(2.0)
    calls: list[Callable[[], Any]] = [
        *[lambda f=f: f(given) for f in (ad.sum, ad.mean, ad.prod, ad.variance, ad.norm)],
        *[lambda f=f: f(given) for f in (ad.logsumexp, ad.softmax, ad.log_softmax)],
        lambda: ad.dot(given, [1.0, 2.0]),
        lambda: ad.dot([a, a], given),
        lambda: ad.take(given, 0),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="sequence of values"):
            call()


@pytest.mark.parametrize("given", NO_SEQUENCES[:7], ids=lambda given: type(given).__name__)
def test_what_has_no_order_is_no_list_of_nodes_or_seeds(given: Any) -> None:
    a = Value(2.0)
    y = a * a
    nodes: Any = {Value(1.0), Value(2.0)} if isinstance(given, (set, frozenset)) else given
    calls: list[Callable[[], Any]] = [
        lambda: ad.backward(nodes),
        lambda: ad.backward([y, y], given),
        lambda: ad.gradients(nodes, a),
        lambda: ad.gradients(y, nodes),
        lambda: ad.gradients([y, y], a, seeds=given),
        lambda: ad.gradients([y, y], a, seeds=given, create_graph=True),
        lambda: ad.recompute(nodes),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError), match="got"):
            call()
    assert a.grad == 0.0


def test_iterators_and_arrays_are_sequences_of_values() -> None:
    a = [Value(1.0), Value(2.0)]
    for values in (iter(a), (v for v in a), tuple(a), np.array(a), {1: a[0], 2: a[1]}.values()):
        assert ad.sum(values).data == 3.0


def test_a_numpy_scalar_assigned_to_data_computes_and_recompute_makes_it_a_float() -> None:
    numbers: list[Any] = [np.float64(3.0), np.float32(3.0), np.int64(3), 3]
    for number in numbers:
        x = Value(1.0)
        y = ad.tanh(x * x) / x + ad.softmax([x, 1.0])[0]
        x.data = number
        assert (x * x).data == 9.0
        ad.recompute(y)
        assert type(x.data) is type(y.data) is float
        y.backward()
        assert type(x.grad) is float


def test_no_attributes_but_its_own() -> None:
    with pytest.raises(AttributeError):
        Value(1.0).gard = 1.0  # type: ignore[attr-defined]


def test_repr_shows_what_there_is() -> None:
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"
    assert repr(Value(2.0, "a")) == "Value(data=2.0, grad=0.0, label='a')"
    assert repr(Value(2.0) + 1) == "Value(data=3.0, grad=0.0, op='add')"


# Operators.

OPERATORS: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("add", operator.add),
    ("sub", operator.sub),
    ("mul", operator.mul),
    ("div", operator.truediv),
    ("pow", operator.pow),
]


@pytest.mark.parametrize(("op", "apply"), OPERATORS)
def test_operators_record_op_parents_and_local_derivatives(
    op: str, apply: Callable[[Any, Any], Any]
) -> None:
    a, b = Value(1.7), Value(0.6)
    node = apply(a, b)
    y, derivatives = ad.PRIMITIVES[op].linearize([1.7, 0.6])
    assert (node.op, node.data, node.local_derivatives) == (op, y, derivatives)
    assert node.parents[0] is a
    assert node.parents[1] is b
    assert node.data == apply(1.7, 0.6)


@pytest.mark.parametrize("number", NUMBERS + ODD_NUMBERS)
@pytest.mark.parametrize(("op", "apply"), OPERATORS)
def test_operators_take_numbers_on_either_side(
    op: str, apply: Callable[[Any, Any], Any], number: Any
) -> None:
    v = Value(1.5)
    for node, data, position in [
        (apply(v, number), apply(1.5, float(number)), 1),
        (apply(number, v), apply(float(number), 1.5), 0),
    ]:
        assert type(node) is Value
        assert (node.op, node.data) == (op, data)
        constant = node.parents[position]
        assert type(constant) is Constant
        assert (constant.op, constant.data) == ("constant", float(number))
        assert type(constant.data) is float
        assert node.parents[1 - position] is v
        assert node.local_derivatives[position] == 0.0


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_operators_compute_what_floats_compute(a: float, b: float) -> None:
    for _, apply in OPERATORS[:3]:
        expected = apply(a, b)
        for node in (apply(Value(a), Value(b)), apply(Value(a), b), apply(a, Value(b))):
            assert node.data == expected
            assert math.copysign(1, node.data) == math.copysign(1, expected)


def test_unary_operators() -> None:
    v = Value(-2.0)
    assert ((-v).op, (-v).data, (-v).local_derivatives) == ("neg", 2.0, (-1.0,))
    assert (abs(v).op, abs(v).data, abs(v).local_derivatives) == ("abs", 2.0, (-1.0,))
    assert +v is v


def test_a_plus_a_has_two_parents_and_two_edges() -> None:
    a = Value(3.0)
    node = a + a
    assert len(node.parents) == 2
    assert node.parents[0] is node.parents[1] is a
    assert node.local_derivatives == (1.0, 1.0)
    node.backward()
    assert a.grad == 2.0


def test_python_sum_of_values_works() -> None:
    values = [Value(float(i)) for i in range(5)]
    total: Any = sum(values)
    total.backward()
    assert total.data == 10.0
    assert [v.grad for v in values] == [1.0] * 5


def test_augmented_assignment_makes_a_new_node() -> None:
    a = Value(3.0)
    b = a
    b += 1
    b *= 2
    assert (a.data, b.data) == (3.0, 8.0)
    b.backward()
    assert a.grad == 2.0


@pytest.mark.parametrize("other", ["a", None, [1], (1,), {}, 1j, decimal.Decimal(1), object()])
@pytest.mark.parametrize(("op", "apply"), OPERATORS)
def test_operators_refuse_other_operands(
    op: str, apply: Callable[[Any, Any], Any], other: Any
) -> None:
    with pytest.raises(TypeError):
        apply(Value(1.0), other)
    with pytest.raises(TypeError):
        apply(other, Value(1.0))


@pytest.mark.parametrize("apply", [operator.floordiv, operator.mod, divmod, operator.matmul])
def test_operators_without_a_derivative_do_not_exist(apply: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(TypeError):
        apply(Value(3.0), Value(2.0))
    with pytest.raises(TypeError):
        apply(3.0, Value(2.0))


# Numbers stay numbers.


def test_constants_alone_make_constants() -> None:
    one, two = ad.as_value(1.0), ad.as_value(2)
    for node in (one + two, one * 3, ad.tanh(one), ad.sum([one, two]), -one, abs(one), 2**two):
        assert type(node) is Constant
        assert (node.op, node.parents, node.local_derivatives) == ("constant", (), ())


def test_as_value() -> None:
    v = Value(1.0)
    assert ad.as_value(v) is v
    assert type(ad.as_value(np.float64(2))) is Constant
    with pytest.raises(TypeError, match="got str"):
        ad.as_value("2")  # type: ignore[arg-type]


def test_functions_of_floats_give_floats() -> None:
    assert type(ad.exp(1)) is float
    assert ad.exp(1) == math.e
    assert type(ad.maximum(np.float64(1), 2)) is float
    assert ad.softmax([0, 0]) == [0.5, 0.5]


@pytest.mark.parametrize("function", [ad.exp, ad.sum, ad.mean, ad.softmax, ad.logsumexp, ad.norm])
@pytest.mark.parametrize("operand", ["text", None, 1j, [["a"]]])
def test_functions_refuse_other_operands(function: Any, operand: Any) -> None:
    with pytest.raises(TypeError):
        function(operand)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "logsumexp", "softmax", "log_softmax"])
def test_vector_functions_say_that_they_take_a_sequence(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} takes a sequence of values, got one Value"):
        getattr(ad, name)(Value(1.0))


def test_dot_refuses_different_lengths() -> None:
    with pytest.raises(ValueError, match="vectors of one length, got 1 and 2"):
        ad.dot([Value(1.0)], [1.0, 2.0])


def test_dot_is_one_node_with_parents_in_order() -> None:
    a, b, c = Value(2.0), Value(3.0), Value(0.5)
    node = ad.dot([a, 5.0], [b, c], bias=1.0)
    assert node.data == 2 * 3 + 5 * 0.5 + 1
    assert [p.data for p in node.parents] == [2.0, 5.0, 3.0, 0.5, 1.0]
    assert node.local_derivatives == (3.0, 0.0, 2.0, 5.0, 0.0)


# Comparison, truth, identity.


@pytest.mark.parametrize("apply", [operator.lt, operator.le, operator.gt, operator.ge])
def test_comparisons_look_at_the_data_and_give_bool(apply: Callable[[Any, Any], Any]) -> None:
    for a, b in [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (1.0, math.nan)]:
        for x, y in [(Value(a), Value(b)), (Value(a), b), (a, Value(b)), (np.float64(a), Value(b))]:
            assert apply(x, y) == apply(a, b)
            assert isinstance(apply(x, y), (bool, np.bool_))


def test_comparison_with_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="not supported between"):
        operator.lt(Value(1.0), "2")


def test_equality_and_hash_are_identity() -> None:
    a, b = Value(1.0), Value(1.0)
    same, number = a, cast(Any, 1.0)
    assert a == same
    assert a != b
    assert a != number
    assert a not in [number]
    assert len({a, b, same}) == 2
    assert b not in [a]
    a.data = 7.0
    assert a in {a: "found"}


def test_sorting_and_max_work_on_data() -> None:
    values = [Value(x) for x in (3.0, 1.0, 2.0)]
    assert [v.data for v in sorted(values)] == [1.0, 2.0, 3.0]
    assert max(values) is values[0]


def test_truth_is_that_of_the_data() -> None:
    assert Value(0.1)
    assert not Value(0.0)


@pytest.mark.parametrize("convert", [float, math.exp, math.sqrt, complex])
def test_no_silent_float(convert: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"v\.data.*autograd_mini\.exp"):
        convert(Value(1.0))


@pytest.mark.parametrize("convert", [int, round, math.floor])
def test_no_silent_int(convert: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        convert(Value(1.0))


# IEEE results instead of exceptions.


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda v: v(1.0) / v(0.0), math.inf),
        (lambda v: v(-1.0) / v(0.0), -math.inf),
        (lambda v: 1 / v(0.0), math.inf),
        (lambda v: v(1.0) / 0, math.inf),
        (lambda v: v(0.0) / v(0.0), math.nan),
        (lambda v: v(0.0) ** -1, math.inf),
        (lambda v: 0.0 ** v(-1.0), math.inf),
        (lambda v: v(-8.0) ** (1 / 3), math.nan),
        (lambda v: v(10.0) ** 1000, math.inf),
        (lambda v: 10.0 ** v(1000.0), math.inf),
        (lambda v: v(1e308) * 10, math.inf),
        (lambda v: v(math.inf) - math.inf, math.nan),
        (lambda v: ad.exp(v(1000.0)), math.inf),
        (lambda v: ad.log(v(0.0)), -math.inf),
        (lambda v: ad.log(v(-1.0)), math.nan),
        (lambda v: ad.sqrt(v(-1.0)), math.nan),
        (lambda v: ad.asin(v(2.0)), math.nan),
        (lambda v: ad.atanh(v(1.0)), math.inf),
        (lambda v: ad.cosh(v(1000.0)), math.inf),
        (lambda v: ad.sin(v(math.inf)), math.nan),
        (lambda v: ad.expm1(v(1000.0)), math.inf),
        (lambda v: ad.sigmoid(v(-1000.0)), 0.0),
        (lambda v: ad.logsumexp([v(math.inf), 1.0]), math.inf),
        (lambda v: ad.logsumexp([v(-math.inf), -math.inf]), -math.inf),
        (lambda v: ad.logsumexp([v(1.0), math.nan]), math.nan),
        (lambda v: ad.prod([v(1e200), 1e200]), math.inf),
        (lambda v: ad.norm([v(1e300), 1e300]), math.sqrt(2) * 1e300),
        (lambda v: ad.sum([v(math.inf), -math.inf]), math.nan),
    ],
)
def test_arithmetic_is_ieee(compute: Callable[[Any], Any], expected: float) -> None:
    assert compute(Value).data == pytest.approx(expected, rel=1e-15, nan_ok=True)
    if not isinstance(compute(ad.as_value), float):
        assert compute(ad.as_value).data == pytest.approx(expected, rel=1e-15, nan_ok=True)


# where.


def test_where_takes_an_arm_and_no_more() -> None:
    a, b = Value(2.0), Value(3.0)
    cases: list[tuple[Any, float, tuple[float, float]]] = [
        (True, 2.0, (1.0, 0.0)),
        (False, 3.0, (0.0, 1.0)),
        (np.bool_(True), 2.0, (1.0, 0.0)),
        (0.0, 3.0, (0.0, 1.0)),
        (Value(-1.0), 2.0, (1.0, 0.0)),
        (ad.greater(a, b), 3.0, (0.0, 1.0)),
    ]
    for condition, data, grads in cases:
        node = ad.where(condition, a, b)
        assert (node.op, node.data, node.local_derivatives[1:]) == ("where", data, grads)
        assert node.local_derivatives[0] == 0.0
    assert ad.where(True, 1.0, 2.0) == 1.0


@pytest.mark.parametrize("poison", [math.inf, -math.inf, math.nan])
def test_nothing_leaks_out_of_the_arm_not_taken(poison: float) -> None:
    x, bad = Value(0.5), Value(poison)
    y = ad.where(x > 0, x * 2, bad * x)
    y.backward()
    assert (y.data, x.grad, bad.grad) == (1.0, 2.0, 0.0)


def test_the_safe_logarithm_that_people_write() -> None:
    for start, data, slope in [(0.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (math.e, 1.0, 1 / math.e)]:
        x = Value(start)
        y = ad.where(x > 0, ad.log(x), 0.0)
        y.backward()
        assert (y.data, x.grad) == (data, slope)
        x = Value(start)
        y = ad.where(ad.greater(x, 0), ad.sqrt(x) + 1 / x, 0.0) if start <= 0 else x
        y.backward()
        assert math.isfinite(x.grad)


def test_where_refuses_a_condition_that_is_no_number() -> None:
    with pytest.raises(TypeError, match="got str"):
        ad.where("yes", Value(1.0), 2.0)  # type: ignore[arg-type]


# Labels do not matter to arithmetic; subclasses work by the general way.


def test_a_subclass_takes_part() -> None:
    class Weight(Value):
        pass

    w, x = Weight(2.0), Value(3.0)
    y = w * x + ad.tanh(w) - 1 / w
    y.backward()
    assert w.grad == pytest.approx(3 + 1 / math.cosh(2) ** 2 + 0.25, rel=1e-14)
    assert x.grad == 2.0
    assert type(y) is Value


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_operands_and_derivatives_can_be_assigned(count: int) -> None:
    x, parents = Value(1.0), tuple([Value(float(k)) for k in range(count)])
    for y in (x * x, -x, ad.sum([x, x, x])):
        y.parents = parents
        y.local_derivatives = tuple([2.0 + k for k in range(count)])
        assert y.parents == parents
        assert y.local_derivatives == (2.0, 3.0, 4.0)[:count]
        y.backward()
    assert [parent.grad for parent in parents] == [6.0, 9.0, 12.0][:count]


def test_a_node_is_one_object_for_the_collector() -> None:
    a, b = Value(2.0), Value(3.0)
    node = a * b
    tracked = [each for each in gc.get_referents(node) if gc.is_tracked(each)]
    assert sorted(map(id, tracked)) == sorted(map(id, (a, b, Value)))


def test_a_label_that_was_not_given_is_empty() -> None:
    a = Value(1.0)
    assert [(a * a).label, ad.as_value(2).label, a.detach().label] == ["", "", ""]
