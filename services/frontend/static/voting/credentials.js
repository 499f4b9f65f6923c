// @ts-check
/**
 * The public list: who may vote, each by a public credential, and with which weight.
 *
 * Promises: no credential stands on it twice; every weight is a whole number. Whether the credentials lie in the group is a
 * step of its own, because it takes a power for each.
 */
import { isDecimal, parseJson, readOr } from "./encoding.js";
import { InvalidCredentials } from "./errors.js";
import { BELENIOS_2048 } from "./group.js";

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

/**
 * @param {Credentials} credentials
 * @param {(checked: number) => void} [onProgress] called after every credential (1.3 ms each)
 * @throws {InvalidCredentials} `credentials-group`
 */
export function checkMembership(credentials, onProgress = () => {}) {
  let checked = 0;
  for (const credential of credentials.keys()) {
    if (!BELENIOS_2048.isElement(BigInt(credential))) {
      throw new InvalidCredentials("credentials-group", "a credential is not an element of the group");
    }
    onProgress(++checked);
  }
}
