// @ts-check
/**
 * The board as the voting page calls it: public data and encrypted ballots, without cookies and without a referrer.
 * Whatever goes wrong is a {@link Failure}.
 */
import { Failure } from "./failures.js";

const READ_SECONDS = 15;
const CAST_SECONDS = 60; // a long ballot over a bad line
const LONGEST_WAIT = 120; // seconds that a server may ask for

/** Types of the board's refusals, where they say more than the status does. */
const REASONS = /** @type {{[code: string]: import("./failures.js").Reason}} */ ({
  "not-yet": "not-yet",
  paused: "paused",
  closed: "closed",
  withdrawn: "withdrawn",
  "unknown-credential": "unknown-code",
  "already-voted": "already-voted",
  "too-many-ballots": "too-many-ballots",
  "foreign-ballot": "wrong-definition",
});

/** @param {string | null} header seconds or a date @returns {number} seconds */
function secondsOf(header) {
  if (!header) return 0;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Math.min(LONGEST_WAIT, Math.max(0, seconds || 0));
}

/** @param {number} status @returns {import("./failures.js").Reason} */
function reasonOfStatus(status) {
  if (status === 404) return "unknown-election";
  if (status === 410) return "withdrawn";
  if (status === 429) return "too-often";
  return status >= 500 ? "busy" : "refused";
}

/** @param {Response} response @returns {Promise<Failure>} */
async function failureOf(response) {
  const problem = await response.json().catch(() => ({}));
  const code = String(problem?.type ?? "").split(":").pop() ?? "";
  const reason = Object.hasOwn(REASONS, code) ? REASONS[code] : reasonOfStatus(response.status);
  return new Failure(reason, secondsOf(response.headers.get("Retry-After")));
}

/** @returns {never} what every break of a connection is */
function lost() {
  throw new Failure("offline");
}

export class Board {
  /** @param {string} origin of `ballot` @param {string} uuid of the election */
  constructor(origin, uuid) {
    this.url = `${origin}/v1/elections/${uuid}`;
  }

  /** @returns {Promise<{phase: string, now: string, opens_at: string | null, closes_at: string, revote_allowed: boolean}>} */
  async readBoard() {
    return (await this.#fetch("")).json().catch(lost);
  }

  /** @returns {Promise<Uint8Array>} exact bytes */
  async readDefinition() {
    return new Uint8Array(await (await this.#fetch("/definition")).arrayBuffer().catch(lost));
  }

  /** @param {string} digest of the public credential @returns {Promise<{listed: boolean, ballots: number}>} */
  async readCredential(digest) {
    return (await this.#fetch(`/credentials/${digest}`)).json().catch(lost);
  }

  /** @param {string} tracker @returns {Promise<boolean>} whether that ballot is on the board */
  async has(tracker) {
    const name = tracker.replaceAll("+", "-").replaceAll("/", "_");
    try {
      await this.#fetch(`/trackers/${name}`);
      return true;
    } catch (error) {
      if (error instanceof Failure && error.reason === "unknown-election") return false;
      throw error;
    }
  }

  /** @param {string} ballot its exact text @returns {Promise<{tracker: string}>} the same for the same text, at any time */
  async castBallot(ballot) {
    const headers = { "Content-Type": "application/json" };
    const response = await this.#fetch("/ballots", { method: "POST", body: ballot, headers }, CAST_SECONDS);
    return response.json().catch(lost);
  }

  /** @param {string} path @param {RequestInit} [options] @param {number} [seconds] @returns {Promise<Response>} */
  async #fetch(path, options = {}, seconds = READ_SECONDS) {
    const response = await fetch(this.url + path, {
      ...options,
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(seconds * 1000),
    }).catch(lost);
    if (!response.ok) throw await failureOf(response);
    return response;
  }
}
