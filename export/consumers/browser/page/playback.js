/** Frames that may wait for the model before a film is halted, or frames of a camera are left out. */
const MAX_WAITING = 3;

/**
 * How often a film is wound back for the same lost frame; how often before it plays slower, or an interval is taken for
 * the film's own; and how slow it may become.
 */
const MAX_RETRIES = 4;
const SAME_AGAIN = 2;
const LEAST_RATE = 0.25;
const FRAMES_UNTIL_FASTER = 100;

/** How much longer than the shortest one an interval between frames may be before it looks as if one were lost. */
const MOST_LENGTHENED = 1.5;

/** What that is compared with before there was one. */
const USUAL_INTERVAL_SECONDS = 0.04;

/** The last frame of a film may be told of after its end. */
const LAST_FRAME_MILLIS = 200;

/**
 * Follows what a video element shows, frame by frame, through a stream.
 *
 * A film is to lose no frame: it is halted while the model is busy, and wound back, and slowed down if need be, where
 * the browser showed a frame without telling. A camera cannot wait: the newest frame wins.
 */
export class Playback {
  #video;
  #stream;
  #isLive;
  #on;
  #waiting = 0;
  #work = Promise.resolve();
  #stopping = null;
  #stopped = false;
  #failed = false;
  #halted = false;
  #listening = new AbortController();
  #origin = null;
  #newest = null;
  #shortest = Infinity;
  #suspected = null;
  #retries = 0;
  #goodFrames = 0;
  #canvas = new OffscreenCanvas(1, 1);
  #context = this.#canvas.getContext("2d", { willReadFrequently: true });

  /** Frames that never reached the model, because the machine or the browser was too slow. */
  missed = 0;

  /**
   * @param {HTMLVideoElement} video which gets its source from the caller, after this
   * @param stream of `Stream`
   * @param {boolean} isLive whether it is a camera
   * @param on `records(records)` after each frame that the model saw, `failed(error)`, `ended()` at a film's end
   */
  constructor(video, stream, { isLive, on }) {
    this.#video = video;
    this.#stream = stream;
    this.#isLive = isLive;
    this.#on = on;
    this.#video.playbackRate = 1;
    this.#request();
    if (isLive) return;
    const { signal } = this.#listening;
    this.#video.addEventListener("ended", () => this.#goOn(), { signal });
    // A page that is not seen is told of no frames.
    document.addEventListener("visibilitychange", () => this.#goOn(), { signal });
  }

  /** Take no more frames, run those that wait, and end the stream. */
  stop() {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop() {
    this.#stopped = true;
    this.#listening.abort();
    await this.#work;
    if (this.#failed) return;
    try {
      this.#on.records(await this.#stream.flush());
    } catch (error) {
      this.#on.failed(error);
    }
  }

  #request() {
    this.#video.requestVideoFrameCallback((_, metadata) => {
      if (this.#stopped) return;
      this.#request();
      if (this.#isLive || this.#followsNewest(metadata)) {
        // A camera's clock starts anywhere.
        this.#origin ??= this.#isLive ? metadata.mediaTime : 0;
        this.#take(metadata.mediaTime - this.#origin);
      }
    });
  }

  /** Whether this frame of a film is the next one; if not, it was seen before, or the film is wound back for it. */
  #followsNewest({ mediaTime, presentedFrames }) {
    const told = presentedFrames + this.#video.getVideoPlaybackQuality().droppedVideoFrames;
    const newest = this.#newest;
    if (newest !== null && mediaTime <= newest.seconds) {
      // Wound back: from here on, frames can be counted again.
      newest.told = told;
      return false;
    }
    if (newest !== null && this.#lacksFrames(mediaTime, told > newest.told + 1)) {
      if (this.#retries < MAX_RETRIES) {
        this.#suspected = mediaTime;
        // One wind at a time; frames on the way there are none.
        if (!this.#video.seeking) this.#windBack();
        return false;
      }
      this.missed += 1;
    }
    if (newest !== null) this.#shortest = Math.min(this.#shortest, mediaTime - newest.seconds);
    this.#retries = 0;
    this.#newest = { seconds: mediaTime, told };
    this.#goodFrames += 1;
    if (this.#goodFrames % FRAMES_UNTIL_FASTER === 0) {
      this.#video.playbackRate = Math.min(1, this.#video.playbackRate * 2);
    }
    return true;
  }

  /**
   * Whether there seem to be frames between the newest one and `seconds`. The browser's counts come late where it is
   * busy, so the time says it, too; but if the same comes again and again, such is the film.
   */
  #lacksFrames(seconds, byCount) {
    if (byCount) return true;
    const usual = this.#shortest === Infinity ? USUAL_INTERVAL_SECONDS : this.#shortest;
    const isKnown = seconds === this.#suspected && this.#retries >= SAME_AGAIN;
    return seconds - this.#newest.seconds > MOST_LENGTHENED * usual && !isKnown;
  }

  /** Show the film again from the frame taken last; slower, if that was in vain more than once. */
  #windBack() {
    this.#retries += 1;
    this.#goodFrames = 0;
    if (this.#retries > SAME_AGAIN) this.#video.playbackRate = Math.max(LEAST_RATE, this.#video.playbackRate / 2);
    this.#video.currentTime = this.#newest.seconds;
    // One that had come to its end stands still.
    this.#goOn();
  }

  /** Let a film play, or not, as things are; or end it. */
  #goOn() {
    if (this.#stopped || this.#newest === null) return;
    if (this.#halted || document.hidden) this.#video.pause();
    // A film that comes to its end while it is halted fires no event then; and playing it would start it again.
    else if (this.#video.ended) setTimeout(() => this.#end(), LAST_FRAME_MILLIS);
    else if (this.#video.paused) this.#play();
  }

  /** A film that was wound back meanwhile ends later; one whose last frames wait for the model, after them. */
  #end() {
    if (this.#stopped || this.#halted || !this.#video.ended) return;
    const { duration } = this.#video;
    if (this.#retries === MAX_RETRIES || !this.#lacksFrames(duration, false)) return this.#on.ended();
    this.#suspected = duration;
    this.#windBack();
  }

  async #play() {
    try {
      await this.#video.play();
    } catch (error) {
      // Halted, or at its end, before it had begun to play: that is no failure.
      if (error.name !== "AbortError") this.#on.failed(error);
    }
  }

  /** Pixels are read at once, since the next frame may take their place; the rest may wait for the frame before. */
  #take(seconds) {
    if (this.#isLive && this.#waiting >= MAX_WAITING) {
      this.missed += 1;
      return;
    }
    const picture = this.#stream.wants(seconds) ? this.#readPixels() : null;
    this.#waiting += 1;
    this.#work = this.#work.then(() => this.#push(seconds, picture));
    if (!this.#isLive && this.#waiting >= MAX_WAITING && !this.#halted) {
      this.#halted = true;
      this.#goOn();
    }
  }

  async #push(seconds, picture) {
    if (this.#failed) return;
    try {
      const records = await this.#stream.push(seconds, () => picture);
      if (picture !== null) this.#on.records(records);
    } catch (error) {
      this.#failed = this.#stopped = true;
      this.#on.failed(error);
    }
    this.#waiting -= 1;
    if (this.#halted && this.#waiting === 0) {
      this.#halted = false;
      this.#goOn();
    }
  }

  /** At full size: a canvas that scales does not average. */
  #readPixels() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.#context.drawImage(this.#video, 0, 0);
    return { data: this.#context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
  }
}
