"""Scripts in the manner of micrograd's demo and of microgpt run, and give the peers' numbers.

What a script has to change beside its imports is a named difference: the documentation lists it,
and a test here shows that it is one.
"""

from __future__ import annotations

import importlib.util
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_mini import Value

PAGE = Path(__file__).parent.parent.parent / "docs" / "coming_from.md"

# A notebook: a classifier of two moons by a max-margin loss, cell by cell.
DATA_AND_MODEL = """
import random
import numpy as np
from sklearn.datasets import make_moons
from micrograd.engine import Value
from micrograd.nn import Neuron, Layer, MLP

random.seed(1337)
X, y = make_moons(n_samples=40, noise=0.1, random_state=1337)
y = 2 * y - 1  # -1 and 1

model = MLP(2, [16, 16, 1])
print(model)
print("parameters:", len(model.parameters()))
"""

TRAINING = """
def loss(size=None):
    rows = np.arange(len(X)) if size is None else np.random.permutation(len(X))[:size]
    Xb, yb = X[rows], y[rows]
    inputs = [list(map(Value, row)) for row in Xb]
    scores = list(map(model, inputs))

    losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(yb, scores)]
    data_loss = sum(losses) * (1.0 / len(losses))
    penalty = 1e-4 * sum((p * p for p in model.parameters()))
    total = data_loss + penalty

    right = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(yb, scores)]
    return total, sum(right) / len(right)


trail = []
for k in range(steps):
    total, accuracy = loss()
    model.zero_grad()
    total.backward()
    rate = 1.0 - 0.9 * k / 100
    for p in model.parameters():
        p.data -= rate * p.grad
    trail.append(total.data)
    print(f"step {k} loss {total.data}, accuracy {accuracy * 100}%")
print(total, accuracy)
"""

BOUNDARY = """
xs, ys = np.meshgrid(np.arange(-1.5, 2.5, 0.5), np.arange(-1.0, 1.5, 0.5))
inputs = [list(map(Value, point)) for point in np.c_[xs.ravel(), ys.ravel()]]
scores = list(map(model, inputs))
Z = np.array([score.data > 0 for score in scores]).reshape(xs.shape)
"""

# What the notebook changes, and why: the documentation says so.
IMPORTS = {
    "from micrograd.engine import Value": "from autograd_mini import Value",
    "from micrograd.nn import Neuron, Layer, MLP": "from nn import Neuron, Layer, MLP",
}
DIFFERENCES = {
    "model = MLP(2, [16, 16, 1])": 'model = MLP(2, [16, 16, 1], activation="relu")',
    "scores = list(map(model, inputs))": "scores = [model(x)[0] for x in inputs]",
}

# What micrograd 0.1.0 gives from the weights of `drawn_weights`.
LOSSES = [
    1.2033825085400303,
    3.2372088670487553,
    0.9883015422912873,
    0.9282350587256566,
    0.5093975287250424,
    0.4925548132350062,
    0.8418577851877602,
    0.3600654478806166,
    0.36069722024745676,
    0.3335091415626021,
    0.289862455707954,
    0.33941873996749516,
]


def translated(cell: str) -> str:
    """A cell with the imports and the named differences of this package."""
    for theirs, ours in (IMPORTS | DIFFERENCES).items():
        cell = cell.replace(theirs, ours)
    return cell


def drawn_weights(count: int) -> list[float]:
    """Uniform in -1..1, as micrograd draws them, for all parameters."""
    source = random.Random(1337)
    return [source.uniform(-1, 1) for _ in range(count)]


def run_notebook(translate: Callable[[str], str], steps: int) -> dict[str, Any]:
    """Run the cells; between the first two, the parameters are set to given numbers."""
    namespace: dict[str, Any] = {"steps": steps}
    exec(translate(DATA_AND_MODEL), namespace)
    parameters = namespace["model"].parameters()
    for parameter, data in zip(parameters, drawn_weights(len(parameters)), strict=True):
        parameter.data = data
    exec(translate(TRAINING), namespace)
    exec(translate(BOUNDARY), namespace)
    return namespace


def test_the_notebook_gives_the_stored_losses() -> None:
    ours = run_notebook(translated, len(LOSSES))
    np.testing.assert_allclose(ours["trail"], LOSSES, rtol=1e-12)
    assert ours["accuracy"] == 0.85
    assert ours["Z"].any()
    assert not ours["Z"].all()


@pytest.mark.skipif(importlib.util.find_spec("micrograd") is None, reason="needs micrograd")
def test_the_notebook_gives_what_micrograd_gives() -> None:
    steps = 2  # it takes about a second for each
    theirs, ours = run_notebook(str, steps), run_notebook(translated, steps)
    np.testing.assert_allclose(theirs["trail"], LOSSES[:steps], rtol=1e-12)
    np.testing.assert_allclose(ours["trail"], theirs["trail"], rtol=1e-12)
    np.testing.assert_array_equal(ours["Z"], theirs["Z"])
    for mine, its in zip(ours["model"].parameters(), theirs["model"].parameters(), strict=True):
        assert mine.data == pytest.approx(its.data, rel=1e-12, abs=1e-13)


def test_minibatches_of_the_notebook() -> None:
    namespace = run_notebook(translated, 1)
    total, accuracy = namespace["loss"](8)
    assert total.data > 0
    assert accuracy * 8 in range(9)


@pytest.mark.parametrize("theirs", DIFFERENCES)
def test_the_notebook_needs_each_difference(
    theirs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it there is an error, or there are other losses."""
    monkeypatch.delitem(DIFFERENCES, theirs)
    try:
        trail = run_notebook(translated, 2)["trail"]
    except TypeError:
        return
    assert not np.allclose(trail, LOSSES[:2], rtol=1e-12)


# A GPT in scalars, with lists, as a script without any array library writes it.
GPT = """
import random
from autograd_mini import Value

random.seed(42)
docs = ["emma", "olivia", "ava", "mia", "luna", "nora"]
random.shuffle(docs)
characters = sorted(set("".join(docs)))
BOS, vocabulary = len(characters), len(characters) + 1

layers, width, heads, block = 1, 8, 2, 6
head_width = width // heads
matrix = lambda rows, columns, std=0.2: [
    [Value(random.gauss(0, std)) for _ in range(columns)] for _ in range(rows)
]
state = {
    "tokens": matrix(vocabulary, width),
    "positions": matrix(block, width),
    "head": matrix(vocabulary, width),
}
for i in range(layers):
    for name in ("query", "key", "value", "output"):
        state[f"layer{i}.{name}"] = matrix(width, width)
    state[f"layer{i}.expand"] = matrix(4 * width, width)
    state[f"layer{i}.contract"] = matrix(width, 4 * width)
params = [p for m in state.values() for row in m for p in row]
print(f"num params: {len(params)}")


def linear(x, w):
    return [sum(wi * xi for wi, xi in zip(row, x)) for row in w]


def softmax(logits):
    largest = max(val.data for val in logits)
    exps = [(val - largest).exp() for val in logits]
    total = sum(exps)
    return [e / total for e in exps]


def rmsnorm(x):
    ms = sum(xi * xi for xi in x) / len(x)
    scale = (ms + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def gpt(token, position, keys, values):
    x = [t + p for t, p in zip(state["tokens"][token], state["positions"][position])]
    x = rmsnorm(x)
    for i in range(layers):
        residual = x
        x = rmsnorm(x)
        q = linear(x, state[f"layer{i}.query"])
        keys[i].append(linear(x, state[f"layer{i}.key"]))
        values[i].append(linear(x, state[f"layer{i}.value"]))
        mixed = []
        for h in range(heads):
            part = slice(h * head_width, (h + 1) * head_width)
            ks, vs = [k[part] for k in keys[i]], [v[part] for v in values[i]]
            scores = [sum(a * b for a, b in zip(q[part], k)) / head_width**0.5 for k in ks]
            weights = softmax(scores)
            mixed.extend(sum(w * v[j] for w, v in zip(weights, vs)) for j in range(head_width))
        x = [a + b for a, b in zip(linear(mixed, state[f"layer{i}.output"]), residual)]
        residual = x
        x = linear(rmsnorm(x), state[f"layer{i}.expand"])
        x = [xi.relu() for xi in x]
        x = [a + b for a, b in zip(linear(x, state[f"layer{i}.contract"]), residual)]
    return linear(x, state["head"])


learning_rate, beta1, beta2, eps = 0.01, 0.85, 0.99, 1e-8
m, v = [0.0] * len(params), [0.0] * len(params)
trail = []
for step in range(steps):
    doc = docs[step % len(docs)]
    tokens = [BOS] + [characters.index(c) for c in doc] + [BOS]
    n = min(block, len(tokens) - 1)
    keys, values = [[] for _ in range(layers)], [[] for _ in range(layers)]
    losses = []
    for position in range(n):
        probs = softmax(gpt(tokens[position], position, keys, values))
        losses.append(-probs[tokens[position + 1]].log())
    loss = (1 / n) * sum(losses)
    loss.backward()
    rate = learning_rate * (1 - step / steps)
    for i, p in enumerate(params):
        m[i] = beta1 * m[i] + (1 - beta1) * p.grad
        v[i] = beta2 * v[i] + (1 - beta2) * p.grad**2
        p.data -= rate * m[i] / (1 - beta1 ** (step + 1)) / (
            (v[i] / (1 - beta2 ** (step + 1))) ** 0.5 + eps
        )
        p.grad = 0
    trail.append(loss.data)
    print(f"step {step + 1:4d} / {steps:4d} | loss {loss.data:.4f}")

samples = []
for _ in range(3):
    keys, values = [[] for _ in range(layers)], [[] for _ in range(layers)]
    token, text = BOS, []
    for position in range(block):
        logits = gpt(token, position, keys, values)
        probs = softmax([logit / 0.5 for logit in logits])
        token = random.choices(range(vocabulary), weights=[p.data for p in probs])[0]
        if token == BOS:
            break
        text.append(characters[token])
    samples.append("".join(text))
"""


class Plain:
    """The least engine that runs the script: children and local gradients, a recursive order."""

    __slots__ = ("children", "data", "grad", "local")

    def __init__(self, data: float, children: Any = (), local: Any = ()) -> None:
        self.data, self.grad, self.children, self.local = data, 0.0, children, local

    def __add__(self, other: Any) -> Plain:
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Plain:
        other = other if isinstance(other, Plain) else Plain(other)
        return Plain(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, k: float) -> Plain:
        return Plain(self.data**k, (self,), (k * self.data ** (k - 1),))

    def __neg__(self) -> Plain:
        return self * -1.0

    def __sub__(self, other: Plain | float) -> Plain:
        return self + (-other)

    def __truediv__(self, other: Plain | float) -> Plain:
        other = other if isinstance(other, Plain) else Plain(other)
        return self * other**-1.0

    __radd__, __rmul__ = __add__, __mul__

    def log(self) -> Plain:
        return Plain(math.log(self.data), (self,), (1.0 / self.data,))

    def exp(self) -> Plain:
        y = math.exp(self.data)
        return Plain(y, (self,), (y,))

    def relu(self) -> Plain:
        return Plain(max(0.0, self.data), (self,), (float(self.data > 0),))

    def backward(self) -> None:
        order: list[Plain] = []
        seen: set[Plain] = set()

        def visit(node: Plain) -> None:
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node.children, node.local, strict=True):
                child.grad += local * node.grad


def test_a_gpt_in_scalars_runs_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    ours: dict[str, Any] = {"steps": 6}
    exec(GPT, ours)
    assert "num params: 992" in capsys.readouterr().out
    plain: dict[str, Any] = {"steps": 6, "Value": Plain}
    exec(GPT.replace("from autograd_mini import Value\n", ""), plain)
    np.testing.assert_allclose(ours["trail"], plain["trail"], rtol=1e-12)
    assert ours["samples"] == plain["samples"]
    assert any(ours["samples"])
    for mine, its in zip(ours["params"], plain["params"], strict=True):
        assert mine.data == pytest.approx(its.data, rel=1e-12, abs=1e-13)


def test_a_gpt_in_scalars_learns() -> None:
    namespace: dict[str, Any] = {"steps": 60}
    exec(GPT, namespace)
    trail = namespace["trail"]
    assert trail[0] == pytest.approx(math.log(namespace["vocabulary"]), abs=1.0)
    assert sum(trail[-6:]) < 0.6 * sum(trail[:6])


# Construct by construct: what works as it stands in the peers.
CONSTRUCTS = {
    "list(map(Value, np.array([0.5, -1.0])))[1].data": -1.0,
    "(1 + -np.int64(-1) * Value(0.5)).relu().data": 1.5,
    "(1 + -np.float64(-1.0) * Value(0.5)).relu().data": 1.5,
    "(sum([Value(1.0), Value(2.0)]) * (1.0 / 2)).data": 1.5,
    "(0.5 * sum((p * p for p in [Value(3.0)]))).data": 4.5,
    "((1 / 2) * sum(v for v in [Value(1.0), Value(2.0)])).data": 1.5,
    "[(y > 0) == (v.data > 0) for y, v in [(np.int64(1), Value(2.0))]][0]": True,
    "(Value(2.0) ** -0.5).data": 2.0**-0.5,
    "(Value(2.0) ** 3 + 10.0 / Value(4.0) - 1).data": 9.5,
    "(1 - Value(3.0)).data": -2.0,
    "(-Value(2.0).log()).data": -math.log(2.0),
    "(Value(2.0) - max(v.data for v in [Value(1.0), Value(2.0)])).exp().data": 1.0,
    "Value(0.5).tanh().data": math.tanh(0.5),
    "Value(-3).relu().data": 0.0,
    "f'{Value(2.0).data:.4f}'": "2.0000",
    "np.array([v.data > 0 for v in [Value(1.0), Value(-1.0)]]).tolist()": [True, False],
    "len({Value(1.0), Value(1.0)})": 2,
    "len(MLP(2, [16, 16, 1]).parameters())": 337,
    "len(Neuron(2).parameters())": 3,
    "len(Layer(2, 3)([1.0, 2.0]))": 3,
    "Neuron(2)([Value(1.0), Value(-2.0)]).grad": 0.0,
    "[n.bias.data for l in MLP(2, [2]).layers for n in l.neurons]": [0.0, 0.0],
    "random.choices(range(2), weights=[p.data for p in [Value(0.0), Value(1.0)]])": [1],
}

# What is written in another way: (the peer's, this package's, what both give).
NAMED = [
    ("Neuron(2, nonlin=False)", 'Neuron(2, activation="identity")', None),
    ("neuron.w[0].data", "neuron.weights[0].data", 0.5),
    ("neuron.b.data", "neuron.bias.data", 0.25),
    ("(a * b)._prev", "(a * b).parents", None),
    ("(a * b)._op", "(a * b).op", "mul"),
    ("(a * b)._children", "(a * b).parents", None),
    ("(a * b)._local_grads", "(a * b).local_derivatives", (3.0, 2.0)),
]


def evaluated(expression: str) -> Any:
    a, b = Value(2.0), Value(3.0)
    neuron = nn.Neuron.from_weights([0.5], 0.25)
    names = {"Value": Value, "np": np, "random": random, "a": a, "b": b, "neuron": neuron}
    models = {"MLP": nn.MLP, "Layer": nn.Layer, "Neuron": nn.Neuron}
    return eval(expression, names | models)


@pytest.mark.parametrize("expression", CONSTRUCTS)
def test_a_construct_of_the_peers(expression: str) -> None:
    assert evaluated(expression) == CONSTRUCTS[expression]


def test_assignments_of_the_peers() -> None:
    a = Value(-4.0)
    b = Value(2.0)
    c = a * b
    c += b**2 + 1
    c *= 3 - a
    c -= (a - b).relu() / 2
    c.backward()
    # c = (a*b + b**2 + 1) * (3 - a) with relu at 0
    assert c.data == (-8.0 + 5.0) * 7.0
    assert a.grad == 2.0 * 7.0 - (-3.0)
    assert b.grad == (-4.0 + 4.0) * 7.0
    a.data -= 0.1 * a.grad
    a.grad = 0
    (a * 2).backward()
    assert a.grad == 2.0


@pytest.mark.parametrize(("theirs", "ours", "result"), NAMED, ids=[row[0] for row in NAMED])
def test_a_named_difference_is_one(theirs: str, ours: str, result: Any) -> None:
    with pytest.raises((AttributeError, TypeError)):
        evaluated(theirs)
    assert result is None or evaluated(ours) == result
    evaluated(ours)


NAMED_TEXTS = {
    **IMPORTS,
    "MLP(2, [16, 16, 1])": 'MLP(2, [16, 16, 1], activation="relu")',
    "scores = list(map(model, inputs))": "scores = [model(x)[0] for x in inputs]",
    "Neuron(2, nonlin=False)": 'Neuron(2, activation="identity")',
    "neuron.w": "neuron.weights",
    "neuron.b": "neuron.bias",
    "v._prev": "v.parents",
    "v._op": "v.op",
    "v._children": "v.parents",
    "v._local_grads": "v.local_derivatives",
}


@pytest.mark.parametrize("theirs", NAMED_TEXTS)
def test_the_documentation_names_the_difference(theirs: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    named = [row for row in rows if f"`{theirs}`" in row and f"`{NAMED_TEXTS[theirs]}`" in row]
    assert named, f"no row with `{theirs}` and `{NAMED_TEXTS[theirs]}`"
