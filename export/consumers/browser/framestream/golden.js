import { fitPicture } from "./picture.js";
import { readTensor } from "./tensors.js";

/** With more of a lead a label must win here, too, however large the limit. */
const CLEAR_LEAD = 0.1;

/**
 * What `vectors.json` says of the golden vectors of a variant: `model`, its file, limits and sequences.
 *
 * @param {(path: string) => Promise<Uint8Array | null>} load a file of the hand-off folder, null if there is none
 */
export async function readVectors(load, variant) {
  const bytes = await load(`${variant}/vectors.json`);
  if (bytes === null) throw new Error(`There is no ${variant}/vectors.json: take a folder of a hand-off.`);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/**
 * Replay what is in a hand-off folder: scale its pictures with `fitPicture`, run its sequences with `model`.
 *
 * @param load as for `readVectors`
 * @param {string} variant the folder of the model in it
 * @param {object} facts of `readFacts`
 * @param model of `Model`
 * @param {boolean} onCpu whether the model runs on ONNX Runtime's CPU provider, for which the limit is stricter
 * @yields a result for the pictures and for each sequence, with `name`, `off`, `limit` and `passed`
 */
export async function* replayGolden(load, variant, { facts, model, onCpu }) {
  const vectors = await readVectors(load, variant);
  const limit = onCpu ? vectors.limit : vectors.elsewhere_limit;
  yield await replayPictures(load);
  for (const sequence of vectors.sequences) {
    yield await replaySequence(sequence, (number) => loadSet(load, `${variant}/test_data_set_${number}`), {
      facts,
      model,
      limit,
    });
  }
}

/** Each pixel may be off by one. */
async function replayPictures(load) {
  let [off, sets] = [0, 0];
  for (; ; sets++) {
    const set = await loadSet(load, `preprocess/test_data_set_${sets}`);
    if (set === null) break;
    const [height, width, channels] = set.inputs.picture.dims;
    const { dims, data } = set.outputs.frame;
    const found = fitPicture({ data: set.inputs.picture.data, width, height, channels }, dims[1], dims[0]);
    off = Math.max(off, largestDifference(found, data));
  }
  return { name: "pictures", sets, off, limit: 1, passed: sets > 0 && off <= 1 };
}

/** Cameras are run one by one and frame by frame, each with the state that came out of its own last frame. */
async function replaySequence({ name, sets }, loadOwnSet, { facts, model, limit }) {
  let [rows, off, predictions, otherDecisions, first, states] = [0, 0, 0, 0, null, null];
  for (const number of sets) {
    const set = await loadOwnSet(number);
    if (set === null) throw new Error(`There is no test_data_set_${number}.`);
    const { frames } = set.inputs;
    const [cameras, steps] = frames.dims;
    states ??= Array.from({ length: cameras }, () => model.zeroState());
    const check = (tensor, camera, found) => {
      const wanted = part(set.outputs[tensor].data, camera, cameras);
      const distance = largestDifference(found, wanted) / scaleOf(set.outputs[tensor].data);
      off = Math.max(off, distance);
      if (distance > limit) first ??= `test_data_set_${number}: ${tensor} is off by ${distance.toPrecision(2)}`;
    };
    for (let camera = 0; camera < cameras; camera++) {
      const found = [];
      for (let step = 0; step < steps; step++) {
        const at = camera * steps + step;
        const { row, state } = await model.run(part(frames.data, at, cameras * steps), states[camera]);
        states[camera] = state;
        found.push(...row);
        if (rows + step + 1 < facts.window) continue;
        predictions += 1;
        const wanted = part(set.outputs.probabilities.data, at, cameras * steps);
        otherDecisions += decidesOtherwise(row, wanted, limit) ? 1 : 0;
      }
      check("probabilities", camera, found);
      for (const state of facts.stateNames) check(`next_${state}`, camera, states[camera][state].data);
    }
    rows += steps;
  }
  const passed = predictions > 0 && first === null && otherDecisions === 0;
  const figures = { answers: predictions, other_decisions: otherDecisions, first_difference: first };
  return { name, sets: sets.length, off, limit, ...figures, passed };
}

/** Tensors by name, or null if there is no such set. */
async function loadSet(load, folder) {
  const set = { inputs: {}, outputs: {} };
  for (const [side, tensors] of [["input", set.inputs], ["output", set.outputs]]) {
    for (let index = 0; ; index++) {
      const bytes = await load(`${folder}/${side}_${index}.pb`);
      if (bytes === null) break;
      const tensor = readTensor(bytes);
      tensors[tensor.name] = tensor;
    }
  }
  return Object.keys(set.inputs).length === 0 ? null : set;
}

/** One of `count` equal parts. */
function part(data, index, count) {
  const size = data.length / count;
  return data.subarray(index * size, (index + 1) * size);
}

/** JSON knows no infinity. */
function largestDifference(found, wanted) {
  if (found.length !== wanted.length) return Number.MAX_VALUE;
  let largest = 0;
  for (let index = 0; index < wanted.length; index++) {
    const difference = Math.abs(found[index] - wanted[index]);
    if (Number.isNaN(difference)) return Number.MAX_VALUE;
    largest = Math.max(largest, difference);
  }
  return largest;
}

/** Differences count as a share of a tensor's largest number, or of 1. */
function scaleOf(data) {
  return data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
}

/** Whether another label wins, where the first two are not as good as level. */
function decidesOtherwise(row, wanted, limit) {
  const [best, second] = [...wanted.keys()].sort((one, other) => wanted[other] - wanted[one]);
  const lead = wanted[best] - wanted[second];
  return row.indexOf(Math.max(...row)) !== best && lead > Math.min(2 * limit, CLEAR_LEAD);
}
