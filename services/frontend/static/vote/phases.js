// @ts-check
/** Whether ballots are taken now: asked of the board, whose clock decides, and waited for. */
import { text } from "../texts.js";
import { describe, duration, secondsUntil, setClock } from "./clock.js";
import { Failure } from "./failures.js";
import { nudges, persist, rest, spread } from "./retry.js";
import { current, element, show } from "./screens.js";

const LOOK_AGAIN = 60; // seconds after which a schedule may have been changed
const PAUSE = 15;
const CLOSE_MARGIN = 1;

/** @typedef {Awaited<ReturnType<import("./board.js").Board["readBoard"]>>} State */

// A page that comes to the front again may have slept for hours.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) nudges.dispatchEvent(new Event("nudge"));
});

/** @param {State} state */
function showTimes({ phase, opens_at, closes_at }) {
  const { zone } = element("voting").dataset;
  const code = phase === "closed" ? "closed-at" : "open-until";
  element("deadline").textContent = text(code, { time: describe(closes_at, zone) });
  if (opens_at) element("opens").textContent = describe(opens_at, zone);
}

/** @param {string} opensAt */
function countDown(opensAt) {
  const tick = () => (element("countdown").textContent = duration(secondsUntil(opensAt)));
  tick();
  const timer = setInterval(tick, 1000);
  return () => clearInterval(timer);
}

export class Phases {
  /** @param {import("./board.js").Board} board */
  constructor(board) {
    this.board = board;
  }

  /** @returns {Promise<State>} */
  async look() {
    const state = await this.board.readBoard();
    setClock(state.now);
    showTimes(state);
    this.closesAt = state.closes_at;
    if (state.phase === "closed" || state.phase === "withdrawn") throw new Failure(state.phase);
    return state;
  }

  /**
   * @param {(failure: Failure) => void} onFailure
   * @param {{quietly?: boolean}} [options] for the first screen of all
   * @returns {Promise<State>} once voting is open; until then a screen says since when or when
   * @throws {Failure} when it will not open any more
   */
  async untilOpen(onFailure, options = {}) {
    for (;;) {
      const state = await persist(() => this.look(), onFailure);
      if (state.phase === "open") return state;
      if (state.phase === "paused") {
        show("paused", options);
        await rest(spread(PAUSE));
      } else {
        show("not-yet", options);
        await this.#awaitOpening(/** @type {string} */ (state.opens_at));
      }
    }
  }

  /** @param {string} opensAt */
  async #awaitOpening(opensAt) {
    const stop = countDown(opensAt);
    // Everybody's countdown ends at the same moment; their questions to the board need not.
    await rest(Math.min(Math.max(0, secondsUntil(opensAt)) + spread(1), spread(LOOK_AGAIN)));
    stop();
  }

  /** Looks again when the close has come, and now and then; `onEnd` is told when voting is over while somebody chooses. @param {(failure: Failure) => void} onEnd */
  async watch(onEnd) {
    for (;;) {
      const close = Math.max(0, secondsUntil(/** @type {string} */ (this.closesAt))) + CLOSE_MARGIN;
      await rest(Math.min(close, spread(10 * LOOK_AGAIN)));
      if (!["choose", "review"].includes(current())) continue;
      try {
        await this.look();
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (!error.passes) return onEnd(error);
      }
    }
  }
}
