// The table's formulas as text for people, over the names of one graph.
//
// The formulas come from the table by an algebra of terms.  A term knows its number, so that guards
// of exceptional cases (`where(b == 0, ...)`) are decided by the data; numbers fold, factors 1 and
// terms 0 vanish, equal factors become a power, parentheses stand only where they are needed.

import { isConstant, isKnown, isLeaf, ledger } from "./graph.js";
import { NUMBERS, grouped, spans } from "./numbers.js";
import { countPaths, paths } from "./paths.js";
import { TABLE } from "./table.js";

const SHOWN = 6; // the most elements of a vector that are written out
const INLINE = 4; // the most symbols of an unnamed node that is written out
const STEPS = 60; // the longest path that is readable as one product

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
const SIGNS = { __proto__: null, greater: ">", greater_equal: "≥", less: "<", less_equal: "≤", equal: "=" };
const OPPOSITE = { __proto__: null, ">": "≤", "≥": "<", "<": "≥", "≤": ">" };
for (const op in SIGNS) {
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

const [COMPARISON, SUM, NEGATIVE, PRODUCT, FRACTION, POWER, ATOM] = [0, 1, 2, 3, 4, 5, 6];
const RAISED = { "-": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].entries()) };
const PLAIN = /^[\p{L}_][\p{L}\p{N}_.'#[\],…]*$/u;
const INDEXED = /[⁰¹²³⁴-⁹₀-₉]$/u;

// A number with `digits` significant digits, with a real minus sign.
export function numberText(value, digits = 6) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const rounded = Number(value.toPrecision(digits));
  return String(rounded).replace("e+", "e").replaceAll("-", "−");
}

const rank = {
  number: (x) => (x.value < 0 ? NEGATIVE : ATOM),
  name: () => ATOM,
  call: () => ATOM,
  sum: () => SUM,
  negative: () => NEGATIVE,
  product: (x) => (x.below.length ? FRACTION - 1 : PRODUCT),
  power: () => POWER,
  comparison: () => COMPARISON,
};

const atLeast = (wanted, x) =>
  rank[x.kind](x) >= wanted ? textOf(x) : `(${textOf(x)})`;

function sumText({ terms: all }) {
  return all.map((x, i) => {
    const negative = x.kind === "negative" || (x.kind === "number" && x.value < 0);
    if (i && negative) return ` − ${atLeast(PRODUCT, x.kind === "number" ? number(-x.value) : x.x)}`;
    return `${i ? " + " : ""}${atLeast(NEGATIVE, x)}`;
  }).join("");
}

function productText({ above, below }) {
  const joined = (factors) => factors.map((x) =>
    factors.length > 1 ? atLeast(POWER, x) : atLeast(PRODUCT, x)).join("·");
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
  number: (x) => numberText(x.value),
  name: (x) => x.text,
  call: (x) => `${x.op}(${x.operands.map(textOf).join(", ")})`,
  sum: sumText,
  negative: (x) => `−${atLeast(PRODUCT, x.x)}`,
  product: productText,
  power: powerText,
  comparison: (x) => `${textOf(x.left)} ${x.sign} ${textOf(x.right)}`,
};

const textOf = (x) => TEXT[x.kind](x);

// ---- Names of nodes.

const NAMES = new WeakMap();

// The name of every node by its id: its label, in quotes where it could be read as something else,
// "w#2" for a second one; v1, v2, ... for inputs without one, and for what would be long if it was
// written out ("output" for a root); null for numbers and for what is written out.
export function namesOf(graph) {
  if (!NAMES.has(graph)) NAMES.set(graph, madeNames(graph));
  return NAMES.get(graph);
}

function madeNames(graph) {
  const taken = new Set();
  const unique = (label) => {
    let found = label;
    for (let copy = 2; taken.has(found); copy++) found = `${label}#${copy}`;
    taken.add(found);
    return found;
  };
  const names = graph.nodes.map((node) => {
    const label = (node.name || node.label || "").replace(/\s+/gu, " ").trim();
    if (label) return unique(PLAIN.test(label) ? label : `"${label}"`);
    return null;
  });
  let count = 0;
  const next = () => {
    do count += 1; while (taken.has(`v${count}`));
    return `v${count}`;
  };
  const sizes = [], made = new Set(); // nodes called v1, v2, ..., or written with such a name
  for (const node of graph.nodes) {
    const { id, parents } = node;
    sizes[id] = 1;
    if (names[id] !== null || isConstant(node)) continue;
    const joins = isPlain(node) && parents.length > 1;
    const size = (joins ? 0 : 1) + parents.reduce((total, parent) => total + sizes[parent], 0);
    const mentions = parents.some((parent) => made.has(parent));
    if (mentions || isLeaf(node) || size > INLINE) made.add(id);
    if (graph.roots.includes(id) && made.has(id) && !isLeaf(node)) names[id] = unique("output");
    else if (isLeaf(node) || size > INLINE) names[id] = next();
    else sizes[id] = size;
  }
  return names;
}

const PLAIN_ROWS = new Map();
const ARITHMETIC = new Set(["add", "sub", "mul", "div", "neg", "pow", "sum", "dot", "prod"]);

// Whether a node is best written as the formula of its value: arithmetic, or a comparison.
function isPlain(node) {
  if (!isKnown(node)) return false;
  if (!PLAIN_ROWS.has(node.op)) PLAIN_ROWS.set(node.op, isArithmetic(TABLE[node.op]) || node.op in SIGNS);
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

// ---- Formulas of one graph.

// A node as it stands in a formula: by its name, as its number, or written out.
function nodeTerm(graph, id) {
  const node = graph.nodes[id], named = namesOf(graph)[id];
  if (named !== null) return name(named, node.data);
  return isConstant(node) ? number(node.data) : definitionTerm(graph, node);
}

const operandsOf = (graph, node) => node.parents.map((id) => nodeTerm(graph, id));

function definitionTerm(graph, node, focus = 0) {
  const operands = operandsOf(graph, node);
  if (node.op in SIGNS) return { ...OPERATIONS[node.op](...operands), data: node.data };
  if (!isPlain(node)) return call(node.op, shown(operands, focus), node.data);
  const row = TABLE[node.op];
  return { ...row.value(terms(focus), ...grouped(row, operands)), data: node.data };
}

// What `y` stands for in a local derivative: tanh(s) for a function of a named s.
function outputTerm(graph, node) {
  const [only, ...others] = node.parents;
  const written = others.length === 0 && namesOf(graph)[only] !== null;
  return written && !node.label ? definitionTerm(graph, node) : nodeTerm(graph, node.id);
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

// A node by its name or number, or written out: "h", "2", "w·x + b".
export const nodeText = (graph, id) => textOf(nodeTerm(graph, id));

// The operation that made a node, over its operands: "w·x", "tanh(s)"; a leaf is itself.
export function definition(graph, id) {
  const node = graph.nodes[id];
  return isLeaf(node) ? nodeText(graph, id) : textOf(definitionTerm(graph, node));
}

// The table's local derivative of a node toward its operand at a position: "1 − tanh(s)²".
export const localFormula = (graph, id, operand) =>
  textOf(localTerm(graph, graph.nodes[id], operand));

// "∂L/∂w", with a written-out root or leaf in parentheses.
export const partialText = (graph, root, id) =>
  `∂${atLeast(ATOM, nodeTerm(graph, root))}/∂${atLeast(ATOM, nodeTerm(graph, id))}`;

// The chain rule toward a node, as {left, right, value}: "∂L/∂w", "(1 − tanh(s)²)·x", 2.  Path by
// path, or, where there are more than `limit` paths or they are long, one step from the node up:
// "∂L/∂b + ∂L/∂b".
export function chainRule(graph, id, limit = 8) {
  const { seed, sum, uses } = ledger(graph, id);
  const walked = countPaths(graph, id) <= BigInt(limit) ? paths(graph, id, limit) : [];
  const short = walked.length > 0 && walked.every(({ edges }) => edges.length <= STEPS);
  const left = graph.roots.map((root) => partialText(graph, root, id)).join(" + ");
  const factor = ({ child, operand }) => localTerm(graph, graph.nodes[child], operand);
  const through = ({ child }) =>
    name(graph.roots.map((root) => partialText(graph, root, child)).join(" + "));
  const products = short
    ? walked.map(({ edges }) => new Product(...edges.map(factor)).term())
    : [number(seed), ...uses.map((use) => new Product(through(use), factor(use)).term())];
  return { left, right: textOf(products.reduce(sumOf, number(0))), value: sum };
}

const sumOf = (a, b) => (isNumber(a, 0) ? b : isNumber(b, 0) ? a
  : { kind: "sum", terms: [...(a.kind === "sum" ? a.terms : [a]), b] });
