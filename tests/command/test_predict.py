"""The command's `predict`: what it reads, what it prints, and what it refuses."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd_mini.command import cli
from autograd_mini.command.number_rows import read_rows

from ..test_npy_files import HEADERS, file_of

Output = pytest.CaptureFixture[str]

ROWS = [[0.5, -1.0, 2.0], [1.0, 0.25, -3.0]]
CSV = "0.5,-1,2\n1,0.25,-3\n"


@pytest.fixture
def model(tmp_path: Path) -> nn.MLP:
    """Three inputs, two classes, saved in the temporary folder."""
    model = nn.MLP(3, [4, 2], rng=0)
    model.save(tmp_path / "model.npz")
    return model


def predict(folder: Path, content: str | bytes, *options: str, name: str = "data.csv") -> int:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return cli.main(["predict", str(folder / "model.npz"), str(folder / name), *options])


def numbers(printed: str) -> list[list[float]]:
    return [[float(cell) for cell in line.split("\t")] for line in printed.splitlines()]


def test_outputs_probabilities_and_classes(model: nn.MLP, tmp_path: Path, capsys: Output) -> None:
    assert predict(tmp_path, CSV) == 0
    printed, errors = capsys.readouterr()
    expected = [[output.data for output in model(row)] for row in ROWS]
    np.testing.assert_allclose(numbers(printed), expected, rtol=1e-9)
    assert errors == ""

    predict(tmp_path, CSV, "--proba")
    probabilities = np.array(numbers(capsys.readouterr().out))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-9)
    np.testing.assert_allclose(
        np.log(probabilities[:, 0] / probabilities[:, 1]), np.subtract(*np.transpose(expected))
    )

    predict(tmp_path, CSV, "--classes")
    classes = numbers(capsys.readouterr().out)
    chosen = np.argmax(expected, axis=1)
    assert [row[0] for row in classes] == chosen.tolist()
    shares = probabilities[[0, 1], chosen]
    np.testing.assert_allclose([row[1] for row in classes], shares, atol=5e-5)


def test_a_single_output_is_the_probability_of_label_1(tmp_path: Path, capsys: Output) -> None:
    neuron = nn.Neuron.from_weights([1.0], activation="identity")
    neuron.save(tmp_path / "model.npz")
    predict(tmp_path, "-2\n3\n", "--classes")
    surer = [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-3))]
    np.testing.assert_allclose(
        numbers(capsys.readouterr().out), [[0, surer[0]], [1, surer[1]]], atol=5e-5
    )
    predict(tmp_path, "-2\n3\n")
    assert capsys.readouterr().out == "-2\n3\n"


ARRAY = io.BytesIO()
np.save(ARRAY, np.array(ROWS))


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        CSV.replace("\n", "\r\n"),
        CSV.replace(",", "\t"),
        CSV.replace(",", "; "),
        CSV.replace(",", "   "),
        "\ufeffheight,width,depth\n" + CSV,
        '"a","b","c"\n"0.5","-1","2"\n"1",".25","-3e0"\n',
        "# what these are\n\n" + CSV.replace("\n", "\n\n# more\n"),
        CSV.rstrip("\n"),
        ARRAY.getvalue(),
    ],
)
def test_texts_and_arrays_of_many_kinds(
    content: str | bytes, model: nn.MLP, tmp_path: Path, capsys: Output
) -> None:
    assert predict(tmp_path, content, name="data") == 0
    np.testing.assert_allclose(numbers(capsys.readouterr().out), model.predict(ROWS), rtol=1e-9)


@pytest.mark.parametrize("arguments", [[], ["-"]])
@pytest.mark.parametrize("content", [CSV.encode(), ARRAY.getvalue()])
def test_standard_input(
    arguments: list[str],
    content: bytes,
    model: nn.MLP,
    tmp_path: Path,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert cli.main(["predict", str(tmp_path / "model.npz"), *arguments]) == 0
    np.testing.assert_allclose(numbers(capsys.readouterr().out), model.predict(ROWS), rtol=1e-9)


def test_a_terminal_is_told_what_is_awaited(
    model: nn.MLP, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(CSV.encode()))
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)
    assert cli.main(["predict", str(tmp_path / "model.npz")]) == 0
    assert capsys.readouterr().err == "one example per line; Ctrl-D ends them\n"


def test_without_standard_input(
    model: nn.MLP, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["predict", str(tmp_path / "model.npz")]) == 1
    assert "name a file" in capsys.readouterr().err


@given(
    rows=st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=n, max_size=n),
            min_size=1,
            max_size=5,
        )
    ),
    separator=st.sampled_from([",", "\t", ";", " ", ", "]),
)
def test_every_number_is_read_back(
    rows: list[list[float]], separator: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.txt"
    path.write_text("\n".join(separator.join(map(repr, row)) for row in rows))
    array, _ = read_rows(path)
    np.testing.assert_array_equal(array, rows)


def test_integers_pick_from_a_table(tmp_path: Path, capsys: Output) -> None:
    model = nn.Sequential(nn.Embedding(3, 2, rng=0), nn.Linear(2, 1, rng=0))
    model.save(tmp_path / "model.npz")
    assert predict(tmp_path, npy([0, 2, 1])) == 0
    expected = model.predict([0, 2, 1])
    np.testing.assert_allclose(numbers(capsys.readouterr().out), expected, rtol=1e-9)


@pytest.mark.parametrize("text", ["0\n2\n1\n", "token\n0\n2.0\n1e0\n"])
@pytest.mark.parametrize("options", [[], ["--proba"], ["--classes"]])
def test_whole_numbers_of_a_text_may_be_tokens(
    text: str, options: list[str], tmp_path: Path, capsys: Output
) -> None:
    model = nn.Sequential(nn.Embedding(3, 2, rng=0), nn.Linear(2, 2, rng=0))
    model.save(tmp_path / "model.npz")
    assert predict(tmp_path, text, *options) == 0
    from_text = capsys.readouterr().out
    assert predict(tmp_path, npy([0, 2, 1]), *options) == 0
    assert from_text == capsys.readouterr().out
    if not options:
        expected = model.predict([0, 2, 1])
        np.testing.assert_allclose(numbers(from_text), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0\n7\n", "examples of 1 number in .* do not fit: X picks one of 3: .*, got 0 to 7"),
        ("0,1\n2,0\n", "examples of 2 numbers in .* do not fit: .* takes one token, got list"),
        ("0.5\n1\n", "examples of 1 number in .* do not fit: .* takes one token"),
        ("0\n1e300\n", "examples of 1 number in .* do not fit: .* takes one token"),
    ],
)
def test_what_are_no_tokens(content: str, message: str, tmp_path: Path, capsys: Output) -> None:
    nn.Sequential(nn.Embedding(3, 2, rng=0)).save(tmp_path / "model.npz")
    assert predict(tmp_path, content) == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(capsys.readouterr().err)


@pytest.mark.parametrize("option", ["--proba", "--classes"])
def test_a_model_without_probabilities_is_at_fault_itself(
    option: str, tmp_path: Path, capsys: Output
) -> None:
    nn.Sequential(nn.Conv2D(1, 2, 2, rng=0)).save(tmp_path / "model.npz")
    content = npy(np.zeros((2, 1, 3, 3)))
    assert predict(tmp_path, content) == 0
    capsys.readouterr()
    assert predict(tmp_path, content, option) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "do not fit" not in err
    assert f"model.npz cannot answer {option}: probabilities and classes are of a model" in err


def test_images_come_as_arrays(tmp_path: Path, capsys: Output) -> None:
    model = nn.Sequential(nn.Conv2D(1, 2, 2, rng=0), nn.flatten)
    model.save(tmp_path / "model.npz")
    images = np.random.default_rng(0).normal(size=(3, 1, 3, 3))
    content = io.BytesIO()
    np.save(content, images)
    assert predict(tmp_path, content.getvalue()) == 0
    expected = model.predict(images)
    np.testing.assert_allclose(numbers(capsys.readouterr().out), expected, rtol=1e-8)


def npy(array: object) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(array))
    return content.getvalue()


OBJECTS = io.BytesIO()
np.save(OBJECTS, np.array([[None]]), allow_pickle=True)
ARCHIVE = io.BytesIO()
np.savez(ARCHIVE, x=np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2\n3,4\n", "data.csv do not fit: MLP takes 3 inputs, got 2"),
        ("a,b,c\n1,2,3\n\n4,five,6\n", "data.csv, line 4, column 2: 'five' is no number"),
        ("1,2,3\n4,,6\n", "line 2, column 2: a number is missing"),
        ("1,2,3\n4,5,6,\n", "line 2, column 4: a number is missing"),
        ("1,2,3\n# x\n4,5\n", "line 3: 2 numbers, where line 1 has 3"),
        ("1,2,3\nnan,1,1\n", "line 2, column 1: nan is not a finite number"),
        ("1,2,1e999\n", "line 1, column 3: 1e999 is not a finite number"),
        ("1,5;2;3\n", "column 1: '1,5' is no number"),
        ("1,5;2,5;3,5\n1;2;3\n", "line 1, column 1: '1,5' is no number: decimals .* a point"),
        ("-1x,b,c\n1,2,3\n", "line 1, column 1: '-1x' is no number"),
        ("1,2_000,3\n", "line 1, column 2: '2_000' is no number"),
        ("", "has no rows of numbers"),
        ("a,b,c\n", "has no rows of numbers"),
        (b"\xff\xfe\x00", "is neither text nor an array of NumPy's"),
        (ARCHIVE.getvalue(), "save that with numpy.save"),
        (ARRAY.getvalue()[:-5], "or is damaged"),
        (ARRAY.getvalue()[:20], "or is damaged"),
        (OBJECTS.getvalue(), "is no array of numbers"),
        (npy(["a", "b"]), "must hold numbers"),
        (npy([[1.0, np.nan, 0.0]]), r"not finite, at index \[0, 1\]"),
        *[(file_of(header), "is no array of numbers, or is damaged") for header in HEADERS],
        (npy([1.0, 2.0, 3.0]), "one example per row"),
        (npy(2.0), "one example per row"),
        (npy(np.zeros((2, 3, 3))), r"examples of shape \(3, 3\) in .* do not fit"),
    ],
)
def test_what_is_refused(
    content: str | bytes, message: str, model: nn.MLP, tmp_path: Path, capsys: Output
) -> None:
    assert predict(tmp_path, content) == 1
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert errors.startswith("autograd-mini predict: error: ")
    assert errors.count("\n") == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(errors)


@pytest.mark.parametrize("name", ["model.npz", "data.csv"])
def test_missing_files(name: str, model: nn.MLP, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "data.csv").write_text(CSV)
    (tmp_path / name).unlink()
    assert cli.main(["predict", str(tmp_path / "model.npz"), str(tmp_path / "data.csv")]) == 1
    assert f"No such file or directory: '{tmp_path / name}'" in capsys.readouterr().err


def test_foreign_models(tmp_path: Path, capsys: Output) -> None:
    for content in (ARCHIVE.getvalue(), OBJECTS.getvalue(), b"", b"no model"):
        (tmp_path / "model.npz").write_bytes(content)
        assert predict(tmp_path, CSV) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("autograd-mini predict: error: ")
        assert "model.npz" in err


@pytest.mark.parametrize(
    "arguments", [[], ["a", "b", "c"], ["a", "--classes", "--proba"], ["a", "--labels"]]
)
def test_usage(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["predict", *arguments])
    assert caught.value.code == 2
    assert "usage: autograd-mini" in capsys.readouterr().err
