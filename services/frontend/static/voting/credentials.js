// @ts-check
/**
 * The public list: who may vote, each by a public credential, and with which weight.
 *
 * Promises: no credential stands on it twice; every weight is a whole number.
 */
import { isDecimal, parseJson, readOr } from "./encoding.js";
import { InvalidCredentials } from "./errors.js";

/** Credential (decimal) to weight. @typedef {Map<string, bigint>} Credentials */

/** @returns {InvalidCredentials} */
function malformed() {
  return new InvalidCredentials("credentials-malformed", "not a list of public credentials");
}

/** @param {unknown} line `credential` or `credential,weight` @returns {{credential: string, weight: bigint}} */
function parseLine(line) {
  const [credential, weight = "1", ...rest] = typeof line === "string" ? line.split(",") : [];
  if (rest.length > 0 || !isDecimal(credential) || !isDecimal(weight)) throw malformed();
  return { credential, weight: BigInt(weight) };
}

/**
 * @param {Uint8Array} raw JSON array of strings, in any order
 * @returns {Credentials}
 * @throws {InvalidCredentials}
 */
export function parseCredentials(raw) {
  const lines = readOr(malformed(), () => parseJson(raw));
  if (!Array.isArray(lines)) throw malformed();
  /** @type {Credentials} */
  const credentials = new Map();
  for (const line of lines) {
    const { credential, weight } = parseLine(line);
    if (credentials.has(credential)) throw new InvalidCredentials("credentials-duplicate", "a credential is listed twice");
    credentials.set(credential, weight);
  }
  return credentials;
}
