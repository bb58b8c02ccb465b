"""Where PyTorch's optimizers go in 100 steps, for every optimizer and option that `nn` has.

``python -m tests.nn.optimizer_trajectories`` asks PyTorch and writes ``optimizer_trajectories.npz``
beside this file, which the tests read everywhere, PyTorch installed or not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn

STORED = Path(__file__).parent / "optimizer_trajectories.npz"
N_STEPS, STORED_STEPS = 100, [1, 2, 5, 20, 50, 100]
Vector = NDArray[np.float64]

START = np.array([1.0, -0.5, 2.0, 0.25, -3.0, 0.0])
_TARGET = np.array([0.5, 0.5, -1.0, 0.0, 2.0, 1.0])
_STEEPNESS = np.array([1.0, 0.01, 4.0, 0.3, 1e-4, 2.0])
_PHASE = np.arange(6.0)

_OPTIONS: dict[type[nn.Optimizer], dict[str, dict[str, Any]]] = {
    nn.SGD: {
        "plain": {},
        "momentum": {"momentum": 0.9},
        "nesterov": {"momentum": 0.8, "nesterov": True},
        "momentum decay": {"momentum": 0.5, "weight_decay": 0.1},
        "nesterov decay": {"momentum": 0.5, "nesterov": True, "weight_decay": 0.1},
    },
    nn.AdaGrad: {"plain": {}, "large epsilon": {"epsilon": 0.5}},
    nn.RMSProp: {"plain": {}, "other": {"beta": 0.7, "epsilon": 0.1}},
    nn.Adam: {"plain": {}, "other": {"beta1": 0.5, "beta2": 0.8, "epsilon": 0.1}},
    nn.AdamW: {
        "plain": {},
        "without decay": {"weight_decay": 0.0},
        "other": {"beta1": 0.5, "beta2": 0.8, "epsilon": 0.1, "weight_decay": 0.3},
    },
}
_ALL = {
    "": {},
    "decay": {"weight_decay": 0.2},
    "clip value": {"clip_value": 0.3},
    "clip norm": {"clip_norm": 0.7},
    "clip and decay": {"clip_norm": 0.7, "weight_decay": 0.2},
    "clip twice": {"clip_value": 0.9, "clip_norm": 0.8},
}
CASES: dict[str, tuple[type[nn.Optimizer], dict[str, Any]]] = {
    " ".join(filter(None, [cls.__name__, name, more])): (
        cls,
        {"learning_rate": 0.05, **options, **common},
    )
    for cls, named in _OPTIONS.items()
    for (name, options), (more, common) in itertools.product(named.items(), _ALL.items())
    if not ("weight_decay" in options and "weight_decay" in common)
}


def gradient(theta: Vector, step: int) -> Vector:
    """A steep and shaking bowl, whose last gradient is often 0 and sometimes large."""
    pull: Vector = _STEEPNESS * (theta - _TARGET) + np.sin(0.7 * step + _PHASE)
    pull[5] *= 0.0 if step % 4 else 3.0
    return pull


def trajectory(advance: Callable[[Vector, Vector], Vector]) -> Vector:
    """The parameters after each step, of a function from (theta, gradient) to the new theta."""
    theta, passed = START, []
    for step in range(N_STEPS):
        theta = advance(theta, gradient(theta, step))
        passed.append(theta)
    return np.array(passed)


def from_pytorch(case: str) -> Vector:
    """Where PyTorch goes, with the parameters in two tensors and its own clipping."""
    import torch

    cls, settings = CASES[case]
    tensors = [torch.tensor(part, requires_grad=True) for part in (START[:2], START[2:])]
    optimizer = getattr(torch.optim, _CLASSES.get(cls.__name__, cls.__name__))(
        tensors, **_in_pytorch_s_words(cls, settings)
    )

    def advance(_: Vector, derivatives: Vector) -> Vector:
        for tensor, part in zip(tensors, (derivatives[:2], derivatives[2:]), strict=True):
            tensor.grad = torch.tensor(part)
        if "clip_value" in settings:
            torch.nn.utils.clip_grad_value_(tensors, settings["clip_value"])
        if "clip_norm" in settings:
            torch.nn.utils.clip_grad_norm_(tensors, settings["clip_norm"])
        optimizer.step()
        return np.concatenate([tensor.detach().numpy() for tensor in tensors])

    return trajectory(advance)


_CLASSES = {"AdaGrad": "Adagrad", "RMSProp": "RMSprop"}
_NAMES = {"learning_rate": "lr", "epsilon": "eps", "beta": "alpha"}


def _in_pytorch_s_words(cls: type[nn.Optimizer], settings: dict[str, Any]) -> dict[str, Any]:
    options = {
        _NAMES.get(name, name): number
        for name, number in settings.items()
        if name not in ("clip_value", "clip_norm", "beta1", "beta2")
    }
    if issubclass(cls, nn.Adam):
        options["betas"] = (settings.get("beta1", 0.9), settings.get("beta2", 0.999))
    return options


def stored() -> dict[str, Vector]:
    """The parameters after the steps `STORED_STEPS`, by case."""
    with np.load(STORED, allow_pickle=False) as archive:
        return {case: archive[case] for case in archive}


if __name__ == "__main__":
    rows = [step - 1 for step in STORED_STEPS]
    arrays: dict[str, Any] = {case: from_pytorch(case)[rows] for case in CASES}
    np.savez_compressed(STORED, **arrays)
    print(f"{STORED}: {STORED.stat().st_size:,} bytes, {len(CASES)} cases")
