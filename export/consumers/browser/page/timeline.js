const LANE_HEIGHT = 22;
const AXIS_HEIGHT = 22;
const GUTTER = 12;
const MAX_RECORDS = 20_000;

/** A colour for a label, the same wherever it is shown; `index` is its place among `count`. */
export function labelColour(index, count) {
  return `hsl(${Math.round((index * 360) / count + 210) % 360} 65% 56%)`;
}

/** Draws a lane for each label: probabilities as shades, events as bars. */
export class Timeline {
  #canvas;
  #facts = null;
  #predictions = [];
  #events = [];
  #current = null;
  #duration = null;
  #drawing = false;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#redraw()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  /** Begin with nothing. `durationSeconds` of a film is shown whole; null shows the newest minute. */
  begin(facts, durationSeconds) {
    this.#facts = facts;
    this.#duration = durationSeconds;
    this.#predictions = [];
    this.#events = [];
    this.#current = null;
    this.#redraw();
  }

  /** Show the event that goes on, as the stream has it; null for none. */
  showCurrent(current) {
    this.#current = current;
    this.#redraw();
  }

  add(record) {
    if (record.type === "prediction") {
      // A prediction is about its anchor, not about the newest frame.
      const seconds = record.pts_seconds - this.#facts.anchorFrames / this.#facts.frameRate;
      this.#predictions.push({ seconds, probabilities: record.probabilities });
      if (this.#predictions.length > MAX_RECORDS) this.#predictions.shift();
    } else if (record.type === "event") {
      this.#events.push(record);
      if (this.#events.length > MAX_RECORDS) this.#events.shift();
    }
    this.#redraw();
  }

  #redraw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (this.#facts !== null) this.#draw();
    });
  }

  #draw() {
    const labels = this.#facts.labels.filter((label) => label !== this.#facts.background);
    const width = this.#canvas.parentElement.clientWidth - 32;
    const height = labels.length * LANE_HEIGHT + AXIS_HEIGHT;
    const context = this.#prepare(width, height);
    const style = getComputedStyle(this.#canvas);
    const [ink, faint, line] = ["--ink", "--faint", "--line"].map((name) => style.getPropertyValue(name));
    context.font = `13px ${style.fontFamily}`;
    const left = Math.ceil(Math.max(...labels.map((label) => context.measureText(label).width))) + GUTTER;
    const [first, last] = this.#range();
    // Whole pixels, so that neighbours neither overlap nor leave a seam.
    const x = (seconds) => Math.round(left + ((seconds - first) / (last - first)) * (width - left - 1));
    for (const [lane, label] of labels.entries()) {
      const y = lane * LANE_HEIGHT;
      context.fillStyle = ink;
      context.fillText(label, 0, y + 15);
      context.fillStyle = line;
      context.fillRect(left, y + LANE_HEIGHT - 1, width - left, 1);
      context.save();
      context.beginPath();
      context.rect(left, y, width - left, LANE_HEIGHT);
      context.clip();
      this.#drawLane(context, label, y, x);
      context.restore();
    }
    this.#drawAxis(context, [first, last], x, { y: height - 6, colour: faint });
  }

  #prepare(width, height) {
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#canvas.style.height = `${height}px`;
    const context = this.#canvas.getContext("2d");
    context.scale(ratio, ratio);
    return context;
  }

  /** Seconds that are shown. */
  #range() {
    if (this.#duration !== null) return [0, this.#duration];
    const newest = this.#predictions.at(-1)?.seconds ?? 0;
    const first = Math.max(this.#predictions[0]?.seconds ?? 0, newest - 60);
    return [first, first + 60];
  }

  #drawLane(context, label, y, x) {
    const count = this.#facts.labels.length;
    context.fillStyle = labelColour(this.#facts.labels.indexOf(label), count);
    const period = 1 / this.#facts.frameRate;
    for (const { seconds, probabilities } of this.#predictions) {
      if (probabilities[label] < 0.03) continue;
      context.globalAlpha = 0.45 * probabilities[label];
      context.fillRect(x(seconds), y + 2, x(seconds + period) - x(seconds), LANE_HEIGHT - 5);
    }
    context.globalAlpha = 1;
    for (const event of this.#events) {
      if (event.label === label) drawBar(context, x(event.start_seconds), x(event.end_seconds), y);
    }
    if (this.#current?.label === label) {
      // It may still turn out too short to be one.
      context.globalAlpha = 0.6;
      drawBar(context, x(this.#current.startSeconds), x(this.#predictions.at(-1).seconds + period), y);
      context.globalAlpha = 1;
    }
  }

  #drawAxis(context, [first, last], x, { y, colour }) {
    const room = Math.max(1, Math.floor((x(last) - x(first)) / 60));
    const step = [1, 2, 5, 10, 20, 30, 60, 120, 300].find((size) => (last - first) / size <= room) ?? 600;
    context.fillStyle = colour;
    for (let seconds = Math.ceil(first / step) * step; seconds <= last; seconds += step) {
      const text = formatSeconds(seconds, 0);
      const width = context.measureText(text).width;
      context.fillText(text, Math.min(Math.max(x(seconds) - width / 2, x(first)), x(last) - width), y);
    }
  }
}

function drawBar(context, begin, end, y) {
  context.beginPath();
  context.roundRect(begin, y + 6, Math.max(2, end - begin - 1), LANE_HEIGHT - 13, 4);
  context.fill();
}

/** Minutes and seconds, `1:02.4`. */
export function formatSeconds(seconds, digits = 1) {
  const rounded = Number(seconds.toFixed(digits));
  const rest = (rounded % 60).toFixed(digits).padStart(digits > 0 ? digits + 3 : 2, "0");
  return `${Math.floor(rounded / 60)}:${rest}`;
}
