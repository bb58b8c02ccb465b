// Stepping, playing and scrubbing; panning and zooming.

import { prefersStillness } from "./motion.js";

const BEAT = 1300; // milliseconds for a step at normal speed
const TOO_FAST_TO_SPEAK = 2; // a speed at which a screen reader cannot keep up
const LEGIBLE = 0.75; // the scale below which a picture shows a part of itself at first
const READING = 0.9; // the scale of that part
const CLEARLY = 1.25; // more of a picture, where none of two can be read as a whole
const MARGIN = 24; // around what is brought into view
const GLIDE = 320; // milliseconds
// What ends the drag of a slider: one that is dragged back to where it was does not change.
const SETTLED = ["change", "pointerup", "pointercancel", "keyup", "blur"];

/** The buttons, the scrubber and the keys that move through the steps. */
export class Transport {
  /**
   * @param {Object<string, HTMLElement>} parts
   * @param {(options: {moving?: boolean}) => void} go `moving` after one step forth
   */
  constructor(parts, go) {
    this.parts = parts;
    this.go = go;
    this.at = 0;
    this.count = 0;
    this.timer = null;
    this.dragged = false; // whether a slider is
    parts.first.addEventListener("click", () => this.move(0));
    parts.back.addEventListener("click", () => this.move(this.at - 1));
    parts.next.addEventListener("click", () => this.forth());
    parts.last.addEventListener("click", () => this.move(this.count));
    parts.play.addEventListener("click", () => this.toggle());
    parts.scrub.addEventListener("input", () => this.move(Number(parts.scrub.value)));
    parts.speed.addEventListener("change", () => this.beat());
    document.addEventListener("keydown", (event) => this.onKey(event));
    document.addEventListener("input", (event) => this.hush(event.target), true);
    SETTLED.forEach((name) => document.addEventListener(name, () => this.settle(), true));
  }

  /** A slider on its way is not told step by step, but where it ends. */
  hush(slider) {
    if (slider.type === "range") {
      this.dragged = true;
      this.speak();
    }
  }

  settle() {
    if (this.dragged) {
      const { sentence } = this.parts;
      this.dragged = false;
      this.speak();
      sentence.replaceChildren(sentence.textContent);
    }
  }

  get speed() {
    return Number(this.parts.speed.value);
  }

  get playing() {
    return this.timer !== null;
  }

  /** Begin with other steps; `turn` is where the backward pass begins. */
  reset(count, turn, at) {
    this.pause();
    this.count = count;
    this.parts.scrub.max = String(count);
    const share = count ? (100 * turn) / count : 0;
    this.parts.scrub.style.setProperty("--turn", `${share}%`);
    this.at = Math.min(at, count);
    this.show();
  }

  /** Go to a step, by the user's hand. */
  move(at, options) {
    this.pause();
    this.jump(at, options);
  }

  jump(at, options = {}) {
    this.at = Math.min(Math.max(at, 0), this.count);
    this.show();
    this.go(options);
  }

  toggle() {
    if (this.playing) {
      this.pause();
      return;
    }
    this.timer = 0;
    if (this.at === this.count) {
      this.jump(0);
    } else {
      this.jump(this.at + 1, { moving: true });
    }
    this.beat();
  }

  forth() {
    this.move(this.at + 1, { moving: this.at < this.count });
  }

  /** Wait for the next step of the play. */
  beat() {
    if (!this.playing) {
      return;
    }
    clearTimeout(this.timer);
    if (this.at >= this.count) {
      this.pause();
      return;
    }
    this.timer = setTimeout(() => {
      this.jump(this.at + 1, { moving: true });
      this.beat();
    }, BEAT / this.speed);
    this.show();
  }

  pause() {
    clearTimeout(this.timer ?? undefined);
    this.timer = null;
    this.show();
  }

  show() {
    const { parts } = this;
    const ended = this.at === this.count;
    const action = this.playing ? "Pause" : ended ? "Replay" : "Play";
    parts.play.setAttribute("aria-label", action);
    parts.play.title = `${action} (space)`;
    parts.play.dataset.action = action.toLowerCase();
    parts.scrub.value = String(this.at);
    parts.scrub.setAttribute("aria-valuetext", `step ${this.at} of ${this.count}`);
    parts.scrub.style.setProperty("--at", `${this.count ? (100 * this.at) / this.count : 0}%`);
    for (const [names, off] of [[["first", "back"], this.at === 0], [["last", "next"], ended]]) {
      names.forEach((name) => parts[name].setAttribute("aria-disabled", String(off)));
    }
    this.speak();
  }

  /** Have a screen reader read the sentences, or not where it could not keep up. */
  speak() {
    const quiet = this.dragged || this.playing && this.speed >= TOO_FAST_TO_SPEAK;
    this.parts.sentence.setAttribute("aria-live", quiet ? "off" : "polite");
  }

  onKey(event) {
    const written = event.target.closest?.("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || (written && written !== this.parts.scrub)) {
      return;
    }
    if (event.target.matches?.(".scroll") && ["Home", "End", " "].includes(event.key)) {
      return; // it scrolls
    }
    const button = event.target.closest?.("button, a, [role=button]");
    const act = this.actionFor(event.key, button !== null && button !== undefined);
    if (act) {
      event.preventDefault();
      act();
    }
  }

  actionFor(key, onButton) {
    if (key === " " && onButton) {
      return null;
    }
    return {
      ArrowRight: () => this.forth(),
      ArrowLeft: () => this.move(this.at - 1),
      Home: () => this.move(0),
      End: () => this.move(this.count),
      " ": () => this.toggle(),
    }[key];
  }
}

/** Dragging, wheel, pinch, buttons and keys over the picture. */
export class View {
  /** @param {SVGSVGElement} picture @param {SVGGElement} world what moves inside it */
  constructor(picture, world) {
    this.picture = picture;
    this.world = world;
    this.pointers = new Map();
    this.fitted = true;
    this.extent = null; // what is shown where all of it would not be legible
    this.entered = window === window.parent; // a frame leaves the wheel to the page around it
    this.moved = 0; // how far the pointer has been dragged since it went down
    this.size = { width: 1, height: 1 };
    this.room = { width: 0, height: 0 };
    this.at = { x: 0, y: 0, scale: 1 };
    picture.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    picture.addEventListener("pointerdown", (event) => this.onDown(event));
    picture.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
      picture.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    addEventListener("beforeprint", () => this.fitAlways());
    new ResizeObserver(() => {
      this.measure();
      if (this.fitted) {
        this.open(this.size, this.extent);
      }
    }).observe(picture);
    this.measure();
  }

  measure() {
    const { clientWidth: width, clientHeight: height } = this.picture;
    this.room = { width, height };
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`); // which paper scales
  }

  /**
   * Whether one size of a picture is better to open than another: of which all can be read in the
   * larger scale, or else of which clearly more is seen at a time.
   */
  prefers(size, other) {
    const [scale, least] = [this.scaleFor(size), this.scaleFor(other)];
    return Math.max(scale, least) >= LEGIBLE
      ? scale > least : this.share(size) > CLEARLY * this.share(other);
  }

  scaleFor(size) {
    return Math.min(this.room.width / size.width, this.room.height / size.height, 1);
  }

  /** How much of a picture is seen at the scale of reading. */
  share(size) {
    const along = (name) => Math.min(1, this.room[name] / (READING * size[name]));
    return along("width") * along("height");
  }

  /** Show all of the picture, and go on with that when its room changes. */
  fitAlways() {
    this.extent = null;
    this.fit();
  }

  /** Show all of a picture of this size. */
  fit(size = this.size) {
    this.size = size;
    const { width, height } = this.room;
    if (!width || !height) {
      return;
    }
    const scale = Math.min(width / size.width, height / size.height, 1.6);
    this.fitted = true;
    this.set({
      scale,
      x: (width - scale * size.width) / 2,
      y: (height - scale * size.height) / 2,
    });
  }

  set(at) {
    this.at = at;
    this.world.setAttribute("transform", `translate(${at.x},${at.y}) scale(${at.scale})`);
  }

  /** Zoom by a factor, around a point of the picture or its middle. */
  zoom(factor, x = this.room.width / 2, y = this.room.height / 2) {
    const scale = Math.min(Math.max(this.at.scale * factor, 0.05), 6);
    const change = scale / this.at.scale;
    this.fitted = false;
    this.set({ scale, x: x - change * (x - this.at.x), y: y - change * (y - this.at.y) });
  }

  pan(dx, dy) {
    this.fitted = false;
    this.set({ ...this.at, x: this.at.x + dx, y: this.at.y + dy });
  }

  /** Show all of a picture, or so much around a part of it as can be read. */
  open(size, extent) {
    this.fit(size);
    this.extent = extent;
    if (extent && this.at.scale < LEGIBLE) {
      this.zoom(READING / this.at.scale);
      this.reveal(extent);
    }
  }

  /**
   * Move as little as it takes to see a part of the picture, or of a part that is too large for
   * that its core; where all is fitted in, nothing moves.
   */
  reveal(extent, core = extent) {
    if (this.fitted) {
      return;
    }
    const { x, y, scale } = this.at;
    const { width, height } = this.room;
    const across = (box) => [box.left * scale + x, box.right * scale + x];
    const down = (box) => [box.top * scale + y, box.bottom * scale + y];
    const fits = ([low, high], room) => high - low < room - 2 * MARGIN;
    const dx = inside(...across(fits(across(extent), width) ? extent : core), width);
    const dy = inside(...down(fits(down(extent), height) ? extent : core), height);
    if (dx || dy) {
      this.glide(dx, dy);
    }
  }

  /** Pan softly, unless the reader prefers stillness. */
  glide(dx, dy) {
    cancelAnimationFrame(this.frame);
    if (prefersStillness()) {
      this.pan(dx, dy);
      return;
    }
    const start = performance.now();
    let done = 0;
    const move = (now) => {
      const share = Math.min(1, Math.max(0, (now - start) / GLIDE));
      const eased = 1 - (1 - share) ** 3;
      this.pan(dx * (eased - done), dy * (eased - done));
      done = eased;
      if (share < 1) {
        this.frame = requestAnimationFrame(move);
      }
    };
    move(start);
  }

  onWheel(event) {
    if (!this.entered && !event.ctrlKey && !event.metaKey) {
      return;
    }
    event.preventDefault();
    const { left, top } = this.picture.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.zoom(Math.exp(-event.deltaY * lines * 0.0016), event.clientX - left, event.clientY - top);
  }

  onDown(event) {
    cancelAnimationFrame(this.frame);
    this.moved = 0;
    this.entered = true;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      return;
    }
    const now = { x: event.clientX, y: event.clientY };
    this.moved += Math.hypot(now.x - before.x, now.y - before.y);
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (others.length === 1) {
      this.pinch(before, now, others[0][1]);
    } else if (!others.length) {
      this.pan(now.x - before.x, now.y - before.y);
    }
    this.pointers.set(event.pointerId, now);
  }

  pinch(before, now, other) {
    const distance = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
    const { left, top } = this.picture.getBoundingClientRect();
    const x = (now.x + other.x) / 2 - left;
    const y = (now.y + other.y) / 2 - top;
    this.zoom(distance(now) / distance(before), x, y);
  }
}

/** How far to move so that [low, high] lies inside [0, size]. */
function inside(low, high, size) {
  if (low < MARGIN) {
    return MARGIN - low;
  }
  return high > size - MARGIN ? Math.max(size - MARGIN - high, MARGIN - low) : 0;
}
