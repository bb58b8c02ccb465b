"""Equal siblings as one box: what is joined, what never is, and that lines run in no circle."""

from __future__ import annotations

import contextlib
import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ad
import nn
from autograd_mini import Value
from autograd_mini.core.graph import topological_order
from examples import char_gpt
from tests.viz.picture import Picture, read_here
from tests.viz.test_drawn_scopes import steps_of
from viz import draw_graph
from viz.graphs.collapsing import Collapsed, collapsed_at
from viz.graphs.equal_siblings import Looks, folded
from viz.graphs.graph_nodes import graph_of
from viz.graphs.graph_size import fitting
from viz.graphs.scope_tree import ScopeTree

TIMES = "\N{MULTIPLICATION SIGN}"


def gpt_loss(name: str) -> Value:
    """The training loss of one name."""
    model = char_gpt.make_gpt(char_gpt.END + 1, np.random.default_rng(0))
    loss = char_gpt.loss(model, *char_gpt.encode(name))
    loss.label = "loss"
    loss.backward()
    return loss


def titles(picture: Picture) -> list[str]:
    return sorted(box.texts[0] for box in picture.of_kind("box"))


def by_hand(n_inputs: int, units: int) -> Value:
    """A layer of tanh units and their sum, without scopes."""
    xs = [Value(0.1 * i, f"x{i}") for i in range(n_inputs)]
    rows = [[Value(0.01 * i * j, f"w{j}_{i}") for i in range(n_inputs)] for j in range(units)]
    hidden = [ad.tanh(sum(w * x for w, x in zip(row, xs, strict=True))) for row in rows]
    mean: Value = ad.mean(hidden)
    return mean


@pytest.mark.parametrize("name", ["os", "email"])
def test_the_loss_of_a_language_model_fits(name: str) -> None:
    loss, n = gpt_loss(name), len(name) + 1
    picture = read_here(draw_graph(loss))
    width = n * char_gpt.WIDTH
    assert titles(picture) == sorted(
        [f"{width} {TIMES} tokens.weights", f"{width} {TIMES} positions.weights", "Attention"]
        + [f"{width} additions"] * 3
        + [f"{n} {TIMES} RMSNorm"] * 3
        + [f"{n} {TIMES} Linear"] * 3
        + [f"{4 * width} {TIMES} relu", f"{n} {TIMES} log_softmax", f"{n} negations"]
    )
    [relu] = [box for box in picture.of_kind("box") if box.texts[0].endswith("relu")]
    count = str(4 * width)
    assert relu.texts[1:] == ("inputs", count, "outputs", count, "values", count)
    assert "root" in picture.labelled("loss").kinds


def test_elementwise_work_between_modules() -> None:
    convolution, linear = nn.Conv2D(1, 2, 3, rng=0), nn.Linear(32, 3, rng=1)
    image = [[[0.1 * (i + j) for j in range(6)] for i in range(6)]]
    features = [value.relu() for rows in convolution(image) for row in rows for value in row]
    loss = nn.cross_entropy(linear(features), 1)
    assert titles(read_here(draw_graph(loss, max_nodes=6))) == [
        *(f"32 {TIMES} relu", "Conv2D", "Linear", "cross entropy", "inputs")
    ]
    opened = titles(read_here(draw_graph(loss)))  # as much as is readable: a box for each channel
    assert opened.count(f"16 {TIMES} relu") == 2
    assert "relu" not in " ".join(titles(read_here(draw_graph(loss, collapse=1))))


def test_a_layer_written_by_hand() -> None:
    picture = read_here(draw_graph(by_hand(12, 10), max_nodes=20))
    leaves = f"12 {TIMES} x", f"120 {TIMES} w"
    operations = "120 multiplications", "110 additions", f"10 {TIMES} tanh"
    assert titles(picture) == sorted((*leaves, *operations))
    [additions] = [box for box in picture.of_kind("box") if "additions" in box.texts[0]]
    assert additions.texts[1:] == ("inputs", "120", "outputs", "10", "values", "110")
    [root] = picture.of_kind("root")
    assert "box" not in root.kinds


def test_a_batch_of_many_examples() -> None:
    model = nn.MLP(2, [16, 16, 1], rng=0)
    losses = [
        nn.half_squared_error(model([Value(0.1 * i, "x1"), Value(1.0, "x2")]), [1.0])
        for i in range(30)
    ]
    total = sum(losses)
    assert isinstance(total, Value)
    loss = total / 30
    names = [f"30 {TIMES} MLP", f"30 {TIMES} half squared error", f"60 {TIMES} x", "29 additions"]
    picture = read_here(draw_graph(loss))
    assert titles(picture) == sorted(names)
    [network] = [box for box in picture.of_kind("box") if "MLP" in box.texts[0]]
    parameters = len(model.parameters())
    assert network.texts[5:7] == ("parameters", str(parameters))
    assert network.texts[8] == f"{parameters + 30 * 65:,}"  # each parameter once


def test_what_fits_is_drawn_one_by_one() -> None:
    loss = by_hand(12, 10)
    whole = draw_graph(loss, max_nodes=len(topological_order(loss)))
    assert read_here(whole).of_kind("box") == []


def test_neurons_asked_for_by_name() -> None:
    outputs = nn.MLP(2, [16, 3], rng=0)([Value(1.0, "x1"), Value(2.0, "x2")])
    drawing = draw_graph(ad.mean(outputs), collapse="neuron", max_nodes=12)
    picture = read_here(drawing)
    assert titles(picture) == [f"16 {TIMES} neuron", f"3 {TIMES} neuron"]
    for layer, title in (("layer 1", f"16 {TIMES} neuron"), ("layer 2", f"3 {TIMES} neuron")):
        assert picture.cluster(layer).holds(picture.labelled(title))


def test_subtraction_tells_its_operands_apart() -> None:
    pairs = [(Value(float(i)), Value(1.0)) for i in range(20)]
    loss = ad.sum([a - b for a, b in pairs])
    assert titles(read_here(draw_graph(loss, max_nodes=8))) == [
        *("20 leaves", "20 leaves", "20 subtractions")
    ]
    loss = ad.sum([a * b for a, b in pairs])
    assert titles(read_here(draw_graph(loss, max_nodes=8))) == ["20 multiplications", "40 leaves"]


def test_roots_and_highlighted_ends_stay() -> None:
    xs = [Value(0.1 * i, f"x{i}") for i in range(30)]
    hidden = [ad.tanh(x) for x in xs]
    ys = [ad.exp(h) for h in hidden]
    picture = read_here(draw_graph(ys, max_nodes=40))
    assert titles(picture) == [f"30 {TIMES} tanh", f"30 {TIMES} x"]
    assert len(picture.of_kind("root")) == 30

    total = ad.sum(ys)
    picture = read_here(draw_graph(total, max_nodes=10, highlight=(xs[7], total)))
    assert titles(picture) == [f"29 {TIMES} exp", f"29 {TIMES} tanh", f"29 {TIMES} x"]
    assert "highlighted" in picture.labelled("x7").kinds
    assert all("faded" in box.kinds for box in picture.of_kind("box"))
    strong = [node for node in picture.of_kind("interior") if "highlighted" in node.kinds]
    assert len(strong) == 3


def test_what_is_not_finite_shows_on_the_box() -> None:
    loss = ad.sum([ad.log(Value(float(i % 2))) for i in range(20)])
    [box] = [
        b for b in read_here(draw_graph(loss, max_nodes=5)).of_kind("box") if "log" in b.texts[0]
    ]
    assert box.texts[-3:-1] == ("not finite", "10")


def test_labels_are_text() -> None:
    loss = ad.sum([Value(1.0, f"<b>&{i}") for i in range(20)])
    [box] = read_here(draw_graph(loss, max_nodes=5)).of_kind("box")
    assert box.texts[0] == f"20 {TIMES} <b>&"


@st.composite
def layered_graphs(draw: st.DrawFn) -> list[Value]:
    """Rows of like values in scopes at random, with some that differ."""
    row = [Value(1.0, f"x{i}") for i in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(1, 4))):
        operation = draw(
            st.sampled_from([ad.tanh, ad.exp, lambda v: v * v, lambda v: v + 2.0, lambda v: 1 - v])
        )
        others = draw(st.lists(st.integers(0, len(row) - 1), min_size=len(row), max_size=len(row)))
        mixes = draw(st.booleans())
        with ad.scope(draw(st.sampled_from(["layer", "block"]))):
            row = [
                operation(v) * (row[k] if mixes else v) for v, k in zip(row, others, strict=True)
            ]
        row = [-v if draw(st.integers(0, 9)) == 0 else v for v in row]
    return [sum(row) * 1.0] if draw(st.booleans()) else row  # type: ignore[list-item]


@settings(max_examples=60, deadline=None)
@given(layered_graphs(), st.integers(1, 2))
def test_equal_ones_and_no_others_are_joined(roots: list[Value], depth: int) -> None:
    tree = ScopeTree(graph_of(roots))
    before = Collapsed(tree, collapsed_at(tree, depth))
    after = folded(before, 10_000, Looks(tree))
    assert after is not None
    ends = {id(root) for root in roots}
    operands, uses, sums = defaultdict(set), defaultdict(set), set()
    for tail, head, use in before.uses():
        one, other = after.names[id(use.operand)], after.names[id(use.result)]
        if one != other:
            operands[head].add(one)
            uses[tail].add(other)
        else:
            sums.add(one)

    def key(name: str) -> str:
        """A box, or what is drawn one by one: a root looks like the next."""
        return name if name in after.boxes else after.values[name].op

    # What goes into the last addition only is used for the same sum as what goes into the others.
    last_of_sums = {"add", "mul"} & {root.op for root in roots}
    groups = defaultdict(set)
    for node in tree.graph.nodes:
        groups[after.names[id(node)]].add(before.names[id(node)])
    for group, names in groups.items():
        assert len(names) == 1 or group in after.boxes
        if len(names) == 1:
            continue
        insides = [before.values[name] for name in names if name in before.values]
        assert len(insides) in (0, len(names))  # values or boxes
        assert ends.isdisjoint(map(id, insides))
        assert len({(node.op, id(tree.home[id(node)])) for node in insides}) <= 1
        if group in sums:
            assert {node.op for node in insides} <= {"add", "mul"}
            continue
        assert len({frozenset(map(key, operands[name])) for name in names}) == 1
        used = {frozenset(map(key, uses[name])) - last_of_sums for name in names}
        assert len(used) == 1
    assert_no_circle(after)


def assert_no_circle(drawn: Collapsed) -> None:
    heads = defaultdict(set)
    for edge in drawn.edges():
        heads[edge.tail].add(edge.head)
    left = {*drawn.values, *drawn.boxes}
    while left:
        free = {name for name in left if heads[name].isdisjoint(left)}
        assert free
        left -= free


@pytest.mark.parametrize("make", [lambda n: by_hand(n, n), lambda n: by_hand(n * n // 4, 4)])
def test_each_use_is_looked_at_a_few_times(make: object) -> None:
    """Of 100,000 values the answer takes seconds; here the work is counted, not timed."""

    def steps(n: int) -> int:
        loss = make(n)  # type: ignore[operator]
        return steps_of(lambda: draw_graph(loss, max_nodes=20))

    assert steps(40) < 4.6 * steps(20)


def test_a_sum_of_sums_asks_for_its_operands_once() -> None:
    def steps(n: int) -> int:
        leaves = [Value(0.1 * i, f"x{i}") for i in range(4)]
        loss = ad.sum([ad.sum(leaves) for _ in range(n)])
        return steps_of(lambda: draw_graph(loss, max_nodes=20))

    assert steps(400) < 2.5 * steps(200)


def under_a_chain(n_values: int, depth: int) -> Value:
    """Many values outside of all scopes, and one more in each of some nested ones."""
    y: Value = ad.sum([ad.tanh(Value(0.001 * i, f"x{i}")) for i in range(n_values)])
    with contextlib.ExitStack() as blocks:
        for i in range(depth):
            blocks.enter_context(ad.scope(f"block {i + 1}"))
            y = ad.tanh(y)
    return y


@pytest.mark.parametrize("collapse", ["auto", None])
def test_scopes_in_scopes_take_few_looks(collapse: str | None) -> None:
    def steps(depth: int) -> int:
        loss = under_a_chain(300, depth)
        return steps_of(lambda: draw_graph(loss, collapse=collapse, max_nodes=80))

    assert steps(50) < 3 * steps(1)


@settings(max_examples=60, deadline=None)
@given(layered_graphs(), st.integers(0, 30), st.sampled_from(["auto", None]))
def test_the_last_level_before_one_that_does_not_fit(
    roots: list[Value], most: int, collapse: str | None
) -> None:
    tree = ScopeTree(graph_of([nested(root) for root in roots]))
    looks = Looks(tree)
    levels = [Collapsed(tree, collapsed_at(tree, i + 1)) for i in range(tree.deepest + 1)]
    folds = [folded(level, 10_000, looks) for level in levels]
    expected = None
    for choice in (levels, folds):
        sizes = [len(level) for level in choice if level is not None]
        assert sizes == sorted(sizes)
        small = list(itertools.takewhile(lambda size: size <= most, sizes))
        if expected is None and small:
            expected = small[-1]
    try:
        drawn, _ = fitting(tree, None, most)
    except ValueError:
        assert expected is None
    else:
        assert len(drawn) == expected


def nested(y: Value) -> Value:
    with ad.scope("outer"):
        y = ad.exp(y)
        for i in range(3):
            with ad.scope(f"inner {i}"):
                y = ad.tanh(ad.tanh(y))
    return y


def test_powers_of_one_exponent_are_equal() -> None:
    xs = [Value(0.1 * i + 1.0, f"x{i}") for i in range(600)]
    powers = ad.sum([x ** (2.5 if i % 2 else 3.5) for i, x in enumerate(xs)])
    boxes = titles(read_here(draw_graph(powers)))
    assert boxes.count("300 powers") == boxes.count(f"300 {TIMES} x") == 2
    scaled = ad.sum([x * (2.0 if i % 2 else -3.0) for i, x in enumerate(xs)])
    assert "600 multiplications" in titles(read_here(draw_graph(scaled)))


@pytest.mark.parametrize("name", ["layer {}", "<i>{}</i>", "{} of many"])
def test_numbers_in_names_of_scopes_do_not_count(name: str) -> None:
    x, ys = Value(1.0, "x"), []
    for i in range(600):
        with ad.scope(name.format(i)):
            ys.append(ad.tanh(x))
    [box] = read_here(draw_graph(ad.sum(ys))).of_kind("box")
    assert box.texts[0].startswith(f"600 {TIMES} ")


def test_a_number_that_is_part_of_a_name_counts() -> None:
    x, ys = Value(1.0, "x"), []
    for i in range(600):
        with ad.scope("conv1d" if i % 2 else "conv2d"):
            ys.append(ad.tanh(x))
    assert titles(read_here(draw_graph(ad.sum(ys)))) == [
        *(f"300 {TIMES} conv1d", f"300 {TIMES} conv2d")
    ]
