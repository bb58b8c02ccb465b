"""Python's collector: paused where graphs grow, restored always, and never needed by a graph."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import autograd_mini as ad
import nn
from autograd_mini import Value


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was_enabled else gc.disable)()


@contextmanager
def collections_counted() -> Iterator[list[int]]:
    """The generations collected meanwhile, with a collector that comes by often."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(50, 5, 5)
    gc.callbacks.append(note)
    try:
        yield seen
    finally:
        gc.callbacks.remove(note)
        gc.set_threshold(*before)


def chain(n: int) -> Value:
    x, w = Value(0.5), Value(0.9)
    for _ in range(n):
        x = x * w + w
    return x


def test_it_is_paused_inside_and_runs_again_after() -> None:
    with ad.paused_collector():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    with ad.paused_collector():
        pass
    assert not gc.isenabled()


def test_it_nests_and_runs_again_after_the_outermost() -> None:
    pause = ad.paused_collector
    with pause():
        with pause(), pause():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_runs_again_after_an_exception() -> None:
    with pytest.raises(KeyError), ad.paused_collector():
        raise KeyError
    assert gc.isenabled()


def test_it_runs_again_after_an_interrupt_on_the_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gc, "disable", interrupted)
        with pytest.raises(KeyboardInterrupt), ad.paused_collector():
            pass
    with ad.paused_collector():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_decorates_a_function() -> None:
    @ad.paused_collector()
    def is_running() -> bool:
        return gc.isenabled()

    assert [is_running(), gc.isenabled(), is_running(), gc.isenabled()] == [False, True] * 2


@pytest.mark.parametrize("first_out", ["first", "second"])
def test_the_last_thread_out_sets_it_going(first_out: str) -> None:
    inside = {name: threading.Event() for name in ("first", "second")}
    leave = {name: threading.Event() for name in ("first", "second")}

    def work(name: str) -> None:
        with ad.paused_collector():
            inside[name].set()
            leave[name].wait(10)

    threads = {name: threading.Thread(target=work, args=[name]) for name in inside}
    for name, thread in threads.items():
        thread.start()
        inside[name].wait(10)
    second_out = next(name for name in inside if name != first_out)
    leave[first_out].set()
    threads[first_out].join(10)
    assert not gc.isenabled()
    leave[second_out].set()
    threads[second_out].join(10)
    assert gc.isenabled()


def test_a_growing_graph_is_walked_only_where_the_collector_runs() -> None:
    with collections_counted() as seen:
        root = chain(1_000)
    assert len(seen) > 30
    with collections_counted() as seen, ad.paused_collector():
        root = chain(1_000)
    assert seen == []
    assert root.parents


@pytest.mark.parametrize("earlier_passes", [0, 1])
def test_a_backward_pass_gives_the_collector_nothing_to_do(earlier_passes: int) -> None:
    leaves = [Value(0.1 * k) for k in range(2_000)]
    root = ad.sum([leaf * leaf for leaf in leaves]) + chain(1_000)
    chain(1).backward()  # what Python remembers of the first checks of a type is made here
    for _ in range(earlier_passes):
        root.backward()
    with collections_counted() as seen:
        root.backward()
    assert seen == []


def test_gradients_that_are_a_graph_are_made_without_it() -> None:
    x = Value(0.5)
    root = x
    for _ in range(300):
        root = root * x + x
    with collections_counted() as seen:
        ad.gradients(root, x, create_graph=True)
    assert len(seen) <= 1
    assert gc.isenabled()


def test_a_graph_is_freed_while_it_is_paused() -> None:
    with ad.paused_collector():
        before = len(gc.get_objects())
        root = chain(1_000)
        root.backward()
        ad.gradients(root, root.parents[1], create_graph=True)
        assert len(gc.get_objects()) > before + 1_000
        del root
        assert len(gc.get_objects()) < before + 100


@pytest.mark.parametrize("interrupted", [False, True])
def test_training_pauses_it_for_each_example(interrupted: bool) -> None:
    states = []

    class Watching(nn.SGD):
        def rule(self, theta: Any, gradient: Any, memory: Any) -> Any:  # between two graphs
            states.append(("step", gc.isenabled()))
            return super().rule(theta, gradient, memory)

    model = nn.MLP(1, [1], rng=0)

    def loss(outputs: list[Value], target: float) -> Value:
        if interrupted and ("step", True) in states:
            raise KeyboardInterrupt
        states.append(("graph", gc.isenabled()))
        return nn.half_squared_error(outputs, [target])

    optimizer = Watching(model.parameters(), learning_rate=0.1)
    X, y = np.ones((2, 1)), np.ones(2)
    history = nn.fit(
        model, X, y, loss=loss, optimizer=optimizer, epochs=1, batch_size=1, compiled=False
    )
    trained = states[states.index(("graph", False)) :]  # examples are tried before
    assert trained == [("graph", False), ("step", True)] * (1 if interrupted else 2)
    assert history.stopped == ("interrupted" if interrupted else None)
    assert gc.isenabled()


@pytest.mark.parametrize("fails", [False, True])
def test_tracing_pauses_it(fails: bool) -> None:
    states = []
    w = Value(2.0)

    def square(x: Value) -> Value:
        states.append(gc.isenabled())
        if fails:
            raise RuntimeError
        return w * x * x

    program = ad.compile(square, [w])
    if fails:
        with pytest.raises(RuntimeError):
            program(None, np.ones(3))
    else:
        program(None, np.ones(3))
    assert states == [False]
    assert gc.isenabled()
