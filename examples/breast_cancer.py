"""A network in a pipeline of scikit-learn: which of 569 tumours are malignant?

Each tumour of the data set (Street, Wolberg and Mangasarian 1993, Wisconsin) is described by 30
numbers about the nuclei of its cells.  `nn.sklearn.MLPClassifier` is an estimator like any other:
here it stands in a Pipeline behind a StandardScaler, cross_val_score compares the pipeline with one
that does not scale and with logistic regression, and GridSearchCV chooses the hidden layer and the
penalty on the weights.  A quarter of the tumours is set aside before and looked at once, at the
end.

The table has what cross-validation thinks of each choice.  The picture shows the same, and the
probability of cancer that the chosen network gives to each tumour it has never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from examples import _common
from nn.sklearn import MLPClassifier

SIZES: list[tuple[int, ...]] = [(4,), (16,), (16, 8)]
PENALTIES = [0.01, 1.0, 10.0]
FOLDS = 5
MALIGNANT = 1  # after "benign", in the order of the alphabet
Array = NDArray[np.float64]


def load() -> tuple[Array, NDArray[np.str_]]:
    """The tumours' numbers, and what they turned out to be."""
    data = load_breast_cancer()
    return data.data, data.target_names[data.target]


def network(seed: int) -> MLPClassifier:
    """The estimator, before the grid search sets its layers and its penalty."""
    return MLPClassifier(
        (16,), learning_rate_init=0.01, batch_size=32, max_iter=400, tol=1e-3, random_state=seed
    )


def compare(X: Array, y: NDArray[np.str_], folds: int, seed: int) -> list[tuple[str, ...]]:
    """Accuracies of the pipeline and of two others, each the mean over the folds."""
    contestants = {
        "StandardScaler, MLPClassifier": make_pipeline(StandardScaler(), network(seed)),
        "StandardScaler, LogisticRegression": make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=1000)
        ),
        "MLPClassifier, not scaled": network(seed),
    }
    return [
        (name, *percentages(cross_val_score(estimator, X, y, cv=folds)))
        for name, estimator in contestants.items()
    ]


def percentages(scores: Array) -> tuple[str, str]:
    """Mean and standard deviation of the folds."""
    return f"{scores.mean():.1%}", f"{scores.std():.1%}"


def search(X: Array, y: NDArray[np.str_], folds: int, seed: int, quick: bool) -> GridSearchCV:
    """Cross-validate each choice, and train the best one on all of the examples."""
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", network(seed))])
    grid = {
        "mlp__hidden_layer_sizes": SIZES[:2] if quick else SIZES,
        "mlp__alpha": PENALTIES[:1] if quick else PENALTIES,
    }
    return GridSearchCV(pipeline, grid, cv=folds).fit(X, y)


def choices(found: GridSearchCV) -> list[tuple[tuple[int, ...], float, float, float]]:
    """Hidden layers, penalty, mean and standard deviation of the accuracies, of each choice."""
    results = found.cv_results_
    return [
        (params["mlp__hidden_layer_sizes"], params["mlp__alpha"], float(mean), float(deviation))
        for params, mean, deviation in zip(
            results["params"], results["mean_test_score"], results["std_test_score"], strict=True
        )
    ]


def draw(found: GridSearchCV, probabilities: Array, truth: NDArray[np.str_]) -> Figure:
    """What cross-validation thinks of each choice; the network's opinion of each new tumour."""
    figure, (left, right) = _common.new_figure(1, 2, (9.6, 4.0))
    draw_choices(left, found)
    draw_opinions(right, probabilities, truth)
    return figure


def draw_choices(axes: Axes, found: GridSearchCV) -> None:
    rows = choices(found)
    sizes = list(dict.fromkeys(row[0] for row in rows))
    for number, (size, colour) in enumerate(zip(sizes, _common.COLOURS, strict=False)):
        mine = [row for row in rows if row[0] == size]
        axes.errorbar(
            [alpha * 1.12 ** (number - 1) for _, alpha, _, _ in mine],  # bars beside each other
            [100 * mean for _, _, mean, _ in mine],
            [100 * deviation for _, _, _, deviation in mine],
            color=colour, marker="o", linewidth=1.6, capsize=3, label=f"hidden layers {size}",
        )  # fmt: skip
    alphas = sorted({alpha for _, alpha, _, _ in rows})
    axes.set_xscale("log")
    axes.set_xlim(alphas[0] / 2, alphas[-1] * 2)
    axes.set_xticks(alphas, [f"{alpha:g}" for alpha in alphas])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9, loc="lower left")
    _common.describe(axes, "Cross-validation", "alpha", "accuracy in %, mean and deviation")


def draw_opinions(axes: Axes, probabilities: Array, truth: NDArray[np.str_]) -> None:
    heights = np.random.default_rng(0).uniform(-0.3, 0.3, len(truth))
    names = ["benign", "malignant"]
    for row, (name, colour) in enumerate(zip(names, _common.COLOURS, strict=False)):
        of_it = truth == name
        wrong = of_it & ((probabilities > 0.5) != (name == "malignant"))
        style: Any = {"color": colour, "edgecolors": "white", "linewidths": 0.6}
        axes.scatter(probabilities[of_it], row + heights[of_it], s=28, **style)
        axes.scatter(
            probabilities[wrong], row + heights[wrong],
            s=110, facecolors="none", edgecolors=_common.INK, linewidths=1.2,
        )  # fmt: skip
    axes.axvline(0.5, color=_common.INK, linewidth=1.0, linestyle=":")
    axes.set_yticks([0, 1], names)
    axes.set_ylim(-0.6, 1.6)
    title = "Tumours it has never seen; circled: misjudged"
    _common.describe(axes, title, "probability of cancer", "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, choose, and look once at the tumours set aside."""
    parser = _common.options("breast_cancer", __doc__)
    parser.add_argument("--quick", action="store_true", help="fewer folds, a smaller grid")
    options = parser.parse_args(arguments)
    folds = 2 if options.quick else FOLDS
    X, y = load()
    X, test_X, y, test_y = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=options.seed
    )
    print(f"{len(y)} tumours for training, {folds} folds; {len(test_y)} set aside\n")
    _common.print_table(("pipeline", "accuracy", "deviation"), compare(X, y, folds, options.seed))
    found = search(X, y, folds, options.seed, options.quick)
    print()
    rows = [
        (
            str(size), f"{alpha:g}", f"{mean:.1%}", f"{deviation:.1%}",
            "<- chosen" if index == found.best_index_ else "",
        )
        for index, (size, alpha, mean, deviation) in enumerate(choices(found))
    ]  # fmt: skip
    _common.print_table(("hidden layers", "alpha", "accuracy", "deviation", ""), rows)
    probabilities = found.predict_proba(test_X)[:, MALIGNANT]
    right = found.predict(test_X) == test_y
    missed = int(np.sum(~right & (test_y == "malignant")))
    print(
        f"\nset aside: {right.mean():.1%} right ({right.sum()} of {len(right)}); "
        f"{missed} of {np.sum(test_y == 'malignant')} malignant tumours missed"
    )
    _common.save(draw(found, probabilities, test_y), options.out, "breast_cancer")


if __name__ == "__main__":
    main()
