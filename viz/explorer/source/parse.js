// Text typed by a user, read into a graph: the expressions of `autograd-mini diff`, by the same
// grammar and with the same words for what is wrong, and several of them at once.
//
// Beyond diff's grammar a text may hold several expressions: ";" separates them, and so does a new
// line where the expression before it is complete and the new line does not begin with an operator.
// Each may be given a name, `s = w*x + b`, by which those after it use it.  What no other uses is
// an output.  A name of a number, `x = 2`, is an input that starts there; a name of a name is
// another name for the same.

import { GRAMMAR } from "./grammar.js";
import { value } from "./numbers.js";
import { TABLE } from "./table.js";

export class ExpressionError extends Error {
  // `start` and `stop` say where in the whole text.
  constructor(message, start, stop) {
    super(message);
    Object.assign(this, { name: "ExpressionError", start, stop });
  }
}

// The graph of a text over numbers for its names, an object {name: number}: {graph, names, starts},
// the graph as JSON for readGraph(), the names of its inputs in order of their first use, and the
// numbers that the text gives to some of them.  An input has its number from `values`, else from
// the text, else 1.  Throws an ExpressionError.
export function parse(text, values = {}) {
  const builder = new Builder(values);
  for (const statement of statements(text)) builder.add(statement);
  return builder.finished();
}

// ---- Tokens.

const PATTERN = Object.entries(GRAMMAR.tokens).map(([kind, pattern]) => `(?<${kind}>${pattern})`);
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/gu;
const KEYWORDS = new Set(GRAMMAR.keywords);
const FUNCTIONS = new Set(GRAMMAR.functions);
const CLOSED = new Set(Object.values(GRAMMAR.closing));
const among = Object.fromEntries(
  ["forbiddenOperators", "forbiddenPrefixes", "unpacking", "forbiddenOperands"].map(
    (which) => [which, new Set(GRAMMAR[which])]),
);

function tokensOf(text) {
  const found = [];
  for (const match of text.matchAll(new RegExp(PATTERN.join("|"), "gs"))) {
    const kind = Object.keys(match.groups).find((each) => match.groups[each] !== undefined);
    if (kind === "space") continue;
    found.push({ kind, text: match[0], start: match.index, stop: match.index + match[0].length });
  }
  return [...found, { kind: "end", text: "", start: text.length, stop: text.length }];
}

const opens = (text) => Object.hasOwn(GRAMMAR.closing, text);
const depthOf = (text) => opens(text) - CLOSED.has(text);
// What Python reads as a name, and a person would not read a sign in.
const isIdentifier = (word) => /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(word)
  && ![...word].some((character) => Object.hasOwn(GRAMMAR.lookalikes, character));
const normalized = (word) => word.normalize("NFKC"); // as Python reads names

// ---- Several expressions: each as {text, offset, name, at}, `name` that which it is given.

function statements(typed) {
  const text = typed.replace(SPACE, " ");
  check(text);
  const found = [];
  let start = 0;
  for (const stop of [...separators(text, typed), text.length]) {
    const piece = text.slice(start, stop);
    if (trimmed(piece)) found.push(statement(piece, start));
    start = stop + 1;
  }
  if (found.length) return found;
  throw new ExpressionError(`the expression is empty; expected ${GRAMMAR.allowed}`, 0, 0);
}

function check(text) {
  const { length } = [...trimmed(text)];
  if (length > GRAMMAR.maxCharacters) {
    throw new ExpressionError(
      `the expression has ${grouped(length)} characters, more than ${grouped(GRAMMAR.maxCharacters)}; `
      + "write it in Python, with autograd_mini.Value", 0, text.length);
  }
}

const trimmed = (text) => text.replace(/^ +| +$/g, "");
const begin = (text) => text.search(/[^ ]/);
const grouped = (count) => count.toLocaleString("en-US");

// Where expressions end: at ";" outside of brackets, and at new lines as said above.
function separators(text, typed) {
  const found = [], tokens = tokensOf(text);
  let depth = 0;
  tokens.forEach((token, i) => {
    depth = Math.max(0, depth + depthOf(token.text));
    if (depth || token.kind === "end") return;
    const next = tokens[i + 1];
    if (token.text === ";") found.push(token.start);
    else if (endsOperand(token) && !continues(token, next)) {
      const line = typed.slice(token.stop, next.start).search(/[\n\r]/);
      if (line >= 0) found.push(token.stop + line);
    }
  });
  return found;
}

const endsOperand = ({ kind, text }) =>
  kind === "number" || (kind === "word" && !KEYWORDS.has(text)) || CLOSED.has(text);
const continues = (token, { kind, text }) =>
  (kind === "sign" && text !== "(" && text !== ";") || (text === "(" && FUNCTIONS.has(token.text));

function statement(piece, start) {
  const offset = start + begin(piece), text = trimmed(piece);
  const [first, equals] = tokensOf(text);
  const named = first.kind === "word" && equals.text === "="
    && !KEYWORDS.has(first.text) && isIdentifier(first.text);
  if (!named) return { text, offset };
  const name = normalized(first.text), rest = text.slice(equals.stop), body = trimmed(rest);
  const at = { text, offset, first };
  if (!body) fail(at, "not an expression (something is missing at its end)", equals);
  if (name === "pi") fail(at, "'pi' is a number already; choose another name", first);
  return { text: body, offset: offset + equals.stop + begin(rest), name, at };
}

function fail({ text, offset }, message, { start, stop }) {
  throw located(message, text, start, stop, offset);
}

// ---- The graph.

class Builder {
  constructor(values) {
    this.values = values;
    this.starts = {};
    this.nodes = [];
    this.inputs = new Map(); // name -> id
    this.given = new Map(); // the same of what the text gives a name
    this.unnamed = []; // ids of what has none
  }

  add({ text, offset, name, at }) {
    if (name === undefined) {
      this.unnamed.push(this.evaluated(new Reader(text, offset).read()));
      return;
    }
    if (this.given.has(name)) fail(at, `'${name}' is given twice; choose another name`, at.first);
    const steps = new Reader(text, offset).read();
    if (this.inputs.has(name) || steps.includes(name)) {
      fail(at, `'${name}' is used before it is given; choose another name`, at.first);
    }
    this.name(name, this.evaluated(steps));
  }

  name(name, id) {
    const node = this.nodes[id];
    if (node.op === "constant") { // of this very expression: an input that starts there
      this.starts[name] = node.data;
      Object.assign(node, { op: "", data: this.valueOf(name, node.data) });
      this.inputs.set(name, id);
    }
    if (node.label) (node.aliases ??= []).push(name);
    else node.label = name;
    this.given.set(name, id);
  }

  valueOf(name, otherwise) {
    return Object.hasOwn(this.values, name) ? this.values[name] : otherwise;
  }

  evaluated(steps) {
    const stack = [];
    for (const step of steps) {
      if (typeof step === "number") stack.push(this.constant(step));
      else if (typeof step === "string") stack.push(this.used(step));
      else {
        const operands = stack.splice(stack.length - step.count);
        stack.push(this.applied(step.op, [...operands, ...step.defaults.map((x) => this.constant(x))]));
      }
    }
    return stack[0];
  }

  // A row over nodes; over numbers alone it is a number.
  applied(op, parents) {
    const data = value(op, parents.map((id) => this.nodes[id].data));
    const folds = parents.every((id) => this.nodes[id].op === "constant");
    return folds ? this.constant(data) : this.node({ op, label: "", parents, data });
  }

  constant(data) {
    return this.node({ op: "constant", label: "", parents: [], data });
  }

  used(name) {
    if (this.given.has(name)) return this.given.get(name);
    if (!this.inputs.has(name)) {
      const data = this.valueOf(name, 1);
      this.inputs.set(name, this.node({ op: "", label: name, parents: [], data }));
    }
    return this.inputs.get(name);
  }

  node(node) {
    this.nodes.push({ ...node, id: this.nodes.length });
    return this.nodes.length - 1;
  }

  finished() {
    const used = new Set(this.nodes.flatMap((node) => node.parents));
    const named = [...this.given.values()];
    const ends = named.filter((id) => !used.has(id) && this.nodes[id].op !== "");
    const roots = [...new Set([...ends, ...this.unnamed])].sort((a, b) => a - b);
    if (!roots.length) roots.push(named.at(-1));
    return this.over(roots);
  }

  // The nodes on which the roots depend, under new ids.
  over(roots) {
    const wanted = new Set(roots);
    for (const node of [...this.nodes].reverse()) {
      if (wanted.has(node.id)) for (const parent of node.parents) wanted.add(parent);
    }
    const kept = this.nodes.filter((node) => wanted.has(node.id));
    const ids = new Map(kept.map((node, id) => [node.id, id]));
    const renumbered = (list) => list.map((id) => ids.get(id));
    const nodes = kept.map((node, id) => ({ ...node, id, parents: renumbered(node.parents) }));
    const names = [...this.inputs.keys()].filter((name) => wanted.has(this.inputs.get(name)));
    return { graph: { roots: renumbered(roots), nodes }, names, starts: this.starts };
  }
}

// ---- One expression: put in postfix order by the precedence of its operators, on a stack of its
// own (Dijkstra's shunting-yard).  A step is a number, a name, or a row {op, count, defaults}.

class Reader {
  constructor(text, offset) {
    Object.assign(this, { text, offset, at: 0, steps: [], spans: [], stack: [] });
    const comment = text.indexOf("#");
    if (comment >= 0) throw this.located("a comment is not allowed", comment, text.length);
    this.tokens = tokensOf(text);
  }

  get token() {
    return this.tokens[this.at];
  }

  read() {
    let complete = false; // whether an operand has just ended
    while (this.token.kind !== "end") {
      complete = complete ? this.readOperator() : this.readOperand();
      this.at += 1;
    }
    const open = this.enclosing();
    if (open) throw this.noExpression("'(' was never closed", open.token);
    if (!complete) throw this.noExpression("something is missing at its end", this.at);
    this.applyOperators(0);
    return this.steps;
  }

  // Read a sign, a parenthesis, or an operand; say whether the operand is complete.
  readOperand() {
    const { kind, text } = this.token;
    if (kind === "number") return this.pushOperand(this.number());
    if (kind === "word" && !KEYWORDS.has(text)) return this.readWord();
    if (text === "-") {
      const [op, precedence] = GRAMMAR.sign;
      this.wait({ op, precedence, count: 1, token: this.at });
    } else if (text === "(") this.wait({ opening: true, token: this.at, function: "", operand: this.at + 1, count: 0 });
    else if (text === ")" && this.finishedCall()) {
      this.close(this.finishedCall());
      return true;
    } else if (text !== "+") throw this.refusedOperand(); // which changes nothing
    return false;
  }

  // Read what follows an operand; say whether a longer operand is complete by it.
  readOperator() {
    const { text } = this.token;
    if (Object.hasOwn(GRAMMAR.operators, text)) {
      const [op, precedence] = GRAMMAR.operators[text];
      if (text !== GRAMMAR.fromTheRight) this.applyOperators(precedence);
      this.wait({ op, precedence, count: 2, token: this.at });
      return false;
    }
    const open = this.enclosing();
    if (!open || (text !== "," && text !== ")")) throw this.refusedOperator(open);
    this.applyOperators(0);
    open.count += 1;
    if (text === ")") {
      this.close(open);
      return true;
    }
    if (!open.function) throw this.forbidden(open.token, this.closing(open.token));
    open.operand = this.at + 1;
    return false;
  }

  // Read a name, or a function with its parenthesis.
  readWord() {
    const word = this.token.text;
    if (!isIdentifier(word)) throw this.strangeCharacter();
    const name = normalized(word);
    if (this.tokens[this.at + 1].text !== "(") {
      return this.pushOperand(name === "pi" ? Math.PI : name);
    }
    if (!FUNCTIONS.has(name)) throw this.unknownFunction(name);
    this.at += 1;
    this.wait({ opening: true, token: this.at, function: name, operand: this.at + 1, count: 0 });
    return false;
  }

  number() {
    const { text } = this.token, number = readNumber(text);
    if (Number.isNaN(number) || (!Number.isFinite(number) && !/e/i.test(text))) {
      const message = `${repr(shorten(text))} is not a number of float64, which ends at about 1.8e308`;
      throw this.error(message, this.at);
    }
    return number; // infinity is written 1e999
  }

  pushOperand(step) {
    this.steps.push(step);
    this.spans.push([this.at, this.at]);
    return true;
  }

  wait(pending) {
    if (this.stack.length >= GRAMMAR.maxNesting) {
      throw new ExpressionError(
        `the expression is nested too deeply, more than ${grouped(GRAMMAR.maxNesting)} times; write `
        + "it in Python, with autograd_mini.Value", this.offset, this.offset + this.text.length);
    }
    this.stack.push(pending);
  }

  // Apply the operators that bind at least as strongly as what comes now.
  applyOperators(precedence) {
    while (this.stack.length) {
      const operator = this.stack.at(-1);
      if (operator.opening || operator.precedence < precedence) break;
      this.stack.pop();
      const first = operator.count === 1 ? operator.token : this.spans.at(-2)[0];
      this.apply(operator.op, operator.count, [], first, this.spans.at(-1)[1]);
    }
  }

  apply(op, count, defaults, first, last) {
    this.spans.splice(this.spans.length - count);
    this.spans.push([first, last]);
    this.steps.push({ op, count, defaults });
  }

  // The function that may end here, where an operand could begin: `f()`, `f(x,)`.
  finishedCall() {
    const last = this.stack.at(-1);
    return last?.opening && last.function && last.operand === this.at ? last : undefined;
  }

  // End the innermost parenthesis; all operators in it are applied.
  close({ function: name, token, count }) {
    this.stack.pop();
    if (!name) {
      this.spans[this.spans.length - 1] = [token, this.at];
      return;
    }
    const { operands } = TABLE[name];
    const scalars = operands.filter((operand) => operand.kind === "scalar").length;
    const defaults = operands.slice(count).map((each) => each.default).filter((x) => x !== null);
    const hasVector = scalars < operands.length;
    const optional = operands.filter((operand) => operand.default !== null).length;
    if (count < scalars - optional + hasVector || (count > scalars && !hasVector)) {
      const written = operands.map((o) => o.name + (o.kind === "vector" ? "..." : "")).join(", ");
      throw this.error(`${name}(${written}) does not take ${count} operands`, token - 1, this.at);
    }
    this.apply(name, count, defaults, token - 1, this.at);
  }

  // What is refused.

  refusedOperand() {
    const { kind, text } = this.token;
    const before = this.tokens[this.at - 1]?.text;
    const unpacking = among.unpacking.has(text) && (before === "(" || before === ",");
    if (among.forbiddenPrefixes.has(text) || unpacking) {
      return this.forbidden(this.at, this.operandEnd(), text);
    }
    if (text === "[" || text === "{") return this.forbidden(this.at, this.closing(this.at));
    if (kind === "string" || among.forbiddenOperands.has(text)) return this.forbidden(this.at, this.at);
    return this.unexpected();
  }

  refusedOperator(open) {
    const { kind, text } = this.token;
    const before = this.spans.at(-1)[0], first = open ? open.operand : 0;
    if (text === ".") {
      return this.forbidden(before, this.at + (this.tokens[this.at + 1].kind === "word"));
    }
    if (text === "[") return this.forbidden(before, this.closing(this.at));
    if (among.forbiddenOperators.has(text) || (text === "," && !open)) {
      return this.forbidden(first, text !== "," ? this.operandEnd() : this.tokens.length - 2, text);
    }
    if (text === "=" && open?.function) {
      return this.error("operands are given without a name", first, this.operandEnd());
    }
    if (kind === "number" || kind === "string" || text === "(") return this.noOperator();
    if (kind === "word" && !KEYWORDS.has(text)) {
      return isIdentifier(text) ? this.noOperator() : this.strangeCharacter();
    }
    return this.unexpected();
  }

  // Two operands beside each other, most likely meant as a product.
  noOperator() {
    const [first, last] = this.spans.at(-1), end = this.callEnd(this.at);
    const left = this.source(first, last), right = this.source(this.at, end);
    let meant = `a product is written ${shorten(left)}*${shorten(right)}`;
    if (left in TABLE) {
      const inside = right.startsWith("(") ? right.slice(1, -1) : right;
      meant = `a function is written ${left}(${shorten(inside)})`;
    }
    return this.noExpression(`an operator is missing; ${meant}`, first, end);
  }

  unknownFunction(name) {
    const end = this.callEnd(this.at);
    if (this.tokens[end + 1]?.text === ".") {
      return this.forbidden(this.at, end + 1 + (this.tokens[end + 2].kind === "word"));
    }
    return this.error(unknown(name), this.at);
  }

  // A character in a word that no name has.
  strangeCharacter() {
    const { text: word, start } = this.token, characters = [...word];
    const at = characters.findIndex((c, i) => !isIdentifier((i ? "_" : "") + c));
    const found = characters[at], meant = GRAMMAR.lookalikes[found];
    const advice = meant ? `; did you mean ${repr(meant)}?` : "";
    const position = start + characters.slice(0, at).join("").length;
    const message = `not an expression (unexpected ${repr(found)}${advice})`;
    return this.located(message, position, position + found.length);
  }

  unexpected() {
    const { text } = this.token;
    if (KEYWORDS.has(text)) return this.noExpression(`${repr(text)} is a keyword of Python`, this.at);
    const advice = text === "=" ? "; the numbers for names follow after it" : "";
    return this.noExpression(`unexpected ${repr(shorten(text))}${advice}`, this.at);
  }

  forbidden(first, last, sign = "") {
    const hint = Object.hasOwn(GRAMMAR.hints, sign) ? ` (${GRAMMAR.hints[sign]})` : "";
    const source = repr(shorten(this.source(first, last)));
    const message = `${source} is not allowed${hint}; an expression holds ${GRAMMAR.allowed}`;
    return this.error(message, first, last);
  }

  noExpression(reason, first, last = first) {
    return this.error(`not an expression (${reason})`, first, last);
  }

  // Point at the tokens from `first` to `last`.
  error(message, first, last = first) {
    return this.located(message, this.tokens[first].start, this.tokens[last].stop);
  }

  located(message, start, stop) {
    return located(message, this.text, start, stop, this.offset);
  }

  // Where things begin and end.

  source(first, last) {
    return this.text.slice(this.tokens[first].start, this.tokens[last].stop);
  }

  // The innermost open parenthesis.
  enclosing() {
    return this.stack.findLast((each) => each.opening);
  }

  // The last token of the operand that begins at `at`.
  callEnd(at) {
    const start = at + (this.tokens[at].kind === "word" && this.tokens[at + 1].text === "(");
    return this.tokens[start].text === "(" ? this.closing(start) : start;
  }

  // The bracket that closes the one at `at`; the last token if none does.
  closing(at) {
    let depth = 0;
    for (let position = at; position < this.tokens.length - 1; position++) {
      depth += depthOf(this.tokens[position].text);
      if (depth === 0) return position;
    }
    return this.tokens.length - 2;
  }

  // The last token before the comma or bracket that ends what is being read.
  operandEnd() {
    let depth = 0, last = this.at;
    for (let position = this.at + 1; position < this.tokens.length - 1; position++) {
      const { text } = this.tokens[position];
      depth += depthOf(text);
      if (depth < 0 || (depth === 0 && text === ",")) break;
      last = position;
    }
    return last;
  }
}

// A number as Python reads it, NaN if it does not.
function readNumber(text) {
  const prefixed = /^0[xob]/i.test(text);
  const fits = prefixed
    ? /^0(x(_?[\da-f])+|o(_?[0-7])+|b(_?[01])+)$/i.test(text)
    : !/(^|[^\d])_|_([^\d]|$)|__/.test(text);
  if (!fits) return NaN;
  const plain = text.replaceAll("_", "");
  if (!prefixed) return Number(plain);
  const number = Number(BigInt(plain.toLowerCase()));
  return Number.isFinite(number) ? number : NaN;
}

// ---- Words for errors.

// What to say of a function that is not there: one that its name resembles, or all.
function unknown(name) {
  if (name in TABLE) return `${repr(name)} takes lists, which cannot be written here; write out its sum`;
  const known = GRAMMAR.functions;
  const other = Object.hasOwn(GRAMMAR.otherNames, name) ? GRAMMAR.otherNames[name] : undefined;
  const longer = [...name].length > 2 ? known.find((each) => each.startsWith(name)) : undefined;
  const close = other ?? longer ?? closeMatch(name, known);
  if (close !== undefined) return `unknown function ${repr(name)}; did you mean ${repr(close)}?`;
  return `unknown function ${repr(name)}; a product is written ${name}*(...), `
    + `and the functions are ${known.join(", ")}`;
}

// The most similar of several words, if it is similar enough (Ratcliff and Obershelp 1988, as
// Python's difflib does it).
function closeMatch(word, known) {
  let best;
  for (const each of known) {
    const score = similarity([...each], [...word]);
    if (score < 0.6) continue;
    if (!best || score > best.score || (score === best.score && each > best.each)) best = { each, score };
  }
  return best?.each;
}

function similarity(a, b) {
  return a.length + b.length ? (2 * matching(a, b)) / (a.length + b.length) : 1;
}

// The characters in the longest common block, and in those on both sides of it.
function matching(a, b) {
  let size = 0, inA = 0, inB = 0;
  let lengths = new Map(); // of the common block that ends at each place of b
  a.forEach((x, i) => {
    const next = new Map();
    b.forEach((y, j) => {
      if (x !== y) return;
      const length = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, length);
      if (length > size) [size, inA, inB] = [length, i - length + 1, j - length + 1];
    });
    lengths = next;
  });
  if (!size) return 0;
  return size + matching(a.slice(0, inA), b.slice(0, inB))
    + matching(a.slice(inA + size), b.slice(inB + size));
}

// An error that shows the part of the text around it, with a line of ^ below.
function located(message, text, start, stop, offset) {
  const characters = [...text], count = (end) => [...text.slice(0, end)].length;
  const [from, to] = [count(start), count(stop)];
  const long = characters.length > GRAMMAR.window;
  const left = long ? Math.max(0, from - GRAMMAR.window / 2) : 0;
  const shown = characters.slice(left, left + GRAMMAR.window);
  const width = Math.max(1, Math.min(to, left + shown.length) - from);
  const before = left ? "..." : "", after = left + shown.length < characters.length ? "..." : "";
  const line = shown.map((character) => (isPrintable(character) ? character : "?")).join("");
  const pointer = " ".repeat(before.length + from - left) + "^".repeat(width);
  const lines = `${message}\n  ${before}${line}${after}\n  ${pointer}`;
  return new ExpressionError(lines, offset + start, offset + stop);
}

function shorten(source) {
  const characters = [...source];
  return characters.length <= 40 ? source : `${characters.slice(0, 37).join("")}...`;
}

const isPrintable = (character) => character === " " || !/[\p{C}\p{Z}]/u.test(character);

// A text in quotes, as Python writes it.
function repr(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const written = [...text].map((character) => {
    if (character === "\\" || character === quote) return `\\${character}`;
    if (isPrintable(character)) return character;
    const code = character.codePointAt(0), hex = code.toString(16);
    const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[code];
    if (short) return short;
    if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  return quote + written.join("") + quote;
}
