// @ts-check
/**
 * Entry point of the module worker: answers requests for a {@link Session}, one after the other.
 *
 * In: `{id, action, parameters}`. Out: any number of `{id, progress}`, then `{id, value}` or `{id, error}`.
 */
import { VotingError } from "./errors.js";
import { Session } from "./session.js";

const ACTIONS = ["prepare", "credential", "encrypt", "makeTrusteeKey", "readTrusteeKey", "checkBoard", "decrypt"];
const PROGRESS_INTERVAL = 100; // milliseconds: more often than a person can read

const session = new Session();
let queue = Promise.resolve();

/** @param {number} id @returns {import("./session.js").OnProgress} */
function progressOf(id) {
  let last = -Infinity;
  return (progress) => {
    if (performance.now() - last < PROGRESS_INTERVAL) return;
    last = performance.now();
    self.postMessage({ id, progress });
  };
}

/** @param {unknown} error @returns {{code: string, message: string, details: object}} */
function errorRecord(error) {
  if (error instanceof VotingError) return { code: error.code, message: error.message, details: error.details };
  // A defect. Its text stays here: it could quote what it stumbled over.
  return { code: "worker-failed", message: "the worker failed", details: {} };
}

/** @param {{id: number, action: string, parameters: any}} request */
async function answer({ id, action, parameters }) {
  try {
    if (!ACTIONS.includes(action)) throw new VotingError("worker-failed", "there is no such action");
    const value = await (/** @type {any} */ (session)[action](parameters, progressOf(id)));
    self.postMessage({ id, value });
  } catch (error) {
    self.postMessage({ id, error: errorRecord(error) });
  }
}

self.addEventListener("message", ({ data }) => {
  queue = queue.then(() => answer(data));
});
