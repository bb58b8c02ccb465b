// The table's formulas as text for people, over the symbols of one graph's nodes.
//
// The formulas come from the table by an algebra of terms.  A term knows its number, so that guards
// of exceptional cases (`where(b == 0, ...)`) are decided by the data; numbers fold, factors 1 and
// terms 0 vanish, equal factors become a power, parentheses stand only where they are needed.

import { isKnown } from "./graph.js";
import { WHOLE, numberText, partialOf } from "./names.js";
import { NUMBERS, grouped, spans } from "./numbers.js";
import { SIGNS } from "./signs.js";
import { TABLE } from "./table.js";

const SHOWN = 6; // the most elements of a vector that are written out

// ---- Terms: {kind, ..., data}; `data` is the number that a term stands for, if known.

const number = (value) => ({ kind: "number", value, data: value });
const name = (text, data) => ({ kind: "name", text, data });
const call = (op, operands, data) => ({ kind: "call", op, operands, data });
const GAP = name("…");
const term = (given) => (typeof given === "number" ? number(given) : given);
const isNumber = (x, value) => x.kind === "number" && (value === undefined || x.value === value);

// A product in the making: numbers apart, the other factors in the order they came.
class Product {
  constructor(...factors) {
    Object.assign(this, { scale: 1, divisor: 1, above: [], below: [] });
    for (const factor of factors) this.times(factor);
  }

  times(x, inverse = false) {
    if (x.kind === "number") this.scaled(x.value, inverse);
    else if (x.kind === "negative") {
      this.scale = -this.scale;
      this.times(x.x, inverse);
    } else if (x.kind === "product") {
      for (const factor of x.above) this.times(factor, inverse);
      for (const factor of x.below) this.times(factor, !inverse);
    } else (inverse ? this.below : this.above).push(x);
    return this;
  }

  over(x) {
    return this.times(x, true);
  }

  // Fold a number in, unless that would overflow, vanish or divide by 0.
  scaled(value, inverse) {
    const result = (inverse ? this.divisor : this.scale) * value;
    const harmless = Number.isFinite(result) && result !== 0;
    if (inverse) {
      if (harmless) this.divisor = result;
      else this.below.push(number(value));
    } else if (value === 0 || this.scale === 0) this.scale = 0; // zero carries nothing
    else if (harmless || !(Number.isFinite(value) && Number.isFinite(this.scale))) {
      this.scale = result;
    } else this.above.push(number(value));
  }

  term() {
    if (this.scale === 0) return number(0);
    const negative = this.scale < 0 !== this.divisor < 0;
    const [top, bottom] = reduced(Math.abs(this.scale), Math.abs(this.divisor));
    const above = powers(top === 1 ? this.above : [number(top), ...this.above]);
    const below = powers(bottom === 1 ? this.below : [number(bottom), ...this.below]);
    const plain = below.length === 0 && above.length < 2;
    const x = plain ? above[0] ?? number(1) : { kind: "product", above, below };
    if (!negative) return x;
    return x.kind === "number" ? number(-x.value) : { kind: "negative", x };
  }
}

// A fraction of whole numbers in lowest terms, another one as a number if that is short.
function reduced(top, bottom) {
  if (Number.isInteger(top) && Number.isInteger(bottom)) {
    let [a, b] = [top, bottom];
    while (b) [a, b] = [b, a % b];
    return [top / a, bottom / a];
  }
  const quotient = top / bottom;
  const short = Number(quotient.toPrecision(6)) === quotient && quotient * bottom === top;
  return short ? [quotient, 1] : [top, bottom];
}

// Equal factors put together, each where it first stood.
function powers(factors) {
  const bases = new Map();
  for (const factor of factors) {
    const whole = factor.kind === "power" && isNumber(factor.exponent)
      && factor.exponent.value > 0 && Number.isInteger(factor.exponent.value);
    const [base, count] = whole ? [factor.base, factor.exponent.value] : [factor, 1];
    const key = textOf(base);
    bases.set(key, { base, count: count + (bases.get(key)?.count ?? 0) });
  }
  return [...bases.values()].map(({ base, count }) => power(base, number(count)));
}

const times = (a, b) => new Product(a, b).term();
const over = (a, b) => new Product(a).over(b).term();
const negated = (x) => new Product(number(-1), x).term();

function plus(a, b) {
  if (isNumber(a) && isNumber(b)) return number(a.value + b.value);
  if (isNumber(a, 0)) return b;
  if (isNumber(b, 0)) return a;
  return { kind: "sum", terms: [...(a.kind === "sum" ? a.terms : [a]), b] };
}

function power(base, exponent) {
  if (isNumber(exponent, 1)) return base;
  if (isNumber(exponent, 0)) return number(1);
  if (isNumber(base) && isNumber(exponent) && base.value > 0 && Math.abs(exponent.value) <= 64) {
    const folded = base.value ** exponent.value;
    if (Number.isFinite(folded)) return number(folded);
  }
  return { kind: "power", base, exponent };
}

// ---- The algebra of terms.

const OPERATIONS = {
  __proto__: null,
  add: plus,
  sub: (a, b) => plus(a, negated(b)),
  mul: times,
  div: over,
  neg: negated,
  pow: power,
};
const COMPARISONS = ["greater", "greater_equal", "less", "less_equal", "equal"];
const OPPOSITE = { __proto__: null, ">": "≤", "≥": "<", "<": "≥", "≤": ">" };
for (const op of COMPARISONS) {
  OPERATIONS[op] = (left, right) => ({ kind: "comparison", sign: SIGNS[op], left, right });
}

// A choice, resolved where numbers decide it, or the data if it guards an exceptional case.
function choice(condition, taken, other) {
  if (Array.isArray(taken) || Array.isArray(other)) {
    const length = Math.max(taken.length ?? 0, other.length ?? 0);
    const arm = (x, i) => (Array.isArray(x) ? x[i] : x);
    return Array.from({ length }, (_, i) => choice(condition, arm(taken, i), arm(other, i)));
  }
  [condition, taken, other] = [condition, taken, other].map(term);
  if (isDecided(condition)) return condition.data !== 0 ? taken : other;
  if (textOf(taken) === textOf(other)) return taken;
  const data = condition.data !== 0 ? taken.data : other.data;
  const { sign, left, right } = condition;
  if (isNumber(taken, 0) && sign in OPPOSITE && left.data === left.data && right.data === right.data) {
    return call("where", [{ ...condition, sign: OPPOSITE[sign] }, other, taken], data);
  }
  return call("where", [condition, taken, other], data);
}

function isDecided({ kind, sign, left, right, data }) {
  if (kind !== "comparison") return kind === "number";
  return data !== undefined && (sign === "=" || (isNumber(left) && isNumber(right)));
}

// Which of many elements are written out; null stands for those left out in between.
function shownElements(length, focus = 0) {
  if (length <= SHOWN) return Array.from({ length }, (_, i) => i);
  const chosen = [...new Set([0, 1, focus, length - 1])].sort((a, b) => a - b);
  return chosen.flatMap((i, k) => (k && chosen[k - 1] !== i - 1 ? [null, i] : [i]));
}

const shown = (vector, focus) =>
  shownElements(vector.length, focus).map((i) => (i === null ? GAP : term(vector[i])));

// Functions of whole vectors: sums and products written out, the others as calls.
function reductionsOf(focus) {
  const elements = (group) => (Array.isArray(group) ? shown(group, focus) : [term(group)]);
  const data = (groups) => groups.map((group) =>
    Array.isArray(group) ? group.map((x) => term(x).data) : term(group).data);
  const called = (op) => (...groups) =>
    call(op, groups.flatMap(elements), NUMBERS[op](...data(groups)));
  return {
    mean: called("mean"),
    sum: (x) => elements(x).reduce(plus, number(0)),
    prod: (x) => elements(x).reduce(times, number(1)),
    dot: (a, b) => elements(a.map((x, i) => times(term(x), term(b[i])))).reduce(plus, number(0)),
    prod_others: (x) => x.map((_, i) => shownElements(x.length, i)
      .filter((k) => k !== i).map((k) => (k === null ? GAP : x[k])).reduce(times, number(1))),
    softmax: (first, ...others) => NUMBERS.softmax(...data([first, ...others])).map((value, i) =>
      call("softmax", [first[i], ...shown(first.filter((_, k) => k !== i), focus),
        ...others.flatMap(elements)], value)),
    logsumexp: called("logsumexp"),
    norm: called("norm"),
  };
}

const lifted = (f) => (...operands) => {
  const vector = operands.find(Array.isArray);
  if (vector === undefined) return f(...operands.map(term));
  return vector.map((_, i) => f(...operands.map((x) => term(Array.isArray(x) ? x[i] : x))));
};

// The algebra for a row of which the operand at position `focus` matters.
function terms(focus) {
  const algebra = { pi: name("π", Math.PI), where: choice, ...reductionsOf(focus) };
  return new Proxy(algebra, {
    get(_, op) {
      if (Object.hasOwn(algebra, op)) return algebra[op];
      return (algebra[op] = lifted((...operands) => {
        const made = op in OPERATIONS ? OPERATIONS[op](...operands) : call(op, operands);
        return { ...made, data: NUMBERS[op](...operands.map((x) => x.data)) };
      }));
    },
  });
}

// ---- Text.

const [COMPARISON, SUM, NEGATIVE, FRACTION, PRODUCT, POWER, ATOM] = [0, 1, 2, 3, 4, 5, 6];
const RAISED = { "-": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].entries()) };
const INDEXED = /[⁰¹²³⁴-⁹₀-₉]$|^[^"]* [^"]*$/u; // or of several words

const rank = {
  number: (x) => (x.value < 0 ? NEGATIVE : ATOM),
  name: () => ATOM,
  call: () => ATOM,
  sum: () => SUM,
  negative: () => NEGATIVE,
  product: (x) => (x.below.length ? FRACTION : PRODUCT),
  power: () => POWER,
  comparison: () => COMPARISON,
};

const atLeast = (wanted, x) =>
  rank[x.kind](x) >= wanted ? textOf(x) : `(${textOf(x)})`;

function sumText({ terms: all }) {
  return all.map((x, i) => {
    const negative = x.kind === "negative" || (x.kind === "number" && x.value < 0);
    if (i && negative) return ` − ${atLeast(FRACTION, x.kind === "number" ? number(-x.value) : x.x)}`;
    return `${i ? " + " : ""}${atLeast(NEGATIVE, x)}`;
  }).join("");
}

function productText({ above, below }) {
  const joined = (factors) => factors.map((x) =>
    atLeast(factors.length > 1 ? POWER : FRACTION, x)).join("·");
  if (!below.length) return joined(above);
  const divisor = below.length > 1 ? `(${joined(below)})` : atLeast(POWER, below[0]);
  return `${above.length ? joined(above) : "1"} / ${divisor}`;
}

function powerText({ base, exponent }) {
  const bare = base.kind === "name" && INDEXED.test(base.text) ? `(${textOf(base)})` : atLeast(ATOM, base);
  if (isNumber(exponent) && Number.isInteger(exponent.value) && Math.abs(exponent.value) < 1e6) {
    return bare + [...String(exponent.value)].map((digit) => RAISED[digit]).join("");
  }
  return `${bare}^${atLeast(ATOM, exponent)}`;
}

const TEXT = {
  number: (x) => numberText(x.value, WHOLE),
  name: (x) => x.text,
  call: (x) => `${x.op}(${x.operands.map(textOf).join(", ")})`,
  sum: sumText,
  negative: (x) => `−${atLeast(FRACTION, x.x)}`,
  product: productText,
  power: powerText,
  comparison: (x) => `${textOf(x.left)} ${x.sign} ${textOf(x.right)}`,
};

const textOf = (x) => TEXT[x.kind](x);

// ---- Formulas of one graph.

const PLAIN_ROWS = new Map();
const ARITHMETIC = new Set(["add", "sub", "mul", "div", "neg", "pow", "sum", "dot", "prod"]);

// Whether a node is best written as the formula of its value: arithmetic, or a comparison.
function isPlain(node) {
  if (!isKnown(node)) return false;
  if (!PLAIN_ROWS.has(node.op)) PLAIN_ROWS.set(node.op, COMPARISONS.includes(node.op) || isArithmetic(TABLE[node.op]));
  return PLAIN_ROWS.get(node.op);
}

function isArithmetic(row) {
  const called = new Set();
  const spy = new Proxy({}, {
    get: (_, op) => (op === "pi" ? 0 : () => (called.add(op), 0)),
  });
  row.value(spy, ...row.operands.map((operand) => (operand.kind === "vector" ? [0] : 0)));
  return [...called].every((op) => ARITHMETIC.has(op));
}

// A node as it stands in a formula: by its symbol, or as its number.
function nodeTerm({ nodes }, id) {
  const { symbol, data } = nodes[id];
  return symbol ? name(symbol, data) : number(data);
}

const operandsOf = (graph, node) => node.parents.map((id) => nodeTerm(graph, id));

function definitionTerm(graph, node, focus = 0) {
  const operands = operandsOf(graph, node);
  if (COMPARISONS.includes(node.op)) return { ...OPERATIONS[node.op](...operands), data: node.data };
  if (!isPlain(node)) return call(node.op, shown(operands, focus), node.data);
  const row = TABLE[node.op];
  return { ...row.value(terms(focus), ...grouped(row, operands)), data: node.data };
}

// What `y` stands for in a local derivative: tanh(s) for a function without a label.
function outputTerm(graph, node) {
  const written = node.parents.length === 1 && !node.named;
  return written ? definitionTerm(graph, node) : nodeTerm(graph, node.id);
}

function localTerm(graph, node, operand) {
  const local = node.local[operand];
  if (!isKnown(node)) return number(local);
  const row = TABLE[node.op];
  const found = spans(row, node.parents.length);
  const index = found.findIndex(([start, stop]) => start <= operand && operand < stop);
  const element = operand - found[index][0];
  const groups = grouped(row, operandsOf(graph, node));
  const partial = row.partials[index](terms(element), ...groups, outputTerm(graph, node));
  return term(Array.isArray(partial) ? partial[element] : partial);
}

// The operation that made a node, over its operands: "w·x", "tanh(s)".
export const definition = (graph, id) => textOf(definitionTerm(graph, graph.nodes[id]));

// The chain rule over one use of an operand: "(1 − tanh(s)²) · ∂L/∂h", the table's local derivative
// times what comes from above.
export function chainTerm(graph, { child, operand }) {
  const upstream = partialOf(graph, child), local = localTerm(graph, graph.nodes[child], operand);
  return isNumber(local, 1) ? upstream : `${atLeast(PRODUCT, local)} · ${upstream}`;
}
