/** Replay golden vectors: node replay.js HANDOFF [VARIANT], a folder of `framestream export RUN --handoff HANDOFF`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

import * as ort from "onnxruntime-node";

import { readFacts } from "../browser/framestream/facts.js";
import { readVectors, replayGolden } from "../browser/framestream/golden.js";
import { Model } from "../browser/framestream/model.js";

const [handoff, variant = "float32"] = process.argv.slice(2);
if (handoff === undefined) {
  console.error("usage: node replay.js HANDOFF [VARIANT]");
  process.exit(2);
}

/** A file of the hand-off folder, or null. */
async function load(path) {
  try {
    return new Uint8Array(await readFile(join(handoff, path)));
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

try {
  const facts = readFacts(JSON.parse(await readFile(join(handoff, variant, "model.json"), "utf8")));
  const path = join(handoff, variant, (await readVectors(load, variant)).model);
  const model = await Model.open(ort, path, facts, { executionProviders: ["cpu"] });
  for await (const result of replayGolden(load, variant, { facts, model, onCpu: true })) {
    console.log(JSON.stringify(result));
    if (!result.passed) process.exitCode = 1;
  }
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
