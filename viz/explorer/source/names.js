// How nodes, operations and numbers are called: alike in pictures, sentences and formulas.

import { isConstant } from "./graph.js";
import { SIGNS } from "./signs.js";

const LONGEST_NAME = 18;
export const WHOLE = 6; // digits of a number that stands for itself
const ACTING = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu; // but for joiners of letters
const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const PLAIN = /^[\p{L}_][\p{L}\p{M}\p{N}_.'′#[\],…]*$/u;

/** An operation as the picture shows it. */
export function operationSign(op) {
  return SIGNS[op] ?? shorten(op);
}

/**
 * A number in a few significant digits, with the signs that people write.
 *
 * @param {number} value
 * @param {number} digits
 */
export function numberText(value, digits = 4) {
  if (Number.isNaN(value)) {
    return "NaN";
  }
  const size = Math.abs(value);
  return (value < 0 ? "−" : "") + (size === Infinity ? "∞" : sizeText(size, digits));
}

function sizeText(size, digits) {
  if (Number.isInteger(size) && size < 1e7) {
    return String(size);
  }
  const short = size < 1e-4 || size >= 10 ** Math.max(digits, 6);
  return short
    ? size.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e").replace("e-", "e−")
    : String(Number(size.toPrecision(digits)));
}

/** A number as a factor: a negative one in parentheses. */
export function factorText(value, digits) {
  const text = numberText(value, digits);
  return value < 0 ? `(${text})` : text;
}

/** A number to its last bit, as it can be read again. */
export function exactText(value) {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** A line with a mark for each character that would act on the text instead of standing in it. */
const visible = (line) => line.replace(ACTING, "\ufffd");

/** Lines for a tooltip, each as long as it is. */
export function tooltipText(...lines) {
  return lines.join("\n").split(/\r?\n/u).map(visible).join("\n");
}

/** One line, the middle of a long one left out. */
function shorten(text, longest = LONGEST_NAME) {
  const characters = [...visible(text.replace(/\s+/gu, " ").trim())];
  if (characters.length <= longest) {
    return characters.join("");
  }
  const tail = Math.floor(longest / 3);
  const head = longest - tail - 1;
  return `${characters.slice(0, head).join("")}…${characters.slice(-tail).join("")}`;
}

/** Text that, if it runs from right to left, does not turn what stands beside it. */
function isolated(text) {
  return FROM_THE_RIGHT.test(text) ? `\u2068${text}\u2069` : text;
}

/**
 * Give every node the name by which it is called, and the symbol that stands for it in formulas:
 * the name, in quotes where it could be read as something else, which one that the graph gives
 * beside the label cannot: it is a textbook's.
 *
 * A label is shortened, a second node of the same label is `w#2`, one without a label `v1`, `v2`,
 * ..., the only root `output`.  A constant without a label has no name: it is its number.
 */
export function nameNodes(graph) {
  const taken = new Set();
  const copies = new Map();
  const unique = (name) => {
    let free = name;
    while (taken.has(free)) {
      const copy = (copies.get(name) ?? 1) + 1;
      copies.set(name, copy);
      free = `${name}#${copy}`;
    }
    taken.add(free);
    return free;
  };
  const names = graph.nodes.map((node) => {
    const given = shorten(node.name || node.label || "");
    node.named = given !== "";
    return node.named ? unique(given) : "";
  });
  if (graph.roots.length === 1) {
    names[graph.roots[0]] ||= unique("output");
  }
  let count = 0;
  for (const node of graph.nodes) {
    while (!names[node.id] && !isConstant(node)) {
      count += 1;
      names[node.id] = taken.has(`v${count}`) ? "" : unique(`v${count}`);
    }
    const name = names[node.id];
    node.symbol = isolated(!name || node.name || PLAIN.test(name) ? name : `"${name}"`);
    node.name = isolated(name);
  }
  return graph;
}

/** A name with the others that were given to the same: `s = t`. */
export function titleOf(node) {
  return [node.name, ...(node.aliases ?? []).map((alias) => isolated(shorten(alias)))].join(" = ");
}

/** `∂L/∂w`; of several roots, those of their sum. */
export function partialOf(graph, id) {
  const [root, ...others] = graph.roots;
  return `∂${others.length ? "Σ" : graph.nodes[root].symbol}/∂${graph.nodes[id].symbol}`;
}

/** Some of many, the others left out before the last. */
export function elided(texts, most) {
  return texts.length <= most ? texts : [...texts.slice(0, most - 2), "…", texts.at(-1)];
}
