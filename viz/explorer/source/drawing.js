// The picture: made once for a graph, then brought to each moment. Labels become text nodes only.

import { arrowhead, curve, edgeKey, spread } from "./layout.js";
import {
  WHOLE, exactText, factorText, numberText, operationSign, titleOf, tooltipText,
} from "./names.js";
import { addition, differentiable, usesOf } from "./story.js";

const SVG = "http://www.w3.org/2000/svg";
const ROW = 15;
const PAD = 9;
const CONSTANT_HEIGHT = 20;
const MANY_WIRES = 120; // of which those of the step stand out
const NOTE_MARGIN = 26; // by which a sum may stick out from its box
const EDGE = 4; // of the picture, which notes keep clear of
const WIDEST_NUMBER = "−0.0001234";

/**
 * An element of the picture.
 *
 * @param {string} tag
 * @param {Object<string, string | number>} attributes
 * @param {(Element | string)[]} children
 */
export function svg(tag, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Set text only where it changes, so that nothing is laid out anew for no reason. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Show the number of an edge, on a ground as wide as it is. */
function read({ text, ground }, number) {
  if (text.textContent === number) {
    return;
  }
  text.textContent = number;
  const width = number && textMeter("11px")(number) + 2;
  const shares = { start: 0, middle: .5, end: 1 };
  const start = text.getAttribute("x") - shares[text.getAttribute("text-anchor")] * width;
  ground.setAttribute("x", start);
  ground.setAttribute("y", text.getAttribute("y") - ROW / 2);
  ground.setAttribute("width", width || 0);
}

const meters = new Map();

/** Measures text as the page will show it. */
function textMeter(font) {
  if (!meters.has(font)) {
    const context = document.createElement("canvas").getContext("2d");
    context.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
    meters.set(font, (text) => context.measureText(text).width);
  }
  return meters.get(font);
}

/** The size of every node's box, from the text in it. */
export function nodeSizes(graph) {
  const bold = textMeter("600 13px");
  const plain = textMeter("11px");
  const strong = textMeter("700 11px");
  const uses = usesOf(graph);
  return graph.nodes.map((node) => {
    if (node.op === "constant") {
      return { width: plain(numberOf(node)) + 12, height: CONSTANT_HEIGHT };
    }
    const key = uses[node.id] > 1 ? `grad ${uses[node.id]}/${uses[node.id]}` : "grad";
    const least = plain(key) + strong(WIDEST_NUMBER) + 2 * PAD + ROW / 2;
    const sign = node.parents.length ? bold(operationSign(node.op)) + 18 : 0;
    return {
      width: Math.ceil(Math.max(sign + bold(titleOf(node)) + 2 * PAD, least)),
      height: 20 + 2 * ROW + PAD,
    };
  });
}

/** The picture of one graph in one layout. */
export class Drawing {
  /**
   * @param {SVGElement} holder what holds the picture
   * @param {object} graph
   * @param {import("./layout.js").Layout} layout
   */
  constructor(holder, graph, layout) {
    this.graph = graph;
    this.layout = layout;
    this.uses = usesOf(graph);
    this.wires = new Map();
    this.edges = svg("g", { class: "edges", "aria-hidden": "true" });
    this.grounds = svg("g", { class: "grounds", "aria-hidden": "true" });
    this.readings = svg("g", { class: "readings", "aria-hidden": "true" });
    this.nodes = svg("g", { class: "nodes" });
    this.notes = svg("g", { class: "notes", "aria-hidden": "true" });
    this.flights = svg("g", { class: "flights", "aria-hidden": "true" });
    for (const node of graph.nodes) {
      node.parents.forEach((parent, operand) => this.addWire(node, parent, operand));
    }
    this.edges.classList.toggle("dense", this.wires.size > MANY_WIRES);
    this.marks = graph.nodes.map((node) => this.addNode(node));
    holder.replaceChildren(
      this.edges, this.grounds, this.readings, this.nodes, this.flights, this.notes,
    );
  }

  addWire(node, parent, operand) {
    const key = edgeKey(node.id, operand);
    const { direction } = this.layout;
    const { points, label, bends } = this.layout.wires.get(key);
    const path = svg("path", { class: "wire", d: curve(points, direction) });
    const head = svg("path", { class: "head", d: arrowhead(points.at(-1), direction) });
    const group = svg("g", { class: "edge", "data-edge": key }, [path, head]);
    group.classList.toggle("fixed", !differentiable(this.graph, parent));
    this.edges.append(group);
    // Above all lines, on a ground of its own: a line through a number makes another number of it.
    const ground = svg("rect", { class: "ground", height: ROW });
    const text = svg("text", { class: "mark", ...this.beside(label, bends) });
    this.grounds.append(ground);
    this.readings.append(text);
    this.wires.set(key, { group, path, ground, text, label, points });
  }

  /** Where a number stands: beside its edge, on the outer side of the bend. */
  beside({ x, y }, bends) {
    if (this.layout.direction === "LR") {
      return { x, y: bends ? y + 10 : y - 9, "text-anchor": "middle" };
    }
    return bends
      ? { x: x + 7, y, "text-anchor": "start" }
      : { x: x - 7, y, "text-anchor": "end" };
  }

  addNode(node) {
    const { x, y, width, height } = this.layout.nodes[node.id];
    const kind = kindOf(node);
    const group = svg("g", {
      class: `node ${kind}`, "data-node": node.id, transform: `translate(${x},${y})`,
    });
    group.append(svg("title"), box("ring", width + 10, height + 10, 9));
    group.classList.toggle("root", this.graph.roots.includes(node.id));
    this.nodes.append(group);
    if (kind === "constant") {
      group.append(svg("text", { class: "number", y: 4 }, [numberOf(node)]));
      return { group, title: group.firstChild };
    }
    group.setAttribute("tabindex", "0");
    group.setAttribute("role", "button");
    group.append(box("box", width, height, node.parents.length ? 7 : 2));
    if (group.classList.contains("root")) {
      group.append(box("inner", width - 5, height - 5, node.parents.length ? 5 : 1));
    }
    return { group, title: group.firstChild, ...heading(group, node, width, height),
      ...rows(group, width, height) };
  }

  /** Bring the picture to a moment. */
  show(moment) {
    this.nodes.dataset.phase = moment.step?.phase ?? "start";
    this.graph.nodes.forEach((node) => this.showNode(node, moment));
    for (const [key, wire] of this.wires) {
      this.showWire(key, wire, moment);
    }
    this.showNotes(moment);
  }

  showNode(node, moment) {
    const mark = this.marks[node.id];
    const { id } = node;
    setText(mark.title, nodeTitle(node, moment));
    if (!mark.data) {
      return;
    }
    const grad = moment.grads[id];
    mark.group.setAttribute("aria-label", nodeDescription(node, moment));
    mark.group.classList.toggle("waiting", !moment.computed[id]);
    mark.group.classList.toggle("complete", moment.complete[id]);
    mark.group.classList.toggle("current", moment.step !== null && moment.step.node === id);
    showValue(mark.data, moment.computed[id] ? node.data : null);
    showValue(mark.grad, grad);
    const partial = grad !== null && !moment.complete[id] && this.uses[id] > 1;
    setText(mark.key, partial ? `grad ${moment.arrived[id]}/${this.uses[id]}` : "grad");
  }

  showWire(key, wire, moment) {
    const [id, operand] = key.split(":").map(Number);
    const node = this.graph.nodes[id];
    const active = moment.step !== null && moment.step.phase !== "seed" && moment.step.node === id;
    const carried = moment.carried.get(key);
    const past = carried !== undefined;
    wire.group.classList.toggle("active", active);
    wire.group.classList.toggle("past", past);
    wire.text.classList.toggle("past", past);
    wire.group.classList.toggle("negative", past && carried < 0);
    wire.group.classList.toggle("positive", past && carried > 0);
    wire.path.style.strokeWidth = past ? `${thickness(carried)}px` : "";
    if (wire.group.classList.contains("fixed") || !moment.computed[id]) {
      read(wire, "");
      return;
    }
    const noted = active && past; // the product stands there
    read(wire, noted ? "" : numberText(past ? carried : node.local[operand]));
  }

  /** The products of the step, each on its edge, and the sums below the boxes they arrive at. */
  showNotes(moment) {
    this.notes.replaceChildren();
    if (moment.step === null || moment.step.phase !== "backward") {
      return;
    }
    const uses = moment.step.uses.filter((use) => differentiable(this.graph, use.parent));
    const products = uses.map((use) => this.productNote(moment.step.node, use));
    const sums = [...new Set(uses.filter((use) => !use.first).map((use) => use.parent))]
      .map((parent) => this.sumNote(parent, uses.filter((use) => use.parent === parent)));
    const shown = [...products, ...sums];
    spread(shown.map((note) => note.box));
    this.notes.append(...shown.map(placed));
  }

  productNote(id, use) {
    const { label } = this.wires.get(edgeKey(id, use.operand));
    const lines = [
      `${factorText(use.local)} × ${factorText(use.upstream)}`,
      `= ${numberText(use.contribution)}`,
    ];
    return this.inside(note("product", lines, label.x, label.y));
  }

  /** What is noted at the margin moves in, so that all of a fitted picture is seen. */
  inside(made) {
    const { box } = made;
    const least = box.width / 2 + EDGE;
    box.x = Math.max(Math.min(box.x, this.layout.width - least), least);
    return made;
  }

  sumNote(parent, uses) {
    const { x, y, height } = this.layout.nodes[parent];
    const side = this.layout.direction === "LR" ? 1 : -1; // where no edge leaves the box
    return this.inside(note("sum", [addition(uses)], x, y + side * (height / 2 + 11)));
  }

  /** Mark one node as chosen, and the edges of a path as lit. */
  choose(id) {
    this.marks.forEach((mark, index) => {
      mark.group.classList.toggle("chosen", index === id);
      if (mark.data) {
        mark.group.setAttribute("aria-pressed", String(index === id));
      }
    });
  }

  /** @param {{node: number, operand: number}[] | null} edges of a path to light, or none */
  light(edges) {
    const keys = new Set((edges ?? []).map(({ node, operand }) => edgeKey(node, operand)));
    for (const layer of [this.edges, this.readings]) {
      layer.classList.toggle("dimmed", keys.size > 0);
    }
    for (const [key, wire] of this.wires) {
      wire.group.classList.toggle("lit", keys.has(key));
      wire.text.classList.toggle("lit", keys.has(key));
    }
  }

  /** The box around the nodes that a step is about. */
  extent(step) {
    return this.around([step.node, ...this.graph.nodes[step.node].parents]);
  }

  /** The box of one node. */
  place(id) {
    return this.around([id]);
  }

  around(ids) {
    const boxes = ids.map((id) => this.layout.nodes[id]);
    return {
      left: Math.min(...boxes.map((box) => box.x - box.width / 2)) - NOTE_MARGIN,
      right: Math.max(...boxes.map((box) => box.x + box.width / 2)) + NOTE_MARGIN,
      top: Math.min(...boxes.map((box) => box.y - box.height / 2)) - NOTE_MARGIN,
      bottom: Math.max(...boxes.map((box) => box.y + box.height / 2)) + NOTE_MARGIN,
    };
  }
}

/** A constant as it is shown: its number, after its label if it has one. */
function numberOf(node) {
  const number = numberText(node.data, WHOLE);
  return node.name ? `${node.name} = ${number}` : number;
}

function kindOf(node) {
  if (node.op === "constant") {
    return "constant";
  }
  return node.parents.length ? "interior" : "leaf";
}

function box(name, width, height, radius) {
  return svg("rect", {
    class: name, x: -width / 2, y: -height / 2, width, height, rx: radius,
  });
}

function heading(group, node, width, height) {
  const y = -height / 2 + 18;
  let left = -width / 2 + PAD;
  if (node.parents.length) {
    const sign = svg("text", { class: "sign", y }, [operationSign(node.op)]);
    const wide = textMeter("600 13px")(sign.textContent) + 12;
    sign.setAttribute("x", left - 3 + wide / 2);
    group.append(
      svg("rect", { class: "chip", x: left - 3, y: y - 14, width: wide, height: 18, rx: 5 }), sign,
    );
    left += wide + 3;
  }
  const name = svg("text", { class: node.named ? "name" : "name automatic", x: left, y }, [titleOf(node)]);
  group.append(name);
  return { name };
}

function rows(group, width, height) {
  const left = -width / 2 + PAD;
  const row = (key, line) => {
    const y = -height / 2 + 18 + ROW * line + 2;
    const word = svg("text", { class: "key", x: left, y }, [key]);
    const value = svg("text", { class: "value", x: -left, y });
    group.append(word, value);
    return [word, value];
  };
  const [, data] = row("data", 1);
  const [key, grad] = row("grad", 2);
  grad.classList.add("grad");
  return { data, key, grad };
}

/** Show a number; one that is not finite stands out. */
function showValue(element, value) {
  setText(element, value === null ? "–" : numberText(value));
  element.classList.toggle("odd", value !== null && !Number.isFinite(value));
}

function nodeTitle(node, moment) {
  const lines = [node.label || node.name];
  if (node.op === "constant") {
    return tooltipText(...new Set([...lines, exactText(node.data), "a constant: no gradient flows to it"]));
  }
  if (node.parents.length) {
    lines.push(node.op);
  }
  if (moment.computed[node.id]) {
    lines.push(`data ${exactText(node.data)}`);
  }
  if (moment.grads[node.id] !== null) {
    lines.push(`grad ${exactText(moment.grads[node.id])}`);
  }
  return tooltipText(...lines);
}

function nodeDescription(node, moment) {
  const what = node.parents.length ? node.op.replaceAll("_", " ") : "leaf";
  const data = moment.computed[node.id] ? `data ${numberText(node.data)}` : "not yet computed";
  const grad = moment.grads[node.id];
  const gradient = grad === null ? "no gradient yet" : `gradient ${numberText(grad)}`;
  return `${node.name}, ${what}, ${data}, ${gradient}`;
}

/** From hairline to thick: every factor of ten is a little more. */
function thickness(value) {
  if (value === 0 || Number.isNaN(value)) {
    return 0.8;
  }
  return Math.min(6, Math.max(1, 2.6 + 1.2 * Math.log10(Math.abs(value))));
}

const NOTE_LINE = 14;

function note(kind, lines, x, y) {
  const width = Math.max(...lines.map(textMeter("600 11.5px"))) + 14;
  return { kind, lines, box: { x, y, width, height: NOTE_LINE * lines.length + 5 } };
}

function placed({ kind, lines, box: { x, y, width, height } }) {
  const first = 4 - ((lines.length - 1) * NOTE_LINE) / 2;
  const texts = lines.map((line, i) => svg("text", { y: first + i * NOTE_LINE }, [line]));
  return svg("g", { class: `note ${kind}`, transform: `translate(${x},${y})` }, [
    box("back", width, height, 9), ...texts,
  ]);
}
