import { Clock } from "./clock.js";
import { EventDetector } from "./events.js";
import { fitPicture } from "./picture.js";

/**
 * One camera or film: frames in, records out, which are those of `framestream watch --format jsonl --predictions`:
 * predictions, events and gaps. Wait for each call before the next.
 */
export class Stream {
  #facts;
  #model;
  #segment = null;

  /** Frames taken, used by the model, and used again because none came for that moment. */
  counts = { read: 0, sampled: 0, held: 0 };

  constructor(facts, model) {
    this.#facts = facts;
    this.#model = model;
  }

  /** The event that goes on, or null. */
  get current() {
    return this.#segment?.current ?? null;
  }

  /** Whether the model would see a frame of this time; if not, `push` needs no pixels of it. */
  wants(seconds) {
    const clock = this.#segment?.clock;
    return clock === undefined || clock.breakBefore(seconds) !== null || clock.wants(seconds);
  }

  /**
   * Take the next frame.
   *
   * @param {number} seconds its presentation timestamp
   * @param {() => object} retrieve gives its pixels, see `fitPicture`; called only if the model wants them
   */
  async push(seconds, retrieve) {
    this.counts.read += 1;
    const picture = this.wants(seconds) ? retrieve() : null;
    const records = [];
    const reason = this.#segment?.breakBefore(seconds, picture) ?? null;
    if (reason !== null) {
      const gap = { type: "gap", pts_seconds: this.#segment.clock.endSeconds, reason, resume_seconds: seconds };
      records.push(...(await this.flush()), gap);
    }
    this.#segment ??= new Segment(this.#facts, this.#model, this.counts, seconds);
    records.push(...(await this.#segment.push(seconds, picture)));
    return records;
  }

  /** End the stream; afterwards it can be used anew. */
  async flush() {
    const segment = this.#segment;
    this.#segment = null;
    return segment === null ? [] : segment.end();
  }
}

/** Frames between which time never jumps, all of one size. */
class Segment {
  #facts;
  #model;
  #counts;
  #detector;
  #state;
  #size = null;
  #bytes = null;
  #rows = 0;
  #newestTick;

  constructor(facts, model, counts, startSeconds) {
    this.clock = new Clock(facts.frameRate, startSeconds);
    this.#facts = facts;
    this.#model = model;
    this.#counts = counts;
    this.#detector = new EventDetector(facts, startSeconds);
    this.#state = model.zeroState();
  }

  get current() {
    return this.#detector.current;
  }

  /** Why a frame does not belong here, or null. */
  breakBefore(seconds, picture) {
    const resized = picture !== null && this.#size !== null && this.#size !== `${picture.width}x${picture.height}`;
    return this.clock.breakBefore(seconds) ?? (resized ? "frame size changed" : null);
  }

  async push(seconds, picture) {
    const ticks = this.clock.advance(seconds);
    if (ticks.length === 0) return [];
    this.#size = `${picture.width}x${picture.height}`;
    const bytes = fitPicture(picture, this.#facts.width, this.#facts.height);
    const records = [];
    for (const [index, tick] of ticks.entries()) {
      const isHeld = index < ticks.length - 1;
      this.#counts[isHeld ? "held" : "sampled"] += 1;
      if (!isHeld) this.#bytes = bytes;
      records.push(...(await this.#predict(tick)));
    }
    return records;
  }

  async end() {
    const records = [];
    // A segment shorter than a window holds its last picture until there is one.
    while (this.#rows < this.#facts.window) {
      this.#counts.held += 1;
      records.push(...(await this.#predict(this.#newestTick)));
    }
    return [...records, ...this.#detector.flush(this.clock.endSeconds)];
  }

  async #predict(tick) {
    this.#newestTick = tick;
    const { row, state } = await this.#model.run(this.#bytes, this.#state);
    this.#state = state;
    this.#rows += 1;
    // Rows before the first whole window look at zeros that never were frames.
    if (this.#rows < this.#facts.window) return [];
    const probabilities = Object.fromEntries(this.#facts.labels.map((label, index) => [label, row[index]]));
    const score = Math.max(...row);
    const label = this.#facts.labels[row.indexOf(score)];
    const prediction = { type: "prediction", pts_seconds: tick, label, score, probabilities };
    return [prediction, ...this.#detector.push(tick, row)];
  }
}
