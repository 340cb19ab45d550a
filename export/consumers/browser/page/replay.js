/**
 * Replays the golden vectors of a hand-off folder on this server, on what the browser really has:
 * `?handoff=folder/&variant=float32&backend=auto|wasm|webgpu`.
 */
import { readFacts } from "../framestream/facts.js";
import { readVectors, replayGolden } from "../framestream/golden.js";
import { openModel } from "./backend.js";

const byId = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const handoff = new URL(`${asked.get("handoff") ?? "handoff"}/`.replace(/\/+$/, "/"), location.href);

try {
  await replay(asked.get("variant") ?? "float32", asked.get("backend") ?? "auto");
} catch (error) {
  byId("error").textContent = error.message;
  byId("error").hidden = false;
  byId("status").textContent = "Stopped";
  console.error(error);
}

async function replay(variant, choice) {
  const files = await listFiles();
  // Asking for files that are not there would be an error in the console.
  const load = async (path) => (files.has(path) ? fetchBytes(path) : null);
  const facts = readFacts(JSON.parse(new TextDecoder().decode(await fetchBytes(`${variant}/model.json`))));
  const bytes = await fetchBytes(`${variant}/${(await readVectors(load, variant)).model}`);
  const { model, name, onCpu } = await openModel(bytes, facts, choice);
  byId("backend").textContent = name;
  byId("status").textContent = "Replaying …";
  let passed = true;
  for await (const result of replayGolden(load, variant, { facts, model, onCpu })) {
    passed &&= result.passed;
    addRow(result);
  }
  byId("status").textContent = passed ? "All as it should be" : "Different: do not trust the predictions here";
}

/** Paths of all files in the folder: its SHA256SUMS has a line for each. */
async function listFiles() {
  const lines = new TextDecoder().decode(await fetchBytes("SHA256SUMS")).trim().split("\n");
  return new Set(lines.map((line) => line.slice(line.indexOf("  ") + 2)));
}

async function fetchBytes(path) {
  const response = await fetch(new URL(path, handoff));
  if (!response.ok) {
    const how = "say where it is: replay.html?handoff=FOLDER&variant=float32";
    throw new Error(`${new URL(path, handoff).pathname} is not there (${response.status}); ${how}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

function addRow(result) {
  const { name, sets, answers: predictions = "", off, limit, passed, first_difference: first } = result;
  const verdict = passed ? "passed" : `FAILED ${first ?? ""}`;
  const row = byId("results").insertRow();
  row.dataset.result = JSON.stringify(result);
  const shown = Number.isInteger(off) ? String(off) : off.toExponential(1);
  for (const text of [name, sets, predictions, shown, limit, verdict]) row.insertCell().textContent = text;
}
