// @ts-check
/**
 * The JSON of the parts that ballots, keys, tallies and decryptions have in common. Group elements and scalars are
 * strings of canonical decimals; small numbers are numbers up to 2^30 - 1 and strings above.
 */
import { isDecimal } from "./encoding.js";

/** @typedef {import("./proofs.js").Ciphertext} Ciphertext */
/** @typedef {import("./proofs.js").Proof} Proof */

const LARGEST_JSON_NUMBER = 2n ** 30n - 1n;

/** @param {Ciphertext} ciphertext @returns {{alpha: string, beta: string}} */
export function ciphertextRecord({ alpha, beta }) {
  return { alpha: alpha.toString(), beta: beta.toString() };
}

/** @param {Proof} proof @returns {{challenge: string, response: string}} */
export function proofRecord({ challenge, response }) {
  return { challenge: challenge.toString(), response: response.toString() };
}

/** @param {bigint} count @returns {number | string} */
export function countRecord(count) {
  return count <= LARGEST_JSON_NUMBER ? Number(count) : count.toString();
}

/** @param {unknown} value @returns {bigint} @throws {TypeError} */
export function parseInteger(value) {
  if (!isDecimal(value)) throw new TypeError("not a canonical decimal");
  return BigInt(value);
}

/** @param {any} record @returns {Ciphertext} @throws {TypeError} */
export function parseCiphertext({ alpha, beta }) {
  return { alpha: parseInteger(alpha), beta: parseInteger(beta) };
}

/** @param {any} record @returns {Proof} @throws {TypeError} */
export function parseProof({ challenge, response }) {
  return { challenge: parseInteger(challenge), response: parseInteger(response) };
}

/** @param {unknown} value a number or a string of digits @returns {bigint} @throws {TypeError} */
export function parseCount(value) {
  return parseInteger(typeof value === "number" ? String(value) : value);
}
