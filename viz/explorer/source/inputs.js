// The leaves with their values: a slider and a field for each.

import { isConstant } from "./graph.js";
import { WHOLE, exactText, numberText, titleOf, tooltipText } from "./names.js";
import { html, scrollInside } from "./panels.js";

const FARTHEST = 1e307; // that a slider reaches: twice as far is a number still

/** The leaves that may be changed, each with a slider and a field. */
export class Inputs {
  /** @param {HTMLElement} list @param {(node: number, value: number) => void} change */
  constructor(list, change) {
    this.list = list;
    this.change = change;
    this.rows = new Map();
  }

  reset(graph) {
    this.rows.clear();
    const leaves = graph.nodes.filter((node) => !node.parents.length && !isConstant(node));
    this.list.replaceChildren(...leaves.map((node) => this.addRow(node)));
  }

  addRow(node) {
    const field = html("input", {
      type: "number", step: "any", "aria-label": `value of ${node.name}`, "data-leaf": String(node.id),
    });
    const reach = String(niceReach(node.data));
    const slider = html("input", {
      type: "range", step: "any", min: `-${reach}`, max: reach, "aria-label": `slider of ${node.name}`,
    });
    const complaint = html("p", { class: "quiet", role: "status" });
    let present = node.data;
    const set = (value, from) => {
      present = value;
      complaint.textContent = "";
      show(field, slider, value, from);
    };
    const take = (value, from) => {
      set(value, from);
      this.change(node.id, value);
    };
    slider.addEventListener("input", () => {
      take(Number(Number(slider.value).toPrecision(3)), slider);
    });
    field.addEventListener("input", () => {
      if (Number.isFinite(field.valueAsNumber)) {
        take(field.valueAsNumber, field);
      } else {
        field.setAttribute("aria-invalid", "true");
        complaint.textContent = `That is no number: ${node.name} stays ${numberText(present, WHOLE)}.`;
      }
    });
    field.addEventListener("focus", () => { // what the arrow keys count from
      field.value = asInput(present);
    });
    field.addEventListener("blur", () => set(present, null));
    set(node.data, null);
    const name = html("bdi", { title: tooltipText(node.label || node.name) }, [titleOf(node)]);
    const item = html("li", {}, [name, slider, field, complaint]);
    this.rows.set(node.id, { item, set });
    return item;
  }

  /** Show a value that was set elsewhere. */
  set(id, value) {
    this.rows.get(id)?.set(value, null);
  }

  /** Bring a leaf's row into view, as its node is chosen. */
  choose(id) {
    for (const [leaf, { item }] of this.rows) {
      item.classList.toggle("current", leaf === id);
    }
    const chosen = this.rows.get(id);
    if (chosen) {
      requestAnimationFrame(() => scrollInside(this.list, chosen.item));
    }
  }
}

/** Bring field and slider to a value, but for the one that it came `from`. */
function show(field, slider, value, from) {
  field.removeAttribute("aria-invalid");
  if (from !== field) {
    const focused = document.activeElement === field;
    field.value = asInput(focused ? value : Number(value.toPrecision(WHOLE)));
    field.title = exactText(value);
    field.placeholder = numberText(value); // where it is not finite, which no field can hold
  }
  if (from !== slider) {
    const reach = niceReach(value);
    slider.min = String(-reach);
    slider.max = String(reach);
    slider.value = String(Number.isFinite(value) ? value : 0);
  }
}

/** A number as a field may hold it: none that is not finite. */
function asInput(value) {
  return Number.isFinite(value) ? exactText(value) : "";
}

/** How far a slider reaches on both sides of 0: 2, 5, 10, 20, ... */
function niceReach(value) {
  const wanted = Math.min(2 * Math.abs(value), FARTHEST);
  if (!Number.isFinite(value) || wanted <= 2) {
    return 2;
  }
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((x) => x * power).find((x) => x >= wanted) ?? wanted;
}
