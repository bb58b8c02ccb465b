"""Expressions typed by a user, such as ``tanh(w*x + b)``: read, checked, and built as a graph.

The text is cut into tokens, and these are put in order by the precedence of their operators, on a
stack of its own (Dijkstra's shunting-yard), so that no expression is too deep for the interpreter.
Nothing of it is ever executed: what is left is a list of numbers, names and primitives.
"""

from __future__ import annotations

import difflib
import keyword
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..core.coerce import to_float
from ..core.recording import apply
from ..core.value import Operand, Value, as_value
from ..table import syntax
from ..table.primitives import PRIMITIVES

_TOKEN = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in syntax.TOKENS.items()),
    re.ASCII | re.DOTALL,
)


class ExpressionError(ValueError):
    """A text is not an expression; the message shows where."""


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    stop: int


class _Call(NamedTuple):
    """A primitive over the results of the `n_operands` steps before it, then defaults."""

    op: str
    n_operands: int
    defaults: tuple[float, ...]
    start: int  # where it stands in the text
    stop: int


_Step = float | str | _Call  # a number, a name, a primitive


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Attributes
    ----------
    text : str
        What was parsed.
    names : tuple of str
        The names it uses, in order of their first use.

    Examples
    --------
    >>> expression = parse_expression("w*x + b")
    >>> expression.names
    ('w', 'x', 'b')
    >>> expression({"w": 2.0, "x": 3.0, "b": 1.0}).data
    7.0
    """

    text: str
    names: tuple[str, ...]
    _steps: tuple[_Step, ...]  # in postfix order: an operation after its operands

    def __call__(self, values: Mapping[str, Operand]) -> Value:
        """Build the graph over the values of the names; numbers alone give a constant."""
        *_, (_, _, root) = self._evaluate(values)
        return root

    def not_real(self, values: Mapping[str, Operand]) -> str | None:
        """The first part, as it was written, that is NaN although its operands are finite.

        Examples
        --------
        >>> parse_expression("1 + log(2*x)").not_real({"x": -1.0})
        'log(2*x)'
        """
        for step, operands, result in self._evaluate(values):
            finite = all(math.isfinite(operand.data) for operand in operands)
            if isinstance(step, _Call) and finite and math.isnan(result.data):
                return self.text[step.start : step.stop]
        return None

    def _evaluate(
        self, values: Mapping[str, Operand]
    ) -> Iterator[tuple[_Step, list[Value], Value]]:
        """Every step with its operands and its result; the last is the whole."""
        stack: list[Value] = []
        for step in self._steps:
            operands: list[Value] = []
            if isinstance(step, _Call):
                operands = stack[-step.n_operands :]
                del stack[-step.n_operands :]
                result = apply(step.op, *operands, *map(as_value, step.defaults))
            else:
                result = as_value(values[step] if isinstance(step, str) else step)
            stack.append(result)
            yield step, operands, result


def parse_expression(text: str) -> Expression:
    """Read an expression over names, numbers, ``+ - * / **`` and functions of the table.

    A function of several numbers takes any number of them, as in ``logsumexp(a, b, c)``;
    ``softmax(a, b, c)`` is the first of the probabilities.  ``pi`` is a number.

    Parameters
    ----------
    text : str
        The expression.

    Returns
    -------
    Expression
        Ready to be evaluated.

    Raises
    ------
    ExpressionError
        If the text is anything else; the message points at the first offence.

    Examples
    --------
    >>> parse_expression("2 * tan(x)").names
    ('x',)
    >>> parse_expression("x + y[0]")
    Traceback (most recent call last):
    ...
    autograd_mini.command.expression.ExpressionError: 'y[0]' is not allowed; an expression holds \
names, numbers, + - * / **, parentheses, and functions of the derivative table
      x + y[0]
          ^^^^
    """
    text = "".join(" " if character.isspace() else character for character in text).strip()
    if not text:
        raise ExpressionError(f"the expression is empty; expected {syntax.ALLOWED}")
    if len(text) > syntax.MAX_CHARACTERS:
        raise ExpressionError(
            f"the expression has {len(text):,} characters, more than {syntax.MAX_CHARACTERS:,}; "
            "write it in Python, with autograd_mini.Value"
        )
    if "#" in text:
        raise _error("a comment is not allowed", text, text.index("#"), len(text))
    steps = _Reader(text).read()
    names = dict.fromkeys(step for step in steps if isinstance(step, str))
    return Expression(text, tuple(names), tuple(steps))


def _tokens(text: str) -> list[_Token]:
    """Cut a text into tokens, without spaces, and with an empty one at the end."""
    tokens = [
        _Token(match.lastgroup or "", match.group(), *match.span())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "space"
    ]
    return [*tokens, _Token("end", "", len(text), len(text))]


class _Operator(NamedTuple):
    """An operator, or a sign, that waits for its last operand."""

    op: str
    precedence: int
    n_operands: int
    token: int


@dataclass
class _Parenthesis:
    """An open parenthesis: around a part, or around the operands of a function."""

    token: int
    function: str
    operand: int  # the token at which the operand begins that is being read
    n_operands: int = 0


class _Reader:
    """Puts the tokens of a text in postfix order; positions are those of tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0
        self.steps: list[_Step] = []
        self.spans: list[tuple[int, int]] = []  # first and last token of every operand that waits
        self.stack: list[_Operator | _Parenthesis] = []  # what waits for operands

    def read(self) -> list[_Step]:
        complete = False  # whether an operand has just ended
        while self.token.kind != "end":
            complete = self._read_operator() if complete else self._read_operand()
            self.at += 1
        if (parenthesis := self._enclosing()) is not None:
            raise self._no_expression("'(' was never closed", parenthesis.token)
        if not complete:
            raise self._no_expression("something is missing at its end", self.at)
        self._apply_operators(0)
        return self.steps

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def _read_operand(self) -> bool:
        """Read a sign, a parenthesis, or an operand; say whether the operand is complete."""
        kind, text, *_ = self.token
        if kind == "number":
            self._push_operand(self._number())
            return True
        if kind == "word" and not keyword.iskeyword(text):
            return self._read_word()
        if text == "-":
            self._wait(_Operator(*syntax.SIGN, 1, self.at))
        elif text == "(":
            self._wait(_Parenthesis(self.at, "", self.at + 1))
        elif text == ")" and (call := self._finished_call()) is not None:
            self._close(call)
            return True
        elif text != "+":  # which changes nothing
            raise self._refused_operand()
        return False

    def _read_operator(self) -> bool:
        """Read what follows an operand; say whether a longer operand is complete by it."""
        text = self.token.text
        if text in syntax.OPERATORS:
            op, precedence = syntax.OPERATORS[text]
            if text != syntax.FROM_THE_RIGHT:  # which binds from right to left
                self._apply_operators(precedence)
            self._wait(_Operator(op, precedence, 2, self.at))
            return False
        parenthesis = self._enclosing()
        if parenthesis is None or text not in (",", ")"):
            raise self._refused_operator(parenthesis)
        self._apply_operators(0)
        parenthesis.n_operands += 1
        if text == ")":
            self._close(parenthesis)
            return True
        if not parenthesis.function:
            raise self._forbidden(parenthesis.token, self._closing(parenthesis.token))
        parenthesis.operand = self.at + 1
        return False

    def _read_word(self) -> bool:
        """Read a name, or a function with its parenthesis."""
        word = self.token.text
        if not _is_name(word):
            raise self._strange_character()
        name = unicodedata.normalize("NFKC", word)  # as Python reads names
        if self.tokens[self.at + 1].text != "(":
            self._push_operand(math.pi if name == "pi" else name)
            return True
        if name not in PRIMITIVES or not syntax.takes_numbers(PRIMITIVES[name]):
            raise self._unknown_function(name)
        self.at += 1
        self._wait(_Parenthesis(self.at, name, self.at + 1))
        return False

    def _number(self) -> float:
        text = self.token.text
        try:
            prefixed = text[:2].lower() in ("0x", "0o", "0b")
            number = to_float(int(text, 0)) if prefixed else float(text)
        except ValueError:
            number = math.nan
        if math.isnan(number) or (math.isinf(number) and "e" not in text.lower()):
            message = f"{_shorten(text)!r} is not a number of float64, which ends at about 1.8e308"
            raise self._error(message, self.at)
        return number  # infinity is written 1e999

    def _push_operand(self, step: float | str) -> None:
        self.steps.append(step)
        self.spans.append((self.at, self.at))

    def _wait(self, pending: _Operator | _Parenthesis) -> None:
        if len(self.stack) >= syntax.MAX_NESTING:
            raise ExpressionError(
                f"the expression is nested too deeply, more than {syntax.MAX_NESTING:,} times; "
                "write it in Python, with autograd_mini.Value"
            )
        self.stack.append(pending)

    def _apply_operators(self, precedence: int) -> None:
        """Apply the operators that bind at least as strongly as what comes now."""
        while self.stack:
            operator = self.stack[-1]
            if isinstance(operator, _Parenthesis) or operator.precedence < precedence:
                break
            self.stack.pop()
            first = operator.token if operator.n_operands == 1 else self.spans[-2][0]
            self._apply(operator.op, operator.n_operands, (), first, self.spans[-1][1])

    def _apply(
        self, op: str, n_operands: int, defaults: tuple[float, ...], first: int, last: int
    ) -> None:
        del self.spans[len(self.spans) - n_operands :]
        self.spans.append((first, last))
        start, stop = self.tokens[first].start, self.tokens[last].stop
        self.steps.append(_Call(op, n_operands, defaults, start, stop))

    def _finished_call(self) -> _Parenthesis | None:
        """The function that may end here, where an operand could begin: ``f()``, ``f(x,)``."""
        match self.stack:
            case [*_, _Parenthesis() as call] if call.function and call.operand == self.at:
                return call
        return None

    def _close(self, parenthesis: _Parenthesis) -> None:
        """End the innermost parenthesis; all operators in it are applied."""
        self.stack.pop()
        if not parenthesis.function:
            self.spans[-1] = (parenthesis.token, self.at)
            return
        name, n_given = parenthesis.function, parenthesis.n_operands
        first = parenthesis.token - 1
        operands = PRIMITIVES[name].operands
        n_scalars = sum(operand.kind == "scalar" for operand in operands)
        defaults = [each.default for each in operands[n_given:] if each.default is not None]
        has_vector = n_scalars < len(operands)
        least = n_scalars - sum(each.default is not None for each in operands) + has_vector
        if n_given < least or (n_given > n_scalars and not has_vector):
            written = ", ".join(
                operand.name + ("..." if operand.kind == "vector" else "") for operand in operands
            )
            message = f"{name}({written}) does not take {n_given} operands"
            raise self._error(message, first, self.at)
        self._apply(name, n_given, tuple(defaults), first, self.at)

    # What is refused.

    def _refused_operand(self) -> ExpressionError:
        kind, text, *_ = self.token
        unpacking = text in syntax.UNPACKING and self.tokens[self.at - 1].text in ("(", ",")
        if text in syntax.FORBIDDEN_PREFIXES or unpacking:
            return self._forbidden(self.at, self._operand_end(), text)
        if text in ("[", "{"):
            return self._forbidden(self.at, self._closing(self.at))
        if kind == "string" or text in syntax.FORBIDDEN_OPERANDS:
            return self._forbidden(self.at, self.at)
        return self._unexpected()

    def _refused_operator(self, parenthesis: _Parenthesis | None) -> ExpressionError:
        kind, text, *_ = self.token
        before = self.spans[-1][0]
        first = parenthesis.operand if parenthesis else 0
        if text == ".":
            return self._forbidden(before, self.at + (self.tokens[self.at + 1].kind == "word"))
        if text == "[":
            return self._forbidden(before, self._closing(self.at))
        if text in syntax.FORBIDDEN_OPERATORS or (text == "," and parenthesis is None):
            last = self._operand_end() if text != "," else len(self.tokens) - 2
            return self._forbidden(first, last, text)
        if text == "=" and parenthesis and parenthesis.function:
            message = "operands are given without a name"
            return self._error(message, first, self._operand_end())
        if kind in ("number", "string") or text == "(":
            return self._no_operator()
        if kind == "word" and not keyword.iskeyword(text):
            return self._no_operator() if _is_name(text) else self._strange_character()
        return self._unexpected()

    def _no_operator(self) -> ExpressionError:
        """Two operands beside each other, most likely meant as a product."""
        first, last = self.spans[-1]
        end = self._call_end(self.at)
        left, right = self._source(first, last), self._source(self.at, end)
        meant = f"a product is written {_shorten(left)}*{_shorten(right)}"
        if left in PRIMITIVES:
            inside = right[1:-1] if right.startswith("(") else right
            meant = f"a function is written {left}({_shorten(inside)})"
        return self._no_expression(f"an operator is missing; {meant}", first, end)

    def _unknown_function(self, name: str) -> ExpressionError:
        end = self._call_end(self.at)
        if self.tokens[end + 1 : end + 2] and self.tokens[end + 1].text == ".":
            return self._forbidden(self.at, end + 1 + (self.tokens[end + 2].kind == "word"))
        return self._error(_unknown(name), self.at)

    def _strange_character(self) -> ExpressionError:
        """A character in a word that no name has."""
        _, word, start, _ = self.token
        at = next(i for i, c in enumerate(word) if not _is_name("_"[:i] + c))
        meant = syntax.LOOKALIKES.get(word[at])
        advice = f"; did you mean {meant!r}?" if meant else ""
        message = f"not an expression (unexpected {word[at]!r}{advice})"
        return _error(message, self.text, start + at, start + at + 1)

    def _unexpected(self) -> ExpressionError:
        text = self.token.text
        if keyword.iskeyword(text):
            return self._no_expression(f"{text!r} is a keyword of Python", self.at)
        advice = "; the numbers for names follow after it" if text == "=" else ""
        return self._no_expression(f"unexpected {_shorten(text)!r}{advice}", self.at)

    def _forbidden(self, first: int, last: int, sign: str = "") -> ExpressionError:
        hint = f" ({syntax.HINTS[sign]})" if sign in syntax.HINTS else ""
        source = _shorten(self._source(first, last))
        message = f"{source!r} is not allowed{hint}; an expression holds {syntax.ALLOWED}"
        return self._error(message, first, last)

    def _no_expression(self, reason: str, first: int, last: int | None = None) -> ExpressionError:
        return self._error(f"not an expression ({reason})", first, last)

    def _error(self, message: str, first: int, last: int | None = None) -> ExpressionError:
        """Point at the tokens from `first` to `last`."""
        stop = self.tokens[first if last is None else last].stop
        return _error(message, self.text, self.tokens[first].start, stop)

    # Where things begin and end.

    def _source(self, first: int, last: int) -> str:
        return self.text[self.tokens[first].start : self.tokens[last].stop]

    def _enclosing(self) -> _Parenthesis | None:
        """The innermost open parenthesis."""
        opened = (each for each in reversed(self.stack) if isinstance(each, _Parenthesis))
        return next(opened, None)

    def _call_end(self, at: int) -> int:
        """The last token of the operand that begins at `at`."""
        if self.tokens[at].kind == "word" and self.tokens[at + 1].text == "(":
            at += 1
        return self._closing(at) if self.tokens[at].text == "(" else at

    def _closing(self, at: int) -> int:
        """The bracket that closes the one at `at`; the last token if none does."""
        depth = 0
        for position in range(at, len(self.tokens) - 1):
            text = self.tokens[position].text
            depth += (text in syntax.CLOSING) - (text in syntax.CLOSING.values())
            if depth == 0:
                return position
        return len(self.tokens) - 2

    def _operand_end(self) -> int:
        """The last token before the comma or bracket that ends what is being read."""
        depth, last = 0, self.at
        for position in range(self.at + 1, len(self.tokens) - 1):
            text = self.tokens[position].text
            depth += (text in syntax.CLOSING) - (text in syntax.CLOSING.values())
            if depth < 0 or (depth == 0 and text == ","):
                break
            last = position
        return last


def _is_name(word: str) -> bool:
    """Whether Python reads a word as a name, and a person would not read a sign in it."""
    return word.isidentifier() and not any(character in syntax.LOOKALIKES for character in word)


def _unknown(name: str) -> str:
    """What to say of a function that is not there: one that its name resembles, or all."""
    if name in PRIMITIVES:
        return f"{name!r} takes lists, which cannot be written here; write out its sum"
    known = [name for name, row in PRIMITIVES.items() if syntax.takes_numbers(row)]
    other = [syntax.OTHER_NAMES[name]] if name in syntax.OTHER_NAMES else []
    longer = [other for other in known if len(name) > 2 and other.startswith(name)]
    close = other or longer or difflib.get_close_matches(name, known, n=1)
    if close:
        return f"unknown function {name!r}; did you mean {close[0]!r}?"
    return (
        f"unknown function {name!r}; a product is written {name}*(...), "
        f"and the functions are {', '.join(known)}"
    )


def _error(message: str, text: str, start: int, stop: int) -> ExpressionError:
    """Show the part of the text around the offence, with a line of ^ below it."""
    left = max(0, start - syntax.WINDOW // 2) if len(text) > syntax.WINDOW else 0
    shown = text[left : left + syntax.WINDOW]
    width = max(1, min(stop, left + len(shown)) - start)
    before = "..." if left else ""
    after = "..." if left + len(shown) < len(text) else ""
    line = "".join(character if character.isprintable() else "?" for character in shown)
    pointer = " " * (len(before) + start - left) + "^" * width
    return ExpressionError(f"{message}\n  {before}{line}{after}\n  {pointer}")


def _shorten(source: str) -> str:
    return source if len(source) <= 40 else f"{source[:37]}..."
