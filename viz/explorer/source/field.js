// The playground's field: expressions, what is wrong with them, examples, and the address that
// holds them. The address is read as text and numbers; nothing in it is ever executed.

import { EXAMPLES } from "./examples.js";
import { exactText } from "./names.js";
import { layoutWork } from "./layout.js";
import { html } from "./panels.js";
import { ExpressionError, parse } from "./parse.js";

const MOST_NODES = 500; // that a page can lay out while one types
const MOST_CHARACTERS = 10000;
const QUICK = 60; // the work of a layout that keeps up with typing
const PAUSE = 250; // milliseconds after which a larger one is made, and the address written

/** What is wrong, with the line where it is, if there are several. */
function located({ message, start }, text) {
  const number = text.slice(0, start).split("\n").length;
  return text.trim().includes("\n") ? `Line ${number}: ${message}` : message;
}

/** The field with its message and its examples. */
export class Field {
  /**
   * @param {{form: HTMLFormElement, text: HTMLTextAreaElement, error: HTMLElement,
   *   examples: HTMLElement, note: HTMLElement}} parts
   * @param {(graph: object) => void} accept called with the graph of every text that has one
   */
  constructor(parts, accept) {
    this.parts = parts;
    this.accept = accept;
    this.values = {};
    this.names = null; // of the inputs of the graph that is shown
    this.starts = null; // numbers that the text gives to names, once it has been read
    this.pending = null; // a graph that is not drawn yet
    parts.form.hidden = false;
    parts.form.addEventListener("submit", (event) => event.preventDefault());
    parts.text.addEventListener("input", () => this.read({ typing: true }));
    parts.text.addEventListener("change", () => this.draw());
    this.buttons = EXAMPLES.map((example) => this.exampleButton(example));
    parts.examples.replaceChildren(...this.buttons);
    addEventListener("hashchange", () => this.restore());
    this.restore();
  }

  exampleButton(example) {
    const button = html("button", { type: "button", title: example.note }, [example.title]);
    button.addEventListener("click", () => this.set(example.text, example.values));
    return button;
  }

  set(text, values) {
    this.parts.text.value = text;
    this.values = { ...values };
    this.starts = null;
    this.read();
  }

  /** Read the field: a new graph, or a message that points at what is wrong. */
  read({ typing = false } = {}) {
    this.pending = null;
    const text = this.parts.text.value;
    this.parts.text.rows = Math.min(Math.max(text.split("\n").length, 1), 5);
    try {
      const { graph, names } = this.parsed(text);
      this.names = new Set(names);
      this.complain("");
      this.pending = graph;
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.draw(), PAUSE);
      if (!typing || layoutWork(graph) <= QUICK) {
        this.draw();
      }
    } catch (error) {
      if (!(error instanceof ExpressionError)) {
        throw error;
      }
      this.complain(located(error, text));
      this.explain(null);
      return;
    }
    this.remember();
    this.explain(text);
  }

  /** Show the graph of the text that was read last, unless it is shown. */
  draw() {
    const graph = this.pending;
    if (graph !== null) {
      this.pending = null;
      this.accept(graph);
    }
  }

  /** A number that was changed in the text counts again, whatever its slider has said. */
  parsed(text) {
    let parsed = parse(text, this.values);
    const { starts } = parsed;
    const before = this.starts ?? starts;
    const outdated = Object.keys(starts).filter((name) =>
      Object.hasOwn(this.values, name) && !Object.is(starts[name], before[name]));
    this.starts = starts;
    if (outdated.length) {
      outdated.forEach((name) => delete this.values[name]);
      parsed = parse(text, this.values);
    }
    const size = parsed.graph.nodes.length;
    if (size > MOST_NODES) {
      throw new ExpressionError(
        `The graph has ${size} values; a picture of more than ${MOST_NODES} is not to be read.`,
        0, text.length,
      );
    }
    return parsed;
  }

  complain(message) {
    const [said, ...where] = message.split("\n");
    const rest = where.map((line) => `\n${line}`).join("");
    this.parts.error.replaceChildren(
      ...(message ? [html("span", { class: "message" }, [said]), rest] : []),
    );
    this.parts.text.setAttribute("aria-invalid", String(message !== ""));
  }

  /** What an example is to show. */
  explain(text) {
    const chosen = EXAMPLES.findIndex((example) => example.text === text);
    this.buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(index === chosen));
    });
    this.parts.note.textContent = EXAMPLES[chosen]?.note ?? "";
  }

  /** A leaf was changed elsewhere. */
  keep(name, value) {
    this.values[name] = value;
    if (this.pending !== null) {
      this.pending = this.parsed(this.parts.text.value).graph;
    }
    this.remember();
  }

  /** Write the state into the address, so that it can be shared, once it stays as it is. */
  remember() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.write(), PAUSE);
  }

  write() {
    const state = new URLSearchParams({ f: this.parts.text.value });
    for (const [name, value] of Object.entries(this.values).filter(([each]) => this.names.has(each))) {
      state.append(`v.${name}`, exactText(value));
    }
    try {
      history.replaceState(null, "", `#${state}`);
    } catch (error) { // a frame without an address
      if (error.name !== "SecurityError") {
        throw error;
      }
    }
  }

  /** Begin anew with the numbers that the example or the text gives. */
  reset() {
    const example = EXAMPLES.find(({ text }) => text === this.parts.text.value);
    this.set(this.parts.text.value, example?.values ?? {});
  }

  restore() {
    const state = new URLSearchParams(location.hash.slice(1));
    const text = state.get("f");
    if (text === null || this.names === null) { // so that there is a graph, whatever the address says
      this.set(EXAMPLES[0].text, EXAMPLES[0].values);
    }
    if (text === null) {
      return;
    }
    const values = [...state]
      .filter(([key, value]) => key.startsWith("v.") && value.trim() && Number.isFinite(Number(value)))
      .map(([key, value]) => [key.slice(2), Number(value)]);
    this.set(text.slice(0, MOST_CHARACTERS), Object.fromEntries(values));
  }
}
