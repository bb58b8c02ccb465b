"""The history: curves by name, as items and as attributes."""

from __future__ import annotations

import copy
import math
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
    plot_history(history, tmp_path / "history.svg")
    assert "validation_loss" in (tmp_path / "history.svg").read_text(encoding="utf-8")


def table(epochs: int, best: int) -> History:
    history = History(["loss", "validation_loss"])
    for i in range(1, epochs + 1):
        history.append({"loss": 1.0 / i, "validation_loss": abs(i - best) + 0.5})
    return history


def test_few_epochs_are_printed_one_by_one() -> None:
    lines = str(table(3, 2)).splitlines()
    assert [line.split() for line in lines] == [
        ["epoch", "loss", "validation_loss"],
        ["1", "1", "1.5"],
        ["2", "0.5", "0.5", "best"],
        ["3", "0.3333", "1.5"],
    ]
    assert len({len(line.removesuffix("  best")) for line in lines}) == 1


@pytest.mark.parametrize(
    ("best", "shown"),
    [
        (40, ["1", "...", "40", "...", "300"]),
        (1, ["1", "...", "300"]),
        (2, ["1", "2", "...", "300"]),
        (300, ["1", "...", "300"]),
    ],
)
def test_of_many_epochs_the_first_the_best_and_the_last_are_printed(
    best: int, shown: list[str]
) -> None:
    rows = [line.split() for line in str(table(300, best)).splitlines()[1:]]
    assert [row[0] for row in rows] == shown
    assert [row[0] for row in rows if row[-1] == "best"] == [str(best)]


def test_no_epoch_is_the_best_of_none() -> None:
    history = History(["accuracy"])
    history.append({"accuracy": 0.5})
    assert "best" not in str(history)
    history = History()
    history.append({"loss": math.nan})
    assert "best" not in str(history)
    history.append({"loss": 3.0})
    assert str(history).splitlines()[-1].split() == ["2", "3", "best"]
    assert str(History()) == "History(0 epochs)"


def test_why_it_stopped_is_printed_and_escaped() -> None:
    history = table(2, 1)
    history.stopped = "<interrupted>"
    assert str(history).endswith("\nstopped: <interrupted>")
    assert "stopped: &lt;interrupted&gt;" in history._repr_html_()
    assert history._repr_html_().count("<tr>") == 3
    assert History()._repr_html_() == "<p>History(0 epochs)</p>"
