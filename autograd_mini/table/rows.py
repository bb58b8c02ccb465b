"""The derivative table: every primitive once, as a calculus cheat sheet has it.

Columns: name | operands | value | local derivative toward each operand, in order | where tests sample.

*Operands*: ``x`` is one number, ``slope=0.01`` one with a default, ``x...`` any number of them (a
vector), ``c?`` one that may be left out (then 0).  *Formulas* speak of the operands, of the output
``y``, of ``n`` (the length of the vectors) and of ``pi``; they use ``+ - * / **``, the functions of
this table, ``sign``, and comparisons as the first argument of ``where``.  In a row with vectors a
formula is a vector formula: it works element by element, ``sum``, ``dot``, ``logsumexp`` and the like
reduce; ``prod_others(x)`` is the vector of products that leave one element out, and
``softmax(z, x)`` that of the probabilities of the elements of ``z`` among those of ``z`` and ``x``.

Where equal forms differ in rounding or cost, the better one stands here, and only here: the
engine, higher derivatives, compiled programs, explanations, documentation and tests all read it.
Notes on single choices:

- ``tanh`` and ``sigmoid`` reuse their output, as textbooks do: the absolute error stays below one
  ulp of 1, and nothing else is as fast.
- ``softmax`` takes its own logit first and the other logits after it, which makes each output a
  scalar function like every other row.
- ``softmax`` and ``log_softmax`` see differences of logits only, so that a common shift cancels
  exactly, however large; so do their derivatives, and those of ``logsumexp``.
- ``pow`` toward its base sets the derivative at exponent 0 only where the formula cannot give it:
  elsewhere its own derivative, 1 / a toward the exponent, must stay.
- ``norm`` has no second derivative at the origin; there it is 0 like the first.
- kinks follow PyTorch: relu'(0) = 0, abs'(0) = 0, a tie of maximum or minimum shares half and half,
  norm and atan2 have derivative 0 at the origin, clip passes the gradient at both ends (PyTorch
  until 2.13 too; since 2.14 it shares it with the bound).
- ``multiply_no_nan`` is the product in which zero carries nothing, as in a backward pass: a compiled
  program multiplies a local derivative and an error signal so, where it differentiates inside.
  ``b - b == 0`` asks whether b is finite: 0 times what is not has derivative 0.
- the comparisons of ``relu``, ``elu``, ``maximum`` and ``minimum`` are turned so that a NaN operand
  takes the arm with derivative 1, as in PyTorch, and does not end in a gradient of 0.
"""

from __future__ import annotations

ROWS = """
add           | a, b           | a + b                                | 1 ; 1                                           | -3..3, -3..3
sub           | a, b           | a - b                                | 1 ; -1                                          | -3..3, -3..3
mul           | a, b           | a * b                                | b ; a                                           | -3..3, -3..3
multiply_no_nan | a, b         | where(a == 0, 0, where(b == 0, 0, a * b)) | where(a == 0, where(b - b == 0, b, 0), b) ; where(b == 0, where(a - a == 0, a, 0), a) | -3..3, -3..3
div           | a, b           | a / b                                | 1 / b ; -y / b                                  | -3..3, 0.3..3
neg           | x              | -x                                   | -1                                              | -3..3
pow           | a, b           | a ** b                               | where(b == 0, where(abs(a) > 1e-300, b * a ** (b - 1), 0), b * a ** (b - 1)) ; where(a == 0, where(b >= 0, 0, y * log(a)), y * log(a)) | 0.2..3, -3..3
abs           | x              | abs(x)                               | sign(x)                                         | 0.1..3
exp           | x              | exp(x)                               | y                                               | -3..3
expm1         | x              | expm1(x)                             | y + 1                                           | -3..3
log           | x              | log(x)                               | 1 / x                                           | 0.1..5
log1p         | x              | log1p(x)                             | 1 / (x + 1)                                     | -0.8..5
log2          | x              | log2(x)                              | 1 / (x * log(2))                                | 0.1..5
log10         | x              | log10(x)                             | 1 / (x * log(10))                               | 0.1..5
sqrt          | x              | sqrt(x)                              | 1 / (2 * y)                                     | 0.1..5
square        | x              | x * x                                | 2 * x                                           | -3..3
reciprocal    | x              | 1 / x                                | -y * y                                          | 0.3..3
sin           | x              | sin(x)                               | cos(x)                                          | -6..6
cos           | x              | cos(x)                               | -sin(x)                                         | -6..6
tan           | x              | tan(x)                               | 1 + y * y                                       | -1.3..1.3
asin          | x              | asin(x)                              | 1 / sqrt((1 - x) * (1 + x))                     | -0.9..0.9
acos          | x              | acos(x)                              | -1 / sqrt((1 - x) * (1 + x))                    | -0.9..0.9
atan          | x              | atan(x)                              | 1 / (1 + x * x)                                 | -4..4
atan2         | a, b           | atan2(a, b)                          | where(hypot(a, b) == 0, 0, b / hypot(a, b) / hypot(a, b)) ; where(hypot(a, b) == 0, 0, -a / hypot(a, b) / hypot(a, b)) | 0.2..3, -3..3
sinh          | x              | sinh(x)                              | cosh(x)                                         | -3..3
cosh          | x              | cosh(x)                              | sinh(x)                                         | -3..3
tanh          | x              | tanh(x)                              | 1 - y * y                                       | -2..2
asinh         | x              | asinh(x)                             | 1 / hypot(x, 1)                                 | -4..4
acosh         | x              | acosh(x)                             | 1 / sqrt(x - 1) / sqrt(x + 1)                   | 1.2..5
atanh         | x              | atanh(x)                             | 1 / ((1 - x) * (1 + x))                         | -0.9..0.9
hypot         | a, b           | hypot(a, b)                          | a / y ; b / y                                   | -3..3, 0.3..3
erf           | x              | erf(x)                               | 2 / sqrt(pi) * exp(-x * x)                      | -2..2
erfc          | x              | erfc(x)                              | -2 / sqrt(pi) * exp(-x * x)                     | -2..2
sigmoid       | x              | 1 / (1 + exp(-x))                    | y * (1 - y)                                     | -5..5
logsigmoid    | x              | minimum(x, 0) - log1p(exp(-abs(x)))  | sigmoid(-x)                                     | -5..5
softplus      | x              | maximum(x, 0) + log1p(exp(-abs(x)))  | sigmoid(x)                                      | -5..5
relu          | x              | maximum(x, 0)                        | where(x <= 0, 0, 1)                             | 0.1..3
leaky_relu    | x, slope=0.01  | where(x > 0, x, slope * x)           | where(x > 0, 1, slope) ; where(x > 0, 0, x)     | -3..-0.1, 0.1..0.9
elu           | x, alpha=1     | where(x < 0, alpha * expm1(x), x)    | where(x <= 0, alpha * exp(x), 1) ; where(x < 0, expm1(x), 0) | -3..-0.1, 0.1..2
gelu          | x              | x * (erfc(-x / sqrt(2)) / 2)         | erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi) | -3..3
silu          | x              | x * sigmoid(x)                       | sigmoid(x) + y * sigmoid(-x)                    | -5..5
softsign      | x              | x / (1 + abs(x))                     | 1 / (1 + abs(x)) / (1 + abs(x))                 | 0.1..4
maximum       | a, b           | maximum(a, b)                        | where(a < b, 0, where(a == b, 0.5, 1)) ; where(b < a, 0, where(a == b, 0.5, 1)) | -3..-0.1, 0.1..3
minimum       | a, b           | minimum(a, b)                        | where(a > b, 0, where(a == b, 0.5, 1)) ; where(b > a, 0, where(a == b, 0.5, 1)) | -3..-0.1, 0.1..3
clip          | x, low, high   | minimum(maximum(x, low), high)       | where(x >= low, where(x <= high, 1, 0), 0) ; where(low < high, where(x < low, 1, 0), 0) ; where(x > high, 1, where(high < low, 1, 0)) | -0.9..0.9, -3..-1, 1..3
where         | condition, a, b | where(condition, a, b)              | 0 ; where(condition, 1, 0) ; where(condition, 0, 1) | 1..2, -3..3, -3..3
greater       | a, b           | where(a > b, 1, 0)                   | 0 ; 0                                           | -3..-0.1, 0.1..3
greater_equal | a, b           | where(a >= b, 1, 0)                  | 0 ; 0                                           | -3..-0.1, 0.1..3
less          | a, b           | where(a < b, 1, 0)                   | 0 ; 0                                           | -3..-0.1, 0.1..3
less_equal    | a, b           | where(a <= b, 1, 0)                  | 0 ; 0                                           | -3..-0.1, 0.1..3
equal         | a, b           | where(a == b, 1, 0)                  | 0 ; 0                                           | -3..-0.1, 0.1..3
sum           | x...           | sum(x)                               | 1                                               | -3..3
mean          | x...           | sum(x) / n                           | 1 / n                                           | -3..3
prod          | x...           | prod(x)                              | prod_others(x)                                  | -2..2
dot           | a..., b..., c? | dot(a, b) + c                        | b ; a ; 1                                       | -3..3, -3..3, -3..3
logsumexp     | x...           | logsumexp(x)                         | softmax(x)                                      | -3..3
softmax       | x, z...        | where(x >= -1e308, 1 / (1 + sum(exp(z - x))), exp(x - logsumexp(x, z))) | y * (1 - y) ; -y * softmax(z, x) | -3..3, -3..3
log_softmax   | x, z...        | where(x >= -1e308, -logsumexp(0, z - x), x - logsumexp(x, z)) | -expm1(y) ; -softmax(z, x)     | -3..3, -3..3
variance      | x...           | sum(square(x - mean(x))) / n         | (x - mean(x)) * (2 / n)                         | -3..3
norm          | x...           | norm(x)                              | where(y == 0, 0, x / y)                         | 0.2..3
"""
