// What stands beside the picture: the chain rule, the ledger of a node, the paths from a leaf.

import { setText } from "./drawing.js";
import { ledger } from "./graph.js";
import { WHOLE, elided, factorText, numberText, partialOf, titleOf, tooltipText } from "./names.js";
import { chainTerm, definition } from "./notation.js";
import { countPaths, paths } from "./paths.js";
import { differentiable } from "./story.js";

const MOST_TERMS = 6; // of a sum that are written
const MOST_PATHS = 60; // that are listed
const MOST_NODES = 9; // of a path that are written

/**
 * An element of the page.
 *
 * @param {string} tag
 * @param {Object<string, string>} attributes
 * @param {(Element | string)[]} children
 */
export function html(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The chain rule as far as it has come: a line for each gradient, a term for each arrival. */
export class ChainRule {
  /** @param {HTMLElement} list @param {(node: number) => void} choose */
  constructor(list, choose) {
    this.list = list;
    this.choose = choose;
    this.lines = new Map();
  }

  /** Begin with another graph, or with other numbers. */
  reset(graph, steps) {
    if (graph !== this.graph) {
      this.lines.clear();
      this.list.replaceChildren();
    }
    this.graph = graph;
    this.steps = steps;
    this.terms = new Map(); // by edge
  }

  /** @param {{follow: boolean}} options whether to scroll to what has just been written */
  show(moment, { follow }) {
    const terms = this.termsUntil(moment.at);
    for (const [id, line] of this.lines) {
      if (!terms.has(id)) {
        line.item.remove();
        this.lines.delete(id);
      }
    }
    let current = null;
    for (const [id, parts] of terms) {
      const line = this.lines.get(id) ?? this.addLine(id);
      const latest = parts.some((part) => part.at === moment.at);
      this.write(line, id, parts, moment);
      line.item.classList.toggle("current", latest);
      current = latest ? line.item : current;
    }
    if (follow && current !== null) {
      requestAnimationFrame(() => scrollInside(this.list, current));
    }
  }

  /** What has arrived at each node, by node in the order of first arrival. */
  termsUntil(at) {
    const terms = new Map();
    const add = (id, part) => terms.set(id, [...(terms.get(id) ?? []), part]);
    this.steps.slice(0, at).forEach((step, index) => {
      if (step.phase === "seed") {
        add(step.node, { at: index + 1, seed: true });
      }
      for (const use of step.uses) {
        add(use.parent, { at: index + 1, use });
      }
    });
    return terms;
  }

  addLine(id) {
    const [left, right, numbers] = ["left", "right", "numbers"].map((name) =>
      html("span", { class: name }));
    const button = html("button", { type: "button", class: "line" }, [left, right, numbers]);
    button.addEventListener("click", () => this.choose(id));
    const item = html("li", {}, [button]);
    this.list.append(item);
    this.lines.set(id, { item, left, right, numbers });
    return this.lines.get(id);
  }

  write(line, id, parts, moment) {
    const symbols = parts.map((part) => (part.seed ? "1" : this.term(part.use)));
    const numbers = parts.map((part) => (part.seed ? "1" : product(part.use)));
    setText(line.left, partialOf(this.graph, id));
    setText(line.right, ` = ${sumText(symbols)}`);
    const total = numberText(moment.grads[id]);
    const same = parts.length === 1 && parts[0].seed;
    setText(line.numbers, same ? "" : ` = ${sumText(numbers)} = ${total}`);
  }

  term(use) {
    if (!this.terms.has(use.edge)) {
      this.terms.set(use.edge, chainTerm(this.graph, use));
    }
    return this.terms.get(use.edge);
  }
}

function product(use) {
  return `${factorText(use.local)} × ${factorText(use.upstream)}`;
}

function sumText(terms) {
  return elided(terms, MOST_TERMS).join(" + ");
}

/** Scroll a list, not the page around it. */
export function scrollInside(list, item) {
  const holder = list.closest(".scroll");
  const below = item.offsetTop + item.offsetHeight - holder.clientHeight;
  if (item.offsetTop < holder.scrollTop) {
    holder.scrollTop = item.offsetTop;
  } else if (below > holder.scrollTop) {
    holder.scrollTop = below;
  }
}

/** The chosen node: what it is, who uses it, and for a leaf every path to the root. */
export class NodePanel {
  /** @param {HTMLElement} holder @param {(edges: object[] | null) => void} light */
  constructor(holder, light) {
    this.holder = holder;
    this.light = light;
  }

  show(graph, steps, id) {
    this.graph = graph;
    const node = graph.nodes[id];
    this.light(null);
    if (!differentiable(graph, id)) {
      const facts = html("p", {}, [`${numberText(node.data, 8)}, a constant: no gradient flows to it.`]);
      this.holder.replaceChildren(this.title(node), facts);
      return;
    }
    const book = ledger(graph, id, steps);
    const children = [this.title(node), this.facts(node, book), ...this.account(node, book)];
    if (!node.parents.length) {
      children.push(...this.ways(id, book));
    }
    this.holder.replaceChildren(...children);
  }

  title(node) {
    const kind = node.parents.length || node.op ? node.op.replaceAll("_", " ") : "leaf";
    return html("h3", { title: tooltipText(node.label || node.name) }, [
      html("bdi", {}, [titleOf(node)]), html("span", { class: "quiet" }, [` ${kind}`]),
    ]);
  }

  facts(node, book) {
    const facts = [];
    if (node.parents.length) {
      facts.push(["value", `${definition(this.graph, node.id)} = ${numberText(node.data, 8)}`]);
    } else {
      facts.push(["value", numberText(node.data, 8)]);
    }
    facts.push(["gradient", `${partialOf(this.graph, node.id)} = ${numberText(book.sum ?? 0, 8)}`]);
    return html("dl", {}, facts.flatMap(([name, text]) => [
      html("dt", {}, [name]), html("dd", {}, [text]),
    ]));
  }

  /** The ledger as a table: a row for every use, and the sum. */
  account(node, book) {
    const rows = book.uses.map((use) => this.useRow(use));
    if (book.seed) {
      rows.unshift(row("td", ["the start", "", "", numberText(1, WHOLE)]));
    }
    if (!rows.length) {
      return [html("p", { class: "quiet" }, ["No output depends on it."])];
    }
    const table = html("table", {}, [
      html("caption", {}, ["What each use adds"]),
      html("thead", {}, [row("th", ["used by", "local ×", "upstream =", "adds"], "col")]),
      html("tbody", {}, rows),
      html("tfoot", {}, [row("td", ["sum", "", "", numberText(book.sum, WHOLE)])]),
    ]);
    return [html("div", {
      class: "scroll", tabindex: "0", role: "region", "aria-label": `Uses of ${node.name}`,
    }, [table])];
  }

  useRow(use) {
    const child = this.graph.nodes[use.child];
    const name = child.name + this.nth(use);
    const numbers = [use.local, use.upstream, use.contribution].map((x) => numberText(x, WHOLE));
    const item = row("td", [name, ...numbers]);
    item.firstChild.title = tooltipText(child.label || child.name);
    const edges = [{ node: use.child, operand: use.operand }];
    item.addEventListener("pointerenter", () => this.light(edges));
    item.addEventListener("pointerleave", () => this.light(null));
    return item;
  }

  /** Which operand, where a node has the same one twice. */
  nth({ child, parent, operand }) {
    const same = this.graph.nodes[child].parents.filter((each) => each === parent);
    return same.length > 1 ? `, operand ${operand + 1}` : "";
  }

  /** Every path from a leaf to a root, its product, and their sum against the gradient. */
  ways(id, book) {
    const count = countPaths(this.graph, id);
    if (count === 0n) {
      return [];
    }
    const found = paths(this.graph, id, MOST_PATHS);
    const items = found.map((path) => this.way(path));
    const number = count.toLocaleString("en-GB");
    const heading = html("h4", {}, [count === 1n ? "The one path" : `${number} paths`]);
    const list = html("ol", { class: "paths" }, items);
    const holder = html("div", {
      class: "scroll", tabindex: "0", role: "region", "aria-label": "Paths to the output",
    }, [list]);
    return [heading, holder, html("p", { class: "verdict" }, [verdict(found, count, number, book)])];
  }

  way(path) {
    const edges = path.edges.map(({ child, operand }) => ({ node: child, operand }));
    const below = [...path.edges].reverse();
    const ids = [...below.slice(0, 1).map((edge) => edge.parent), ...below.map((edge) => edge.child)];
    const names = ids.map((id, at) => this.graph.nodes[id].name + (at ? this.nth(below[at - 1]) : ""));
    const factors = below.map(({ child, operand }) =>
      factorText(this.graph.nodes[child].local[operand], WHOLE));
    const total = numberText(path.product, WHOLE);
    const numbers = factors.length > 1
      ? `${elided(factors, MOST_NODES - 1).join(" × ")} = ${total}` : total;
    const button = html("button", { type: "button" }, [
      html("span", { class: "route" }, [elided(names, MOST_NODES).join(" → ")]),
      html("span", { class: "numbers" }, [numbers]),
    ]);
    for (const event of ["pointerenter", "focus"]) {
      button.addEventListener(event, () => this.light(edges));
    }
    for (const event of ["pointerleave", "blur"]) {
      button.addEventListener(event, () => this.light(null));
    }
    return html("li", {}, [button]);
  }
}

function row(cell, texts, scope) {
  return html("tr", {}, texts.map((text) => html(cell, scope ? { scope } : {}, [text])));
}

function verdict(found, count, number, book) {
  const gradient = numberText(book.sum, WHOLE);
  if (BigInt(found.length) < count) {
    return `${found.length} of ${number} are listed. The backward pass needs none of them: it ` +
      `adds up ${book.uses.length} use${book.uses.length === 1 ? "" : "s"}, gradient ${gradient}.`;
  }
  const sum = found.reduce((total, path) => total + path.product, 0);
  const why = Number.isNaN(sum) && !Number.isNaN(book.sum)
    ? " A gradient of zero is not handed on, whatever the derivatives below it." : "";
  return `Sum over ${count === 1n ? "the path" : `all ${number} paths`}: ${numberText(sum, WHOLE)}. ` +
    `Gradient: ${gradient}.${why}`;
}
