"""The history: curves by name, as items and as attributes."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from nn import History
from viz import plot_history


@pytest.fixture
def history() -> History:
    history = History(["loss", "validation_loss"])
    for epoch in range(3):
        history.append({"validation_loss": 2.0 / (epoch + 1), "loss": 1.0 / (epoch + 1)})
    return history


def test_curves_by_name(history: History) -> None:
    assert history.loss == history["loss"] == [1.0, 0.5, 1 / 3]
    assert history.validation_loss == [2.0, 1.0, 2 / 3]
    assert list(history) == ["loss", "validation_loss"]
    assert dict(history) == {"loss": history.loss, "validation_loss": history.validation_loss}
    assert (history.epochs, history.stopped) == (3, None)
    assert "loss" in dir(history)


def test_what_is_not_recorded(history: History) -> None:
    with pytest.raises(AttributeError, match="no 'accuracy': recorded are loss, validation_loss"):
        _ = history.accuracy
    with pytest.raises(KeyError, match="accuracy"):
        history["accuracy"]
    with pytest.raises(KeyError, match="no curve 'val_loss': recorded are loss, validation_loss"):
        history["val_loss"]
    with pytest.raises(KeyError, match=r"validation_loss; did you mean validation_loss\?"):
        history["val_loss"]
    with pytest.raises(AttributeError, match=r"did you mean validation_loss\?"):
        _ = history.val_loss
    assert history.get("accuracy") is None
    assert not hasattr(history, "accuracy")


def test_lists_are_copies(history: History) -> None:
    history.loss.append(7.0)
    assert history.loss == [1.0, 0.5, 1 / 3]


def test_no_epochs() -> None:
    assert History().loss == []
    assert repr(History()) == "History(0 epochs)"


def test_repr(history: History) -> None:
    history.stopped = "interrupted"
    assert repr(history) == (
        "History(3 epochs, loss 1 -> 0.3333, validation_loss 2 -> 0.6667, stopped: interrupted)"
    )


def test_copies(history: History) -> None:
    for copied in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert copied == history
        assert copied.epochs == 3


def test_it_can_be_plotted(history: History, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    text = plot_history(history, tmp_path / "history.svg").read_text(encoding="utf-8")
    assert "validation_loss" in text
