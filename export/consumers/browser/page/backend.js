import { Model } from "../framestream/model.js";

/** How long after a run that failed the browser may still say that its GPU was lost. */
const LOSS_TOLD_MS = 2000;

const DIST = new URL("../node_modules/onnxruntime-web/dist/", import.meta.url);

/**
 * Open a model on what is asked for, and run it once.
 *
 * @param {"auto" | "webgpu" | "wasm"} choice auto takes WebGPU if there is real hardware for it and it works
 * @returns {Promise<{model: MeteredModel, name: string, onCpu: boolean}>} the model; in words what it really runs on
 */
export async function openModel(bytes, facts, choice) {
  const adapter = choice === "wasm" ? null : await findAdapter();
  if (choice === "webgpu" && adapter === null) {
    throw new Error("This browser offers no WebGPU adapter here. WebAssembly works everywhere: choose that.");
  }
  if (choice === "webgpu") return openOnGpu(bytes, facts);
  if (adapter === null || adapter.info?.isFallbackAdapter) return openOnCpu(bytes, facts);
  try {
    return await openOnGpu(bytes, facts);
  } catch (error) {
    const opened = await openOnCpu(bytes, facts);
    return { ...opened, name: `${opened.name}; ${error.message.split("\n")[0]}` };
  }
}

async function openOnCpu(bytes, facts) {
  const ort = await loadRuntime("wasm");
  const model = await Model.open(ort, bytes, facts, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  await warmUp(model, facts);
  return { model: new MeteredModel(model), name: `WebAssembly, ${threads(ort)}`, onCpu: true };
}

async function openOnGpu(bytes, facts) {
  const ort = await loadRuntime("webgpu");
  let model = null;
  try {
    // Warnings would say that some operators stay on the CPU, which is meant to be so.
    model = await Model.open(ort, bytes, facts, { executionProviders: ["webgpu"], logSeverityLevel: 3 });
    // What the session uses, which need not be the adapter found before; and whether it is given anything to do.
    const device = await ort.env.webgpu.device;
    const submits = await countSubmits(device.queue, () => warmUp(model, facts));
    if (submits === 0) throw new Error("the GPU was given nothing to compute");
    return { model: new MeteredModel(model, loss(device)), name: `WebGPU, ${describe(device.adapterInfo)}`, onCpu: false };
  } catch (error) {
    await model?.close();
    // WebAssembly throws what is no Error.
    throw new Error(`WebGPU failed: ${error?.message ?? error}`, { cause: error });
  }
}

/** Rejects if the GPU goes while it is used: its driver crashed, or the browser took it for hung. */
async function loss(device) {
  const { reason, message } = await device.lost;
  throw new Error(`The GPU was lost (${message || reason}). Choose WebAssembly, or WebGPU again.`);
}

/** The first run allocates and compiles; better now than at the first frame. */
async function warmUp(model, facts) {
  await model.run(new Uint8Array(facts.height * facts.width * 3), model.zeroState());
}

/** How often work is handed to a GPU's queue while something runs. */
async function countSubmits(queue, action) {
  let count = 0;
  queue.submit = (...given) => {
    count += 1;
    return GPUQueue.prototype.submit.apply(queue, given);
  };
  try {
    await action();
  } finally {
    delete queue.submit;
  }
  return count;
}

/** A model that remembers how long its newest runs took. */
export class MeteredModel {
  #model;
  #lost;
  #millis = [];

  /**
   * @param {Model} model
   * @param {Promise<never> | null} lost rejects when what it runs on is gone: runs that wait for that would never end
   */
  constructor(model, lost = null) {
    this.#model = model;
    this.#lost = lost;
    // Told by the run that meets it; with none, the next one.
    lost?.catch(() => {});
  }

  /** Median of the newest runs in milliseconds, or null. */
  get millis() {
    const sorted = [...this.#millis].sort((one, other) => one - other);
    return sorted.length === 0 ? null : sorted[sorted.length >> 1];
  }

  zeroState() {
    return this.#model.zeroState();
  }

  /** What a run gives; that the GPU is gone goes before what a run says of it, which may come a little sooner. */
  async #unlessLost(running) {
    try {
      return await Promise.race([this.#lost, running]);
    } catch (error) {
      await Promise.race([this.#lost, new Promise((resolve) => setTimeout(resolve, LOSS_TOLD_MS))]);
      throw error;
    }
  }

  async run(bytes, state) {
    const begun = performance.now();
    const running = this.#model.run(bytes, state);
    const result = await (this.#lost === null ? running : this.#unlessLost(running));
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

function describe(info) {
  const { vendor, architecture, description, isFallbackAdapter } = info ?? {};
  const name = [vendor, architecture].filter(Boolean).join(" ") || description || "unnamed GPU";
  return isFallbackAdapter ? `${name} (in software: slow)` : name;
}

function threads(ort) {
  const count = ort.env.wasm.numThreads;
  return count > 1 ? `${count} threads` : "1 thread";
}
