"""Ctrl-C that waits until something is done as a whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from nn._interrupts import held_interrupts


@pytest.fixture
def handler() -> Iterator[None]:
    """Ctrl-C as Python has it: where tests run in the background, it may be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("handler")
def test_ctrl_c_waits() -> None:
    done = []
    with held_interrupts() as came:
        signal.raise_signal(signal.SIGINT)
        with held_interrupts() as inside:  # the outer one holds it
            signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert (done, len(came), len(inside)) == ([True], 2, 0)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("handler")
def test_an_error_gives_ctrl_c_back() -> None:
    with pytest.raises(ZeroDivisionError), held_interrupts():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("handler")
def test_another_answer_to_ctrl_c_stays() -> None:
    answered = []
    signal.signal(signal.SIGINT, lambda *_: answered.append(True))
    with held_interrupts() as came:
        signal.raise_signal(signal.SIGINT)
    assert (answered, came) == ([True], [])
