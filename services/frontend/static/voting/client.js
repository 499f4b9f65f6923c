// @ts-check
/**
 * How a page asks the worker. One method per action would only repeat {@link Session}: see there for parameters and values.
 *
 *     const voting = new VotingWorker();
 *     await voting.ask("prepare", { definition });
 *     const { text, tracker } = await voting.ask("encrypt", { code, choices }, ({ done, of }) => ...);
 */
import { VotingError, WorkerFailed } from "./errors.js";

/** @typedef {{resolve: (value: any) => void, reject: (error: VotingError) => void, onProgress: (progress: any) => void}} Pending */

/** @returns {WorkerFailed} */
function workerFailed() {
  return new WorkerFailed("worker-failed", "the background script does not run in this browser");
}

export class VotingWorker {
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #nextId = 1;
  #hasFailed = false;
  #worker;

  constructor() {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#receive(data));
    this.#worker.addEventListener("error", () => this.#failAll());
  }

  /**
   * @param {"prepare" | "credential" | "encrypt" | "makeTrusteeKey" | "readTrusteeKey" | "checkBoard" | "decrypt"} action
   * @param {object} parameters
   * @param {(progress: any) => void} [onProgress] at most ten times a second
   * @returns {Promise<any>}
   * @throws {VotingError} with the `code` and `details` of what was thrown in the worker
   */
  ask(action, parameters, onProgress = () => {}) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // A worker that could not be loaded answers nothing, whenever it is asked.
      if (this.#hasFailed) return reject(workerFailed());
      this.#pending.set(id, { resolve, reject, onProgress });
      this.#worker.postMessage({ id, action, parameters });
    });
  }

  /** Stop whatever it does, at once. */
  close() {
    this.#worker.terminate();
    this.#failAll();
  }

  /** @param {{id: number, progress?: any, value?: any, error?: {code: string, message: string, details: any}}} answer */
  #receive({ id, progress, value, error }) {
    const pending = this.#pending.get(id);
    if (!pending) return;
    if (progress) return pending.onProgress(progress);
    this.#pending.delete(id);
    if (error) pending.reject(new VotingError(error.code, error.message, error.details));
    else pending.resolve(value);
  }

  #failAll() {
    this.#hasFailed = true;
    for (const { reject } of this.#pending.values()) reject(workerFailed());
    this.#pending.clear();
  }
}
