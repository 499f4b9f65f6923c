// @ts-check
/**
 * What can go wrong on the way of a vote, as words of two short lists. Nothing else about a failure is ever known
 * outside the function in which it happened: no code, no choice, no ballot, no text of a server.
 */

/** Where the voter stood. */
export const STEPS = /** @type {const} */ (["prepare", "choose", "check", "encrypt", "send"]);

/** Passes by itself: the same request may succeed in a moment. */
export const PASSING = /** @type {const} */ (["offline", "busy", "too-often"]);

/** Ends the step; for each of them the page has a screen of the same name, or an error at the field of the code. */
export const FINAL = /** @type {const} */ ([
  "not-yet",
  "paused",
  "closed",
  "withdrawn",
  "unknown-election",
  "unknown-code",
  "mistyped-code",
  "already-voted",
  "too-many-ballots",
  "wrong-definition",
  "insecure",
  "unsupported",
  "refused",
]);

/** What is told to us, see `report.js`: what somebody can mend. What a voter did, or what the schedule says, is not told. */
export const REPORTED = /** @type {const} */ ([
  "insecure",
  "unsupported",
  "offline",
  "busy",
  "too-often",
  "unknown-election",
  "unknown-code",
  "wrong-definition",
  "refused",
]);

/** @typedef {typeof STEPS[number]} Step */
/** @typedef {typeof PASSING[number] | typeof FINAL[number]} Reason */

export class Failure extends Error {
  /**
   * @param {Reason} reason
   * @param {number} [retryAfter] seconds that the server asks to wait
   */
  constructor(reason, retryAfter = 0) {
    super(reason);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }

  /** @returns {boolean} whether trying again may help */
  get passes() {
    return /** @type {readonly string[]} */ (PASSING).includes(this.reason);
  }

  /** @returns {boolean} whether somebody on call could mend it */
  get isOurs() {
    return /** @type {readonly string[]} */ (REPORTED).includes(this.reason);
  }
}
