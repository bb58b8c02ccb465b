"""Module: whatever holds parameters, and finds them by looking at its own attributes."""

from __future__ import annotations

import inspect
import os
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from reprlib import recursive_repr
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd_mini import Value, in_scope

from .._calls import check_call
from .._other_libraries import (
    ABSENT_ARGUMENTS,
    LAYER_ARGUMENTS,
    MODULE_ATTRIBUTES,
    PARAMETER_ATTRIBUTES,
)
from . import predicting, states
from .lost_values import warn_of_lost_values
from .module_scopes import ModuleScope
from .parameter_search import Holder, attributes_of, is_parameter, label_parts, slots_of, walk
from .states import MatchedKeys

__all__ = ["Module"]

ModuleT = TypeVar("ModuleT")


class _ModuleClass(ABCMeta):
    """The class of classes of modules: it looks at each module once, when `__init__` is done.

    So a subclass need not call ``super().__init__()``, may be a dataclass, and may be abstract.
    Every ``__call__`` runs in a scope, so that pictures show which module made a node.
    """

    _slots: tuple[str, ...]
    _scope_of_calls: type[ModuleScope] = ModuleScope

    def __init__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any], **options: Any):
        super().__init__(name, bases, names, **options)
        cls._slots = tuple([name for base in reversed(cls.__mro__) for name in slots_of(base)])
        holder = next(base for base in cls.__mro__ if "__call__" in vars(base))
        if holder is cls or not isinstance(holder, _ModuleClass):  # which has made it a scope
            call = vars(holder)["__call__"]
            if inspect.isfunction(call):
                setattr(cls, "__call__", in_scope(cls._scope_of_calls)(call))  # noqa: B010

    def __call__(cls: type[ModuleT], *arguments: Any, **keywords: Any) -> ModuleT:
        """Make a module, label the parameters of its parts, and warn of what is no parameter."""
        if cls.__new__ is object.__new__:  # any other may take what it likes
            check_call(cls, arguments, keywords, LAYER_ARGUMENTS, ABSENT_ARGUMENTS)
        module: ModuleT = super().__call__(*arguments, **keywords)  # type: ignore[misc]
        if isinstance(module, Module):
            label_parts(module)
            warn_of_lost_values(module)
        return module

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of `__init__`: what the class is to be called with."""
        _, *parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
        return inspect.Signature(parameters)


class Module(Holder, metaclass=_ModuleClass):
    """A model, or a part of one: an object whose attributes hold parameters.

    A parameter is a leaf `Value` (not the result of an operation and not a constant) reached from
    the attributes, those in ``__slots__`` too, directly or through other modules, lists, tuples,
    dicts and object arrays, at any depth. Nothing has to be registered, and ``super().__init__()``
    need not be called. The order is that of the attributes' creation, slots first, and a parameter
    reached twice (a shared weight) is listed once, under the first name.

    A subclass says in ``__call__(self, inputs)`` what the outputs of one example are. When a module
    has been made, it warns of attributes that look like parameters and are none: results of
    operations, Values in a set or in an object of another kind, and attributes of the class. A
    module with other modules in it also labels its parameters by their paths, but those that have a
    label of their own.

    Examples
    --------
    >>> from autograd_mini import Value
    >>> class Pendulum(Module):
    ...     def __init__(self):
    ...         self.friction = Value(0.1)
    ...         self.lengths = [Value(1.0), Value(2.0)]
    >>> pendulum = Pendulum()
    >>> [name for name, parameter in pendulum.named_parameters()]
    ['friction', 'lengths.0', 'lengths.1']
    >>> pendulum
    Pendulum(
      friction: 1 parameter
      lengths: 2 parameters
    )
    """

    _outputs_are: str | None = None  # to the loss of the last `fit`; kept by copies and files

    def parameters(self) -> list[Value]:
        """Return the parameters, each once.

        Returns
        -------
        list of Value
            In the order of `named_parameters`, which is also that of `parameters_to_vector`.

        Examples
        --------
        >>> from nn import Neuron
        >>> [parameter.data for parameter in Neuron.from_weights([0.5, -1.0], 0.25).parameters()]
        [0.5, -1.0, 0.25]
        """
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Return each parameter with its path of attribute names, indices and keys.

        Returns
        -------
        list of (str, Value)
            Pairs such as ``("layers.0.neurons.3.weights.1", Value(...))``.

        Examples
        --------
        >>> from nn import MLP
        >>> [name for name, parameter in MLP(1, [1], rng=0).named_parameters()]
        ['layers.0.neurons.0.weights.0', 'layers.0.neurons.0.bias']
        """
        return [(name, node) for name, node in walk(self) if is_parameter(node)]

    def label_parameters(self) -> None:
        """Label each parameter by its path, so that it is found in pictures and explanations.

        A module that is built from others, such as layers, does so by itself for parameters
        without a label of their own; this overwrites all labels.

        Examples
        --------
        >>> from autograd_mini import Value
        >>> class Line(Module):
        ...     def __init__(self):
        ...         self.slope, self.shift = Value(1.0), Value(0.0)
        >>> line = Line()
        >>> line.label_parameters()
        >>> [parameter.label for parameter in line.parameters()]
        ['slope', 'shift']
        """
        for name, parameter in self.named_parameters():
            parameter.label = name

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, since `backward` adds to what is there.

        Examples
        --------
        >>> from nn import Neuron
        >>> neuron = Neuron.from_weights([2.0], activation="identity")
        >>> neuron([3.0]).backward()
        >>> neuron.weights[0].grad
        3.0
        >>> neuron.zero_grad()
        >>> neuron.weights[0].grad
        0.0
        """
        for parameter in self.parameters():
            parameter.grad = 0.0

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Return the outputs of one example: a subclass says how, here or in ``forward``."""
        forward = getattr(type(self), "forward", None)
        if forward is None:
            kind = type(self).__name__
            raise NotImplementedError(
                f"{kind} does not say what its outputs are: define __call__(self, inputs) in class "
                f"{kind}, for one example"
            )
        return forward(self, *inputs, **options)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs for each of many examples, at matrix speed.

        The model is compiled (see `autograd_mini.compile`) when it is first asked, and the program
        is kept as long as the model lives. Every call runs the model once on inputs without
        numbers: where its graph is another one than that which was compiled, whatever the reason,
        it is compiled anew. New numbers in its parameters need no other program.

        Parameters
        ----------
        X : array_like
            Shape (N, ...): one example per row, at least one.

        Returns
        -------
        numpy.ndarray
            Shape (N, k) for a model that returns a list of k Values, (N,) for one that returns a
            Value. Nested lists, such as the channels of an image, come flat, in order. A model
            with state begins each example with the state that it has, which stays as it is.

        Raises
        ------
        TypeError
            Something other than real numbers.
        ValueError
            No examples, one example in place of a batch, examples of the wrong size.
        TraceError
            A model that cannot be compiled, as its Python code looks at the numbers.

        Examples
        --------
        >>> from nn import Neuron
        >>> neuron = Neuron.from_weights([2.0, 1.0], 0.5, activation="identity")
        >>> neuron.predict([[1.0, 0.0], [0.0, 1.0]])
        array([2.5, 1.5])
        """
        return predicting.outputs(self, X)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities for each of many examples.

        What the outputs are, `fit` learns from the loss: probabilities, as `binary_cross_entropy`
        takes them, stay as they are; of logits, those of `binary_cross_entropy_with_logits`, the
        sigmoid of each; of those of `cross_entropy`, the softmax. Copies and saved files know it,
        too. Where no such loss has told, outputs that come from a sigmoid or a softmax, also
        clipped or taken from 1, are probabilities; of any others the softmax or, of a single one,
        the sigmoid.

        Parameters
        ----------
        X : array_like
            As of `predict`.

        Returns
        -------
        numpy.ndarray
            In the shape of `predict`. A single output is the probability of label 1.

        Raises
        ------
        TypeError, ValueError, TraceError
            As `predict`; a model that returns nested lists, or no Values.

        Examples
        --------
        >>> from nn import Neuron
        >>> neuron = Neuron.from_weights([1.0], activation="identity")
        >>> neuron.predict_proba([[0.0], [1000.0], [-1000.0]])
        array([0.5, 1. , 0. ])
        """
        return predicting.probabilities(self, X)

    def predict_classes(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the class of each of many examples.

        Of two or more outputs the index of the largest, the first of equal ones. Of a single one
        1 where its probability, that of `predict_proba`, is above 1/2; else 0.

        Parameters
        ----------
        X : array_like
            As of `predict`.

        Returns
        -------
        numpy.ndarray
            Shape (N,), integers from 0.

        Raises
        ------
        TypeError, ValueError, TraceError
            As `predict_proba`; outputs that are NaN.

        Examples
        --------
        >>> from nn import Neuron
        >>> Neuron.from_weights([1.0], activation="identity").predict_classes([[-0.1], [0.1]])
        array([0, 1])
        >>> Neuron.from_weights([1.0], activation="sigmoid").predict_classes([[-0.1], [0.1]])
        array([0, 1])
        """
        return predicting.classes(self, X)

    def state_dict(self) -> dict[str, float]:
        """Return the parameters' data by name, as `load_state_dict` takes it.

        Returns
        -------
        dict of str to float
            In the order of `named_parameters`. The numbers are copies: training goes on without
            changing them.

        Raises
        ------
        ValueError
            Two parameters of one name, such as those under the keys 1 and "1" of a dict.

        Examples
        --------
        >>> from nn import Neuron
        >>> Neuron.from_weights([0.5, -1.0], 0.25).state_dict()
        {'weights.0': 0.5, 'weights.1': -1.0, 'bias': 0.25}
        """
        return states.state_of(self)

    def load_state_dict(self, state: Mapping[str, float], strict: bool = True) -> MatchedKeys:
        """Write data into the parameters by name; gradients stay as they are.

        Everything is checked first: either all parameters change or, as after Ctrl-C, none does.

        Parameters
        ----------
        state : mapping of str to float
            Finite numbers, as `state_dict` returns them; their order does not matter.
        strict : bool
            Whether the names must be exactly those of the model's parameters. If not, those
            that match are written.

        Returns
        -------
        MatchedKeys
            The missing and the unexpected keys, both empty if strict.

        Raises
        ------
        RuntimeError
            Missing or unexpected keys, as PyTorch raises it.
        TypeError
            A state that is no mapping, something that is no real number.
        ValueError
            A number that is not finite.

        Examples
        --------
        >>> from nn import Neuron
        >>> neuron = Neuron.from_weights([0.0], 0.0)
        >>> neuron.load_state_dict({"weights.0": 0.5, "bias": 0.25})
        <All keys matched successfully>
        >>> neuron.weights[0].data
        0.5
        """
        return states.load_state(self, state, strict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the model as an .npz file, whole or not at all: `nn.load` gives it back.

        The file holds the parameters' names and their data as one vector, which NumPy alone
        reads too: ``np.load(path)["parameters"]``. An old file of the name is replaced.

        Parameters
        ----------
        path : str or Path
            Where; the name must end in ``.npz``.

        Raises
        ------
        TypeError
            A path that is none.
        ValueError
            A name without ``.npz``; a parameter that is not finite; two parameters of one name.
        OSError
            The file cannot be written there; the old one is left as it was.

        Examples
        --------
        >>> import tempfile, nn
        >>> model = nn.Neuron.from_weights([0.5, -1.0], 0.25)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/m.npz")
        ...     print(np.load(f"{folder}/m.npz")["parameters"])
        ...     same = nn.load(f"{folder}/m.npz")
        [ 0.5  -1.    0.25]
        >>> same.weights[0].data, same.activation
        (0.5, 'tanh')
        """
        states.save(self, path)

    def _config(self) -> dict[str, object] | None:
        """What the constructor needs to make such a model, JSON-able but for modules in it.

        None where nobody can tell: such a model is loaded into one that is there.
        """
        return None

    @classmethod
    def _from_config(cls, config: dict[str, Any]) -> Module:
        """Make a model as `_config` describes it; its parameters are written afterwards."""
        return cls(**config)

    @recursive_repr(fillvalue="...")
    def __repr__(self) -> str:
        lines = [f"{name}: {text}" for name, text in _described_attributes(self)]
        if not lines:
            return f"{type(self).__name__}()"
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"

    def __dir__(self) -> list[str]:
        """Names of attributes, without those that only say what to write instead."""
        return [
            name
            for name in super().__dir__()
            if name not in MODULE_ATTRIBUTES or hasattr(self, name)
        ]


class _Elsewhere:
    """An attribute that models of other libraries have: it is missing, and says what to write.

    A module that has such an attribute itself has just that. (With a ``__getattr__`` every other
    attribute, too, would take longer to read.)
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, module: Module | None, kind: type[Module]) -> NoReturn:
        held = () if module is None else vars(module)
        here = [
            name
            for name in PARAMETER_ATTRIBUTES.get(self.name, ())
            if name in held and name != self.name
        ]
        hint = f"write {here[0]}, made of Values" if here else MODULE_ATTRIBUTES[self.name]
        text = f"{kind.__name__!r} object has no attribute {self.name!r}: {hint}"
        raise AttributeError(text, name=self.name, obj=kind if module is None else module)


for _name in MODULE_ATTRIBUTES:
    setattr(Module, _name, _Elsewhere(_name))


def _described_attributes(module: Module) -> Iterator[tuple[str, str]]:
    """What the repr says of each attribute: its modules one by one, how many parameters."""
    for attribute, content in attributes_of(module):
        # Wrapped in a dict, a single Value or Module is found just as those in a list are.
        found = list(walk({attribute: content}, into_modules=False))
        n_parameters = sum(is_parameter(node) for _, node in found)
        if n_parameters:
            yield attribute, f"{n_parameters} parameter{'s' if n_parameters > 1 else ''}"
        for name, node in found:
            if isinstance(node, Module):
                yield name, repr(node)
