import { Model } from "../framestream/model.js";

const DIST = new URL("../node_modules/onnxruntime-web/dist/", import.meta.url);

/**
 * Open a model on what is asked for, and run it once.
 *
 * @param {"auto" | "webgpu" | "wasm"} choice auto takes WebGPU if there is real hardware for it
 * @returns {Promise<{model: MeteredModel, name: string}>} the model, and in words what it runs on
 */
export async function openModel(bytes, facts, choice) {
  const adapter = choice === "wasm" ? null : await findAdapter();
  const isHardware = adapter !== null && !adapter.info?.isFallbackAdapter;
  if (choice === "webgpu" && adapter === null) {
    throw new Error("This browser offers no WebGPU adapter here. WebAssembly works everywhere: choose that.");
  }
  const onGpu = choice === "webgpu" || (choice === "auto" && isHardware);
  const ort = await loadRuntime(onGpu ? "webgpu" : "wasm");
  // Warnings would say that some operators stay on the CPU, which is meant to be so.
  const options = { executionProviders: [onGpu ? "webgpu" : "wasm"], logSeverityLevel: 3 };
  const model = await Model.open(ort, bytes, facts, options);
  const metered = new MeteredModel(model);
  // The first run allocates and compiles; better now than at the first frame.
  await model.run(new Uint8Array(facts.height * facts.width * 3), model.zeroState());
  return { model: metered, name: onGpu ? `WebGPU, ${describe(adapter)}` : `WebAssembly, ${threads(ort)}` };
}

/** A model that remembers how long its newest runs took. */
export class MeteredModel {
  #model;
  #millis = [];

  constructor(model) {
    this.#model = model;
  }

  /** Median of the newest runs in milliseconds, or null. */
  get millis() {
    const sorted = [...this.#millis].sort((one, other) => one - other);
    return sorted.length === 0 ? null : sorted[sorted.length >> 1];
  }

  zeroState() {
    return this.#model.zeroState();
  }

  async run(bytes, state) {
    const begun = performance.now();
    const result = await this.#model.run(bytes, state);
    this.#millis.push(performance.now() - begun);
    if (this.#millis.length > 50) this.#millis.shift();
    return result;
  }

  close() {
    return this.#model.close();
  }
}

async function findAdapter() {
  try {
    return (await navigator.gpu?.requestAdapter()) ?? null;
  } catch {
    // Some browsers offer WebGPU and fail when asked: that is as good as none.
    return null;
  }
}

async function loadRuntime(build) {
  const address = new URL(`ort.${build}.bundle.min.mjs`, DIST);
  try {
    const ort = await import(address);
    ort.env.wasm.wasmPaths = DIST.href;
    return ort;
  } catch (error) {
    const remedy = `run "npm ci" in this page's folder`;
    throw new Error(`ONNX Runtime is not at ${address.pathname}: ${remedy}.`, { cause: error });
  }
}

function describe(adapter) {
  const { vendor, architecture, description } = adapter.info ?? {};
  const name = [vendor, architecture].filter(Boolean).join(" ") || description || "unnamed GPU";
  return adapter.info?.isFallbackAdapter ? `${name} (in software: slow)` : name;
}

function threads(ort) {
  const count = ort.env.wasm.numThreads;
  return count > 1 ? `${count} threads` : "1 thread";
}
