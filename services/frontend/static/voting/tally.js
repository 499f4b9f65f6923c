// @ts-check
/**
 * The encrypted tally: the product of the ballots that count.
 *
 * Rules, each with its refusal:
 * - a ballot is of this election, by a listed credential, signed by it, and proven (`ballot-...`);
 * - no ballot is on the board twice (`ballot-duplicate`);
 * - the last ballot of each credential counts, with the weight of the list;
 * - the published tally is exactly what follows from these (`tally-differs`).
 */
import { checkElection, checkProofs, checkSignature, parseBallot, trackerOf } from "./ballot.js";
import { bytesFromText, readOr, sha256Hex, textFromBytes } from "./encoding.js";
import { choicesOf } from "./election.js";
import { InvalidBallot, InvalidTally } from "./errors.js";
import { ciphertextRecord, countRecord } from "./records.js";

/** @typedef {import("./credentials.js").Credentials} Credentials */
/** @typedef {import("./election.js").Election} Election */
/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("./proofs.js").Ciphertext} Ciphertext */

/**
 * @typedef {object} EncryptedTally
 * @property {Ciphertext[][]} ciphertexts per question, per choice
 * @property {string} text the record `encrypted_tally`, as published
 * @property {string} sized the record that the event names
 * @property {number} counted how many ballots it holds: one per credential that voted
 * @property {bigint} totalWeight of these
 */

/** The ballots of one board, as they arrive. */
export class BallotBox {
  /** @type {Map<string, Ciphertext[][]>} last choices of each credential */
  #last = new Map();
  /** @type {Set<string>} */
  #trackers = new Set();

  /**
   * @param {Election} election
   * @param {Credentials} credentials
   * @param {{proofs?: boolean}} [options] `proofs: false` leaves out the expensive part (about 30 ms a ballot); signatures are always checked
   */
  constructor(election, credentials, { proofs = true } = {}) {
    this.election = election;
    this.credentials = credentials;
    this.checksProofs = proofs;
  }

  /** How many ballots there are, replaced ones too. */
  get size() {
    return this.#trackers.size;
  }

  /**
   * @param {Uint8Array} raw a ballot as published
   * @returns {Promise<void>}
   * @throws {InvalidBallot}
   */
  async add(raw) {
    const ballot = parseBallot(readOr(new InvalidBallot("ballot-malformed", "not a ballot"), () => textFromBytes(raw)));
    checkElection(ballot, this.election);
    if (!this.credentials.has(ballot.credential)) {
      throw new InvalidBallot("ballot-credential", "the ballot's credential is not on the list");
    }
    const tracker = await trackerOf(raw);
    if (this.#trackers.has(tracker)) throw new InvalidBallot("ballot-duplicate", "the same ballot is on the board twice");
    await checkSignature(ballot, this.election);
    if (this.checksProofs) await checkProofs(ballot, this.election);
    else checkShape(ballot, this.election);
    this.#trackers.add(tracker);
    this.#last.set(ballot.credential, ballot.answers.map((answer) => answer.choices));
  }

  /** @returns {Promise<EncryptedTally>} of the ballots so far */
  async tally() {
    const ciphertexts = this.#product();
    const text = JSON.stringify(ciphertexts.map((choices) => choices.map(ciphertextRecord)));
    const totalWeight = Array.from(this.#last.keys(), (key) => this.#weight(key)).reduce((sum, weight) => sum + weight, 0n);
    const counted = this.#last.size;
    const hash = await sha256Hex(text);
    const sized = { num_tallied: counted, total_weight: countRecord(totalWeight), encrypted_tally: hash };
    return { ciphertexts, text, sized: JSON.stringify(sized), counted, totalWeight };
  }

  /** @param {string} credential on the list @returns {bigint} */
  #weight(credential) {
    return /** @type {bigint} */ (this.credentials.get(credential));
  }

  /** @returns {Ciphertext[][]} */
  #product() {
    const { group, questions } = this.election;
    const total = questions.map((question) => new Array(choicesOf(question)).fill({ alpha: 1n, beta: 1n }));
    for (const [credential, answers] of this.#last) {
      const weight = this.#weight(credential);
      answers.forEach((choices, i) => choices.forEach((choice, j) => {
        total[i][j] = multiply(group, total[i][j], weigh(group, choice, weight));
      }));
    }
    return total;
  }
}

/**
 * Where proofs are left out, a tally is possible at least.
 * @param {import("./ballot.js").Ballot} ballot
 * @param {Election} election
 */
function checkShape(ballot, election) {
  election.questions.forEach((question, i) => {
    if (ballot.answers[i].choices.length !== choicesOf(question)) {
      throw new InvalidBallot("ballot-proof", "the answer does not fit the question", { question: i });
    }
  });
}

/** @param {Group} group @param {Ciphertext} left @param {Ciphertext} right @returns {Ciphertext} */
function multiply(group, left, right) {
  return { alpha: group.multiply(left.alpha, right.alpha), beta: group.multiply(left.beta, right.beta) };
}

/** @param {Group} group @param {Ciphertext} ciphertext @param {bigint} weight @returns {Ciphertext} */
function weigh(group, { alpha, beta }, weight) {
  if (weight === 1n) return { alpha, beta };
  return { alpha: group.ladder(alpha).power(weight), beta: group.ladder(beta).power(weight) };
}

/**
 * @param {EncryptedTally} own as computed from the ballots
 * @param {{encrypted_tally: Uint8Array, sized: Uint8Array}} published
 * @throws {InvalidTally} `tally-differs`
 */
export function checkTally(own, published) {
  const same = (/** @type {string} */ text, /** @type {Uint8Array} */ raw) => {
    const bytes = bytesFromText(text);
    return bytes.length === raw.length && bytes.every((byte, i) => byte === raw[i]);
  };
  if (!same(own.text, published.encrypted_tally) || !same(own.sized, published.sized)) {
    throw new InvalidTally("tally-differs", "the published tally is not what the ballots add up to");
  }
}
