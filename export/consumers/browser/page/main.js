/** The page: loads the model, starts and stops what is watched, hands records to those who show them. */
import { readFacts } from "../framestream/facts.js";
import { Stream } from "../framestream/stream.js";
import { openModel } from "./backend.js";
import { Playback } from "./playback.js";
import { openCamera, openFilm } from "./sources.js";
import { View } from "./view.js";

const view = new View();
let loaded = null; // { bytes, sidecar, name, facts, choice, model }
let running = null; // { playback, stream, source }

window.addEventListener("error", (event) => view.showError(event.error ?? new Error(event.message)));
window.addEventListener("unhandledrejection", (event) => view.showError(event.reason));

view.on({
  camera: () => start(openCamera),
  film: (file) => start(() => openFilm(file)),
  model: (files) => attempt(() => loadDropped(files)),
  backend: () => attempt(() => useModel(loaded)),
  stop: () => attempt(stop),
});
await attempt(loadFromAddress);

/** Do something that may fail; what fails is shown in the page. */
async function attempt(action) {
  try {
    view.clearError();
    await action();
  } catch (error) {
    view.showError(error);
  }
}

/** The model named in the address, `?model=folder/name.onnx`, or model.onnx beside the page. */
async function loadFromAddress() {
  const address = new URL(new URLSearchParams(location.search).get("model") ?? "model.onnx", location.href);
  const name = address.pathname.split("/").at(-1);
  view.showStatus(`Loading ${name} …`);
  const responses = await Promise.all([fetch(address), fetch(address.href.replace(/\.onnx(?=$|\?)/, ".json"))]);
  for (const response of responses) {
    if (response.ok) continue;
    view.showStatus("No model yet");
    const what = new URL(response.url).pathname;
    throw new Error(`${what} is not there (${response.status}). Drop MODEL.onnx and MODEL.json here, both together.`);
  }
  const [bytes, text] = [new Uint8Array(await responses[0].arrayBuffer()), await responses[1].text()];
  await useModel({ bytes, sidecar: parseSidecar(text), name });
}

async function loadDropped(files) {
  const [onnx, json] = ["onnx", "json"].map((kind) => files.find((file) => file.name.endsWith(`.${kind}`)));
  if (!onnx || !json) throw new Error("A model is two files: drop MODEL.onnx and MODEL.json together.");
  const [bytes, text] = [new Uint8Array(await onnx.arrayBuffer()), await json.text()];
  await useModel({ bytes, sidecar: parseSidecar(text), name: onnx.name });
}

function parseSidecar(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    const remedy = "take the JSON file that was exported with the model";
    throw new Error(`The sidecar is no JSON: ${remedy}. (${error.message})`, { cause: error });
  }
}

async function useModel({ bytes, sidecar, name }) {
  await stop();
  view.showStatus("Preparing the model …");
  view.setReady(false);
  try {
    const facts = readFacts(sidecar);
    const choice = view.backend;
    const opened = await openModel(bytes, facts, choice);
    await loaded?.model.close();
    loaded = { bytes, sidecar, name, facts, choice, model: opened.model };
    view.showModel(name, facts, opened.name);
  } finally {
    // One that cannot be used leaves the one before.
    if (loaded !== null) view.backend = loaded.choice;
    view.setReady(loaded !== null);
    view.showStatus(loaded === null ? "No model yet" : "Ready");
  }
}

/** Watch a source, instead of the one before; `open` promises it. */
function start(open) {
  return attempt(async () => {
    await stop();
    const source = await open();
    const stream = new Stream(loaded.facts, loaded.model);
    const failed = (error) => attempt(() => fail(error));
    const ended = () => attempt(stop);
    const on = { records: show, failed, ended };
    const playback = new Playback(view.video, stream, { isLive: source.isLive, on });
    running = { playback, stream, source };
    try {
      await source.attach(view.video, { ended, failed });
    } catch (error) {
      await fail(error);
    }
    view.begin(loaded.facts, source);
    view.showStatus(`Watching ${source.name}`);
  });
}

async function fail(error) {
  await stop();
  view.showStatus("Stopped");
  throw error;
}

async function stop() {
  if (running === null) return;
  const { playback, source } = running;
  await playback.stop();
  if (running?.playback !== playback) return; // another call was first
  running = null;
  source.detach(view.video);
  view.end();
  view.showStatus(`Watched ${source.name}`);
}

function show(records) {
  for (const record of records) view.addRecord(record);
  if (running !== null) {
    const { playback, stream } = running;
    const { counts, current } = stream;
    view.showWork({ counts, current, missed: playback.missed, millis: loaded.model.millis });
  }
}
