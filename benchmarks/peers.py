"""The models in PyTorch, JAX and CasADi, each as its users write them, in 64 bits and one thread.

The libraries are handed in as modules, since not all need to be installed.  And a scalar engine in
forty lines to compare with, as such engines are commonly written.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import written_out
from benchmarks.by_hand import matrices
from benchmarks.written_out import Functions

# Read when JAX is imported.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

Array = NDArray[Any]
Result = tuple[float, Array]


@dataclass(frozen=True)
class Contestant:
    """What is timed, and how its result becomes a loss and a flat gradient to compare."""

    run: Callable[[], Any]
    flat: Callable[[Any], Result] = lambda result: result


@dataclass(frozen=True)
class MLP:
    """A network with data; `t` are numbers, one-hot rows, or classes for cross-entropy."""

    sizes: Sequence[int]
    activation: str
    head: str
    theta: Array
    x: Array
    t: Array

    def blocks(self) -> list[Array]:
        """Each layer's rows w_1, ..., w_n, b."""
        shapes = [(n_out, n_in + 1) for n_in, n_out in itertools.pairwise(self.sizes)]
        return matrices(self.theta, shapes)

    def target_rows(self) -> Array:
        """Targets with one number for each output."""
        if self.head == "softmax_cross_entropy":
            return np.eye(self.sizes[-1])[self.t]
        return self.t.reshape(len(self.t), -1)


@dataclass(frozen=True)
class GPT:
    """A character GPT with one name."""

    shapes: Sequence[tuple[int, int]]
    heads: int
    theta: Array
    tokens: Array
    targets: Array


# --- scalars ------------------------------------------------------------------------------------


class TupleScalar:
    """A scalar engine in the style of microgpt: children and local gradients in tuples."""

    __slots__ = ("children", "data", "grad", "local_gradients")

    def __init__(self, data: float, children: Any = (), local_gradients: Any = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.children = children
        self.local_gradients = local_gradients

    def __add__(self, other: Any) -> TupleScalar:
        other = other if isinstance(other, TupleScalar) else TupleScalar(other)
        return TupleScalar(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> TupleScalar:
        other = other if isinstance(other, TupleScalar) else TupleScalar(other)
        return TupleScalar(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n: float) -> TupleScalar:
        return TupleScalar(self.data**n, (self,), (n * self.data ** (n - 1),))

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> TupleScalar:
        return self * -1.0

    def __sub__(self, other: TupleScalar) -> TupleScalar:
        return self + -other

    def __rtruediv__(self, other: float) -> TupleScalar:
        return self**-1 * other

    def exp(self) -> TupleScalar:
        y = math.exp(self.data)
        return TupleScalar(y, (self,), (y,))

    def log(self) -> TupleScalar:
        return TupleScalar(math.log(self.data), (self,), (1.0 / self.data,))

    def relu(self) -> TupleScalar:
        return TupleScalar(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def backward(self) -> None:
        order: list[Any] = []
        visited: set[Any] = set()
        stack: list[Any] = [self]
        while stack:
            node = stack.pop()
            if node is None:  # the children of the node below are done
                order.append(stack.pop())
            elif node not in visited:
                visited.add(node)
                stack += (node, None, *node.children)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node.children, node.local_gradients, strict=True):
                child.grad += local * node.grad


# --- PyTorch ------------------------------------------------------------------------------------


def torch_mlp(torch: Any, case: MLP) -> Contestant:
    torch.set_num_threads(1)
    functional = torch.nn.functional
    layers: list[Any] = []
    for block in case.blocks():
        linear = torch.nn.Linear(block.shape[1] - 1, block.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(block[:, :-1]))
            linear.bias.copy_(torch.from_numpy(block[:, -1]))
        layers += [linear, torch.nn.Tanh() if case.activation == "tanh" else torch.nn.Sigmoid()]
    layers = layers if case.head == "sigmoid_half_squared_error" else layers[:-1]
    model = torch.nn.Sequential(*layers)
    x = torch.from_numpy(case.x)
    cross_entropy = case.head == "softmax_cross_entropy"
    t = torch.from_numpy(case.t if cross_entropy else case.target_rows())

    def run() -> tuple[float, list[Any]]:
        model.zero_grad()
        y = model(x)
        if cross_entropy:
            loss = functional.cross_entropy(y, t)
        else:
            loss = 0.5 * functional.mse_loss(y, t, reduction="sum") / len(x)
        loss.backward()
        return loss.item(), list(model.parameters())

    def flat(result: tuple[float, list[Any]]) -> Result:
        loss, parameters = result
        pairs = zip(parameters[::2], parameters[1::2], strict=True)
        blocks = [torch.column_stack([w.grad, b.grad]).ravel() for w, b in pairs]
        return loss, torch.cat(blocks).numpy()

    return Contestant(run, flat)


def torch_gpt(torch: Any, case: GPT) -> Contestant:
    torch.set_num_threads(1)
    functional = torch.nn.functional
    parameters = [
        torch.tensor(matrix, requires_grad=True)
        for matrix in matrices(case.theta, fused_attention(case.shapes))
    ]
    embedding, position, attend, project, expand, contract, unembed = parameters
    tokens, targets = torch.from_numpy(case.tokens), torch.from_numpy(case.targets)
    n, width = len(tokens), embedding.shape[1]

    def norm(x: Any) -> Any:
        return functional.rms_norm(x, (width,), eps=1e-5)

    def run() -> tuple[float, list[Any]]:
        for parameter in parameters:
            parameter.grad = None
        x = norm(embedding[tokens] + position[:n])
        q, k, v = (norm(x) @ attend.T).view(n, 3, case.heads, -1).permute(1, 2, 0, 3)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = x + mixed.transpose(0, 1).reshape(n, width) @ project.T
        z = y + functional.relu(norm(y) @ expand.T) @ contract.T
        loss = functional.cross_entropy(z @ unembed.T, targets)
        loss.backward()
        return loss.item(), parameters

    def flat(result: tuple[float, list[Any]]) -> Result:
        return result[0], torch.cat([p.grad.ravel() for p in result[1]]).numpy()

    return Contestant(run, flat)


def fused_attention(shapes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Query, key and value weights as the one matrix that they are in theta."""
    width = shapes[2][1]
    return [*shapes[:2], (3 * width, width), *shapes[5:]]


# --- JAX ----------------------------------------------------------------------------------------


def jax_mlp(jax: Any, case: MLP) -> Contestant:
    """The matrix program."""
    jax.config.update("jax_enable_x64", True)
    activation = jax.numpy.tanh if case.activation == "tanh" else jax.nn.sigmoid

    def loss(blocks: Any, x: Any, t: Any) -> Any:
        for depth, block in enumerate(blocks):
            x = activation(x) if depth else x
            x = x @ block[:, :-1].T + block[:, -1]
        if case.head == "softmax_cross_entropy":
            return -(jax.nn.log_softmax(x) * t).sum() / len(x)
        y = jax.nn.sigmoid(x) if case.head == "sigmoid_half_squared_error" else x
        return 0.5 * ((y - t) ** 2).sum() / len(x)

    return jax_contestant(jax, loss, case.blocks(), case.x, case.target_rows())


def jax_gpt(jax: Any, case: GPT) -> Contestant:
    """The matrix program."""
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    n, width = len(case.tokens), case.shapes[0][1]
    future = jnp.triu(jnp.ones((n, n), bool), 1)

    def norm(x: Any) -> Any:
        return x * ((x * x).mean(axis=1, keepdims=True) + 1e-5) ** -0.5

    def loss(parameters: Any, tokens: Any, targets: Any) -> Any:
        embedding, position, attend, project, expand, contract, unembed = parameters
        x = norm(embedding[tokens] + position[:n])
        q, k, v = (norm(x) @ attend.T).reshape(n, 3, case.heads, -1).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1) * q.shape[2] ** -0.5
        mixed = jax.nn.softmax(jnp.where(future, -jnp.inf, scores)) @ v
        y = x + mixed.transpose(1, 0, 2).reshape(n, width) @ project.T
        z = y + jax.nn.relu(norm(y) @ expand.T) @ contract.T
        return -jax.nn.log_softmax(z @ unembed.T)[jnp.arange(n), targets].mean()

    parameters = matrices(case.theta, fused_attention(case.shapes))
    return jax_contestant(jax, loss, parameters, case.tokens, case.targets)


def jax_scalar_mlp(jax: Any, case: MLP) -> Contestant:
    """The scalar program, mapped over the batch; XLA takes seconds to compile even a small one."""
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    functions = Functions(jnp.exp, jnp.log, jnp.tanh, jax.nn.relu)
    head = getattr(written_out, case.head)

    def example(theta: Any, x: Any, t: Any) -> Any:
        z = written_out.mlp(list(theta), case.sizes, case.activation, list(x), functions)
        return head(z, list(t), functions)

    def loss(theta: Any, x: Any, t: Any) -> Any:
        return jax.vmap(example, (None, 0, 0))(theta, x, t).mean()

    return jax_contestant(jax, loss, case.theta, case.x, case.target_rows())


def jax_contestant(jax: Any, loss: Any, parameters: Any, *data: Array) -> Contestant:
    parameters, data = jax.device_put((parameters, data))
    value_and_grad = jax.jit(jax.value_and_grad(loss))

    def run() -> Any:
        return jax.block_until_ready(value_and_grad(parameters, *data))

    def flat(result: Any) -> Result:
        leaves = jax.tree_util.tree_leaves(result[1])
        return float(result[0]), np.concatenate([np.ravel(leaf) for leaf in leaves])

    return Contestant(run, flat)


# --- CasADi -------------------------------------------------------------------------------------


def casadi_functions(casadi: Any) -> Functions:
    return Functions(casadi.exp, casadi.log, casadi.tanh, lambda z: casadi.fmax(z, 0.0))


def casadi_mlp(casadi: Any, case: MLP) -> Contestant:
    """One example as an SX graph, and the sum of its replay over the batch."""
    functions = casadi_functions(casadi)
    theta, x, t = (
        casadi.SX.sym(name, size)
        for name, size in (
            ("theta", len(case.theta)),
            ("x", case.sizes[0]),
            ("t", case.sizes[-1]),
        )
    )
    z = written_out.mlp(
        casadi.vertsplit(theta), case.sizes, case.activation, casadi.vertsplit(x), functions
    )
    loss = getattr(written_out, case.head)(z, casadi.vertsplit(t), functions)
    n = len(case.x)
    example = casadi.Function("f", [theta, x, t], [loss / n, casadi.gradient(loss / n, theta)])
    batch = example.map("batch", "serial", n, [0], [0, 1])
    return casadi_contestant(batch, case.theta, case.x, case.target_rows())


def casadi_gpt(casadi: Any, case: GPT) -> Contestant:
    theta = casadi.SX.sym("theta", len(case.theta))
    loss = written_out.gpt(
        casadi.vertsplit(theta),
        case.shapes,
        case.heads,
        case.tokens.tolist(),
        case.targets.tolist(),
        casadi_functions(casadi),
    )
    function = casadi.Function("f", [theta], [loss, casadi.densify(casadi.gradient(loss, theta))])
    return casadi_contestant(function, case.theta)


def casadi_contestant(function: Any, *arguments: Array) -> Contestant:
    """Replay through buffers, which spares CasADi the conversion of its arguments and results."""
    buffer, replay = function.buffer()
    inputs = [np.ascontiguousarray(argument, dtype=np.float64) for argument in arguments]
    outputs = [np.zeros(1), np.zeros(len(arguments[0]))]
    for k, array in enumerate(inputs):
        buffer.set_arg(k, array.data)  # row by row, which are CasADi's columns
    for k, array in enumerate(outputs):
        buffer.set_res(k, array.data)
    held = [*outputs, *inputs, buffer]  # by the closure, for as long as the buffer points to them

    def run() -> Result:
        replay()
        return float(held[0][0]), held[1]

    return Contestant(run)
