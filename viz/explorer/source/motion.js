// What moves: contributions that travel along their edges. A number changes where one arrives.

import { edgeKey } from "./layout.js";
import { svg } from "./drawing.js";
import { numberText } from "./names.js";

const TRAVEL = 520; // milliseconds along an edge
const STAGGER = 420; // between arrivals at the same node
const MOST = 24; // dots in the air

/** Whether the reader has asked for as little motion as possible. */
export function prefersStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Shows one step's contributions on their way; the numbers are right whenever it is stopped. */
export class Motion {
  /** @param {import("./drawing.js").Drawing} drawing */
  constructor(drawing) {
    this.drawing = drawing;
    this.frame = 0;
  }

  /** Stop at once, with every number at its end. */
  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.drawing.flights.replaceChildren();
    for (const flight of this.flights ?? []) {
      flight.settle();
    }
    this.flights = [];
    this.waiting?.forEach((group) => group.classList.add("complete"));
    this.waiting = [];
  }

  /** Send the contributions of a backward step on their way, `speed` times as fast as usual. */
  start(step, speed = 1) {
    this.stop();
    if (step === null || step.phase !== "backward" || prefersStillness() || speed > 4) {
      return;
    }
    this.holdBack(step);
    const before = new Map();
    this.flights = step.uses.filter((use) => use.contribution !== 0).slice(0, MOST).map((use) => {
      const place = before.get(use.parent) ?? 0;
      before.set(use.parent, place + 1);
      return this.flight(step.node, use, place);
    });
    const start = performance.now();
    const move = (now) => {
      const time = (now - start) * speed;
      const flying = this.flights.map((flight) => flight.move(time)).some(Boolean);
      if (flying) {
        this.frame = requestAnimationFrame(move);
      } else {
        this.stop();
      }
    };
    move(start);
  }

  /** A gradient is not complete while something is on its way to it. */
  holdBack(step) {
    const groups = step.uses.map((use) => this.drawing.marks[use.parent].group);
    this.waiting = [...new Set(groups)].filter((group) => group.classList.contains("complete"));
    this.waiting.forEach((group) => group.classList.remove("complete"));
  }

  flight(id, use, place) {
    const { path, group } = this.drawing.wires.get(edgeKey(id, use.operand));
    const { grad } = this.drawing.marks[use.parent];
    const dot = svg("circle", { class: "dot", r: 5 });
    this.drawing.flights.append(dot);
    const length = path.getTotalLength();
    const leaves = place * STAGGER;
    const arrives = leaves + TRAVEL;
    if (place === 0 && grad) {
      grad.textContent = use.first ? "–" : numberText(use.before);
    }
    const move = (time) => {
      const way = ease(clamp((time - leaves) / TRAVEL));
      const point = path.getPointAtLength(length * (1 - way));
      dot.setAttribute("transform", `translate(${point.x},${point.y})`);
      dot.classList.toggle("gone", time < leaves || time > arrives);
      if (time >= arrives && grad) {
        grad.textContent = numberText(use.after);
      }
      return time < arrives;
    };
    const settle = () => {
      if (grad) {
        grad.textContent = numberText(use.after);
      }
    };
    group.classList.add("active");
    return { move, settle };
  }
}

function clamp(x) {
  return Math.min(1, Math.max(0, x));
}

function ease(x) {
  return x * x * (3 - 2 * x);
}
