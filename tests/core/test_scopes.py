"""Scopes: which part of a computation a node belongs to."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import sys
import threading
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Generator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ad
from autograd_mini import Scope, Value, scope
from autograd_mini.core.modes import ACTIVE, SWITCHED
from autograd_mini.core.scopes import innermost, scopes_of


def name(node: Value) -> str | None:
    return None if node.scope is None else node.scope.name


def test_nodes_belong_to_the_innermost_scope() -> None:
    w = Value(2.0)
    with scope("model") as model:
        x = Value(3.0)
        with scope("layer 12") as layer:
            y = w * x
        z = ad.dot([y, w], [x, 2.0]) + 1.0
    after = z * 2.0
    assert [node.scope for node in (w, x, y, z, after)] == [None, model, layer, model, None]
    assert z.parents[0].scope is model
    assert (layer.name, layer.kind, layer.path) == ("layer 12", "layer", "model / layer 12")
    assert (layer.parent, model.parent, layer.parameters) == (model, None, ())
    assert not ACTIVE


@pytest.mark.parametrize(
    ("given_name", "kind"),
    [("layer 1", "layer"), ("Layer_2", "layer"), ("a-3", "a"), ("7", "7"), ("x 1 y", "x 1 y")],
)
def test_the_kind_is_the_name_without_its_number(given_name: str, kind: str) -> None:
    with scope(given_name) as entered:
        assert (entered.name, entered.kind) == (given_name, kind)


def test_constants_belong_to_none() -> None:
    with scope("part"), ad.no_grad():
        assert (Value(2.0) * 3).scope is None
    with scope("part"):
        y = Value(2.0) * 3
        assert [name(parent) for parent in y.parents] == ["part", None]
        assert ad.Constant(2.0).scope is not None  # made by hand, as any leaf


def test_every_entering_makes_a_scope() -> None:
    part = scope("part")
    with part as first, part as second:
        inner = Value(1.0)
    with part as third:
        pass
    assert len({first, second, third}) == 3
    assert inner.scope is second
    assert second.parent is first
    assert third.parent is None


@pytest.mark.parametrize("given_name", [None, 1, b"layer", ["layer"]])
def test_a_name_is_text(given_name: Any) -> None:
    with pytest.raises(TypeError, match="the name of a scope must be text, got"):
        scope(given_name)


@pytest.mark.parametrize("given_name", ["", "  ", "a\nb", "a\x00"])
def test_a_name_is_one_line(given_name: str) -> None:
    with pytest.raises(ValueError, match="must be one line of text that is not empty, got"):
        scope(given_name)


def test_a_name_is_kept_as_it_is() -> None:
    with scope("<b>&\"'") as entered:
        assert entered.name == "<b>&\"'"


def test_an_error_closes() -> None:
    with pytest.raises(RuntimeError), scope("part"):
        raise RuntimeError
    assert not ACTIVE
    assert Value(1.0).scope is None


def test_decorated_functions() -> None:
    @scope("square")
    def square(x: Value) -> Value:
        """Its own text."""
        return x * x

    assert square.__doc__ == "Its own text."
    first, second = square(Value(2.0)), square(Value(2.0))
    assert name(first) == name(second) == "square"
    assert first.scope is not second.scope


def test_a_decorated_generator_leaves_its_scope_with_each_item() -> None:
    @scope("part")
    def items() -> Generator[Value, None, None]:
        yield Value(1.0) * 2
        yield Value(1.0) * 3

    made = items()
    first, between, second = next(made), Value(1.0), next(made)
    assert [name(node) for node in (first, between, second)] == ["part", None, "part"]
    assert first.scope is not second.scope  # or the two and what is between would form a circle


def test_a_decorated_coroutine() -> None:
    @scope("part")
    async def compute(x: Value) -> Value:
        y = x * 2
        await asyncio.sleep(0)
        return y * 3

    async def both() -> list[Value]:
        return list(await asyncio.gather(compute(Value(1.0)), compute(Value(2.0))))

    first, second = asyncio.run(both())
    assert first.scope is first.parents[0].scope
    assert second.scope is second.parents[0].scope
    assert first.scope is not second.scope
    assert not ACTIVE


def test_an_asynchronous_generator_is_refused() -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1

    with pytest.raises(TypeError, match="asynchronous generator"):
        scope("part")(items)


def test_tasks_keep_apart() -> None:
    async def compute(part: str) -> list[Value]:
        made = []
        with scope(part):
            for _ in range(3):
                made.append(Value(1.0) * 2)
                await asyncio.sleep(0)
        return [*made, Value(1.0) * 2]

    async def both() -> list[list[Value]]:
        return list(await asyncio.gather(compute("a"), compute("b")))

    assert [[name(node) for node in made] for made in asyncio.run(both())] == [
        ["a", "a", "a", None],
        ["b", "b", "b", None],
    ]


def test_a_task_leaves_with_the_block_that_it_was_started_in() -> None:
    async def run() -> list[Value]:
        go = asyncio.Event()

        async def later() -> Value:
            before = Value(1.0) * 2
            await go.wait()
            return before + Value(1.0) * 2

        with scope("part"):
            task = asyncio.create_task(later())
            await asyncio.sleep(0)
        with scope("other"):  # so that there is some scope
            go.set()
            made = await task
        return [made, made.parents[0]]

    assert [name(node) for node in asyncio.run(run())] == [None, "part"]


def test_threads_keep_apart() -> None:
    inside, made, entered = threading.Event(), threading.Event(), []

    def other() -> None:
        inside.wait()
        entered.append(Value(1.0) * 2)
        entered.append(ad.dot([Value(1.0)], [Value(2.0)]))
        made.set()

    thread = threading.Thread(target=other)
    thread.start()
    with scope("part"):
        inside.set()
        made.wait()
        assert name(Value(1.0) * 2) == "part"
    thread.join()
    assert [node.scope for node in entered] == [None, None]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30))
def test_blocks_that_close_in_any_order(steps: list[tuple[bool, int]]) -> None:
    """As those of interleaved generators do; the oracle is a list of what is open."""
    blocks = [scope(f"part {i}") for i in range(4)]
    open_scopes: list[tuple[int, Scope]] = []
    for enters, i in steps:
        if enters:
            parent = innermost()
            open_scopes.append((i, blocks[i].__enter__()))
            assert open_scopes[-1][1].parent is parent
        elif mine := [entry for entry in open_scopes if entry[0] == i]:
            blocks[i].__exit__()
            open_scopes.remove(mine[-1])
        expected = open_scopes[-1][1] if open_scopes else None
        node = Value(2.0) * Value(3.0)
        assert innermost() is expected
        assert [part.scope for part in (node, *node.parents)] == [expected] * 3
    while open_scopes:
        i, _ = open_scopes.pop()
        blocks[i].__exit__()
    assert not ACTIVE
    assert not SWITCHED


def test_a_block_closed_by_another_thread() -> None:
    def items() -> Generator[Value, None, None]:
        with scope("part"):
            yield Value(1.0) * 2

    made = items()
    assert name(next(made)) == "part"
    thread = threading.Thread(target=made.close)
    thread.start()
    thread.join()
    with scope("other"):
        assert name(Value(1.0)) == "other"
    assert Value(1.0).scope is None
    assert not ACTIVE


def test_with_anomaly_detection_the_line_is_known_too() -> None:
    with scope("part"), ad.detect_anomaly():
        y = Value(2.0) * 3
    assert name(y) == "part"
    assert y.source.startswith(__file__)
    with ad.detect_anomaly():
        z = Value(2.0) * 3
    assert z.scope is None
    assert z.source.startswith(__file__)
    with scope("part"):
        assert not hasattr(Value(2.0) * 3, "source")


def test_copies() -> None:
    with scope("part"):
        w = Value(2.0)
        y = w * w
    assert copy.copy(y).scope is y.scope
    twin = copy.deepcopy(y)
    assert name(twin) == "part"
    assert twin.scope is not y.scope
    assert twin.scope is twin.parents[0].scope
    assert pickle.loads(pickle.dumps(w)).scope is None
    assert Value(1.0).scope is None


class Parts(Scope):
    """A scope whose parts begin with a product with one of its parameters."""

    __slots__ = ("found",)

    found: dict[int, Scope]

    def part(self, parents: tuple[Any, ...]) -> Scope | None:
        for i, parameter in enumerate(self.subject.parameters):
            if parameter in parents:
                return self.found.setdefault(i, Scope(f"part {i}", self))
        return None


class Products:
    def __init__(self) -> None:
        self.parameters = [Value(2.0), Value(3.0)]

    @ad.in_scope(Parts)
    def __call__(self, x: Value) -> tuple[list[Value], Value]:
        here = innermost()
        assert isinstance(here, Parts)
        here.found = {}
        made = [ad.tanh(w * x + 1.0) * 2.0 for w in self.parameters]
        with scope("inner"):
            inner = made[0] + 1.0
        return made, inner * made[0]


def test_parts_are_told_apart_by_their_parameters() -> None:
    x = Value(1.0)
    made, after = Products()(x)
    names = [[name(n) for n in ad.topological_order(node) if n.parents] for node in made]
    assert names == [["part 0"] * 4, ["part 1"] * 4]
    assert made[0].scope is made[0].parents[0].scope
    assert isinstance(after.scope, Parts)  # it needs what was made elsewhere
    assert name(after.parents[0]) == "inner"
    twin = copy.deepcopy(made[0])  # over other parameters
    assert [name(n) for n in ad.topological_order(twin) if n.parents] == ["part 0"] * 4
    assert twin.scope is twin.parents[0].scope


def test_parts_of_many_nodes_are_found_once_each() -> None:
    asked = 0

    class Counted(Parts):
        __slots__ = ()

        def part(self, parents: tuple[Any, ...]) -> Scope | None:
            nonlocal asked
            asked += 1
            return super().part(parents)

    class Chain(Products):
        @ad.in_scope(Counted)
        def __call__(self, x: Value) -> Any:
            here = innermost()
            assert isinstance(here, Counted)
            here.found = {}
            y = self.parameters[0] * x
            for _ in range(300):
                y = ad.tanh(y)
            return y

    y = Chain()(Value(1.0))
    for look in (scopes_of, lambda order: copy.deepcopy(order[-1])):
        asked = 0
        look(ad.topological_order(y))
        assert 301 <= asked <= 2 * 301


def test_the_copy_of_an_open_scope_is_another_scope() -> None:
    with scope("outer"), scope("part"):
        y = Value(2.0) * 3
        twin = copy.deepcopy(y)
        assert (name(twin), name(Value(1.0))) == ("part", "part")
        assert twin.scope is not None
        assert twin.scope is not y.scope
        assert twin.scope.path == "outer / part"
    for _ in range(3 * sys.getrecursionlimit()):
        twin = copy.deepcopy(twin)
    assert name(twin) == "part"


def test_copies_inside_detect_anomaly_keep_the_line() -> None:
    with ad.detect_anomaly(), scope("part"):
        y = Value(2.0) * 3
    with ad.detect_anomaly():
        z = Value(2.0) * 3
    for node, expected in ((y, "part"), (z, None)):
        for twin in (copy.copy(node), copy.deepcopy(node)):
            assert (twin.source, name(twin)) == (node.source, expected)


def test_a_copy_with_scopes_is_freed_with_its_last_reference() -> None:
    with scope("part"):
        y = Value(2.0) * 3 + Value(1.0)
    gc.collect()
    gc.disable()
    try:
        before = sum(issubclass(type(thing), Value) for thing in gc.get_objects())
        twin = copy.deepcopy([y, y * 2])
        assert name(twin[0]) == "part"
        del twin
        assert sum(issubclass(type(thing), Value) for thing in gc.get_objects()) == before
    finally:
        gc.enable()


def test_scopes_nest_as_deep_as_you_like() -> None:
    depth = 3 * sys.getrecursionlimit()
    with contextlib.ExitStack() as blocks:
        for i in range(depth):
            blocks.enter_context(scope(f"s {i}"))
        y = Value(2.0) * 3
    assert y.scope is not None
    assert y.scope.path == " / ".join(f"s {i}" for i in range(depth))
    assert repr(y.scope).endswith(f"s {depth - 1}')")
    assert repr(copy.deepcopy(y).scope) == f"Copied{y.scope!r}"


@pytest.mark.parametrize("decorate", [scope("part"), ad.in_scope(Scope)])
def test_what_is_no_function_is_refused(decorate: Any) -> None:
    with pytest.raises(TypeError, match="got the class Products: decorate its methods"):
        decorate(Products)
    kinds: list[Any] = [classmethod, staticmethod]
    for kind in kinds:
        with pytest.raises(TypeError, match=f"write @{kind.__name__} above it, not below"):
            decorate(kind(len))
    for other in (3, "text", property(len)):
        with pytest.raises(TypeError, match=f"of a function, got {type(other).__name__}"):
            decorate(other)


def test_a_method_in_a_scope_needs_its_object() -> None:
    class Model:
        @ad.in_scope(Scope)
        def call(self) -> Value:
            return Value(1.0) * 2

    for kwargs in ({}, {"self": Model()}):
        with pytest.raises(TypeError, match=r"Model\.call runs in the scope of its object: give"):
            Model.call(**kwargs)
    assert not ACTIVE

    class Indexing:
        @ad.in_scope(Scope)
        def call(self) -> Value:
            return [][0]

    with pytest.raises(IndexError, match="list index out of range"):
        Indexing().call()


def test_a_long_chain_in_a_part_needs_no_recursion() -> None:
    class Chain(Products):
        @ad.in_scope(Parts)
        def __call__(self, x: Value) -> Any:
            here = innermost()
            assert isinstance(here, Parts)
            here.found = {}
            y = self.parameters[0] * x
            for _ in range(3 * sys.getrecursionlimit()):
                y = y + 1.0
            return y

    assert name(Chain()(Value(1.0))) == "part 0"


def test_a_method_that_calls_that_of_its_base_stays_in_its_scope() -> None:
    class Once:
        @ad.in_scope(Scope)
        def __call__(self, x: Value) -> Value:
            return x * 2

    class Twice(Once):
        @ad.in_scope(Scope)
        def __call__(self, x: Value) -> Value:
            return super().__call__(x) * 2

    y = Twice()(Value(1.0))
    assert y.scope is y.parents[0].scope
    assert y.scope is not None
    assert y.scope.parent is None


class Square:
    @ad.in_scope(Scope)
    def of(self, x: Value) -> Value:
        return ad.tanh(x * x)

    @ad.in_scope(Scope)
    def of_any(self, *xs: Value) -> Value:
        return ad.tanh(xs[0] * xs[0])

    @scope("square")
    def named(self, x: Value) -> Value:
        return ad.tanh(x * x)


def is_interrupted(function: Callable[[], object], at: int) -> bool:
    """Whether a call ends within so many places at which Python looks for a Ctrl-C.

    These are where a function begins, and after each call of a built-in one.
    """
    left = at

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        if event in ("call", "c_return"):
            left -= 1
            if left < 0:
                raise KeyboardInterrupt

    try:
        sys.setprofile(profile)
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.parametrize("method", ["of", "of_any", "named"])
def test_an_interrupt_at_any_place_leaves_the_scope(method: str) -> None:
    call, x, at = getattr(Square(), method), Value(2.0), 0
    with scope("around") as around:
        while is_interrupted(lambda: call(x), at):
            assert len(ACTIVE) == 1
            assert innermost() is around
            at += 1
    assert at > 5
    assert not ACTIVE
    assert call(x).scope is not None


def test_methods_that_run_later() -> None:
    class Model:
        @ad.in_scope(Scope)
        async def wait(self, x: Value) -> Value:
            await asyncio.sleep(0)
            return x * 2

        @ad.in_scope(Scope)
        def items(self, x: Value) -> Generator[Value, None, None]:
            yield x * 2

        def __str__(self) -> str:
            return "model"

    model = Model()
    assert name(asyncio.run(model.wait(Value(1.0)))) == "model"
    assert [name(node) for node in model.items(Value(1.0))] == ["model"]
    assert not ACTIVE


def test_a_program_is_the_same() -> None:
    w = Value(2.0, "w")

    def plain(x: Value) -> Any:
        return ad.tanh(ad.dot([w, w], [x, 1.0])) + Value(0.5) * x

    def scoped(x: Value) -> Any:
        with scope("inner"):
            return plain(x)

    programs = [ad.compile(function, [w]) for function in (plain, scoped)]
    theta, X = [2.0], [1.0, 2.0]
    results = [program.value_and_grad(theta, X) for program in programs]
    assert programs[0].source == programs[1].source
    assert results[0][0] == results[1][0]
    assert list(results[0][1]) == list(results[1][1])


def calls_of_slow_ways(function: Any) -> int:
    """How often the general way of recording is taken, for each node several functions deep."""
    slow = {"general", "apply", "observe", "linearize"}
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_name in slow

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def test_operations_in_a_scope_stay_fast() -> None:
    a, b = Value(1.0), Value(2.0)

    def compute() -> None:
        ad.tanh(ad.dot([a, b], [b, a], a)) * b + 1.0

    with scope("part"):
        assert calls_of_slow_ways(compute) == 0
    with ad.detect_anomaly():
        assert calls_of_slow_ways(compute) > 0


@pytest.mark.parametrize("inside", [False, True])
def test_a_node_takes_no_memory_for_its_scope(inside: bool) -> None:
    count, w, x = 1000, Value(0.5), Value(0.5)

    def chain(x: Value) -> Value:
        for _ in range(count):
            x = x * w
        return x

    chain(x)
    gc.collect()
    tracemalloc.start()
    try:
        if inside:
            with scope("part"):
                kept = chain(x)
        else:
            kept = chain(x)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert name(kept) == ("part" if inside else None)
    assert 120 <= size / count <= 130
