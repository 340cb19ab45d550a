/** Watch a film: node watch-film.js MODEL.onnx FILM (MODEL.json beside the model; the program ffmpeg decodes). */
import { readFileSync } from "node:fs";
import process from "node:process";

import * as ort from "onnxruntime-node";

import { readFacts } from "../browser/framestream/facts.js";
import { Model } from "../browser/framestream/model.js";
import { Stream } from "../browser/framestream/stream.js";
import { readFilm } from "./film.js";

const [modelPath, filmPath] = process.argv.slice(2);
if (filmPath === undefined) {
  console.error("usage: node watch-film.js MODEL.onnx FILM");
  process.exit(2);
}
try {
  const facts = readFacts(JSON.parse(readFileSync(modelPath.replace(/\.onnx$/, ".json"), "utf8")));
  const model = await Model.open(ort, modelPath, facts, { executionProviders: ["cpu"] });
  const stream = new Stream(facts, model);
  const print = (records) => records.forEach((record) => console.log(JSON.stringify(record)));
  for await (const { seconds, picture } of readFilm(filmPath)) print(await stream.push(seconds, () => picture));
  print(await stream.flush());
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
