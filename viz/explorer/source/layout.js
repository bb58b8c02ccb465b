// Where everything stands: boxes for nodes, curves for the uses of operands.

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{x: number, y: number, width: number, height: number}} Box  x and y of its middle */
/**
 * @typedef {{from: number, to: number, points: Point[], label: Point, bends: boolean,
 *   long?: boolean}} Wire
 */
/**
 * @typedef {{direction: "LR" | "TB", width: number, height: number, nodes: Box[],
 *   wires: Map<string, Wire>}} Layout
 */

const LONGEST = 8; // layers that an edge may span and still have places of its own in between
const ROOMY = 60; // edges, up to which there is room for a product on each
const FIRM = 1000; // the weight of an order that leaves cannot mend by themselves
const BESIDE = 56; // before its end stands the number of a longer edge
const ASIDE = { x: 120, y: 32 }; // nearer edges have no room for two numbers between them

/** How an edge is called: the operand at this position of that node. */
export function edgeKey(node, operand) {
  return `${node}:${operand}`;
}

/**
 * Lay the graph out in layers, operands before results.
 *
 * @param {object} graph
 * @param {Size[]} sizes of the nodes
 * @param {"LR" | "TB"} direction
 * @param {() => {setGraph: Function}} newGraph makes an empty multigraph of dagre's
 * @param {(graph: object, options: object) => void} arrange dagre's own layout function
 * @param {{from: number, to: number, operand: number}[]} uses by which it is laid out
 * @returns {Layout}
 */
export function layOut(graph, sizes, direction, newGraph, arrange, uses = shortEdges(graph)) {
  const dagreGraph = dagreGraphOf(graph, uses, sizes, direction, newGraph);
  arrange(dagreGraph, { constraints: readingOrder(graph) });
  const layout = readLayout(graph, dagreGraph);
  const back = backward(layout);
  if (back.length) { // then the layout has to know of them
    return layOut(graph, sizes, direction, newGraph, arrange, [...uses, ...back]);
  }
  turnToReadingOrder(graph, layout);
  sortLeaves(graph, layout);
  untangle(graph, layout);
  connect(layout);
  turnAside(graph, layout);
  return layout;
}

function dagreGraphOf(graph, uses, sizes, direction, newGraph) {
  const dagreGraph = newGraph();
  const space = spaceFor(graph, direction);
  dagreGraph.setGraph({ rankdir: direction, marginx: 24, marginy: 28, ...space.distances });
  graph.nodes.forEach((node) => dagreGraph.setNode(String(node.id), { ...sizes[node.id] }));
  for (const use of uses) {
    const label = isLabelled(graph, use) ? space.label : { width: 0, height: 0 };
    const name = edgeKey(use.to, use.operand);
    dagreGraph.setEdge(String(use.from), String(use.to), { labelpos: "c", ...label }, name);
  }
  return dagreGraph;
}

/** Edges from constants carry no number. */
function isLabelled(graph, { from }) {
  return graph.nodes[from].op !== "constant";
}

/** The edges that the layout did not know of, and whose results stand before their operands. */
function backward({ direction, nodes, wires }) {
  const { on, length } = axes(direction);
  return [...wires].filter(([, { from, to, long }]) => long
    && nodes[from][on] + nodes[from][length] / 2 > nodes[to][on] - nodes[to][length] / 2)
    .map(([key, { from, to }]) => ({ from, to, operand: Number(key.split(":")[1]) }));
}

/** Every use of an operand, with the number of layers that it spans. */
function spans(graph) {
  const layers = [];
  for (const { id, parents } of graph.nodes) {
    layers[id] = parents.length ? 1 + Math.max(...parents.map((parent) => layers[parent])) : 0;
  }
  const edges = graph.nodes.flatMap(({ id, parents }) =>
    parents.map((from, operand) => ({ from, to: id, operand })));
  const firstUse = new Map(); // beside which a leaf stands
  edges.forEach(({ from, to }) =>
    firstUse.set(from, Math.min(firstUse.get(from) ?? Infinity, layers[to])));
  return edges.map((edge) => {
    const { from, to } = edge;
    const start = graph.nodes[from].parents.length ? layers[from] : firstUse.get(from) - 1;
    return { ...edge, span: layers[to] - start };
  });
}

/**
 * The edges by which the graph is laid out: on every layer that an edge crosses it takes a place
 * of its own, so that a few long ones would cost more than all others.  A node keeps its shortest.
 */
export function shortEdges(graph) {
  const edges = spans(graph);
  const shortest = new Map();
  edges.forEach(({ from, span }) =>
    shortest.set(from, Math.min(shortest.get(from) ?? Infinity, span)));
  return edges.filter(({ from, span }) => span <= LONGEST || span === shortest.get(from));
}

/** How long a layout takes, as a number of edges that go from one layer to the next. */
export function layoutWork(graph) {
  return shortEdges(graph).reduce((total, { span }) => total + span, 0);
}

/** Leaves that are used once find their places beside their only use. */
function isSettled(graph, uses, id) {
  return !graph.nodes[id].parents.length && uses.get(id) === 1;
}

function countUses(graph) {
  const uses = new Map();
  graph.nodes.forEach(({ parents }) => parents.forEach((parent) =>
    uses.set(parent, (uses.get(parent) ?? 0) + 1)));
  return uses;
}

/** Which operand stands before which: as written, where two results agree about it. */
function readingOrder(graph) {
  const uses = countUses(graph);
  const places = new Map(); // an order of all nodes, in which no two constraints contradict
  const visit = [...graph.roots].reverse();
  while (visit.length) {
    const id = visit.pop();
    if (!places.has(id)) {
      places.set(id, places.size);
      visit.push(...[...graph.nodes[id].parents].reverse());
    }
  }
  return graph.nodes.flatMap(({ parents }) => {
    const operands = [...new Set(parents)].filter((id) => !isSettled(graph, uses, id));
    return operands.slice(1).map((right, i) => [operands[i], right])
      .filter(([left, right]) => places.get(left) < places.get(right))
      .map(([left, right]) => ({ left: String(left), right: String(right) }));
  });
}

/** Numbers on many edges side by side need more room than a large picture has. */
function spaceFor(graph, direction) {
  const edges = graph.nodes.reduce((count, node) => count + node.parents.length, 0);
  const roomy = edges <= ROOMY;
  const across = direction === "LR";
  return {
    distances: {
      nodesep: roomy ? 26 : 18, edgesep: roomy ? 14 : 6, ranksep: across && !roomy ? 56 : 14,
    },
    label: roomy ? { width: 138, height: 32 } : { width: across ? 100 : 62, height: 16 },
  };
}

function readLayout(graph, dagreGraph) {
  const { width, height, rankdir: direction } = dagreGraph.graph();
  const nodes = graph.nodes.map((node) => {
    const { x, y, width, height } = dagreGraph.node(String(node.id));
    return { x, y, width, height };
  });
  const layout = { direction, width, height, nodes, wires: new Map() };
  for (const edge of dagreGraph.edges()) {
    const [id, operand] = edge.name.split(":").map(Number);
    const between = dagreGraph.edge(edge).points.slice(1, -1);
    layout.wires.set(edge.name, { from: graph.nodes[id].parents[operand], to: id, points: between });
  }
  for (const { id, parents } of graph.nodes) {
    parents.forEach((from, operand) => {
      const key = edgeKey(id, operand);
      if (!layout.wires.has(key)) {
        layout.wires.set(key, { from, to: id, points: [], long: true });
      }
    });
  }
  return layout;
}

/** Turn a layout over in which more operands stand in reverse order than in their own. */
function turnToReadingOrder(graph, layout) {
  const { side: axis } = axes(layout.direction);
  const extent = axis === "y" ? layout.height : layout.width;
  const uses = countUses(graph);
  let balance = 0;
  for (const { parents } of graph.nodes) {
    for (let i = 1; i < parents.length; i += 1) {
      const pair = [parents[i - 1], parents[i]];
      const [before, after] = pair.map((id) => layout.nodes[id]);
      const weight = pair.some((id) => isSettled(graph, uses, id)) ? 1 : FIRM;
      balance += weight * Math.sign(after[axis] - before[axis]);
    }
  }
  if (balance < 0) {
    const places = [...layout.nodes, ...[...layout.wires.values()].flatMap(({ points }) => points)];
    places.forEach((place) => {
      place[axis] = extent - place[axis];
    });
  }
}

/**
 * Let the numbers in one gap between two layers stand in the order of the edges that they are on,
 * so that no two edges cross for their sake.
 */
function untangle(graph, layout) {
  const { on, side } = axes(layout.direction);
  const gaps = new Map();
  for (const wire of layout.wires.values()) {
    const gap = wire.points[0]?.[on];
    if (wire.points.length === 1 && isLabelled(graph, wire)) {
      gaps.set(gap, [...(gaps.get(gap) ?? []), wire]);
    }
  }
  const middle = ({ from, to }) => layout.nodes[from][side] + layout.nodes[to][side];
  for (const wires of gaps.values()) {
    const places = wires.map(({ points }) => points[0][side]).sort((a, b) => a - b);
    wires.sort((a, b) => middle(a) - middle(b)).forEach(({ points }, i) => {
      points[0][side] = places[i];
    });
  }
}

/** Let leaves that are used once, by the same node, change places until they stand as written. */
function sortLeaves(graph, layout) {
  const { on, side } = axes(layout.direction);
  const uses = countUses(graph);
  for (const { id, parents } of graph.nodes) {
    const movable = parents.map((parent, operand) => ({ parent, operand })).filter(({ parent }) =>
      isSettled(graph, uses, parent) && graph.nodes[parent].op !== "constant");
    const layers = new Set(movable.map(({ parent }) => layout.nodes[parent][on]));
    for (const layer of layers) {
      const leaves = movable.filter(({ parent }) => layout.nodes[parent][on] === layer);
      const wires = leaves.map(({ operand }) => layout.wires.get(edgeKey(id, operand)));
      if (new Set(wires.map(({ points }) => points.length)).size === 1) {
        exchange(leaves.map(({ parent }) => layout.nodes[parent]), wires, side);
      }
    }
  }
}

/** Give the places of some boxes, and of the wires that leave them, to the same in order. */
function exchange(boxes, wires, side) {
  const places = boxes
    .map((box, i) => ({ at: box[side], way: wires[i].points.map((point) => point[side]) }))
    .sort((a, b) => a.at - b.at);
  places.forEach(({ at, way }, i) => {
    boxes[i][side] = at;
    way.forEach((place, k) => {
      wires[i].points[k][side] = place;
    });
  });
}

/** Along which axis the layers follow each other, and along which they extend. */
function axes(direction) {
  return direction === "LR"
    ? { on: "x", side: "y", length: "width", breadth: "height" }
    : { on: "y", side: "x", length: "height", breadth: "width" };
}

/** Lead every wire out of its operand's side and into that of the result, none across another. */
function connect(layout) {
  const { on, side, length, breadth } = axes(layout.direction);
  const ends = new Map(layout.nodes.map((_, id) => [id, { out: [], in: [] }]));
  for (const wire of layout.wires.values()) {
    ends.get(wire.from).out.push(wire);
    ends.get(wire.to).in.push(wire);
  }
  const spreadOver = (wires, id, sign, near) => {
    const box = layout.nodes[id];
    wires.sort((a, b) => near(a) - near(b));
    const gap = Math.min(11, (box[breadth] - 14) / wires.length);
    return wires.map((wire, i) => [wire, {
      [on]: box[on] + (sign * box[length]) / 2,
      [side]: box[side] + gap * (i - (wires.length - 1) / 2),
    }]);
  };
  const starts = new Map();
  const stops = new Map();
  for (const [id, { out, in: into }] of ends) {
    spreadOver(out, id, 1, (w) => (w.points[0] ?? layout.nodes[w.to])[side])
      .forEach(([wire, port]) => starts.set(wire, port));
    spreadOver(into, id, -1, (w) => (w.points.at(-1) ?? layout.nodes[w.from])[side])
      .forEach(([wire, port]) => stops.set(wire, port));
  }
  for (const wire of layout.wires.values()) {
    const [start, stop] = [starts.get(wire), stops.get(wire)];
    const beside = Math.max(start[on], stop[on] - BESIDE);
    const between = wire.long ? [{ ...stop, [on]: beside }] : wire.points;
    wire.points = [start, ...between, stop];
    Object.assign(wire, middleOf(wire.points, side));
  }
}

/** Have no two numbers stand between two edges that are near: the farther one changes its side. */
function turnAside(graph, { direction, wires }) {
  const { on, side } = axes(direction);
  const labelled = [...wires.values()].filter((wire) => isLabelled(graph, wire));
  const last = new Map(); // of each gap between two layers
  for (const wire of labelled.sort((a, b) => a.label[side] - b.label[side])) {
    const before = last.get(wire.label[on]);
    wire.bends ||= Boolean(before?.bends) && wire.label[side] - before.label[side] < ASIDE[side];
    last.set(wire.label[on], wire);
  }
}

/** Where a wire's number stands, and whether the wire bends to the far side there. */
function middleOf(points, side) {
  const label = points[Math.floor(points.length / 2)];
  const straight = (points[0][side] + points.at(-1)[side]) / 2;
  return { label, bends: label[side] > straight + 2 };
}

/**
 * A curve that passes every point in the direction of the layers.
 *
 * @param {Point[]} points
 * @param {"LR" | "TB"} direction
 * @returns {string} path data of SVG
 */
export function curve(points, direction) {
  const at = (x, y) => `${round(x)},${round(y)}`;
  let path = `M${at(points[0].x, points[0].y)}`;
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
    path += direction === "LR"
      ? `C${at(x, a.y)} ${at(x, b.y)} ${at(b.x, b.y)}`
      : `C${at(a.x, y)} ${at(b.x, y)} ${at(b.x, b.y)}`;
  }
  return path;
}

/** The point of an arrow at the end of a wire. */
export function arrowhead({ x, y }, direction, size = 6) {
  const half = size / 2;
  const corners = direction === "LR"
    ? [[x - size, y - half], [x - size, y + half]]
    : [[x - half, y - size], [x + half, y - size]];
  return `M${round(x)},${round(y)}L${corners.map((corner) => corner.map(round)).join("L")}Z`;
}

function round(number) {
  return Math.round(number * 10) / 10;
}

/**
 * Move boxes that overlap apart, up and down, from the topmost on.
 *
 * @param {Box[]} boxes are moved in place
 */
export function spread(boxes, gap = 3) {
  const sorted = [...boxes].sort((a, b) => a.y - b.y);
  sorted.forEach((box, index) => {
    for (const above of sorted.slice(0, index)) {
      const beside = Math.abs(box.x - above.x) >= (box.width + above.width) / 2;
      const least = above.y + (above.height + box.height) / 2 + gap;
      if (!beside && box.y < least) {
        box.y = least;
      }
    }
  });
}
