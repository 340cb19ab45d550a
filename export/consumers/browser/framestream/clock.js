/** From presentation timestamps to the model's clock, which ticks at `start + k / frameRate`. */

/** A longer pause between two frames is a gap, not a picture that stood still. */
const MAX_HOLD_SECONDS = 5;

/** Containers round timestamps to their own grid, often 1 ms. */
const TOLERANCE_SECONDS = 0.001;

/** The clock of one segment of video, within which time never jumps. A gap calls for a new one. */
export class Clock {
  #frameRate;
  #start;
  #last;
  #interval = null;
  #nextTick = 0;

  constructor(frameRate, startSeconds) {
    this.#frameRate = frameRate;
    this.#start = this.#last = startSeconds;
  }

  get startSeconds() {
    return this.#start;
  }

  /** End of the newest frame: its timestamp and the shortest interval seen. */
  get endSeconds() {
    return this.#last + (this.#interval ?? 1 / this.#frameRate);
  }

  /** Why a frame cannot follow the ones before, or null. */
  breakBefore(seconds) {
    if (seconds - this.#last < -1 / this.#frameRate) return "timestamp went back";
    return seconds - this.#last > MAX_HOLD_SECONDS ? "timestamp jump" : null;
  }

  /** Whether a tick waits for this frame; nothing changes. */
  wants(seconds) {
    return this.#due(seconds) >= this.#nextTick;
  }

  /**
   * Take the next frame.
   *
   * @returns times of the ticks that it serves; all but the last are held: they get the picture sampled before.
   */
  advance(seconds) {
    if (seconds > this.#last) {
      this.#interval = Math.min(seconds - this.#last, this.#interval ?? Infinity);
      this.#last = seconds;
    }
    const ticks = [];
    for (const due = this.#due(seconds); this.#nextTick <= due; this.#nextTick++) {
      ticks.push(this.#start + this.#nextTick / this.#frameRate);
    }
    return ticks;
  }

  #due(seconds) {
    return Math.floor((seconds - this.#start + TOLERANCE_SECONDS) * this.#frameRate);
  }
}
