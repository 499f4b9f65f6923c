// @ts-check
/**
 * The frozen definition of an election, as every ballot and proof refers to it.
 *
 * Promises: the fingerprint is of the exact bytes that were given, which are never written anew; a definition that these
 * modules cannot vote on or check is refused, not guessed at.
 */
import { BASE58, bytesFromText, isDecimal, parseJson, readOr, sha256Base64 } from "./encoding.js";
import { InvalidElection } from "./errors.js";
import { BELENIOS_2048, PowerTable } from "./group.js";

const UUID = new RegExp(`^[${BASE58}]{14,}$`);

/**
 * A homomorphic question: the voter chooses from `min` to `max` answers, or nothing at all where `blank` is allowed.
 * @typedef {{question: string, answers: string[], blank: boolean, min: number, max: number}} Question
 */

export class Election {
  /** @type {PowerTable | undefined} */
  #powersOfKey;

  /** @param {{uuid: string, fingerprint: string, name: string, description: string, publicKey: bigint, questions: Question[]}} fields */
  constructor(fields) {
    this.group = BELENIOS_2048;
    this.uuid = fields.uuid;
    /** 43 characters: what every ballot of this election names */
    this.fingerprint = fields.fingerprint;
    this.name = fields.name;
    this.description = fields.description;
    /** the product of the trustees' keys */
    this.publicKey = fields.publicKey;
    this.questions = fields.questions;
  }

  /** Build the tables of powers now (about 70 ms), so that the first ballot need not wait for them. */
  prepare() {
    this.group.prepare();
    this.#powersOfKey ??= this.group.table(this.publicKey);
  }

  /** @param {bigint} exponent any integer, taken mod q @returns {bigint} publicKey^exponent */
  powerOfKey(exponent) {
    this.prepare();
    return /** @type {PowerTable} */ (this.#powersOfKey).power(this.group.reduce(exponent));
  }
}

/** @param {Question} question @returns {number} how many ciphertexts an answer to it has: one per answer and one for "blank" */
export function choicesOf(question) {
  return question.answers.length + (question.blank ? 1 : 0);
}

/** @param {boolean} condition @param {string} message */
function demand(condition, message) {
  if (!condition) throw new InvalidElection("election-malformed", message);
}

/** @param {any} record @param {number} index @returns {Question} */
function parseQuestion(record, index) {
  const where = `question ${index + 1}`;
  demand(typeof record === "object" && record !== null, `${where} is no object`);
  if (record.type !== undefined) {
    throw new InvalidElection("election-ranked", `${where} is ranked or graded`, { question: index });
  }
  const { answers, question, min, max, blank = false } = record;
  demand(typeof question === "string" && typeof blank === "boolean", `${where} lacks its text`);
  demand(Array.isArray(answers) && answers.length > 0, `${where} lacks answers`);
  demand(answers.every((/** @type {unknown} */ answer) => typeof answer === "string"), `${where} has an answer that is no text`);
  demand(Number.isInteger(min) && Number.isInteger(max), `${where} lacks its limits`);
  demand(0 <= min && min <= max, `${where} has impossible limits`);
  return { question, answers, blank, min, max };
}

/** @param {any} record */
function parseRecord(record) {
  demand(typeof record === "object" && record !== null && record.version === 1, "not an election of version 1");
  if (record.group !== BELENIOS_2048.name) throw new InvalidElection("election-group", "not in the group BELENIOS-2048");
  demand(typeof record.uuid === "string" && UUID.test(record.uuid), "the uuid is not base-58");
  demand(typeof record.name === "string" && typeof record.description === "string", "name or description is missing");
  demand(Array.isArray(record.questions) && record.questions.length > 0, "there are no questions");
  demand(isDecimal(record.public_key), "the public key is no decimal");
  return { ...record, questions: record.questions.map(parseQuestion), publicKey: BigInt(record.public_key) };
}

/**
 * @param {string | Uint8Array} raw the exact bytes (or text) that the board published
 * @returns {Promise<Election>}
 * @throws {InvalidElection}
 */
export async function parseElection(raw) {
  const bytes = typeof raw === "string" ? bytesFromText(raw) : raw;
  const malformed = new InvalidElection("election-malformed", "the definition is not JSON in UTF-8");
  const fields = parseRecord(readOr(malformed, () => parseJson(bytes)));
  if (!BELENIOS_2048.isElement(fields.publicKey)) {
    throw new InvalidElection("election-key", "the public key is not an element of the group");
  }
  return new Election({ ...fields, fingerprint: await sha256Base64(bytes) });
}
