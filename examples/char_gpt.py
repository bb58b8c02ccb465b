"""A character GPT written wholly in scalars, trained on the names of Python's standard modules.

One block: token and position embeddings, RMS norm, four heads of causal attention, an MLP of 64
units, and residual connections.  The same function trains eagerly for a few steps and then
compiled: ``take`` picks embeddings by a traced token, and each length of a name has its trace.
In the end the model makes up names of its own, one character at a time.

Run ``python -m examples.char_gpt``, or with ``--help``.
"""

from __future__ import annotations

import argparse
import string
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import autograd_mini as ad
from autograd_mini import Value
from nn import (
    Adam,
    Attention,
    Embedding,
    Linear,
    Module,
    RMSNorm,
    parameters_to_vector,
    vector_to_parameters,
)

WIDTH, HEADS, HIDDEN, BLOCK = 16, 4, 64, 16
LEARNING_RATE, TEMPERATURE = 0.01, 0.7

CHARACTERS = string.ascii_lowercase + string.digits + "_"
END = len(CHARACTERS)  # the token before the first character and after the last

Matrix = list[list[Value]]


@dataclass(repr=False, eq=False)
class GPT(Module):
    """The modules of the model; its parameters are found in them."""

    tokens: Embedding
    positions: Embedding
    norm: RMSNorm
    attention: Attention
    expand: Linear
    contract: Linear
    unembedding: Linear


def make_gpt(vocabulary: int, rng: np.random.Generator) -> GPT:
    """Return a model with small normal weights."""

    def linear(n_in: int, n_out: int) -> Linear:
        return Linear(n_in, n_out, bias=False, init=small, rng=rng)

    return GPT(
        tokens=Embedding(vocabulary, WIDTH, init=small, rng=rng),
        positions=Embedding(BLOCK, WIDTH, init=small, rng=rng),
        norm=RMSNorm(WIDTH, gain=False),
        attention=Attention(WIDTH, HEADS, causal=True, init=small, rng=rng),
        expand=linear(WIDTH, HIDDEN),
        contract=linear(HIDDEN, WIDTH),
        unembedding=linear(WIDTH, vocabulary),
    )


def small(
    n_in: int, n_out: int, *, rng: np.random.Generator | int | None = None
) -> NDArray[np.float64]:
    """Initial weights, normal with standard deviation 0.08."""
    return np.random.default_rng(rng).normal(0, 0.08, (n_out, n_in))


def added(xs: Matrix, ys: Matrix) -> Matrix:
    """Matrix plus matrix: a residual connection."""
    return [[a + b for a, b in zip(x, y, strict=True)] for x, y in zip(xs, ys, strict=True)]


def logits(model: GPT, tokens: Sequence[int | Value]) -> Matrix:
    """For each position the logits of the next token."""
    positions = [model.positions(t) for t in range(len(tokens))]
    x = added([model.tokens(token) for token in tokens], positions)
    x = [model.norm(row) for row in x]
    x = added(x, model.attention([model.norm(row) for row in x]))
    hidden = [[h.relu() for h in model.expand(model.norm(row))] for row in x]
    x = added(x, [model.contract(h) for h in hidden])
    return [model.unembedding(row) for row in x]


def loss(model: GPT, tokens: Sequence[int | Value], targets: Sequence[int | Value]) -> Value:
    """Mean cross-entropy of the next token."""
    predicted = logits(model, tokens)
    losses = [
        -ad.take(ad.log_softmax(row), target)
        for row, target in zip(predicted, targets, strict=True)
    ]
    mean: Value = ad.mean(losses)
    return mean


def standard_modules() -> list[str]:
    """Names that fit the block, in lower case and in alphabetical order."""
    names = {name.lower() for name in sys.stdlib_module_names}
    return sorted(name for name in names if len(name) < BLOCK)


def encode(name: str) -> tuple[list[int], list[int]]:
    """The tokens of a name, and for each of them the token that follows."""
    characters = [CHARACTERS.index(character) for character in name]
    return [END, *characters], [*characters, END]


def shuffled(names: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    """All names in random order, again and again."""
    while True:
        for index in rng.permutation(len(names)):
            yield names[index]


def train_eagerly(model: GPT, optimizer: Adam, names: Sequence[str]) -> float:
    """One step for each name, its graph made anew; return the seconds per character."""
    losses = []
    start = time.perf_counter()
    for name in names:
        optimizer.zero_grad()
        name_loss = loss(model, *encode(name))
        name_loss.backward()
        optimizer.step()
        losses.append(name_loss.data)
    seconds = (time.perf_counter() - start) / sum(map(len, names))
    print(f"eager     {1e3 * seconds:.3g} ms per character, {losses_by_tenths(losses)}")
    return seconds


def compile_loss(model: GPT, names: Sequence[str]) -> ad.Program:
    """The loss as a matrix program, already traced for all lengths of names."""
    program = ad.compile(
        lambda tokens, targets: loss(model, tokens, targets), model.parameters(), batched=False
    )
    start = time.perf_counter()
    for name in progress(list({len(name): name for name in names}.values())):
        program.value_and_grad(None, *encode(name))
    seconds = time.perf_counter() - start
    print(f"compiling {len(program.traces)} lengths of names took {seconds:.1f} s")
    return program


def train_compiled(program: ad.Program, model: GPT, optimizer: Adam, names: Sequence[str]) -> float:
    """The same on the vector of all weights; return the seconds per character."""
    theta, losses = parameters_to_vector(model), []
    start = time.perf_counter()
    for step, name in enumerate(progress(names)):
        name_loss, gradient = program.value_and_grad(theta, *encode(name))
        optimizer.learning_rate = LEARNING_RATE * (1 - step / len(names))
        theta = optimizer.update(theta, gradient)
        losses.append(name_loss)
    seconds = (time.perf_counter() - start) / sum(map(len, names))
    vector_to_parameters(theta, model)
    print(f"compiled  {1e3 * seconds:.3g} ms per character, {losses_by_tenths(losses)}")
    return seconds


def progress(names: Sequence[str]) -> Iterable[str]:
    """The names, with a bar on stderr where that is a terminal and tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return names
    return tqdm(names, unit="name", leave=False, disable=None)


def losses_by_tenths(losses: Sequence[float]) -> str:
    """Mean loss of each tenth of the steps."""
    parts = [part for part in np.array_split(losses, 10) if len(part)]
    return "loss " + " ".join(f"{part.mean():.2f}" for part in parts)


def sample(model: GPT, rng: np.random.Generator) -> str:
    """A new name, drawn character by character from the predicted probabilities."""
    tokens = [END]
    with ad.no_grad():
        while len(tokens) < BLOCK:
            scaled = [logit / TEMPERATURE for logit in logits(model, tokens)[-1]]
            probabilities = [p.data for p in ad.softmax(scaled)]
            token = int(rng.choice(END + 1, p=probabilities))
            if token == END:
                break
            tokens.append(token)
    return "".join(CHARACTERS[token] for token in tokens[1:])


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, first eagerly and then compiled, and print what the model has learned."""
    options = parse(arguments)
    rng = np.random.default_rng(options.seed)
    names = standard_modules()
    model = make_gpt(END + 1, rng)
    optimizer = Adam(model.parameters(), LEARNING_RATE, beta1=0.85, beta2=0.99)
    print(f"{len(names)} names, {len(model.parameters()):,} parameters")

    order = shuffled(names, rng)
    eager = train_eagerly(model, optimizer, [next(order) for _ in range(options.eager_steps)])
    program = compile_loss(model, names)
    compiled = train_compiled(
        program, model, optimizer, [next(order) for _ in range(options.steps)]
    )
    print(f"A compiled step is {eager / compiled:.0f} times as fast as an eager one.")

    print("sampled (* is a standard module):")
    for _ in range(options.samples):
        name = sample(model, rng)
        print(f"  {name}{' *' if name in names else ''}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m examples.char_gpt", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help="compiled (default: %(default)s)")
    parser.add_argument("--eager-steps", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--samples", type=int, default=20, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if min(options.steps, options.eager_steps) < 1 or min(options.seed, options.samples) < 0:
        parser.error("steps must be at least 1, the seed and the number of samples at least 0")
    return options


if __name__ == "__main__":
    main()
