// Paths from the roots to a node: what the backward pass sums over without walking them.

import { interiorOrder } from "./graph.js";

// The nodes on paths from the roots to `leaf`, both included, as a set of ids.
function onPaths(graph, leaf, roots = graph.roots) {
  const members = new Set([leaf]);
  for (const id of interiorOrder(graph, roots)) {
    if (graph.nodes[id].parents.some((parent) => members.has(parent))) members.add(id);
  }
  return members;
}

// How many paths lead from the roots to `leaf`, as a BigInt: one addition for each edge, however
// many paths there are.
export function countPaths(graph, leaf, roots = graph.roots) {
  const members = onPaths(graph, leaf, roots);
  const counts = graph.nodes.map(() => 0n);
  for (const root of roots) counts[root] += 1n;
  for (const id of interiorOrder(graph, roots).reverse()) {
    if (id === leaf || !members.has(id)) continue;
    for (const parent of graph.nodes[id].parents) counts[parent] += counts[id];
  }
  return counts[leaf];
}

// The first `limit` paths as {edges, product}, leftmost operands first: the edges from the root
// down, and the product of their local derivatives, in which a 0 makes it 0, whatever the others.
export function paths(graph, leaf, limit = 20, roots = graph.roots) {
  const members = onPaths(graph, leaf, roots), found = [];
  const stack = roots.filter((root) => members.has(root))
    .map((root) => ({ at: root, edges: [], product: 1 })).reverse();
  while (stack.length && found.length < limit) {
    const { at, edges, product } = stack.pop();
    if (at === leaf) { found.push({ edges, product }); continue; }
    const node = graph.nodes[at];
    const next = node.operands.filter((edge) => members.has(edge.parent));
    for (const edge of next.reverse()) {
      const local = node.local[edge.operand];
      stack.push({
        at: edge.parent,
        edges: [...edges, edge],
        product: product && local ? product * local : 0,
      });
    }
  }
  return found;
}
