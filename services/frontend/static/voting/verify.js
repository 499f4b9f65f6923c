// @ts-check
/**
 * The page's own verifier: everything that can be checked with a downloaded board and nothing else.
 *
 * Promises: what is reported has been checked, from the first byte to the last; the first thing that is wrong is thrown as a
 * `VotingError` whose details name the height of the event. A board that ends early at an event is reported as far as it
 * goes, with `isComplete` false.
 */
import { readEvents } from "./board.js";
import { checkMembership, parseCredentials } from "./credentials.js";
import { checkPartialDecryption, checkResult, partialDecryption } from "./decryption.js";
import { parseElection } from "./election.js";
import { InvalidDecryption, InvalidKey, InvalidTally, VotingError } from "./errors.js";
import { BallotBox, checkTally } from "./tally.js";
import { membersOf, parseTrustees, publicKeyOf } from "./trustee.js";

/** @typedef {import("./board.js").BoardEvent} BoardEvent */
/** @typedef {import("./board.js").Source} Source */
/** @typedef {import("./decryption.js").Factors} Factors */
/** @typedef {import("./election.js").Election} Election */
/** @typedef {import("./tally.js").EncryptedTally} EncryptedTally */
/** @typedef {import("./trustee.js").TrusteeGroup} TrusteeGroup */

/**
 * @typedef {object} Report
 * @property {string} name
 * @property {string} uuid
 * @property {string} fingerprint of the definition
 * @property {number} voters credentials on the list
 * @property {number} ballots on the board, replaced ones too
 * @property {number | null} counted ballots in the tally; null before the tally
 * @property {string | null} totalWeight of these, decimal
 * @property {{owner: number, name: string, hasDecrypted: boolean}[]} trustees
 * @property {string[][] | null} result decimal counts per question, per choice; null before the result
 * @property {boolean} isComplete whether there is a result
 * @property {string} head hash of the last event: two people who see the same head see the same board
 * @property {number} events
 */

/** How much of the archive has been checked. @typedef {{bytes: number, credentials: number, ballots: number}} Progress */
/** @typedef {{proofs: boolean, onProgress: (progress: Progress) => void}} Options of {@link checkBoard} */

/** A board that is being checked, event by event. */
export class Board {
  /** @type {EncryptedTally | null} */
  tally = null;
  /** @type {Map<number, Factors>} proven factors by owner */
  parts = new Map();
  /** @type {bigint[][] | null} */
  result = null;

  /**
   * @param {Election} election
   * @param {TrusteeGroup[]} trustees
   * @param {BallotBox} box
   * @param {string} head hash of the Setup event
   */
  constructor(election, trustees, box, head) {
    this.election = election;
    this.trustees = trustees;
    this.box = box;
    this.head = head;
    this.events = 1;
  }

  /**
   * @param {BoardEvent} event the first: Setup
   * @param {Options} options
   * @returns {Promise<Board>}
   * @throws {VotingError}
   */
  static async setUp({ data, hash }, { proofs, onProgress }) {
    const election = await parseElection(data.election);
    election.prepare();
    const trustees = await parseTrustees(data.trustees, election);
    const credentials = parseCredentials(data.credentials);
    if (proofs) checkMembership(credentials, (checked) => onProgress({ bytes: 0, credentials: checked, ballots: 0 }));
    return new Board(election, trustees, new BallotBox(election, credentials, { proofs }), hash);
  }

  /**
   * @param {BoardEvent} event any but the first
   * @returns {Promise<void>}
   * @throws {VotingError}
   */
  async add({ type, data, payload, hash }) {
    if (type === "Ballot") await this.box.add(data.ballot);
    if (type === "EncryptedTally") await this.#takeTally(data);
    if (type === "PartialDecryption") await this.#takePart(payload.owner, data.payload);
    if (type === "Result") this.result = checkResult(data.result, this.election, this.#tallied(), this.trustees, this.parts);
    this.head = hash;
    this.events += 1;
  }

  /** @param {{[name: string]: Uint8Array}} data */
  async #takeTally({ encrypted_tally, sized }) {
    const tally = await this.box.tally();
    checkTally(tally, { encrypted_tally, sized });
    this.tally = tally;
  }

  /** @param {unknown} owner @param {Uint8Array} raw */
  async #takePart(owner, raw) {
    const trustee = membersOf(this.trustees).find((member) => member.owner === owner);
    if (!trustee || this.parts.has(trustee.owner)) {
      throw new InvalidDecryption("decryption-owner", "a partial decryption is of no trustee, or is the second of one");
    }
    this.parts.set(trustee.owner, await checkPartialDecryption(raw, this.election, this.#tallied(), trustee.publicKey));
  }

  /** @returns {EncryptedTally} */
  #tallied() {
    if (this.tally === null) throw new InvalidTally("tally-missing", "the board holds no encrypted tally yet");
    return this.tally;
  }

  /**
   * Decrypt this board's tally, which has been recomputed from its ballots.
   * @param {bigint} privateKey
   * @returns {Promise<{owner: number, partialDecryption: string}>} the trustee's place, and the record to publish
   * @throws {InvalidKey} `key-foreign`
   * @throws {InvalidTally} `tally-missing`
   */
  async decrypt(privateKey) {
    const tally = this.#tallied();
    const publicKey = publicKeyOf(privateKey);
    const trustee = membersOf(this.trustees).find((member) => member.publicKey === publicKey);
    if (!trustee) throw new InvalidKey("key-foreign", "this key belongs to no trustee of this election");
    return { owner: trustee.owner, partialDecryption: await partialDecryption(this.election, tally, privateKey) };
  }

  /** @returns {Report} plain data, fit for messages between threads */
  report() {
    const { name, uuid, fingerprint } = this.election;
    const trustees = membersOf(this.trustees).map(({ owner, name: trusteeName }) => {
      return { owner, name: trusteeName, hasDecrypted: this.parts.has(owner) };
    });
    return {
      ...{ name, uuid, fingerprint, voters: this.box.credentials.size, ballots: this.box.size },
      ...{ counted: this.tally?.counted ?? null, totalWeight: this.tally?.totalWeight.toString() ?? null, trustees },
      ...{ result: this.result?.map((counts) => counts.map(String)) ?? null, isComplete: this.result !== null },
      ...{ head: this.head, events: this.events },
    };
  }
}

/**
 * Check a whole board.
 * @param {Source} source the archive, whole or as it arrives
 * @param {{proofs?: boolean, onProgress?: (progress: Progress) => void}} [options] `proofs: false` checks the ballots'
 *   signatures only, and no credential that has not voted: the tally is then that of the published ballots, but these may
 *   hold more than a voter may choose
 * @returns {Promise<Board>}
 * @throws {VotingError}
 */
export async function checkBoard(source, { proofs = true, onProgress = () => {} } = {}) {
  /** @type {Board | undefined} */
  let board;
  for await (const event of readEvents(source)) {
    try {
      if (board) await board.add(event);
      else board = await Board.setUp(event, { proofs, onProgress });
    } catch (error) {
      if (error instanceof VotingError) error.details = { height: event.height, ...error.details };
      throw error;
    }
    onProgress({ bytes: event.end, credentials: board.box.credentials.size, ballots: board.box.size });
  }
  return /** @type {Board} */ (board); // an archive without its first event was refused
}
