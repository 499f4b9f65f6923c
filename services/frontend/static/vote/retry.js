// @ts-check
/**
 * Trying again until it works: waits that grow, never at the same moment as everybody else, at once when the connection
 * is back or the voter asks for it.
 */
import { Failure } from "./failures.js";

const FIRST_WAIT = 1; // seconds
const LONGEST_WAIT = 30;

/** Ends the wait of every {@link persist}. */
export const nudges = new EventTarget();
window.addEventListener("online", () => nudges.dispatchEvent(new Event("nudge")));

/** @param {number} seconds @returns {Promise<void>} after that time, or when somebody nudges */
export function rest(seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, seconds * 1000);
    nudges.addEventListener("nudge", done);
    function done() {
      clearTimeout(timer);
      nudges.removeEventListener("nudge", done);
      resolve();
    }
  });
}

/** @param {number} seconds @returns {number} between three quarters and five quarters of it */
export function spread(seconds) {
  return seconds * (0.75 + Math.random() / 2);
}

/**
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {(failure: Failure) => void} onFailure called before each wait
 * @returns {Promise<T>}
 * @throws {Failure} one that does not pass by itself
 */
export async function persist(attempt, onFailure) {
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Failure) || !error.passes) throw error;
      onFailure(error);
      await rest(error.retryAfter + spread(wait));
    }
  }
}
