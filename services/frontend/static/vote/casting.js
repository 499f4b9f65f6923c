// @ts-check
/**
 * From a code and a choice to a ballot on the board.
 *
 * - The code is looked up before anything is encrypted.
 * - A ballot is encrypted once; its exact bytes are kept until the board has them, and those bytes are sent again.
 * - Before bytes are sent again, the board is asked whether they have arrived, or whether the voter has cast another ballot
 *   elsewhere since: that one is not replaced unless the voter says so.
 */
import { Failure } from "./failures.js";
import { persist } from "./retry.js";

/** @typedef {import("./kept.js").Pending} Pending */

export class Casting {
  /**
   * @param {object} parts
   * @param {import("./board.js").Board} parts.board
   * @param {import("./kept.js").Kept} parts.kept
   * @param {{ask: (action: any, parameters: object, onProgress?: (progress: any) => void) => Promise<any>}} parts.worker
   * @param {{perCredential: number, revoteAllowed: boolean}} parts.limits
   * @param {() => Promise<boolean>} parts.agree asks the voter whether earlier ballots shall be replaced
   */
  constructor({ board, kept, worker, limits, agree }) {
    this.board = board;
    this.kept = kept;
    this.worker = worker;
    this.limits = limits;
    this.agree = agree;
  }

  /**
   * @param {string} code in its dashed form
   * @param {(failure: Failure) => void} onFailure
   * @returns {Promise<{digest: string, ballots: number}>} how many ballots it has cast
   * @throws {Failure} also when it may cast no more
   */
  async check(code, onFailure) {
    const { digest } = await this.worker.ask("credential", { code });
    return { digest, ballots: await persist(() => this.#mayCast(digest), onFailure) };
  }

  /** @param {string} digest @returns {Promise<number>} ballots that the credential has cast */
  async #mayCast(digest) {
    const { listed, ballots } = await this.board.readCredential(digest);
    if (!listed) throw new Failure("unknown-code");
    if (ballots > 0 && !this.limits.revoteAllowed) throw new Failure("already-voted");
    if (ballots >= this.limits.perCredential) throw new Failure("too-many-ballots");
    return ballots;
  }

  /**
   * @param {string} code
   * @param {number[][]} choices
   * @param {{digest: string, ballots: number}} credential as {@link check} returned it
   * @param {(progress: {done: number, of: number}) => void} onProgress
   */
  async encrypt(code, choices, { digest, ballots }, onProgress) {
    const { text, tracker } = await this.worker.ask("encrypt", { code, choices }, onProgress);
    this.kept.pending = { text, tracker, digest, before: ballots };
  }

  /**
   * Sends the kept ballot until it is on the board.
   * @param {boolean} again whether it may have been sent before
   * @param {(failure: Failure) => void} onFailure
   * @returns {Promise<string | null>} its tracker; null when the voter keeps a ballot that was cast elsewhere
   * @throws {Failure}
   */
  async deliver(again, onFailure) {
    return persist(async () => {
      const pending = /** @type {Pending} */ (this.kept.pending);
      const isRepeated = again;
      again = true;
      if (isRepeated && (await this.board.has(pending.tracker))) return this.#arrived(pending);
      if (isRepeated && !(await this.#isStillWanted(pending))) return this.#dropped();
      const receipt = await this.board.castBallot(pending.text);
      if (receipt.tracker !== pending.tracker) throw new Failure("refused");
      return this.#arrived(pending);
    }, onFailure);
  }

  /** @param {Pending} pending @returns {Promise<boolean>} */
  async #isStillWanted(pending) {
    const ballots = await this.#mayCast(pending.digest);
    if (ballots <= pending.before) return true;
    if (!(await this.agree())) return false;
    this.kept.pending = { ...pending, before: ballots };
    return true;
  }

  /** @param {Pending} pending @returns {string} */
  #arrived({ tracker }) {
    this.kept.tracker = tracker;
    this.kept.pending = null;
    this.kept.link = null;
    return tracker;
  }

  /** @returns {null} */
  #dropped() {
    this.kept.pending = null;
    return null;
  }
}
