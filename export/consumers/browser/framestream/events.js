/** From rows of probabilities to events: a state machine for one segment of video, which has no gap. */
export class EventDetector {
  #facts;
  #start;
  #size;
  #candidates;
  #recent = [];
  #isFirst = true;
  #open = null;

  /** @param {number} startSeconds when the segment begins */
  constructor(facts, startSeconds) {
    this.#facts = facts;
    this.#start = startSeconds;
    this.#size = Math.max(1, roundHalfEven(facts.smoothingSeconds * facts.frameRate));
    this.#candidates = [...facts.labels.keys()].filter((index) => facts.labels[index] !== facts.background);
  }

  /** The event that goes on, or null; it may still turn out too short to be reported. */
  get current() {
    return this.#open && { label: this.#facts.labels[this.#open.index], startSeconds: this.#open.start };
  }

  /**
   * Take the next row; return the events that ended with it, one at most.
   *
   * @param {number} seconds the tick it was computed at
   * @param {ArrayLike<number>} row probabilities, in the order of the labels
   */
  push(seconds, row) {
    const { enter, leave } = this.#facts;
    this.#recent.push(row);
    if (this.#recent.length > this.#size) this.#recent.shift();
    const total = (index) => this.#recent.reduce((sum, one) => sum + one[index], 0);
    const mean = this.#facts.labels.map((_, index) => total(index) / this.#recent.length);
    const boundary = this.#boundary(seconds);
    const top = this.#candidates.reduce((best, index) => (mean[index] > mean[best] ? index : best));
    const opens = mean[top] >= enter;
    const goesOn = this.#open !== null && mean[this.#open.index] >= leave;
    const takenOver = opens && this.#open?.index !== top;
    const ended = this.#open !== null && (takenOver || !goesOn) ? this.flush(boundary) : [];
    if (this.#open === null && opens) this.#open = { index: top, start: boundary, sum: 0, count: 0 };
    if (this.#open !== null) {
      this.#open.sum += mean[this.#open.index];
      this.#open.count += 1;
    }
    return ended;
  }

  /** End the event that goes on, if there is one; return it unless it is too short. */
  flush(endSeconds) {
    const open = this.#open;
    this.#open = null;
    // Differences of media times carry rounding errors; an event of exactly the minimum counts.
    if (open === null || endSeconds <= open.start || endSeconds - open.start < this.#facts.minSeconds - 1e-6) return [];
    const label = this.#facts.labels[open.index];
    return [{ type: "event", label, score: open.sum / open.count, start_seconds: open.start, end_seconds: endSeconds }];
  }

  /** Where the time begins that this row speaks for: its centre; the first one speaks for all before it, too. */
  #boundary(seconds) {
    if (this.#isFirst) {
      this.#isFirst = false;
      return this.#start;
    }
    const delayFrames = this.#facts.anchorFrames + (this.#recent.length - 1) / 2;
    return Math.max(this.#start, seconds - delayFrames / this.#facts.frameRate);
  }
}

function roundHalfEven(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
