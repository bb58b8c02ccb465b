// What has happened after so many steps, and the sentence that says what happens now.

import { edgeKey } from "./layout.js";

const SIGNS = {
  __proto__: null,
  add: "+", sub: "−", mul: "×", div: "÷", neg: "−", pow: "^", sum: "Σ", prod: "∏", dot: "w·x",
  square: "x²", sqrt: "√", reciprocal: "1/x", abs: "|x|", greater: ">", greater_equal: "≥",
  less: "<", less_equal: "≤", equal: "=", sigmoid: "σ",
};
const LONGEST_NAME = 18;

/** An operation as the picture shows it. */
export function operationSign(op) {
  return SIGNS[op] ?? op;
}

/**
 * A number in a few digits, with the signs that people write.
 *
 * @param {number} value
 * @param {number} digits significant ones
 */
export function showNumber(value, digits = 4) {
  if (Number.isNaN(value)) {
    return "NaN";
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? "∞" : "−∞";
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) {
    return (value < 0 ? "−" : "") + size;
  }
  const short = size < 1e-4 || size >= 10 ** Math.max(digits, 6);
  const text = short
    ? size.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e")
    : String(Number(size.toPrecision(digits)));
  return (value < 0 ? "−" : "") + text.replace("e-", "e−");
}

/** A number as a factor: a negative one in parentheses. */
export function showFactor(value, digits = 4) {
  const text = showNumber(value, digits);
  return value < 0 ? `(${text})` : text;
}

/** One line, the middle of a long one left out. */
export function shorten(text, longest = LONGEST_NAME) {
  const characters = [...printable(text)];
  if (characters.length <= longest) {
    return characters.join("");
  }
  const tail = Math.floor(longest / 3);
  const head = longest - tail - 1;
  return `${characters.slice(0, head).join("")}…${characters.slice(-tail).join("")}`;
}

/** Controls and signs that turn the direction of text act on what stands beside them. */
function printable(text) {
  const line = text.replace(/\s+/gu, " ").trim();
  return line.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/**
 * Give every node the name by which pictures, sentences and formulas call it.
 *
 * A label is shortened, a second node of the same label is `w#2`, one without a label `v1`, `v2`,
 * ..., the only root `output`.  A constant without a label has no name: it is its number.
 */
export function nameNodes(graph) {
  const taken = new Set();
  const constants = graph.nodes.filter((node) => node.op === "constant");
  const unique = (name) => {
    let free = name;
    for (let copy = 2; taken.has(free); copy += 1) {
      free = `${name}#${copy}`;
    }
    taken.add(free);
    return free;
  };
  for (const node of graph.nodes) {
    const given = shorten(node.name || node.label || "");
    node.named = given !== "";
    node.name = node.named ? unique(given) : "";
  }
  if (graph.roots.length === 1) {
    const root = graph.nodes[graph.roots[0]];
    root.name = root.name || unique("output");
  }
  let count = 0;
  for (const node of graph.nodes.filter((each) => !each.name && !constants.includes(each))) {
    do {
      count += 1;
    } while (taken.has(`v${count}`));
    node.name = unique(`v${count}`);
  }
}

/** A name with the others that were given to the same: `s = t`. */
export function titleOf(node) {
  return [node.name, ...(node.aliases ?? []).map((alias) => shorten(alias))].join(" = ");
}

/** The steps that are told: leaves have their values from the start. */
export function toldSteps(graph, steps) {
  return steps.filter(({ phase, node }) => phase === "seed" || graph.nodes[node].parents.length);
}

/**
 * The state of the graph after the first `at` steps.
 *
 * @returns {{at: number, step: object | null, computed: boolean[], grads: (number | null)[],
 *   arrived: number[], carried: Map<string, number>, complete: boolean[]}}
 */
export function momentAt(graph, steps, at) {
  const size = graph.nodes.length;
  const moment = {
    at,
    step: at > 0 ? steps[at - 1] : null,
    computed: graph.nodes.map((node) => node.parents.length === 0),
    grads: new Array(size).fill(null),
    arrived: new Array(size).fill(0),
    carried: new Map(),
    complete: new Array(size).fill(false),
  };
  for (const step of steps.slice(0, at)) {
    TAKE[step.phase](moment, graph, step);
  }
  settle(moment, graph);
  return moment;
}

const TAKE = {
  forward(moment, _graph, step) {
    moment.computed[step.node] = true;
  },
  seed(moment, _graph, step) {
    moment.grads[step.node] = step.after;
  },
  backward(moment, graph, step) {
    graph.nodes[step.node].parents.forEach((parent, operand) => {
      moment.arrived[parent] += 1;
      moment.grads[parent] ??= 0;
      moment.carried.set(edgeKey(step.node, operand), 0);
    });
    for (const use of step.uses) {
      moment.grads[use.parent] = use.after;
      moment.carried.set(edgeKey(step.node, use.operand), use.contribution);
    }
  },
};

/** A gradient is complete when every use that leads to a root has handed on its part. */
function settle(moment, graph) {
  usesOf(graph).forEach((uses, node) => {
    moment.complete[node] = moment.grads[node] !== null && moment.arrived[node] === uses;
  });
}

/** How often each node is an operand. */
export function usesOf(graph) {
  const uses = new Array(graph.nodes.length).fill(0);
  for (const node of graph.nodes) {
    node.parents.forEach((parent) => {
      uses[parent] += 1;
    });
  }
  return uses;
}

/** The nodes to which gradients flow: all but constants. */
export function differentiable(graph, node) {
  return graph.nodes[node].op !== "constant";
}

/** What the gradients are of: the root's name, or that of a sum of several. */
export function rootName(graph) {
  return graph.roots.length === 1 ? graph.nodes[graph.roots[0]].name : "Σ";
}

/** `∂L/∂w` */
export function partialOf(graph, node) {
  return `∂${rootName(graph)}/∂${graph.nodes[node].name}`;
}

/**
 * One sentence, or two, that say what happens at this moment.
 *
 * @param {(graph: object, node: number) => string} define writes a node over its operands
 */
export function sentenceAt(graph, steps, moment, define) {
  if (!steps.length && graph.roots.every((root) => !differentiable(graph, root))) {
    return "Nothing but constants: there is nothing to differentiate.";
  }
  if (moment.step === null) {
    return "Only the leaves have values. The forward pass computes every other node from its operands.";
  }
  const said = SAY[moment.step.phase](graph, moment.step, define);
  const last = moment.at === steps.length;
  return last ? `${said} Every gradient is complete.` : said;
}

const SAY = {
  forward(graph, step, define) {
    const node = graph.nodes[step.node];
    const formula = define(graph, step.node);
    const value = `${node.name} = ${formula} = ${showNumber(node.data)}.`;
    const noted = notedLocals(graph, node);
    return noted ? `${value} Noted for the way back: ${noted}.` : value;
  },
  seed(graph, step) {
    const root = graph.nodes[step.node].name;
    return graph.roots.length === 1
      ? `The backward pass starts at ${root}: ∂${root}/∂${root} = 1.`
      : `The gradients are those of the sum of ${graph.roots.length} outputs: ${root} starts with 1.`;
  },
  backward(graph, step) {
    const node = graph.nodes[step.node];
    const uses = step.uses.filter((use) => differentiable(graph, use.parent));
    const upstream = uses.length ? uses[0].upstream : 0;
    if (!uses.length || upstream === 0) {
      const constants = node.parents.every((parent) => !differentiable(graph, parent));
      return constants
        ? `${node.name} is made of constants: nothing is handed on.`
        : `The gradient of ${node.name} is 0, and zero carries nothing.`;
    }
    const parts = uses.slice(0, 2).map((use) => handed(graph, use));
    const more = uses.length - parts.length;
    const rest = more > 0 ? `; and so to ${more} more` : "";
    return `${node.name} has gradient ${showNumber(upstream)} and hands on local × upstream: ${parts.join("; ")}${rest}.`;
  },
};

function notedLocals(graph, node) {
  const operands = node.parents
    .map((parent, operand) => ({ parent, local: node.local[operand] }))
    .filter(({ parent }) => differentiable(graph, parent));
  const shown = operands.slice(0, 3).map(
    ({ parent, local }) => `∂${node.name}/∂${graph.nodes[parent].name} = ${showNumber(local)}`,
  );
  return shown.join(", ") + (operands.length > 3 ? ", …" : "");
}

function handed(graph, use) {
  const name = graph.nodes[use.parent].name;
  const product = `${showFactor(use.local)} × ${showFactor(use.upstream)} = ${showNumber(use.contribution)}`;
  if (use.first) {
    return `${product} to ${name}`;
  }
  return `${product} to ${name}, which adds up to ${addition(use)}`;
}

/** `1.5 + 0.5 = 2` */
export function addition(use) {
  return `${showNumber(use.before)} + ${showFactor(use.contribution)} = ${showNumber(use.after)}`;
}

/** Mark the uses at which nothing had arrived before. */
export function markFirstArrivals(steps, graph) {
  const met = new Set(graph.roots);
  for (const step of steps.filter((each) => each.phase === "backward")) {
    for (const use of step.uses) {
      use.first = !met.has(use.parent);
      if (use.contribution !== 0) {
        met.add(use.parent);
      }
    }
  }
}
