// What has happened after so many steps, and the sentence that says what happens now.

import { edgeKey } from "./layout.js";
import { elided, factorText, numberText, partialOf } from "./names.js";
import { definition } from "./notation.js";

const MOST_TERMS = 5; // of a sum that is told

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

/** One sentence, or two, that say what happens at this moment. */
export function sentenceAt(graph, steps, moment) {
  if (!steps.length && graph.roots.every((root) => !differentiable(graph, root))) {
    return "Nothing but constants: there is nothing to differentiate.";
  }
  if (moment.step === null) {
    return "Only the leaves have values. The forward pass computes every other node from its operands.";
  }
  const said = SAY[moment.step.phase](graph, moment.step);
  const last = moment.at === steps.length;
  return last ? `${said} Every gradient is complete.` : said;
}

const SAY = {
  forward(graph, step) {
    const node = graph.nodes[step.node];
    const value = `${node.symbol} = ${definition(graph, node.id)} = ${numberText(node.data)}.`;
    const noted = notedLocals(graph, node);
    return noted ? `${value} Noted for the way back: ${noted}.` : value;
  },
  seed(graph, step) {
    const root = graph.nodes[step.node].name;
    return graph.roots.length === 1
      ? `The backward pass starts at ${root}: ${partialOf(graph, step.node)} = 1.`
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
    return `${node.name} has gradient ${numberText(upstream)} and hands on local × upstream: ${parts.join("; ")}${rest}.`;
  },
};

function notedLocals(graph, node) {
  const operands = node.parents
    .map((parent, operand) => ({ parent, local: node.local[operand] }))
    .filter(({ parent }) => differentiable(graph, parent));
  const shown = operands.slice(0, 3).map(
    ({ parent, local }) => `∂${node.symbol}/∂${graph.nodes[parent].symbol} = ${numberText(local)}`,
  );
  return shown.join(", ") + (operands.length > 3 ? ", …" : "");
}

function handed(graph, use) {
  const name = graph.nodes[use.parent].name;
  const product = `${factorText(use.local)} × ${factorText(use.upstream)} = ${numberText(use.contribution)}`;
  if (use.first) {
    return `${product} to ${name}`;
  }
  return `${product} to ${name}, which adds up to ${addition([use])}`;
}

/** What a step adds at one node, `1.5 + 0.5 = 2`, to what was there. */
export function addition(uses) {
  const [{ before, first }] = uses;
  const added = uses.map((use, i) => (first && !i ? numberText : factorText)(use.contribution));
  const terms = elided(first ? added : [numberText(before), ...added], MOST_TERMS);
  return `${terms.join(" + ")} = ${numberText(uses.at(-1).after)}`;
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
