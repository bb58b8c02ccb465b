"""Tracing: what it refuses, with the line and the remedy, and that it leaves no trace."""

from __future__ import annotations

import contextvars
import copy
import gc
import inspect
import math
import operator
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import TraceError, Value
from tests.compiler.agreement import assert_agrees

W: Any = Value(0.5, "w")
TABLE = [Value(1.0), Value(2.0), Value(3.0)]
FLOAT64: Any = np.float64
MODEL: Any = nn.MLP(1, [1], rng=0)


def doubled_until_large(x: Any) -> Any:
    while x < 3:
        x = x * 2
    return x * W


def assigned(x: Any) -> Any:
    W.data = 1.0
    return W * x


def in_no_grad(x: Any) -> Any:
    with ad.no_grad():
        fixed = W * W
    return x * W + fixed


def in_detect_anomaly(x: Any) -> Any:
    with ad.detect_anomaly():
        return W * x


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "data of an input": (lambda x: W * x.data, "data.*compute with the Value itself"),
    "data of an intermediate": (lambda x: W * (W * x).data, "data.*the Value itself"),
    "data of a parameter": (lambda x: x * W.data, "data.*the Value itself"),
    "detach": (lambda x: x * W.detach() + W, "known only when the program runs"),
    "setting data": (assigned, "data"),
    "if": (lambda x: W * x if x > 0 else W, "where, maximum"),
    "if of a parameter": (lambda x: x if W else -x, "where, maximum"),
    "while": (doubled_until_large, "where, maximum"),
    "and": (lambda x: W * x and W, "where, maximum"),
    "max": (lambda x: max(x, W), "maximum"),
    "sorted": (lambda x: sorted([x, W])[0], "maximum"),
    "float": (lambda x: W * float(x), "functions of autograd_mini"),
    "float of a parameter": (lambda x: x * float(W), "functions of autograd_mini"),
    "math": (lambda x: W * math.exp(x), "functions of autograd_mini in place of those of math"),
    "int": (lambda x: W * int(x), "take"),
    "index": (lambda x: W * TABLE[x], r"take\(values, index\)"),
    "range": (lambda x: ad.sum([W for _ in range(x)]), "take"),
    "computed index": (lambda x: W * ad.take(TABLE, x + 1), "integer input itself.*tabulate"),
    "a class as index": (lambda x: nn.cross_entropy(TABLE, x * 1), "integer input itself"),
    "a parameter as index": (lambda x: x * ad.take(TABLE, W), "integer input itself.*tabulate"),
    "backward": (lambda x: ((W * x).backward(), W * x)[1], "gradients"),
    "no_grad": (in_no_grad, "no_grad"),
    "detect_anomaly": (in_detect_anomaly, "detect_anomaly.*the function itself"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("batched", [True, False])
def test_what_needs_a_number_is_refused(case: str, batched: bool) -> None:
    function, remedy = REFUSED[case]
    program = ad.compile(function, [W, *TABLE], batched=batched)
    with pytest.raises(TraceError, match=remedy) as caught:
        program(None, [1, 2] if batched else 1)
    lines, first = inspect.getsourcelines(function)
    file, _, line = str(caught.value).split(": ")[0].rpartition(":")
    assert file == __file__
    assert first <= int(line) < first + len(lines)
    assert program.traces == ()
    assert_untouched([W, *TABLE], [0.5, 1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "NoneType"),
        ("loss", "str"),
        ({"loss": W}, "dict"),
        ([W, None], "NoneType"),
        (3.0, "depends on no parameter and no input.*lost"),
        ([1.0, 2.0], "depends on no parameter"),
        ([], "depends on no parameter"),
        (np.ones(1), r"ndarray, expected a Value or a list of Values: take its tolist\(\)"),
        (ad.as_value(2.0), "depends on no parameter"),
    ],
)
def test_what_is_no_function_of_anything_is_refused(result: Any, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        ad.compile(lambda x: result, [W])(None, [1.0])
    assert_untouched([W], [0.5])


def test_a_comparison_is_a_condition_of_where() -> None:
    program = ad.compile(lambda x: ad.where(x > W, x, W * x), [W])
    assert program(None, [0.25, 1.0]).tolist() == [0.125, 1.0]
    conditions = ad.compile(lambda x: [x < W, x <= W, x > W, x >= W], [W])
    assert conditions(None, [0.5, 1.0]).tolist() == [[0, 1, 0, 1], [0, 0, 1, 1]]


def test_numpy_functions_over_values_are_traced() -> None:
    program = ad.compile(lambda x: np.exp(np.array(x)) @ np.array([W, 2.0]), [W])
    expected = 0.5 * np.e + 2 * np.e**2
    assert math.isclose(program(None, [[1.0, 2.0]])[0], expected, rel_tol=1e-15)


def test_derivatives_inside_the_function() -> None:
    """A loss that holds a derivative, as physics-informed models do."""

    def loss(x: Any) -> Any:
        y = ad.sin(W * x) * x
        (slope,) = ad.gradients(y, [x], create_graph=True)
        return (slope - 1.0) ** 2

    x = np.array([0.3, 1.7])
    w = W.data
    value, gradient = ad.compile(loss, [W]).value_and_grad(None, x)
    residual = np.sin(w * x) + x * w * np.cos(w * x) - 1
    slope = x * np.cos(w * x) * 2 - x * x * w * np.sin(w * x)
    assert math.isclose(value, np.mean(residual**2), rel_tol=1e-13)
    assert math.isclose(gradient[0], np.mean(2 * residual * slope), rel_tol=1e-13)


# What is left behind


def assert_untouched(values: list[Value], data: list[float]) -> None:
    assert {type(value) for value in values} == {Value}
    assert [value.data for value in values] == data
    assert [value.grad for value in values] == [0.0] * len(values)
    assert all(value.parents == () for value in values)
    assert (values[0] * 2).data == 2 * data[0]  # and no mode is left on


def test_parameters_are_as_before() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    a.grad = 7.0
    ad.compile(lambda x: a * b * x, [a, b]).value_and_grad(None, [1.0, 2.0])
    assert (type(a), type(b)) == (Value, Value)
    assert (a.data, b.data, a.grad, b.grad, a.label, b.label) == (2.0, 3.0, 7.0, 0.0, "a", "b")
    assert (a * 2).data == 4.0


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_parameters_are_as_before_after_an_exception(error: type[BaseException]) -> None:
    w = Value(2.0)

    def function(x: Any) -> Any:
        if fails:
            raise error
        return w * x

    program, fails = ad.compile(function, [w]), True
    with pytest.raises(error):
        program(None, [1.0])
    assert_untouched([w], [2.0])
    fails = False
    assert program(None, [1.0]).tolist() == [2.0]


def test_nested_traces() -> None:
    w, inner_weight = Value(2.0), Value(3.0)
    inner = ad.compile(lambda y: inner_weight * y + w.label.count("w"), [inner_weight])

    def function(x: Any) -> Any:
        constant = float(inner(None, [2.0])[0])
        return w * x * constant

    assert ad.compile(function, [w])(None, [1.0]).tolist() == [12.0]
    assert_untouched([w, inner_weight], [2.0, 3.0])

    def tangled(x: Any) -> Any:
        return w * x + float(ad.compile(lambda y: w * y, [w])(None, [2.0])[0])

    with pytest.raises((TraceError, TypeError)):
        ad.compile(tangled, [w])(None, [1.0])
    assert_untouched([w], [2.0])


def test_modes_around_a_program() -> None:
    w = Value(2.0)
    with ad.no_grad():
        value, gradient = ad.compile(lambda x: w * x, [w]).value_and_grad(None, [3.0])
        assert type(w * 2) is ad.Constant
    assert (value, gradient.tolist()) == (6.0, [3.0])
    with ad.detect_anomaly():
        ad.compile(lambda x: ad.log(w * x), [w])(None, [3.0])
        with pytest.raises(ad.AnomalyError):
            ad.log(w * 0)
    assert type(w * 2) is Value


@contextmanager
def collector(enabled: bool) -> Iterator[None]:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        yield
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_cyclic_collector_is_as_before(enabled: bool) -> None:
    w = Value(2.0)
    with collector(enabled):
        ad.compile(lambda x: w * x, [w])(None, [1.0])
        assert gc.isenabled() is enabled
        with pytest.raises(TraceError):
            ad.compile(lambda x: w * float(x), [w])(None, [1.0])
        assert gc.isenabled() is enabled


def test_a_graph_from_before_is_traced_through() -> None:
    """Nodes made outside the function over parameters belong to it."""
    w, other = Value(2.0), Value(3.0)
    before = other * other
    program = ad.compile(lambda x: w * x * before, [w, other])
    value, gradient = program.value_and_grad([2.0, 5.0], [1.0])
    assert (value, gradient.tolist()) == (50.0, [25.0, 20.0])
    assert before.data == 9.0


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x, w: w if x == 0 else x, "`==`"),
        (lambda x, w: w if x != 1 else x, "`!=`"),
        (lambda x, w: w if w * x != x else x, "`!=`"),
        (lambda x, w: w if w * x == x else x, "`==`"),
        (lambda x, w: w * x if x in [0, 1] else x, "`==`"),
        (lambda x, w: ad.where(w * x == 0.0, w, x), "`==`"),
        (lambda x, w: ad.where(w * x != 1.0, w, x), "`!=`"),
    ],
)
def test_equality_with_a_number_is_refused(function: Any, named: str) -> None:
    """The operator is named as the function has it."""
    w = Value(2.0)
    with pytest.raises(TraceError, match=rf"cannot take {named} .*equal\(x, 0\)"):
        ad.compile(lambda x: function(x, w), [w])(None, [0.0, 1.0])
    program = ad.compile(lambda x: ad.where(ad.equal(x, 0), w, x), [w])
    assert program(None, [0.0, 1.0]).tolist() == [2.0, 1.0]


# Nodes that outlive their trace


def kept_node() -> Any:
    """An intermediate result that a traced function has put away."""
    w, kept = Value(2.0), []

    def function(x: Value) -> Value:
        kept.append(w * x)
        return w * x

    ad.compile(function, [w])(None, [1.0])
    return kept[0]


LATER: dict[str, Callable[[Any], Any]] = {
    "data": lambda node: node.data,
    "grad": lambda node: node.grad,
    "setting data": lambda node: setattr(node, "data", 1.0),
    "local derivatives": lambda node: node.local_derivatives,
    "product": lambda node: node * 2,
    "reflected": lambda node: 2 - node,
    "with a Value": lambda node: W * node,
    "negative": lambda node: -node,
    "function": ad.tanh,
    "vector function": lambda node: ad.logsumexp([node, 1.0]),
    "two vectors": lambda node: ad.dot([node], [W]),
    "where": lambda node: ad.where(True, node, 1.0),
    "take": lambda node: ad.take([1.0, 2.0], node),
    "comparison": lambda node: node > 0,
    "a Value's comparison": lambda node: node < W,
    "bool": bool,
    "float": float,
    "format": lambda node: f"{node:.2f}",
    "backward": lambda node: node.backward(),
    "ad.backward": lambda node: ad.backward([W * 2, node]),
    "gradients": lambda node: ad.gradients(node, node.parents[0]),
    "gradients as Values": lambda node: ad.gradients(ad.exp(node), W, create_graph=True),
    "recompute": ad.recompute,
    "explain": lambda node: ad.explain(node, node.parents[0]),
    "detach": lambda node: node.detach(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "in a model": lambda node: copy.deepcopy({"kept": [node]}),
    "another trace": lambda node: ad.compile(lambda x: W * x + node, [W])(None, [1.0]),
    "in a sum of another trace": lambda node: ad.compile(lambda x: ad.sum([W, x, node]), [W])(
        None, [1.0]
    ),
    "returned from another trace": lambda node: ad.compile(lambda x: [W * x, node], [W])(
        None, [1.0]
    ),
    "compared in another trace": lambda node: ad.compile(lambda x: ad.where(node > 0, W, x), [W])(
        None, [1.0]
    ),
}


@pytest.mark.parametrize("case", LATER)
def test_a_node_kept_from_a_trace_is_refused(case: str) -> None:
    node = kept_node()
    with pytest.raises(TraceError, match="was kept from the tracing of a function"):
        LATER[case](node)
    assert (W.data, W.grad, type(W)) == (0.5, 0.0, Value)
    assert repr(node) == "Traced(op='mul', label='')"


def test_an_input_kept_from_a_trace_is_refused() -> None:
    w, kept = Value(2.0), []

    def function(x: Value) -> Value:
        kept.append(x)
        return w * x

    ad.compile(function, [w])(None, [1.0])
    with pytest.raises(TraceError, match="was kept"):
        kept[0] * 2
    with pytest.raises(TraceError, match="was kept"):
        ad.compile(lambda x: w * kept[0], [w])(None, [1.0])


def test_a_cache_of_nodes_does_not_reach_the_next_trace() -> None:
    """A model that remembers its last result gives it to the trace of another shape."""
    w, memory = Value(2.0), [ad.as_value(0.0)]

    def recurrent(xs: Any) -> Any:
        for x in xs:
            memory[0] = ad.tanh(w * x + memory[0])
        return memory[0]

    program = ad.compile(recurrent, [w])
    program(None, [[1.0]])
    with pytest.raises(TraceError, match="was kept"):
        program(None, [[1.0, 2.0]])


def test_what_depends_on_no_input_may_be_kept() -> None:
    w, kept = Value(2.0), []

    def function(x: Any) -> Any:
        kept.append(Value(3.0) * 2)
        return w * x * kept[-1]

    assert ad.compile(function, [w])(None, [1.0]).tolist() == [12.0]
    assert kept[0].data == 6.0


# Other threads see parameters as they are


def while_tracing(work: Callable[[], Any], parameters: list[Value]) -> Any:
    """What `work` gives in another thread while the parameters are traced."""
    results: list[Any] = []

    def function(x: Any) -> Any:
        thread = threading.Thread(target=lambda: results.append(work()))
        thread.start()
        thread.join()
        return parameters[0] * x

    ad.compile(function, parameters)(None, [1.0])
    return results[0]


class Weight(Value):
    """A subclass with an attribute."""

    def __init__(self, data: float, unit: str) -> None:
        super().__init__(data)
        self.unit = unit


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))],
    ids=["copy", "deepcopy", "pickle"],
)
@pytest.mark.parametrize("kind", [Value, Weight])
def test_a_copy_made_by_another_thread_is_no_traced_value(
    kind: type[Value], duplicate: Callable[[Any], Any]
) -> None:
    w = Value(2.0, "w") if kind is Value else Weight(2.0, "kg")
    w.grad = 3.0
    twin = while_tracing(lambda: duplicate(w), [w])
    assert type(twin) is type(w) is kind
    assert (twin.data, twin.grad, twin.label) == (2.0, 3.0, w.label)
    assert getattr(twin, "unit", None) == getattr(w, "unit", None)
    assert type(twin * 2) is Value


def test_a_model_copied_by_another_thread() -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    twin = while_tracing(lambda: copy.deepcopy(model), model.parameters())
    assert {type(p) for p in twin.parameters()} == {Value}
    assert nn.parameters_to_vector(twin).tolist() == nn.parameters_to_vector(model).tolist()


def test_another_thread_computes_while_parameters_are_traced() -> None:
    w: Any = Value(0.0)
    v = Value(-2.0)

    def work() -> Any:
        y = ad.where(w > -1, w * v + ad.exp(w), 0.0) + ad.relu(v)
        y.backward()
        slope = ad.gradients(v**3, v, create_graph=True)
        kink = ad.gradients(ad.relu(w) * math.inf, w, create_graph=True)
        same = (w == w, w == v, w == 0.0, w in {w}, isinstance(w, Value), bool(w), w < v)
        text = (repr(v), f"{v:.1f}")
        array = (np.array([0.0, -2.0]) == w).tolist()
        for broken in (round, operator.index, float):
            with pytest.raises(TypeError):
                broken(w)
        return y.data, w.grad, v.grad, slope.data, kink.data, same, text, array

    expected = work()
    w.grad = v.grad = 0.0
    assert while_tracing(work, [w, v]) == expected
    assert (w.grad, v.grad) == (-1.0, 0.0)


def test_parameters_of_a_subclass() -> None:
    w = Weight(2.0, "kg")
    program = ad.compile(lambda x: w * x, [w])
    value, gradient = program.value_and_grad(None, [3.0])
    assert (value, gradient.tolist(), type(w), w.unit) == (6.0, [3.0], Weight, "kg")
    with pytest.raises(TraceError, match="data"):
        ad.compile(lambda x: w.data * x, [w])(None, [3.0])


def test_a_traced_function_may_walk_its_graph() -> None:
    w = Value(2.0)

    def function(x: Any) -> Any:
        y = w * x + x
        return float(ad.count_paths(y, x) + len(ad.leaves(y))) * y

    assert ad.compile(function, [w])(None, [1.0]).tolist() == [12.0]


def test_threads_that_trace_each_others_programs_do_not_wait_for_ever() -> None:
    w = Value(2.0)
    inner = ad.compile(lambda x: w * x, [w])
    go = threading.Event()

    def nested(x: Any) -> Any:
        go.set()
        time.sleep(0.05)  # the other thread asks for the same program meanwhile
        return w * x * float(inner([3.0], [1.0])[0])

    outer = ad.compile(nested, [w])
    results: dict[str, Any] = {}
    tasks = {"outer": lambda: outer([2.0], [1.0]), "inner": lambda: inner([3.0], [1.0])}
    first = threading.Thread(target=lambda: results.update(outer=tasks["outer"]()), daemon=True)
    first.start()
    assert go.wait(10)
    second = threading.Thread(target=lambda: results.update(inner=tasks["inner"]()), daemon=True)
    second.start()
    for thread in (first, second):
        thread.join(10)
    assert {name: result.tolist() for name, result in results.items()} == {
        "outer": [6.0],
        "inner": [3.0],
    }


# Programs within functions that are traced


def test_a_program_called_with_traced_values_says_so() -> None:
    w = Value(2.0)
    inner: Any = ad.compile(lambda x: w * x, [w])
    with pytest.raises(TypeError, match="holds objects that are Values, expected numbers"):
        ad.compile(lambda x: w * inner([1.0], [x])[0], [w])(None, [1.0])
    with pytest.raises(TypeError, match="theta holds objects that are Values"):
        ad.compile(lambda x: w * inner([w], [1.0])[0], [w])(None, [1.0])


def test_a_program_traced_within_a_trace_refuses_nodes_from_outside_it() -> None:
    w, v = Value(2.0), Value(3.0)

    def function(x: Any) -> Any:
        inner = ad.compile(lambda y: v * y * x, [v])
        return w * x * float(inner([1.0], [2.0])[0])

    with pytest.raises(TraceError, match="was kept"):
        ad.compile(function, [w])(None, [1.0])

    def shared(x: Any) -> Any:
        inner = ad.compile(lambda y: w * v * y, [v])
        return w * x * float(inner([1.0], [2.0])[0])

    with pytest.raises(TraceError, match="data"):
        ad.compile(shared, [w])(None, [1.0])
    assert_untouched([w, v], [2.0, 3.0])


def test_a_program_with_the_same_parameters_traced_within_a_trace() -> None:
    w = Value(2.0)
    inner = ad.compile(lambda y: w * y, [w])
    program = ad.compile(lambda x: w * x * float(inner([5.0], [2.0])[0]), [w])
    assert program(None, [3.0]).tolist() == [60.0]
    assert_untouched([w], [2.0])


def test_tracing_follows_the_context_and_not_the_thread() -> None:
    w = Value(2.0)

    def function(x: Any) -> Any:
        results: list[Any] = []
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: results.append(context.run(lambda: w * x)))
        thread.start()
        thread.join()
        return results[0] + contextvars.copy_context().run(lambda: w * x)

    assert ad.compile(function, [w])(None, [3.0]).tolist() == [12.0]


def test_backward_of_a_graph_from_before_changes_no_gradient() -> None:
    w, v = Value(2.0), Value(3.0)
    v.grad = 7.0
    before = v * w * v

    def function(x: Value) -> Value:
        before.backward()
        return w * x

    with pytest.raises(TraceError, match="gradients"):
        ad.compile(function, [w])(None, [1.0])
    assert (w.grad, v.grad) == (0.0, 7.0)


def test_derivatives_of_a_graph_from_before_are_refused() -> None:
    """Which arm a kink takes was decided when the graph was made."""
    w = Value(2.0)
    before = ad.relu(w - 3.0)

    def slope(x: Any) -> Any:
        return ad.gradients(before * x, w, create_graph=True)

    with pytest.raises(TraceError, match="make it in the function"):
        ad.compile(slope, [w])(None, [1.0])
    with pytest.raises(TraceError, match="create_graph=True"):
        ad.compile(lambda x: w * x * ad.gradients(before, w), [w])(None, [1.0])

    def other(x: Any) -> Any:
        return ad.gradients(before * x * x, x, create_graph=True)

    assert ad.compile(other, [w])([5.0], [1.0]).tolist() == [4.0]


def test_gradients_of_numbers_within_a_trace() -> None:
    w = Value(2.0)

    def function(x: Any) -> Any:
        v = Value(3.0)
        y = v * v
        y.backward()
        return w * x * v.grad * ad.gradients(y, v) * y.data

    assert ad.compile(function, [w])(None, [1.0]).tolist() == [2.0 * 6.0 * 6.0 * 9.0]


# Errors that name the line


def line_of(function: Any) -> str:
    return f"{__file__}:{inspect.getsourcelines(function)[1]}: "


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda x: (MODEL([x]) - 1.0) ** 2, TypeError, r"unpack one \(`output, = model\(x\)`\)"),
        (lambda x: (1.0 - MODEL([x])) ** 2, TypeError, r"unpack one \(`output, = model\(x\)`\)"),
        (lambda x: -MODEL([x]), TypeError, r"unpack one"),
        (lambda x: np.isnan(x * W), TypeError, r"use the functions of autograd_mini"),
        (lambda x: np.linalg.inv([[x]]), TypeError, r"use the functions of autograd_mini"),
        (lambda x: np.maximum(x * W, 0.0), TraceError, "use where, maximum"),
        (lambda x: np.linalg.norm(FLOAT64([x])), TraceError, "functions of autograd_mini"),
        (lambda x: np.take([1.0, 2.0], x), TraceError, "take"),
        (lambda x: W * x % 2, TypeError, r"tabulate"),
    ],
)
def test_errors_of_python_and_numpy(function: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        ad.compile(function, [W])(None, [1.0])
    assert str(caught.value).startswith(line_of(function))


def test_an_error_of_the_users_own_is_passed_on() -> None:
    class OwnError(TypeError):
        pass

    def fails(x: Any) -> Any:
        raise OwnError("own")

    with pytest.raises(OwnError, match=r"^own$"):
        ad.compile(fails, [W])(None, [1.0])


def test_numpys_error_is_explained_by_the_refusal_on_its_own_line_only() -> None:
    """A refusal that was caught on another line has nothing to say about a later error."""

    def function(x: Any) -> Any:
        try:
            return W * float(x)
        except TraceError:
            pass
        return W * np.zeros(2)[None + x]

    with pytest.raises(TypeError, match=r":\d+: unsupported operand"):
        ad.compile(function, [W])(None, [3.0])
    with pytest.raises(TraceError, match="the index") as caught:
        ad.compile(lambda x: W * np.zeros(2)[x], [W])(None, [1])
    assert isinstance(caught.value.__cause__, IndexError)


def test_a_refusal_that_the_function_catches_is_its_own_affair() -> None:
    def function(x: Any) -> Any:
        try:
            return W * float(x)
        except TraceError:
            return W * x

    assert ad.compile(function, [W])(None, [3.0]).tolist() == [1.5]


# A model in place of its parameters


def test_a_model_stands_for_its_parameters() -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    x, theta = [[0.5, -1.0]], nn.parameters_to_vector(model)
    expected = ad.compile(model, model.parameters())(theta, x)
    assert ad.compile(model, model)(theta, x).tolist() == expected.tolist()
    assert ad.compile(model, model)(None, x).tolist() == expected.tolist()


@pytest.mark.parametrize("given", [nn.MLP, 3, None, "w", {"w": W}])
def test_what_is_neither_parameters_nor_a_model(given: Any) -> None:
    with pytest.raises(TypeError, match=r"Values or a model with a method parameters\(\)"):
        ad.compile(lambda x: x, given)


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_a_constant_is_compared_with_a_traced_value_on_its_right(
    compare: Callable[[Any, Any], Any],
) -> None:
    w = Value(2.0)

    def function(x: Any) -> Any:
        return ad.where(compare(ad.as_value(1.0), x), w * x, x)

    assert_agrees(function, [w], [0.5, 1.0, 2.0])
