"""Optimizer: what all optimizers share, from clipping to their state."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from autograd_mini import Value

from .._assignment import assign_data
from .._calls import Aliases, KeywordsChecked, call_checked, did_you_mean, refuse_call
from .._checks import not_negative
from .._other_libraries import OPTIMIZER_ARGUMENTS, OPTIMIZER_CALLS
from ..models.parameters import float_vector, parameter_list
from .hyperparameters import (
    Hyperparameter,
    checked_limit,
    checked_rate,
    hyperparameters_of,
    own_settings,
    plain,
)
from .step_vectors import (
    Memory,
    Vector,
    checked_entry,
    copied,
    first_infinite,
    is_finite,
    shortened,
)

__all__ = ["OUT_OF_BOUNDS", "Optimizer", "StepError", "with_shared_options"]

C = TypeVar("C", bound=Callable[..., None])
OUT_OF_BOUNDS = "a log, a division or an exp out of bounds"
_REMEDY = (
    f"no parameter was changed; lower the learning rate, or look in the loss for {OUT_OF_BOUNDS}"
)


class StepError(ValueError):
    """A step that cannot be made, as something in it is not finite: nothing has changed.

    Attributes
    ----------
    found : str
        What is not finite.
    """

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found

    def __str__(self) -> str:
        return f"{self.found}: {_REMEDY}"


class _Constructor(ABCMeta):
    """Tells when an optimizer is made: from then on it takes no new attributes."""

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        refuse_call(cls, arguments, keywords, cls._ALIASES)  # type: ignore[attr-defined]
        optimizer = super().__call__(*arguments, **keywords)
        vars(optimizer)["_is_made"] = True
        return optimizer

    @property
    def __signature__(cls) -> Signature:
        """What `help` shows: the arguments of `__init__`, not of `__call__` above."""
        own = signature(cls.__init__)  # type: ignore[misc]
        return own.replace(parameters=list(own.parameters.values())[1:])


def _shared_only(constructor: C) -> C:
    """Let it refuse what a subclass hands on with its ``**keywords`` and nothing here takes."""
    own = signature(constructor).parameters

    @wraps(constructor)
    def checked(self: Optimizer, *arguments: Any, **keywords: Any) -> None:
        for name in keywords.keys() - own.keys():
            end = did_you_mean(name, _argument_names(type(self)), self._ALIASES)
            raise TypeError(f"{type(self).__name__} takes no argument {name!r}{end}")
        constructor(self, *arguments, **keywords)

    return cast("C", checked)


def _argument_names(kind: type[Optimizer]) -> list[str]:
    """What the constructors of a class and those it is derived from take by name."""
    constructors = [vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base)]
    found = [p for made in constructors for p in list(signature(made).parameters.values())[1:]]
    by_name = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return list(dict.fromkeys(p.name for p in found if p.kind in by_name))


class Optimizer(KeywordsChecked, metaclass=_Constructor):
    """What all optimizers share: they differ in the rule of one step and in what it remembers.

    `step` moves the parameters themselves; `update` moves a vector, such as a compiled program
    trains, and leaves the parameters alone. Both change everything or, where the step is refused
    or interrupted, nothing. A step takes the gradient as it is, then

    1. clips it by value: each number to ±clip_value;
    2. clips it by norm (Pascanu et al. 2013): where its length, taken over all parameters together,
       is more than clip_norm, it is multiplied by clip_norm / (length + 1e-6), as in PyTorch;
    3. adds weight_decay * parameter, the gradient of an L2 penalty (not `AdamW`, which see);
    4. follows the optimizer's rule.

    To write one of your own, give it a `rule`, and `initial_memory` where it remembers something.
    Numbers, bools, texts and None that its `__init__` makes attributes are a part of `state_dict`
    and of checkpoints, like those it has from here. After `__init__` an unknown name is refused.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to train, as `model.parameters()` lists them, at least one.
    learning_rate : float
        Finite and at least 0.
    weight_decay : float
        Finite and at least 0.
    clip_value, clip_norm : float, optional
        Finite and above 0; without them nothing is clipped.

    Attributes
    ----------
    parameters : list of Value
        The parameters it trains.
    memory : mapping
        What the last step has left for the next, by name. Each step puts a new one in its place
        and leaves the old as it was, so that who has kept an old one may set it again.
    learning_rate, weight_decay, clip_value, clip_norm
        As given; set them to change them from the next step on. So may all other numbers be that
        an optimizer is made with.

    Raises
    ------
    TypeError
        A model instead of its parameters, something other than leaf Values, a number that is not
        real, an unknown keyword.
    ValueError
        No parameters, the same one twice, a number out of range.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> class SignDescent(Optimizer):
    ...     def rule(self, theta, gradient, memory):
    ...         return theta - self.learning_rate * np.sign(gradient), memory
    >>> SignDescent([Value(0.0), Value(0.0)], 0.5).update([1.0, 2.0], [0.1, -7.0])
    array([0.5, 2.5])
    """

    _ALIASES: ClassVar[Aliases] = OPTIMIZER_ARGUMENTS

    learning_rate = Hyperparameter(checked_rate)
    weight_decay = Hyperparameter(not_negative)
    clip_value = Hyperparameter(checked_limit)
    clip_norm = Hyperparameter(checked_limit)

    @_shared_only
    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float,
        *,
        weight_decay: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        self._parameters = _parameters_of(parameters, type(self).__name__)
        self._memory = self.initial_memory()
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clip_value = clip_value
        self.clip_norm = clip_norm

    @abstractmethod
    def rule(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Return the parameters after one step, and what the next step must remember.

        Parameters
        ----------
        theta, gradient : numpy.ndarray of shape (P,)
            The parameters, and the gradient with clipping and weight decay done.
        memory : mapping
            What the step before has returned, at first `initial_memory()`.

        Returns
        -------
        (numpy.ndarray of shape (P,), mapping)
            New objects: none of the arguments may change.
        """

    def check_together(self, numbers: Mapping[str, Any]) -> None:
        """Raise ValueError where the optimizer's numbers, each right alone, do not go together."""

    def initial_memory(self) -> Memory:
        """Return what the first step remembers: ints and vectors (P,) by name, by default none."""
        return {}

    @property
    def parameters(self) -> list[Value]:
        """The parameters it trains, in the order of the vectors that `update` takes."""
        return self._parameters

    @property
    def memory(self) -> Memory:
        """What the last step has left for the next, by name."""
        return self._memory

    @memory.setter
    def memory(self, memory: Memory) -> None:
        self._memory = memory

    @call_checked({}, OPTIMIZER_CALLS)
    def step(self) -> None:
        """Move every parameter along its `grad`, or none when one cannot move.

        Raises
        ------
        ValueError
            A gradient is not finite, or the move would make a parameter so. No parameter has
            changed then.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> from nn import SGD
        >>> w = Value(1.0, label="w")
        >>> w.grad = float("nan")
        >>> SGD([w], learning_rate=0.1).step()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        nn.optimizers.optimizer.StepError: the gradient of 'w' is nan: no parameter was changed; ...
        """
        theta = np.array([parameter.data for parameter in self._parameters])
        gradient = np.array([parameter.grad for parameter in self._parameters])
        with np.errstate(all="ignore"):
            moved, memory = self.moved(theta, gradient, self._memory)
        before = self._memory
        try:
            self._memory = memory
            assign_data(self._parameters, moved.tolist())
        except BaseException:
            self._memory = before
            assign_data(self._parameters, theta.tolist())
            raise

    def update(self, theta: ArrayLike, gradient: ArrayLike) -> Vector:
        """Return a vector of parameters moved by one step, for training a compiled program.

        The parameters themselves stay as they are: write the vector back once, when it is
        trained, by `vector_to_parameters`.

        Parameters
        ----------
        theta, gradient : array_like of shape (P,)
            One number per parameter, in their order, as ``program.value_and_grad`` takes and
            returns them.

        Returns
        -------
        numpy.ndarray of shape (P,)
            A new vector.

        Raises
        ------
        TypeError
            A vector of something other than real numbers.
        ValueError
            A vector of another shape, a gradient that is not finite, or a move out of range.
            The optimizer remembers nothing of such a step.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> from nn import SGD
        >>> SGD([Value(0.0), Value(0.0)], learning_rate=0.1).update([1.0, 2.0], [3.0, -1.0])
        array([0.7, 2.1])
        """
        length = len(self._parameters)
        vectors = float_vector(theta, length, "theta"), float_vector(gradient, length, "gradient")
        with np.errstate(all="ignore"):
            moved, self._memory = self.moved(*vectors, self._memory)
        return moved

    def moved(self, theta: Vector, gradient: Vector, memory: Memory) -> tuple[Vector, Memory]:
        """Return what a step makes of vectors and a memory, and change nothing.

        What `update` does, for loops that keep the memory themselves and care for NumPy's warnings
        (`numpy.errstate`): nothing is checked but that the step is finite.

        Parameters
        ----------
        theta, gradient : numpy.ndarray of shape (P,), float64
            The parameters before the step, and the gradient there.
        memory : mapping
            What the step before has left; at first ``optimizer.memory``.

        Returns
        -------
        numpy.ndarray, mapping
            The parameters after the step, and what it leaves.

        Raises
        ------
        ValueError
            A gradient that is not finite, or a move out of range.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> from nn import SGD
        >>> optimizer = SGD([Value(0.0)], learning_rate=0.5)
        >>> optimizer.moved(np.array([1.0]), np.array([0.25]), optimizer.memory)[0]
        array([0.875])
        """
        after, left = self.rule(*self._decayed(theta, self._clipped(gradient)), memory)
        # One sum tells of both: what is not finite stays so, also times 0.
        if not math.isfinite(after.dot(gradient)):
            self._check_step(theta, gradient, after)
        if left is not memory:
            self._check_memory(left, gradient)
        return after, left

    @call_checked({}, OPTIMIZER_CALLS)
    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, since `backward` adds to what is there.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> from nn import SGD
        >>> w = Value(1.0)
        >>> w.grad = 2.0
        >>> SGD([w], learning_rate=0.1).zero_grad()
        >>> w.grad
        0.0
        """
        for parameter in self._parameters:
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on, but the parameters and their gradients.

        Returns
        -------
        dict of str to str, float, int, bool, None or numpy.ndarray
            The optimizer's class name, the numbers it was made with, its memory. The arrays are
            copies.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> from nn import SGD
        >>> state = SGD([Value(1.0)], learning_rate=0.1, momentum=0.9).state_dict()
        >>> state["optimizer"], state["learning_rate"], state["momentum"], state["velocity"]
        ('SGD', 0.1, 0.9, array([0.]))
        """
        memory = {name: copied(entry) for name, entry in self._memory.items()}
        return {"optimizer": type(self).__name__, **self._settings(), **memory}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the optimizer stood whose `state_dict` it is, with its numbers: bit for bit.

        Everything is checked first: where the state is refused, nothing has changed.

        Parameters
        ----------
        state : mapping
            As `state_dict` returns it, of an optimizer of this class with as many parameters.

        Raises
        ------
        TypeError
            Something other than a mapping, an entry of the wrong type.
        ValueError
            The state of another class, a name that is missing or unknown, a vector of the wrong
            shape, a number out of range, infinite or NaN.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> from nn import Adam
        >>> optimizer, resumed = (Adam([Value(1.0)]) for _ in range(2))
        >>> theta = optimizer.update([1.0], [2.0])
        >>> resumed.load_state_dict(optimizer.state_dict())
        >>> bool(optimizer.update(theta, [0.5]) == resumed.update(theta, [0.5]))
        True
        """
        own = type(self).__name__
        if not isinstance(state, Mapping):
            raise TypeError(f"state must be the state_dict() of {own}, got {type(state).__name__}")
        fresh, settings = self.initial_memory(), hyperparameters_of(type(self))
        checks = {name: entry.check for name, entry in settings.items()}
        checks |= dict.fromkeys(own_settings(self), plain)
        self._check_names(state, ["optimizer", *checks, *fresh])
        numbers = {name: check(state[name], name) for name, check in checks.items()}
        memory = {name: checked_entry(state[name], entry, name) for name, entry in fresh.items()}
        self.check_together(numbers)
        vars(self).update(numbers, _memory=memory)  # at once, Ctrl-C or not

    def _check_names(self, state: Mapping[str, Any], known: list[str]) -> None:
        own = type(self).__name__
        other = state.get("optimizer", own)
        if other != own:
            raise ValueError(f"the state is that of {other}, this optimizer is {own}")
        for name in known:
            if name not in state:
                raise ValueError(f"the state of {own} lacks {name!r}")
        for name in state:
            if name not in known:
                raise ValueError(f"the state of {own} holds an unknown {name!r}")

    def _check_step(self, theta: Vector, gradient: Vector, after: Vector) -> None:
        """Refuse a gradient or a step that is not finite."""
        wrong = np.flatnonzero(~(np.isfinite(gradient) & np.isfinite(after)))
        if not len(wrong):  # large ones whose products overflow
            return
        index = int(wrong[0])
        found = f"the step takes {self._name(index)} from {theta[index]} to {after[index]}"
        if not math.isfinite(gradient[index]):
            found = f"the gradient of {self._name(index)} is {gradient[index]}"
        raise StepError(found)

    def _check_memory(self, memory: Memory, gradient: Vector) -> None:
        """Above 1e154 a square is infinite, and would hold the parameter still for ever."""
        for entry in memory.values():
            if isinstance(entry, np.ndarray) and not is_finite(entry):
                index = first_infinite(entry)
                number = f"the gradient of {self._name(index)} is {gradient[index]}"
                raise StepError(f"{number}, too large to square")

    def _clipped(self, gradient: Vector) -> Vector:
        """The gradient within its limits; one that is not finite stays so, to be refused."""
        limit, longest = self.clip_value, self.clip_norm
        if (limit is None and longest is None) or not is_finite(gradient):
            return gradient
        if limit is not None:
            gradient = np.minimum(np.maximum(gradient, -limit), limit)
        return gradient if longest is None else shortened(gradient, longest)

    def _decayed(self, theta: Vector, gradient: Vector) -> tuple[Vector, Vector]:
        """The parameters and the gradient with the weight decay in one of them."""
        decay = self.weight_decay
        return theta, (gradient + decay * theta if decay else gradient)

    def _name(self, index: int) -> str:
        label = self._parameters[index].label
        return repr(label) if label else f"parameters[{index}]"

    def _settings(self) -> dict[str, Any]:
        names = [*hyperparameters_of(type(self)), *own_settings(self)]
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        usual = {
            **signature(Optimizer.__init__).parameters,
            **signature(type(self).__init__).parameters,
        }
        changed = "".join(
            f", {name}={number!r}"
            for name, number in self._settings().items()
            if name == "learning_rate" or name not in usual or number != usual[name].default
        )
        return f"{type(self).__name__}({len(self._parameters)} parameters{changed})"

    if not TYPE_CHECKING:  # type checkers would take any attribute for known

        def __setattr__(self, name: str, content: object) -> None:
            known = name[0] == "_" or hasattr(type(self), name) or name in vars(self)
            if not known and "_is_made" in vars(self):
                raise self._unknown(name)
            super().__setattr__(name, content)

        def __getattr__(self, name: str) -> object:
            raise self._unknown(name)

        def _unknown(self, name: str) -> AttributeError:
            cls = type(self)
            known = ["parameters", "memory", *hyperparameters_of(cls), *own_settings(self)]
            end = did_you_mean(name, known, self._ALIASES)
            return AttributeError(f"{cls.__name__} has no attribute {name!r}{end}")


def with_shared_options(constructor: C) -> C:
    """Show what all optimizers take, where a constructor's signature has ``**shared`` for it.

    Examples
    --------
    >>> from nn import SGD
    >>> [name for name in signature(SGD.__init__).parameters if name.startswith("clip")]
    ['clip_value', 'clip_norm']
    """
    own = signature(constructor)
    parameters = [p for p in own.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    shared = signature(Optimizer.__init__).parameters.values()
    parameters += [
        p for p in shared if p.kind is Parameter.KEYWORD_ONLY and p.name not in own.parameters
    ]
    constructor.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return constructor


def _parameters_of(parameters: object, optimizer: str) -> list[Value]:
    if callable(getattr(parameters, "parameters", None)) or not isinstance(parameters, Iterable):
        raise TypeError(
            "parameters must be a list of Values, such as model.parameters(), got "
            f"{type(parameters).__name__}; write {optimizer}(model.parameters(), ...)"
        )
    leaves = parameter_list(parameters)
    if not leaves:
        raise ValueError("no parameters to train: the list is empty")
    return leaves
