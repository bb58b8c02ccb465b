"""no_grad, detach and detect_anomaly: what they change, what they say, and where they hold."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import itertools
import math
import threading
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import AnomalyError, AutogradError, Constant, Value
from autograd_mini.core.modes import ACTIVE, current_modes, switched
from tests.random_graphs import ROWS

# no_grad.


def test_no_grad_makes_constants_of_the_same_data() -> None:
    a, b = Value(2.0, "a"), Value(3.0)
    for compute in COMPUTATIONS:
        with ad.no_grad():
            inside = compute(a, b)
        outside = compute(a, b)
        assert type(inside) is Constant
        assert (inside.op, inside.parents, inside.local_derivatives) == ("constant", (), ())
        assert inside.data == outside.data
        assert type(outside) is Value


COMPUTATIONS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a * 2 - 1 / b,
    lambda a, b: -a,
    lambda a, b: abs(a),
    lambda a, b: a**b,
    lambda a, b: ad.tanh(a),
    lambda a, b: ad.sum([a, b, 1.0]),
    lambda a, b: ad.dot([a, 2.0], [b, a], bias=b),
    lambda a, b: ad.softmax([a, b])[1],
    lambda a, b: ad.where(a > b, a, b),
    lambda a, b: ad.log(a - 2),
]


def test_leaves_made_inside_no_grad_are_leaves() -> None:
    with ad.no_grad():
        leaf = Value(1.0)
    (leaf * 2).backward()
    assert leaf.grad == 2.0


def test_backward_from_a_result_without_graph_is_refused() -> None:
    with ad.no_grad():
        y = Value(1.0) * 2
    with pytest.raises(ValueError, match=r"no_grad\(\)"):
        y.backward()


def test_backward_works_inside_no_grad() -> None:
    x = Value(3.0)
    y = x * x
    with ad.no_grad():
        y.backward()
    assert x.grad == 6.0


def test_modes_are_left_when_something_raises_inside() -> None:
    with pytest.raises(RuntimeError), ad.no_grad(), ad.detect_anomaly():
        raise RuntimeError
    y = Value(2.0) / 0.0
    assert y.parents
    assert y.data == math.inf


def test_modes_nest() -> None:
    x = Value(2.0)
    with ad.no_grad():
        with ad.no_grad():
            assert not (x * x).parents
        assert not (x * x).parents
        with ad.detect_anomaly():
            assert not (x * x).parents
            with pytest.raises(AnomalyError):
                x / 0.0
        assert (x / 0.0).data == math.inf
    assert (x * x).parents


def test_modes_are_decorators_too() -> None:
    @ad.no_grad()
    def predict(x: Value) -> Value:
        """Docstring of predict."""
        return x * 2

    @ad.detect_anomaly()
    def careful(x: Value) -> Value:
        return ad.log(x)

    for _ in range(2):
        assert type(predict(Value(1.0))) is Constant
        with pytest.raises(AnomalyError):
            careful(Value(0.0))
    assert predict.__doc__ == "Docstring of predict."
    assert (Value(1.0) * 2).parents


def test_modes_hold_for_their_thread_only() -> None:
    inside, done = threading.Event(), threading.Event()
    kinds: list[type] = []

    def other() -> None:
        inside.wait(10)
        kinds.append(type(Value(1.0) * 2))
        kinds.append(type(Value(1.0) / 0.0))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with ad.no_grad(), ad.detect_anomaly():
        inside.set()
        assert done.wait(10)
        assert type(Value(1.0) * 2) is Constant
    thread.join()
    assert kinds == [Value, Value]


def test_many_threads_enter_and_leave_modes() -> None:
    def work(seed: int) -> bool:
        x = Value(float(seed))
        for i in range(300):
            if (i + seed) % 2:
                with ad.no_grad():
                    if (x * 2).parents:
                        return False
            elif not (x * 2).parents:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))
    assert (Value(1.0) * 2).parents


def test_modes_hold_for_their_task_only() -> None:
    async def without_graph() -> list[bool]:
        with ad.no_grad():
            await asyncio.sleep(0)
            first = bool((Value(1.0) * 2).parents)
            await asyncio.sleep(0)
            return [first, bool((Value(1.0) * 2).parents)]

    async def with_graph() -> list[bool]:
        results = []
        for _ in range(4):
            results.append(bool((Value(1.0) * 2).parents))
            await asyncio.sleep(0)
        return results

    async def both() -> tuple[list[bool], list[bool]]:
        first, second = await asyncio.gather(without_graph(), with_graph())
        return first, second

    assert asyncio.run(both()) == ([False, False], [True] * 4)


# Blocks that do not close in the order in which they began.


def records() -> bool:
    return bool((Value(2.0) * 2).parents)


def _yielding_inside(*contexts: Any) -> Generator[None]:
    with ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_interleaved_generators_leave_nothing_switched(order: tuple[int, ...]) -> None:
    generators = [_yielding_inside(ad.no_grad()) for _ in order]
    for generator in generators:
        next(generator)
    for index in order:
        assert not records()
        generators[index].close()
    assert records()
    assert not ACTIVE
    with ad.detect_anomaly():
        assert records()


def test_the_blocks_that_are_still_open_hold() -> None:
    first, second = _yielding_inside(ad.no_grad()), _yielding_inside(ad.detect_anomaly())
    next(first), next(second)
    first.close()
    assert records()
    with pytest.raises(AnomalyError):
        Value(1.0) / 0.0
    second.close()
    assert (Value(1.0) / 0.0).data == math.inf


def test_a_block_may_close_in_another_thread_or_context() -> None:
    generators = [_yielding_inside(ad.no_grad(), ad.detect_anomaly()) for _ in range(3)]
    for generator in generators:
        next(generator)
    thread = threading.Thread(target=generators[0].close)
    thread.start()
    thread.join()
    assert not records()
    contextvars.Context().run(generators[2].close)
    assert not records()
    contextvars.copy_context().run(generators[1].close)
    assert records()
    assert not ACTIVE


def test_a_generator_that_begins_elsewhere_may_close_here() -> None:
    generator = _yielding_inside(ad.no_grad())
    seen: list[bool] = []

    def begin() -> None:
        next(generator)
        seen.append(records())

    with ad.detect_anomaly():  # the engine looks at the modes of this thread
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
        assert records()
        generator.close()
        assert records()
    assert seen == [False]
    assert not ACTIVE


def test_random_blocks_hold_as_long_as_they_are_open() -> None:
    random = Random(1)
    open_blocks: list[tuple[str, Any]] = []
    for _ in range(500):
        if open_blocks and random.random() < 0.5:
            _, generator = open_blocks.pop(random.randrange(len(open_blocks)))
            generator.close()
        else:
            name = random.choice(["no_grad", "detect_anomaly"])
            generator = _yielding_inside(getattr(ad, name)())
            next(generator)
            open_blocks.append((name, generator))
        names = {name for name, _ in open_blocks}
        assert current_modes().anomaly == ("detect_anomaly" in names)
        assert records() == ("no_grad" not in names)
        assert len(ACTIVE) == len(open_blocks)
    for _, generator in open_blocks:
        generator.close()
    assert records()
    assert not ACTIVE


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=20))
def test_the_innermost_open_block_decides(steps: list[tuple[int, bool]]) -> None:
    open_blocks: list[tuple[bool, Any]] = []
    for index, recording in steps:
        if index < len(open_blocks):
            open_blocks.pop(index)[1].close()
        else:
            generator = _yielding_inside(switched(recording=recording))
            next(generator)
            open_blocks.append((recording, generator))
        expected = open_blocks[-1][0] if open_blocks else True
        assert records() == expected
    for _, generator in open_blocks:
        generator.close()
    assert records()


def test_one_context_may_be_entered_again_and_nested() -> None:
    context = ad.no_grad()
    for _ in range(2):
        with context:
            with context:
                assert not records()
            assert not records()
        assert records()
    with ExitStack() as stack:
        stack.enter_context(context)
        stack.enter_context(ad.detect_anomaly())
        stack.enter_context(context)
        assert not records()
    assert records()
    assert not ACTIVE


def test_one_context_in_many_threads() -> None:
    context = ad.no_grad()

    def work(seed: int) -> bool:
        for _ in range(200):
            with context:
                inside = records()
            if inside or not records():
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))
    assert not ACTIVE


def test_a_task_that_outlives_the_block_records_again() -> None:
    async def child(inside: asyncio.Event, outside: asyncio.Event) -> list[bool]:
        results = [records()]
        inside.set()
        await outside.wait()
        with ad.detect_anomaly():
            return [*results, records()]

    async def parent() -> list[bool]:
        inside, outside = asyncio.Event(), asyncio.Event()
        with ad.no_grad():
            task = asyncio.create_task(child(inside, outside))
            await inside.wait()
        outside.set()
        return await task

    assert asyncio.run(parent()) == [False, True]


# Decorated generators and coroutines.


def test_a_decorated_generator_switches_while_its_own_code_runs() -> None:
    closed: list[bool] = []

    @ad.no_grad()
    def items(count: int) -> Generator[bool, str, str]:
        """Docstring of items."""
        answers = []
        try:
            for _ in range(count):
                try:
                    answers.append((yield records()))
                except KeyError:
                    answers.append(f"KeyError {records()}")
        finally:
            closed.append(records())
        return ", ".join(map(str, answers))

    def outer(generator: Generator[bool, str, str]) -> Generator[bool, str, str]:
        return (yield from generator)

    for wrap in (lambda generator: generator, outer):
        generator = wrap(items(3))
        assert next(generator) is False
        assert records()
        assert generator.send("a") is False
        assert records()
        assert generator.throw(KeyError()) is False
        assert records()
        with pytest.raises(StopIteration) as end:
            generator.send("b")
        assert end.value.value == "a, KeyError False, b"
    interrupted = items(3)
    next(interrupted)
    interrupted.close()
    raising = items(3)
    next(raising)
    with pytest.raises(ZeroDivisionError):
        raising.throw(ZeroDivisionError())
    assert closed == [False] * 4
    assert items.__doc__ == "Docstring of items."
    assert records()
    assert not ACTIVE


def test_a_decorated_coroutine_switches_until_it_is_done() -> None:
    @ad.no_grad()
    async def compute() -> list[bool]:
        first = records()
        await asyncio.sleep(0)
        return [first, records()]

    async def plain() -> list[bool]:
        results = []
        for _ in range(3):
            results.append(records())
            await asyncio.sleep(0)
        return results

    async def both() -> list[list[bool]]:
        return list(await asyncio.gather(compute(), plain(), compute()))

    assert asyncio.run(both()) == [[False, False], [True] * 3, [False, False]]
    assert not ACTIVE


def test_an_asynchronous_generator_is_not_decorated() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="items is an asynchronous generator"):
        ad.no_grad()(items)


# detach.


def test_detach_is_the_same_number_without_a_past() -> None:
    a = Value(3.0, "a")
    h = a * a
    cut = h.detach()
    assert (cut.data, cut.op, cut.parents) == (9.0, "constant", ())
    assert a.detach().label == "a"
    y = a * cut
    y.backward()
    assert (a.grad, cut.grad, h.grad) == (9.0, 0.0, 0.0)
    h.data = 5.0
    assert cut.data == 9.0


# detect_anomaly.


def line() -> int:
    """The number of the calling line."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.mark.parametrize(
    ("compute", "says"),
    [
        (lambda p: ad.log(p), ["log gave -inf", "p=0.0", "logsumexp", "log_softmax"]),
        (lambda p: p.log(), ["log gave -inf", "p=0.0"]),
        (lambda p: 1 / p, ["div gave inf", "constant=1.0", "p=0.0", "denominator"]),
        (lambda p: 1.0 / p, ["div gave inf"]),
        (lambda p: p / p, ["div gave nan", "p=0.0, p=0.0"]),
        (lambda p: p / 0, ["div gave nan"]),
        (lambda p: p**-1, ["pow gave inf", "positive"]),
        (lambda p: ad.exp(p + 1000), ["exp gave inf", "add=1000.0", "subtract the largest"]),
        (lambda p: ad.sqrt(p - 1), ["sqrt gave nan", "sub=-1.0", "sqrt has no"]),
        (lambda p: ad.reciprocal(p), ["reciprocal gave inf"]),
        (lambda p: ad.sum([p, math.inf, 2.0]), ["sum gave inf", "p=0.0, constant=inf"]),
        (lambda p: ad.dot([p + 1], [math.nan]), ["dot gave nan", "constant=nan"]),
        (lambda p: ad.softmax([p, math.nan]), ["softmax gave nan"]),
        (lambda p: ad.logsumexp([p, math.inf]), ["logsumexp gave inf"]),
        (lambda p: ad.asin(p + 2), ["asin gave nan"]),
        (lambda p: ad.log(Value(0.0)), ["leaf=0.0"]),
    ],
)
def test_the_first_value_that_is_not_finite_raises(
    compute: Callable[[Value], Any], says: list[str]
) -> None:
    with pytest.raises(AnomalyError) as caught, ad.detect_anomaly():
        compute(Value(0.0, "p"))
    for part in says:
        assert part in str(caught.value)
    code = compute.__code__
    assert f"made at {code.co_filename}:{code.co_firstlineno}" in str(caught.value)


def test_the_message_names_the_users_line_and_not_one_of_the_library() -> None:
    with ad.detect_anomaly():
        x = Value(-1.0, "x")
        y = x * x
        with pytest.raises(AnomalyError) as caught:
            ad.log(x + y - 5)
        expected = line() - 1
    assert f"{__file__}:{expected}" in str(caught.value)


def test_it_is_an_arithmetic_error_and_an_autograd_error() -> None:
    with pytest.raises(ArithmeticError), ad.detect_anomaly():
        Value(1.0) / 0.0
    with pytest.raises(AutogradError), ad.detect_anomaly():
        Value(1.0) / 0.0


def test_finite_results_pass_and_remember_their_line() -> None:
    x = Value(2.0)
    with ad.detect_anomaly():
        y, made = x * x, line()
        y.backward()
    assert (y.data, x.grad) == (4.0, 4.0)
    assert y.source == f"{__file__}:{made}"
    assert not hasattr(x * x, "source")


@pytest.mark.parametrize(
    ("compute", "seed", "says"),
    [
        (
            lambda x: ad.sqrt(x) + 1,
            1.0,
            ["backward of sqrt gave gradient inf toward x", "x=0.0", "add a small number inside"],
        ),
        (lambda x: x**0.5 * 2, 1.0, ["backward of pow gave gradient inf toward x"]),
        (lambda x: (x + 1) * 1e200 + 1, 1e200, ["backward of mul gave gradient inf toward add"]),
    ],
)
def test_the_first_gradient_that_is_not_finite_raises_and_changes_nothing(
    compute: Callable[[Value], Value], seed: float, says: list[str]
) -> None:
    x = Value(0.0, "x")
    x.grad = 0.25
    with ad.detect_anomaly():
        y = compute(x)
        with pytest.raises(AnomalyError) as caught:
            y.backward(seed)
    for part in says:
        assert part in str(caught.value)
    code = compute.__code__
    assert f"made at {code.co_filename}:{code.co_firstlineno}" in str(caught.value)
    assert x.grad == 0.25
    assert y.grad == 0.0


def test_an_infinity_that_nothing_carries_is_no_anomaly() -> None:
    x = Value(0.0)
    with ad.detect_anomaly():
        y = ad.where(x > 0, ad.sqrt(x), 1.0) + x
        y.backward()
    assert x.grad == 1.0


def test_outside_the_context_the_graph_of_an_anomaly_still_backpropagates() -> None:
    x = Value(0.0)
    y = ad.log(x)
    with ad.detect_anomaly(), pytest.raises(AnomalyError, match="backward of log"):
        y.backward()
    y.backward()
    assert x.grad == math.inf


def test_many_operands_are_cut_short() -> None:
    with pytest.raises(AnomalyError) as caught, ad.detect_anomaly():
        ad.sum([Value(math.inf), *[Value(float(i)) for i in range(1000)]])
    assert len(str(caught.value)) < 500
    assert ", ..." in str(caught.value)


@pytest.mark.parametrize("op", ROWS)
def test_every_row_runs_inside_the_modes(op: str) -> None:
    from tests.random_graphs import FUNCTIONS
    from tests.table.test_table import samples

    row = ad.PRIMITIVES[op]
    point = samples(op)[0]
    plain = FUNCTIONS[op](*row.split([Value(x) for x in point]))
    with ad.detect_anomaly():
        watched = FUNCTIONS[op](*row.split([Value(x) for x in point]))
    assert (watched.op, watched.data) == (op, plain.data)
    assert watched.local_derivatives == pytest.approx(plain.local_derivatives, rel=1e-15)
    assert watched.source.startswith(__file__) or "random_graphs" in watched.source
