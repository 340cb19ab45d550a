import { Timeline, formatSeconds, labelColour } from "./timeline.js";

/** Films up to this long are shown whole in the timeline. */
const MAX_WHOLE_SECONDS = 300;
const MAX_EVENTS = 10_000;

const byId = (id) => document.getElementById(id);

/** All that is seen of the page. It decides nothing: what the user wants is told to the handlers of `on`. */
export class View {
  #timeline = new Timeline(document.querySelector("#timeline canvas"));
  #facts = null;
  #events = [];

  get video() {
    return byId("video");
  }

  get backend() {
    return byId("backend").value;
  }

  set backend(choice) {
    byId("backend").value = choice;
  }

  /** @param handlers `camera()`, `film(file)`, `model(files)`, `backend()`, `stop()` */
  on(handlers) {
    byId("use-camera").addEventListener("click", handlers.camera);
    byId("stop").addEventListener("click", handlers.stop);
    byId("save").addEventListener("click", () => this.#save());
    byId("backend").addEventListener("change", handlers.backend);
    const input = byId("video-file");
    byId("open-video").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      if (input.files.length > 0) handlers.film(input.files[0]);
      input.value = "";
    });
    this.#acceptDrops(handlers);
  }

  #acceptDrops(handlers) {
    const stage = byId("stage");
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      stage.classList.add("receives");
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) stage.classList.remove("receives");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("receives");
      const files = [...event.dataTransfer.files];
      if (files.some((file) => /\.(onnx|json)$/.test(file.name))) handlers.model(files);
      else if (files.length > 0 && this.#facts !== null) handlers.film(files[0]);
    });
  }

  showStatus(text) {
    byId("status").textContent = text;
  }

  showError(error) {
    byId("error").textContent = error.message;
    byId("error").hidden = false;
    console.error(error);
  }

  clearError() {
    byId("error").hidden = true;
  }

  setReady(isReady) {
    for (const id of ["use-camera", "open-video", "backend"]) byId(id).disabled = !isReady;
  }

  showModel(name, facts, backendName) {
    this.#facts = facts;
    const seconds = Number((facts.window / facts.frameRate).toFixed(2));
    const labels = `${facts.labels.length} labels`;
    byId("fact-model").textContent = `${name}: ${labels}, ${facts.frameRate} frames/s, looks at ${seconds} s`;
    byId("fact-backend").textContent = backendName;
    byId("fact-speed").textContent = "–";
    this.#timeline.begin(facts, null);
  }

  begin(facts, source) {
    this.#events = [];
    byId("events").replaceChildren();
    byId("no-events").hidden = false;
    byId("save").disabled = true;
    byId("invitation").hidden = true;
    byId("prediction").hidden = false;
    byId("label").textContent = "…";
    byId("score").textContent = "";
    byId("stop").disabled = false;
    const { duration } = this.video;
    this.#timeline.begin(facts, !source.isLive && duration <= MAX_WHOLE_SECONDS ? duration : null);
  }

  end() {
    this.#timeline.showCurrent(null);
    byId("stop").disabled = true;
    byId("prediction").hidden = true;
    // A film leaves its last picture, a camera nothing.
    byId("invitation").hidden = this.video.readyState > HTMLMediaElement.HAVE_NOTHING;
  }

  addRecord(record) {
    this.#timeline.add(record);
    if (record.type === "prediction") this.#showPrediction(record);
    if (record.type === "event") this.#listEvent(record);
    if (record.type === "gap") {
      this.showStatus(`Started anew at ${formatSeconds(record.resume_seconds)}: ${record.reason}`);
    }
  }

  #showPrediction({ label, score }) {
    const prediction = byId("prediction");
    prediction.classList.toggle("is-background", label === this.#facts.background);
    prediction.style.setProperty("--label-colour", this.#colour(label));
    prediction.style.setProperty("--share", score);
    byId("label").textContent = label;
    byId("score").textContent = score.toFixed(2);
  }

  #listEvent(record) {
    this.#events.push(record);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    byId("no-events").hidden = true;
    byId("save").disabled = false;
    const times = `${formatSeconds(record.start_seconds)} – ${formatSeconds(record.end_seconds)}`;
    const parts = [["i", ""], ["b", record.label], ["span", times], ["span", record.score.toFixed(2)]];
    const item = document.createElement("li");
    for (const [tag, text] of parts) item.append(Object.assign(document.createElement(tag), { textContent: text }));
    item.style.setProperty("--label-colour", this.#colour(record.label));
    item.dataset.record = JSON.stringify(record);
    const list = byId("events");
    list.append(item);
    if (list.children.length > MAX_EVENTS) list.firstChild.remove();
    list.scrollTop = list.scrollHeight;
  }

  showWork({ counts, missed, millis, current }) {
    this.#timeline.showCurrent(current);
    byId("fact-frames").textContent =
      `${counts.read} read, ${counts.sampled} used` +
      (counts.held > 0 ? `, ${counts.held} used again` : "") +
      (missed > 0 ? `, ${missed} missed` : "");
    if (millis === null) return;
    const budget = 1000 / this.#facts.frameRate;
    const factor = budget / millis;
    const verdict = factor >= 1 ? `${factor.toPrecision(2)} × as fast as needed` : "too slow for every frame";
    byId("fact-speed").textContent = `${millis.toFixed(1)} ms a frame, one every ${budget.toFixed(0)} ms: ${verdict}`;
    document.title = current === null ? "FrameStream in your browser" : `${current.label} – FrameStream`;
  }

  #colour(label) {
    return label === this.#facts.background
      ? "#aeb6c2"
      : labelColour(this.#facts.labels.indexOf(label), this.#facts.labels.length);
  }

  #save() {
    const lines = this.#events.map((record) => `${JSON.stringify(record)}\n`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
    link.download = "events.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
