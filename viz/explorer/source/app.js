// The page: one graph, its steps, and what shows them.

import { Transport, View } from "./controls.js";
import { Drawing, nodeSizes } from "./drawing.js";
import { Field } from "./field.js";
import { evaluate, isKnown, readGraph, steps as stepsOf } from "./graph.js";
import { Inputs } from "./inputs.js";
import { layOut, layoutWork } from "./layout.js";
import { Motion } from "./motion.js";
import { nameNodes } from "./names.js";
import { ChainRule, NodePanel } from "./panels.js";
import { markFirstArrivals, momentAt, sentenceAt, toldSteps } from "./story.js";

const DRAGGED = 5; // pixels, from which on a click was the end of a drag
const MUCH = 200; // work, for which one layout is enough to wait for

const part = (id) => document.getElementById(id);
const parts = (...ids) => Object.fromEntries(ids.map((id) => [id, part(id)]));

/** Everything that one page shows. */
class Explorer {
  constructor() {
    this.picture = part("picture");
    this.world = part("world");
    this.view = new View(this.picture, this.world);
    this.transport = new Transport(
      parts("first", "back", "play", "next", "last", "scrub", "speed", "sentence"),
      (options) => this.show(options),
    );
    this.chain = new ChainRule(part("chain"), (id) => this.choose(id));
    this.panel = new NodePanel(part("ledger"), (edges) => this.drawing.light(edges));
    this.inputs = new Inputs(part("inputs"), (id, value) => this.change(id, value));
    this.changed = () => {};
    part("reset").addEventListener("click", () => this.restore());
    this.listenToPicture();
    this.listenToZoom();
  }

  /** Show another graph. */
  open(json, { atEnd = false } = {}) {
    this.graph = nameNodes(evaluate(readGraph(json)));
    this.original = this.graph.nodes.map((node) => node.data);
    this.chosen = null;
    this.take();
    this.draw();
    this.inputs.reset(this.graph);
    part("foreign").hidden = this.graph.nodes.every(
      (node) => !node.parents.length || isKnown(node),
    );
    const turn = this.steps.filter((step) => step.phase === "forward").length;
    this.transport.reset(this.steps.length, turn, atEnd ? this.steps.length : 0);
    this.chain.reset(this.graph, this.steps);
    this.choose(this.firstLeaf(), { quietly: true });
    this.show();
  }

  take() {
    this.steps = toldSteps(this.graph, stepsOf(this.graph));
    markFirstArrivals(this.steps, this.graph);
  }

  firstLeaf() {
    const leaves = this.graph.nodes.filter((node) => node.op === "");
    return (leaves[0] ?? this.graph.nodes.at(-1)).id;
  }

  /** From left to right, or from top to bottom where that shows much more. */
  layout() {
    this.view.measure();
    const sizes = nodeSizes(this.graph);
    const empty = () => new dagre.graphlib.Graph({ multigraph: true });
    const lay = (direction) => layOut(this.graph, sizes, direction, empty, dagre.layout);
    const across = lay("LR");
    if (layoutWork(this.graph) > MUCH || this.view.scaleFor(across) === 1) {
      return across;
    }
    const down = lay("TB");
    return this.view.prefers(down, across) ? down : across;
  }

  draw() {
    const layout = this.layout();
    this.drawing = new Drawing(this.world, this.graph, layout);
    this.motion?.stop();
    this.motion = new Motion(this.drawing);
    this.view.open(layout, this.drawing.extent(this.steps[0] ?? { node: 0, phase: "seed" }));
    const count = this.graph.nodes.length;
    this.picture.setAttribute("aria-label", `Computation graph with ${count} nodes`);
  }

  /** Bring everything to the moment at which the transport is. */
  show({ moving = false, follow = true } = {}) {
    const { at } = this.transport;
    const moment = momentAt(this.graph, this.steps, at);
    this.motion.stop();
    this.drawing.show(moment);
    this.chain.show(moment, { follow });
    part("sentence").textContent = sentenceAt(this.graph, this.steps, moment);
    part("phase").textContent = phaseName(moment);
    part("count").textContent = `${at} / ${this.steps.length}`;
    if (moment.step !== null) {
      this.view.reveal(this.drawing.extent(moment.step), this.drawing.place(moment.step.node));
    }
    if (moving) {
      this.motion.start(moment.step, this.transport.speed);
    }
  }

  choose(id, { quietly = false } = {}) {
    this.chosen = id;
    this.drawing.choose(id);
    this.panel.show(this.graph, this.steps, id);
    this.inputs.choose(id);
    if (!quietly) {
      part("node-panel").scrollIntoView({ block: "nearest" });
    }
  }

  /** Give a leaf another value: everything is computed again, at the same moment. */
  change(id, value) {
    this.graph.nodes[id].data = value;
    this.refresh();
    this.changed(this.graph.nodes[id], value);
  }

  refresh() {
    evaluate(this.graph);
    this.take();
    this.chain.reset(this.graph, this.steps);
    this.panel.show(this.graph, this.steps, this.chosen);
    this.show({ follow: false });
  }

  restore() {
    this.graph.nodes.forEach((node) => {
      if (node.op === "" && node.data !== this.original[node.id]) {
        node.data = this.original[node.id];
        this.inputs.set(node.id, node.data);
        this.changed(node, node.data);
      }
    });
    this.refresh();
  }

  listenToPicture() {
    const nodeOf = (event) => event.target.closest?.("[data-node]");
    this.picture.addEventListener("click", (event) => {
      const node = nodeOf(event);
      if (node?.hasAttribute("tabindex") && this.view.moved < DRAGGED) {
        this.choose(Number(node.dataset.node));
      }
    });
    this.picture.addEventListener("keydown", (event) => {
      const node = nodeOf(event);
      if (node && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        this.choose(Number(node.dataset.node));
      }
    });
    // not of the picture itself: an svg that listens for the focus takes it
    this.picture.parentElement.addEventListener("focusin", (event) => {
      const node = nodeOf(event);
      if (node?.matches(":focus-visible")) {
        this.view.reveal(this.drawing.place(Number(node.dataset.node)));
      }
    });
    part("skip").addEventListener("click", () => part("play").focus());
  }

  listenToZoom() {
    const acts = {
      "+": () => this.view.zoom(1.25),
      "=": () => this.view.zoom(1.25),
      "-": () => this.view.zoom(0.8),
      0: () => this.view.fitAlways(),
      f: () => this.view.fitAlways(),
    };
    part("closer").addEventListener("click", acts["+"]);
    part("farther").addEventListener("click", acts["-"]);
    part("fit").addEventListener("click", acts.f);
    document.addEventListener("keydown", (event) => {
      const written = event.target.closest?.("input, select, textarea");
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      if (!written && !modified && Object.hasOwn(acts, event.key)) {
        acts[event.key]();
      }
    });
  }
}

function phaseName(moment) {
  const phase = moment.step?.phase;
  if (phase === undefined) {
    return "Start";
  }
  return phase === "forward" ? "Forward pass" : "Backward pass";
}

/** Light or dark: the system's, until the button is pressed. */
function listenToTheme() {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches
    ? "dark" : "light")) === "dark";
  part("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
  });
}

function start() {
  listenToTheme();
  const explorer = new Explorer();
  const given = JSON.parse(part("graph").textContent);
  if (given !== null) {
    explorer.open(given);
    return;
  }
  part("leaves-panel").parentElement.prepend(part("leaves-panel")); // what one plays with
  const field = new Field(
    {
      form: part("field"), text: part("expression"), error: part("complaint"),
      examples: part("examples"), note: part("note"),
    },
    (graph) => explorer.open(graph, { atEnd: true }),
  );
  explorer.restore = () => field.reset();
  explorer.changed = (node, value) => field.keep(node.label, value);
}

start();
