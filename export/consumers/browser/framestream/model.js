/** The model, run one frame at a time; `ort` is onnxruntime-web or onnxruntime-node, which share their interface. */
export class Model {
  #ort;
  #session;
  #facts;
  #shapes;

  /**
   * @param ort the module
   * @param {Uint8Array | string} source the file's bytes, or its path where there are files
   * @param facts of `readFacts`
   * @param options of `InferenceSession.create`
   */
  static async open(ort, source, facts, options) {
    return new Model(ort, await ort.InferenceSession.create(source, options), facts);
  }

  constructor(ort, session, facts) {
    const inputs = ["frames", ...facts.stateNames];
    const outputs = ["probabilities", ...facts.stateNames.map((name) => `next_${name}`)];
    const missing = [
      ...inputs.filter((name) => !session.inputNames.includes(name)),
      ...outputs.filter((name) => !session.outputNames.includes(name)),
    ];
    if (missing.length > 0) {
      throw new Error(`The model has no ${missing.join(", ")}: model and sidecar do not belong together.`);
    }
    const { height, width, labels } = facts;
    checkShape(session.inputMetadata, "frames", [, , height, width, 3]);
    checkShape(session.outputMetadata, "probabilities", [, , labels.length]);
    this.#ort = ort;
    this.#session = session;
    this.#facts = facts;
    this.#shapes = Object.fromEntries(session.inputMetadata.map((input) => [input.name, input.shape]));
  }

  /** The state that starts a segment of video. */
  zeroState() {
    const zeros = (name) => {
      const shape = [1, ...this.#shapes[name].slice(1)];
      const size = shape.reduce((product, side) => product * side, 1);
      return new this.#ort.Tensor("float32", new Float32Array(size), shape);
    };
    return Object.fromEntries(this.#facts.stateNames.map((name) => [name, zeros(name)]));
  }

  /**
   * Run one frame.
   *
   * @param {Uint8Array} bytes RGB, `[height, width, 3]`
   * @returns {Promise<{row: Float32Array, state: object}>} probabilities, and the state for the next frame
   */
  async run(bytes, state) {
    const { height, width, stateNames } = this.#facts;
    const frames = new this.#ort.Tensor("uint8", bytes, [1, 1, height, width, 3]);
    const results = await this.#session.run({ frames, ...state });
    // What comes out as `next_x` goes in as `x`.
    const next = Object.fromEntries(stateNames.map((name) => [name, results[`next_${name}`]]));
    return { row: results.probabilities.data, state: next };
  }

  async close() {
    await this.#session.release();
  }
}

/** A sidecar of another model may name the same tensors: sizes tell them apart. Sizes that are free are no numbers. */
function checkShape(metadata, name, wanted) {
  const { shape } = metadata.find((tensor) => tensor.name === name);
  const isOther = (size, axis) => typeof shape[axis] === "number" && shape[axis] !== size;
  if (wanted.some(isOther)) {
    throw new Error(`The model's ${name} are [${shape}], not as its sidecar says: they do not belong together.`);
  }
}
