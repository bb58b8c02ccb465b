"""Three species of iris told apart by D = 4 lengths, with K = 3 softmax outputs.

Fisher's data of 1936: sepal and petal, length and width, of 50 flowers of each species.  A network
4-8-3 returns three logits, their softmax is the probability of each species, and cross-entropy is
the loss.  Before it has learned anything, that is about ln 3 = 1.10, the loss of a guess.

The flowers are split three ways, with equal shares of the species: one part to train on, one to
tell when to stop, one to test.  The lengths are standardised by the mean and standard deviation of
the training flowers alone, as nothing of the others may leak into training.  Training ends when the
validation loss has not improved for a while, and goes back to the parameters of its smallest value:
the vertical line in the picture's first panel.

What to see: setosa is never mistaken; versicolor and virginica overlap, and the flowers that the
table calls the most doubtful lie where they do.  The second panel is a section through the four
dimensions, at the mean sepal.  The flowers have sepals of their own, so that one on the wrong side
may still be right: the rings mark those that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

import nn
from examples import _common
from viz import plot_confusion, plot_decision_boundary

NAMES = ("setosa", "versicolor", "virginica")
PETAL = [2, 3]  # columns: length and width in cm
Array = NDArray[np.float64]
Classes = NDArray[np.int64]


Flowers = tuple[Array, Classes]


def split(seed: int) -> tuple[Flowers, Flowers, Flowers]:
    """60 flowers to train on, 30 for validation and 60 to test: lengths in cm, and species."""
    X, y = load_iris(return_X_y=True)
    X, test_X, y, test_y = train_test_split(X, y, test_size=60, stratify=y, random_state=seed)
    X, held_X, y, held_y = train_test_split(X, y, test_size=30, stratify=y, random_state=seed)
    return (X, y), (held_X, held_y), (test_X, test_y)


def standardiser(X: Array) -> Callable[[Array], Array]:
    """The function after which these columns have mean 0 and standard deviation 1."""
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    return lambda lengths: (lengths - mean) / deviation


def draw(
    logits: Callable[[Array], Array],
    training: Flowers,
    test: Flowers,
    history: nn.History,
    best_epoch: int,
) -> Figure:
    """The curves, and a section through the decision regions."""
    figure, (curves, plane) = _common.new_figure(1, 2, (9.2, 4.0))
    for curve, label, colour, line in (
        (history.loss, "training", _common.COLOURS[0], "-"),
        (history.validation_loss, "validation", _common.COLOURS[1], "--"),
    ):
        _common.plot_epochs(curves, curve, label=label, color=colour, linestyle=line)
    curves.axvline(best_epoch, color=_common.INK, linewidth=1.0, label="smallest")
    _common.log_axis(curves)
    curves.legend(frameon=False, fontsize=9)
    _common.describe(curves, "Loss", "epoch", "mean cross-entropy")

    X, y = test
    sepals = training[0][:, :2].mean(axis=0)

    def section(petals: Array) -> Array:
        return logits(np.hstack([np.tile(sepals, (len(petals), 1)), petals]))

    plot_decision_boundary(section, X[:, PETAL], y, ax=plane, labels=NAMES)
    predicted = logits(X).argmax(axis=1)
    _common.ring(plane, X[predicted != y][:, PETAL], "wrong")
    _common.legend_below(plane)
    _common.describe(plane, "Test flowers", "petal length (cm)", "petal width (cm)")
    return figure


def train(
    training: Flowers, held_out: Flowers, hidden: int, epochs: int, patience: int, seed: int
) -> tuple[nn.MLP, nn.History, int]:
    """A network of standardised flowers, its history, and the epoch that it went back to."""
    rng = np.random.default_rng(seed)
    model = nn.MLP(4, [hidden, 3], activation="tanh", rng=rng)
    stopping = nn.EarlyStopping(patience=patience)
    history = nn.fit(
        model,
        *training,
        loss=nn.cross_entropy,
        optimizer=nn.Adam(model.parameters(), learning_rate=0.01),
        epochs=epochs,
        batch_size=16,
        validation=held_out,
        callbacks=[stopping],
        rng=rng,
    )
    print(f"loss {history.loss[0]:.3f} in the first epoch, a guess has ln 3 = {np.log(3):.3f}")
    print(f"best epoch {stopping.best_epoch} of {history.epochs}", end="")
    print(f": {history.stopped}\n" if history.stopped else "\n")
    return model, history, stopping.best_epoch


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with early stopping, and say what the network thinks of the test flowers."""
    parser = _common.options("iris", __doc__)
    parser.add_argument("--epochs", type=_common.positive, default=500, help="default: %(default)s")
    parser.add_argument("--hidden", type=_common.positive, default=8, help="default: %(default)s")
    parser.add_argument(
        "--patience",
        type=_common.positive,
        default=30,
        help="epochs without improvement (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    training, held_out, test = split(options.seed)
    standardised = standardiser(training[0])

    model, history, best_epoch = train(
        (standardised(training[0]), training[1]),
        (standardised(held_out[0]), held_out[1]),
        options.hidden,
        options.epochs,
        options.patience,
        options.seed,
    )

    def logits(lengths: Array) -> Array:
        return model.predict(standardised(lengths))

    for what, (X, y) in (("training", training), ("validation", held_out), ("test", test)):
        print(f"{what + ' accuracy':<20} {nn.accuracy(logits(X), y):6.1%}  of {len(y)}")
    counts = print_opinions(model.predict_proba(standardised(test[0])), *test)
    path = options.out / "iris_confusion.svg"
    plot_confusion(counts, path, labels=NAMES)
    print(f"\nThe confusion matrix is in {path}.")
    _common.save(draw(logits, training, test, history, best_epoch), options.out, "iris")


def print_opinions(probabilities: Array, X: Array, y: Classes) -> Classes:
    """The confusion matrix, and the flowers whose most probable species is the least so."""
    predicted = probabilities.argmax(axis=1)
    counts = nn.confusion_matrix(targets=y, predicted=predicted, n_classes=3)
    print()
    lines = [(name, *map(str, row)) for name, row in zip(NAMES, counts.tolist(), strict=True)]
    _common.print_table(("true \\ predicted", *NAMES), lines)
    print("\nThe most doubtful test flowers:")
    rows = [
        (
            " ".join(f"{length:.1f}" for length in X[i]),
            *(f"{p:.3f}" for p in probabilities[i]),
            NAMES[y[i]],
            "" if predicted[i] == y[i] else "<- wrong",
        )
        for i in probabilities.max(axis=1).argsort(kind="stable")[:5]
    ]
    _common.print_table(("sepal, petal in cm", *(f"P({name})" for name in NAMES), "is", ""), rows)
    return counts


if __name__ == "__main__":
    main()
