// A computation graph, its two passes, and the ledger of every node.
//
// As JSON: {roots: [id], nodes: [{id, op, label, name?, parents: [id], data, local?: [number]}]},
// operands first, ids are positions.  op is "" for a leaf, "constant" for a number, else a row of
// the table; a node of another op keeps the value and the local derivatives that it came with.

import { localDerivatives, value } from "./numbers.js";
import { TABLE } from "./table.js";

const WRITTEN = { __proto__: null, nan: NaN, inf: Infinity, "-inf": -Infinity };

const readNumber = (data) => (typeof data === "string" ? WRITTEN[data] : data);

export const isConstant = (node) => node.op === "constant";
const isLeaf = (node) => node.parents.length === 0;
export const isKnown = (node) => node.op in TABLE;

// The graph of a JSON, as {roots, nodes, edges}: a node has its edges to operands as `operands`
// and those to the nodes that use it as `uses`; an edge is {index, child, operand, parent}, nodes
// by id, one for each use.
export function readGraph(json) {
  const edges = [];
  const nodes = json.nodes.map((given, id) => ({
    ...given,
    id,
    data: readNumber(given.data),
    local: (given.local ?? given.parents.map(() => 0)).map(readNumber),
    operands: [],
    uses: [],
  }));
  for (const node of nodes) {
    node.parents.forEach((parent, operand) => {
      const edge = { index: edges.length, child: node.id, operand, parent };
      edges.push(edge);
      node.operands.push(edge);
      nodes[parent].uses.push(edge);
    });
  }
  return { roots: [...json.roots], nodes, edges };
}

// Compute every node from the leaves, and the local derivatives: 0 toward constants, as they are
// not asked for.
export function evaluate(graph) {
  for (const node of graph.nodes) {
    if (isLeaf(node) || !isKnown(node)) continue;
    const operands = node.parents.map((id) => graph.nodes[id].data);
    const wanted = node.parents.map((id) => !isConstant(graph.nodes[id]));
    node.data = value(node.op, operands);
    node.local = localDerivatives(node.op, operands, node.data, wanted);
  }
  return graph;
}

// The nodes with operands on which the roots depend, operands first, in the engine's order: depth
// first, the last operand first, without recursion.
export function interiorOrder(graph, roots = graph.roots) {
  const order = [], visited = new Set();
  const stack = [...roots];
  while (stack.length) {
    const id = stack.pop();
    if (id < 0) { order.push(~id); continue; } // all operands of it are done
    const node = graph.nodes[id];
    if (visited.has(id) || isLeaf(node)) continue;
    visited.add(id);
    stack.push(~id, ...node.parents);
  }
  return order;
}

// The steps of a forward and a backward pass from `roots`, each of them seeded with 1, so that
// gradients are those of their sum.
//
// A step is {phase, node, uses}.  "forward": the node is computed from its operands; "seed": the
// root's gradient is set to 1; "backward": the node hands its gradient on.  A use is {edge, child,
// parent, operand, local, upstream, contribution, before, after, carries}: what arrives over one
// edge at the parent's gradient, which was `before` and is `after`.  As in the engine zero carries
// nothing: where `carries` is false, the contribution is 0 and nothing was multiplied.  Edges to
// constants have no use: their derivative is not asked for.
export function steps(graph, roots = graph.roots) {
  const order = interiorOrder(graph, roots);
  const reached = new Set(order);
  const forward = graph.nodes.filter((node) => reached.has(node.id));
  const gradients = graph.nodes.map(() => 0);
  return [
    ...forward.map((node) => ({ phase: "forward", node: node.id, uses: [] })),
    ...roots.filter((id) => !isConstant(graph.nodes[id])).map((id) => seed(id, gradients)),
    ...order.reverse().map((id) => backward(graph, graph.nodes[id], gradients)),
  ];
}

function seed(root, gradients) {
  const before = gradients[root];
  gradients[root] += 1;
  return { phase: "seed", node: root, uses: [], before, after: gradients[root] };
}

function backward(graph, node, gradients) {
  const upstream = gradients[node.id];
  const uses = [];
  for (const edge of node.operands) {
    if (isConstant(graph.nodes[edge.parent])) continue;
    const local = node.local[edge.operand], before = gradients[edge.parent];
    const carries = local !== 0 && upstream !== 0;
    const contribution = carries ? local * upstream : 0;
    if (carries) gradients[edge.parent] += contribution;
    const { child, parent, operand } = edge, after = gradients[parent];
    uses.push({
      edge: edge.index, child, parent, operand, local, upstream, contribution, before, after, carries,
    });
  }
  return { phase: "backward", node: node.id, uses };
}

// The gradient of every node after these steps, by default after all; null for constants, toward
// which no derivative is asked for.
export function gradients(graph, walked = steps(graph)) {
  const found = graph.nodes.map((node) => (isConstant(node) ? null : 0));
  for (const step of walked) {
    if (step.phase === "seed") found[step.node] = step.after;
    for (const use of step.uses) found[use.parent] = use.after;
  }
  return found;
}

// Every use of a node in the order in which the backward pass meets them, what it starts with
// (`seed`: 1 for a root) and the sum: its gradient.
export function ledger(graph, node, walked = steps(graph)) {
  const uses = walked.flatMap((step) => step.uses.filter((use) => use.parent === node));
  const seeds = walked.filter((step) => step.phase === "seed" && step.node === node);
  return { uses, seed: seeds.length, sum: gradients(graph, walked)[node] };
}
