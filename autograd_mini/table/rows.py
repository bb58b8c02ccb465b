"""The derivative table: every primitive once, as a calculus cheat sheet has it.

Columns: name | operands | value | local derivative toward each operand, in order | where tests
sample | what it is, in one line | where it is wanted: what to do if it gives infinity or NaN.

*Operands*: ``x`` is one number, ``slope=0.01`` one with a default, ``x...`` any number of them (a
vector), ``c?`` one that may be left out (then 0).  *Formulas* speak of the operands, of the output
``y``, of ``n`` (the length of the vectors) and of ``pi``; they use ``+ - * / **``, the functions of
this table, and comparisons as the first argument of ``where``.  In a row with vectors a
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
- kinks follow PyTorch: relu'(0) = 0, abs'(0) = 0, sign is 0 at 0 and of NaN, a tie of maximum or
  minimum shares half and half, norm and atan2 have derivative 0 at the origin, clip passes the
  gradient at both ends (PyTorch until 2.13 too; since 2.14 it shares it with the bound).
- ``multiply_no_nan`` is the product in which zero carries nothing, as in a backward pass: a compiled
  program multiplies a local derivative and an error signal so, where it differentiates inside.
  ``b - b == 0`` asks whether b is finite: 0 times what is not has derivative 0.
- the comparisons of ``relu``, ``elu``, ``maximum`` and ``minimum`` are turned so that a NaN operand
  takes the arm with derivative 1, as in PyTorch, and does not end in a gradient of 0.
"""

from __future__ import annotations

ROWS = """
add           | a, b           | a + b                                | 1 ; 1                                           | -3..3, -3..3 | Sum of two numbers, as ``a + b``.
sub           | a, b           | a - b                                | 1 ; -1                                          | -3..3, -3..3 | Difference of two numbers, as ``a - b``.
mul           | a, b           | a * b                                | b ; a                                           | -3..3, -3..3 | Product of two numbers, as ``a * b``.
multiply_no_nan | a, b         | where(a == 0, 0, where(b == 0, 0, a * b)) | where(a == 0, where(b - b == 0, b, 0), b) ; where(b == 0, where(a - a == 0, a, 0), a) | -3..3, -3..3 | Product in which zero carries nothing: 0 times infinity or NaN is 0, as in a backward pass.
div           | a, b           | a / b                                | 1 / b ; -y / b                                  | -3..3, 0.3..3 | Quotient of two numbers, as ``a / b``. | division by 0: keep the denominator away from 0, for example with maximum
neg           | x              | -x                                   | -1                                              | -3..3 | The negative.
pow           | a, b           | a ** b                               | where(b == 0, where(abs(a) > 1e-300, b * a ** (b - 1), 0), b * a ** (b - 1)) ; where(a == 0, where(b >= 0, 0, y * log(a)), y * log(a)) | 0.2..3, -3..3 | Power, as ``a ** b``. | 0 to a negative or a negative base to a fractional exponent: keep the base positive
sign          | x              | where(x > 0, 1, where(x < 0, -1, 0)) | 0                                               | 0.1..3 | 1 above 0, -1 below, else 0; its derivative is 0.
abs           | x              | abs(x)                               | sign(x)                                         | 0.1..3 | Absolute value; its derivative at 0 is 0.
exp           | x              | exp(x)                               | y                                               | -3..3 | Exponential. | overflow: subtract the largest first, as logsumexp and softmax do, or take sigmoid
expm1         | x              | expm1(x)                             | y + 1                                           | -3..3 | Exponential minus 1, accurate near 0.
log           | x              | log(x)                               | 1 / x                                           | 0.1..5 | Natural logarithm. | log of 0 or less: take logsumexp, log_softmax or logsigmoid instead of the log of a probability, or log1p near 0
log1p         | x              | log1p(x)                             | 1 / (x + 1)                                     | -0.8..5 | Logarithm of 1 + x, accurate near 0.
log2          | x              | log2(x)                              | 1 / (x * log(2))                                | 0.1..5 | Logarithm to base 2.
log10         | x              | log10(x)                             | 1 / (x * log(10))                               | 0.1..5 | Logarithm to base 10.
sqrt          | x              | sqrt(x)                              | 1 / (2 * y)                                     | 0.1..5 | Square root. | sqrt has no finite derivative at 0 and no value below: add a small number inside
square        | x              | x * x                                | 2 * x                                           | -3..3 | Square.
reciprocal    | x              | 1 / x                                | -y * y                                          | 0.3..3 | One over x. | division by 0: keep the denominator away from 0, for example with maximum
sin           | x              | sin(x)                               | cos(x)                                          | -6..6 | Sine of an angle in radians.
cos           | x              | cos(x)                               | -sin(x)                                         | -6..6 | Cosine of an angle in radians.
tan           | x              | tan(x)                               | 1 + y * y                                       | -1.3..1.3 | Tangent of an angle in radians.
asin          | x              | asin(x)                              | 1 / sqrt((1 - x) * (1 + x))                     | -0.9..0.9 | Inverse sine, in radians.
acos          | x              | acos(x)                              | -1 / sqrt((1 - x) * (1 + x))                    | -0.9..0.9 | Inverse cosine, in radians.
atan          | x              | atan(x)                              | 1 / (1 + x * x)                                 | -4..4 | Inverse tangent, in radians.
atan2         | a, b           | atan2(a, b)                          | where(hypot(a, b) == 0, 0, b / hypot(a, b) / hypot(a, b)) ; where(hypot(a, b) == 0, 0, -a / hypot(a, b) / hypot(a, b)) | 0.2..3, -3..3 | Angle of the point (b, a), in radians, in (-pi, pi].
sinh          | x              | sinh(x)                              | cosh(x)                                         | -3..3 | Hyperbolic sine.
cosh          | x              | cosh(x)                              | sinh(x)                                         | -3..3 | Hyperbolic cosine.
tanh          | x              | tanh(x)                              | 1 - y * y                                       | -2..2 | Hyperbolic tangent.
asinh         | x              | asinh(x)                             | 1 / hypot(x, 1)                                 | -4..4 | Inverse hyperbolic sine.
acosh         | x              | acosh(x)                             | 1 / sqrt(x - 1) / sqrt(x + 1)                   | 1.2..5 | Inverse hyperbolic cosine.
atanh         | x              | atanh(x)                             | 1 / ((1 - x) * (1 + x))                         | -0.9..0.9 | Inverse hyperbolic tangent.
hypot         | a, b           | hypot(a, b)                          | a / y ; b / y                                   | -3..3, 0.3..3 | Length of the vector (a, b).
erf           | x              | erf(x)                               | 2 / sqrt(pi) * exp(-x * x)                      | -2..2 | Error function.
erfc          | x              | erfc(x)                              | -2 / sqrt(pi) * exp(-x * x)                     | -2..2 | Complementary error function.
sigmoid       | x              | 1 / (1 + exp(-x))                    | y * (1 - y)                                     | -5..5 | Logistic function.
logsigmoid    | x              | minimum(x, 0) - log1p(exp(-abs(x)))  | sigmoid(-x)                                     | -5..5 | Logarithm of the logistic function, without overflow.
softplus      | x              | maximum(x, 0) + log1p(exp(-abs(x)))  | sigmoid(x)                                      | -5..5 | Logarithm of 1 + exp(x), without overflow.
relu          | x              | maximum(x, 0)                        | where(x <= 0, 0, 1)                             | 0.1..3 | Rectified linear unit; its derivative at 0 is 0.
leaky_relu    | x, slope=0.01  | where(x > 0, x, slope * x)           | where(x > 0, 1, slope) ; where(x > 0, 0, x)     | -3..-0.1, 0.1..0.9 | relu with a slope for negative x (0.01 unless given).
elu           | x, alpha=1     | where(x < 0, alpha * expm1(x), x)    | where(x <= 0, alpha * exp(x), 1) ; where(x < 0, expm1(x), 0) | -3..-0.1, 0.1..2 | Exponential linear unit (Clevert et al. 2015); alpha is 1 unless given.
gelu          | x              | x * (erfc(-x / sqrt(2)) / 2)         | erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi) | -3..3 | Gaussian error linear unit, exact (Hendrycks & Gimpel 2016).
silu          | x              | x * sigmoid(x)                       | sigmoid(x) + y * sigmoid(-x)                    | -5..5 | Sigmoid linear unit, x times sigmoid(x).
softsign      | x              | x / (1 + abs(x))                     | 1 / (1 + abs(x)) / (1 + abs(x))                 | 0.1..4 | x over 1 + abs(x).
maximum       | a, b           | maximum(a, b)                        | where(a < b, 0, where(a == b, 0.5, 1)) ; where(b < a, 0, where(a == b, 0.5, 1)) | -3..-0.1, 0.1..3 | The larger of two; a tie shares the gradient half and half.
minimum       | a, b           | minimum(a, b)                        | where(a > b, 0, where(a == b, 0.5, 1)) ; where(b > a, 0, where(a == b, 0.5, 1)) | -3..-0.1, 0.1..3 | The smaller of two; a tie shares the gradient half and half.
clip          | x, low, high   | minimum(maximum(x, low), high)       | where(x >= low, where(x <= high, 1, 0), 0) ; where(low < high, where(x < low, 1, 0), 0) ; where(x > high, 1, where(high < low, 1, 0)) | -0.9..0.9, -3..-1, 1..3 | x held between low and high; both ends pass the gradient.
where         | condition, a, b | where(condition, a, b)              | 0 ; where(condition, 1, 0) ; where(condition, 0, 1) | 1..2, -3..3, -3..3 | a where the condition holds, else b; the arm not taken contributes nothing.
greater       | a, b           | where(a > b, 1, 0)                   | 0 ; 0                                           | -3..-0.1, 0.1..3 | 1 where a > b, else 0: a condition that stays in the graph.
greater_equal | a, b           | where(a >= b, 1, 0)                  | 0 ; 0                                           | -3..-0.1, 0.1..3 | 1 where a >= b, else 0: a condition that stays in the graph.
less          | a, b           | where(a < b, 1, 0)                   | 0 ; 0                                           | -3..-0.1, 0.1..3 | 1 where a < b, else 0: a condition that stays in the graph.
less_equal    | a, b           | where(a <= b, 1, 0)                  | 0 ; 0                                           | -3..-0.1, 0.1..3 | 1 where a <= b, else 0: a condition that stays in the graph.
equal         | a, b           | where(a == b, 1, 0)                  | 0 ; 0                                           | -3..-0.1, 0.1..3 | 1 where a == b, else 0: a condition that stays in the graph.
sum           | values...      | sum(values)                          | 1                                               | -3..3 | Sum of any number of values, as one node; 0 for none.
mean          | values...      | sum(values) / n                      | 1 / n                                           | -3..3 | Arithmetic mean, as one node.
prod          | values...      | prod(values)                         | prod_others(values)                             | -2..2 | Product, as one node, right at zeros too; 1 for no values.
dot           | a..., b..., bias? | dot(a, b) + bias                  | b ; a ; 1                                       | -3..3, -3..3, -3..3 | Sum of products, plus a bias if one is given, as one node.
logsumexp     | values...      | logsumexp(values)                    | softmax(values)                                 | -3..3 | Logarithm of the sum of exponentials, without overflow, as one node.
softmax       | x, z...        | where(x >= -1e308, 1 / (1 + sum(exp(z - x))), exp(x - logsumexp(x, z))) | y * (1 - y) ; -y * softmax(z, x) | -3..3, -3..3 | Probability of one logit among all, without overflow.
log_softmax   | x, z...        | where(x >= -1e308, -logsumexp(0, z - x), x - logsumexp(x, z)) | -expm1(y) ; -softmax(z, x)     | -3..3, -3..3 | Logarithm of softmax, exact where the probability rounds to 0.
variance      | values...      | sum(square(values - mean(values))) / n | (values - mean(values)) * (2 / n)             | -3..3 | Population variance (divided by n, as NumPy's ``var``), as one node.
norm          | values...      | norm(values)                         | where(y == 0, 0, values / y)                    | 0.2..3 | Euclidean length, without overflow, as one node. | norm has no derivative at 0: add a small number inside a sqrt of squares
"""
