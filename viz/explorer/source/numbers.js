// The algebra of floats: what the table's formulas are as numbers, in IEEE arithmetic.
//
// Operations work element by element on arrays; the functions of whole vectors take arrays or
// numbers.  What is not here is the formula of the row of that name.

import { TABLE } from "./table.js";

// ---- The error function: its series near 0, its continued fraction beyond (Abramowitz and
// Stegun, Handbook of Mathematical Functions, 7.1.5 and 7.1.14).

const ERF_SERIES_BELOW = 1; // there 1 - erf(x) still has all but one digit

function erfSeries(x) {
  // 2 / sqrt(pi) * sum of (-1)^k x^(2k+1) / (k! (2k+1))
  let power = x, sum = x;
  for (let k = 1; k < 30; k++) {
    power *= (-x * x) / k;
    sum += power / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function erfcFraction(x) {
  // exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...)))), for x >= 1
  let fraction = x;
  for (let k = 150; k > 0; k--) fraction = x + k / 2 / fraction;
  const head = Math.fround(x); // its square is exact, so that no rounding enters the exponential
  const square = Math.exp(-head * head) * Math.exp((head - x) * (head + x));
  return square / Math.sqrt(Math.PI) / fraction;
}

function erf(x) {
  if (Math.abs(x) < ERF_SERIES_BELOW) return erfSeries(x);
  if (Math.abs(x) > 6) return Math.sign(x); // NaN is neither
  return x > 0 ? 1 - erfcFraction(x) : erfcFraction(-x) - 1;
}

function erfc(x) {
  if (Math.abs(x) < ERF_SERIES_BELOW) return 1 - erfSeries(x);
  if (Math.abs(x) > 28) return x > 0 ? 0 : 2;
  return x > 0 ? erfcFraction(x) : 2 - erfcFraction(-x);
}

function pow(a, b) {
  // as in C and Python: 1 to any power is 1, and so is -1 to an infinite one
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

const SCALAR = {
  __proto__: null,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: (x) => -x,
  pow,
  greater: (a, b) => Number(a > b),
  greater_equal: (a, b) => Number(a >= b),
  less: (a, b) => Number(a < b),
  less_equal: (a, b) => Number(a <= b),
  equal: (a, b) => Number(a === b),
  maximum: (a, b) => (a >= b || a !== a ? a : b),
  minimum: (a, b) => (a <= b || a !== a ? a : b),
  erf,
  erfc,
};
for (const name of [
  "abs", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin",
  "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "atan2", "hypot",
]) SCALAR[name] = Math[name];

// ---- Functions of whole vectors, scaled so that nothing overflows on the way.

const joined = (groups) => groups.flat();

function largest(elements) {
  const found = elements.reduce((a, b) => (b > a ? b : a));
  return Math.abs(found) === Infinity && elements.some(Number.isNaN) ? NaN : found;
}

// The sum of finite numbers, rounded once: partial sums that do not overlap (Shewchuk 1997).
function exactSum(elements) {
  const plain = elements.reduce((a, b) => a + b, 0);
  if (!Number.isFinite(plain)) return plain;
  let partials = [];
  for (let x of elements) {
    const next = [];
    for (let y of partials) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y, low = y - (high - x);
      if (low) next.push(low);
      x = high;
    }
    partials = [...next, x];
  }
  return partials.reduceRight((a, b) => a + b, 0);
}

const REDUCTIONS = {
  __proto__: null,
  sum: (x) => x.reduce((a, b) => a + b, 0),
  prod: (x) => x.reduce((a, b) => a * b, 1),
  dot: (a, b) => a.reduce((total, x, i) => total + x * b[i], 0),
  norm: (x) => Math.hypot(...x),
  logsumexp(...groups) {
    const elements = joined(groups), shift = largest(elements);
    if (!Number.isFinite(shift)) return shift;
    return shift + Math.log1p(exactSum([...elements.map((x) => Math.exp(x - shift)), -1]));
  },
  softmax(first, ...others) {
    const elements = joined([first, ...others]), shift = largest(elements);
    const weights = elements.map((x) => Math.exp(x - shift));
    const total = Number.isFinite(shift) ? exactSum(weights) : 1;
    return first.map((_, i) => weights[i] / total);
  },
  prod_others(x) {
    const products = [];
    let before = 1, after = 1;
    for (const element of x) { products.push(before); before *= element; }
    for (let i = x.length - 1; i >= 0; i--) { products[i] *= after; after *= x[i]; }
    return products;
  },
};

// ---- The algebra.

const elementwise = (f) => (...operands) => {
  const vector = operands.find(Array.isArray);
  if (vector === undefined) return f(...operands);
  return vector.map((_, i) => f(...operands.map((x) => (Array.isArray(x) ? x[i] : x))));
};

function where(condition, taken, other) {
  const [chosen, left] = condition !== 0 ? [taken, other] : [other, taken]; // NaN is not 0
  return Array.isArray(left) && !Array.isArray(chosen) ? left.map(() => chosen) : chosen;
}

const hasVectors = (row) => row.operands.some((operand) => operand.kind === "vector");

function numberAlgebra(table) {
  const algebra = { __proto__: null, pi: Math.PI, where, ...REDUCTIONS };
  for (const name in SCALAR) algebra[name] = elementwise(SCALAR[name]);
  for (const name in table) {
    if (name in algebra) continue;
    const value = (...operands) => table[name].value(algebra, ...operands);
    algebra[name] = hasVectors(table[name]) ? value : elementwise(value);
  }
  return algebra;
}

export const NUMBERS = numberAlgebra(TABLE);

// ---- Rows over a flat sequence of operands.

// Where each operand of a row lies among `count`: [start, stop], empty for one left out.
export function spans(row, count) {
  const kinds = row.operands.map((operand) => operand.kind);
  const number = (kind) => kinds.filter((each) => each === kind).length;
  const variable = count - number("scalar");
  const length = Math.floor(variable / Math.max(number("vector"), 1));
  const spare = variable - length * Math.max(number("vector"), 1);
  const sizes = { scalar: 1, vector: length, optional: spare };
  let stop = 0;
  return kinds.map((kind) => [stop, (stop += sizes[kind])]);
}

// A flat sequence in groups, as the row names them; what is left out is 0.
export function grouped(row, operands) {
  return spans(row, operands.length).map(([start, stop], i) => {
    if (row.operands[i].kind === "vector") return operands.slice(start, stop);
    return stop > start ? operands[start] : 0;
  });
}

// The output of a row at numbers.
export const value = (op, operands) =>
  TABLE[op].value(NUMBERS, ...grouped(TABLE[op], operands));

// The local derivative toward each operand; 0 where it is not wanted.
export function localDerivatives(op, operands, output, wanted) {
  const row = TABLE[op], groups = grouped(row, operands), derivatives = [];
  spans(row, operands.length).forEach(([start, stop], i) => {
    const asked = wanted.slice(start, stop);
    const partial = asked.includes(true) ? row.partials[i](NUMBERS, ...groups, output) : 0;
    asked.forEach((take, element) => {
      derivatives.push(!take ? 0 : Array.isArray(partial) ? partial[element] : partial);
    });
  });
  return derivatives;
}
