// @ts-check
/**
 * Bytes, digits and hashes as the protocol writes them.
 *
 * Promises: a decimal is accepted in its one canonical form only; text is UTF-8 without repairs.
 */
import { InsecureContext, VotingError } from "./errors.js";

/** Base-58 digits in order; `0 O I l` are no digits. */
export const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

const LONGEST_DECIMAL = 617; // digits of the modulus; anything longer is no number of the protocol
const CANONICAL_DECIMAL = /^(?:0|[1-9][0-9]*)$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @returns {Crypto}
 * @throws {InsecureContext}
 */
function cryptography() {
  if (!globalThis.crypto?.subtle) {
    throw new InsecureContext("insecure-context", "web cryptography is available on https and localhost only");
  }
  return globalThis.crypto;
}

/** @param {string} text @returns {Uint8Array} */
export function bytesFromText(text) {
  return encoder.encode(text);
}

/** @param {Uint8Array} bytes @returns {string} @throws {TypeError} when the bytes are not UTF-8 */
export function textFromBytes(bytes) {
  return decoder.decode(bytes);
}

/** @param {number} length @returns {Uint8Array} */
export function randomBytes(length) {
  return cryptography().getRandomValues(new Uint8Array(length));
}

/** @param {string | Uint8Array} data text is hashed as UTF-8 @returns {Promise<Uint8Array>} 32 bytes */
export async function sha256(data) {
  const bytes = typeof data === "string" ? bytesFromText(data) : data;
  return new Uint8Array(await cryptography().subtle.digest("SHA-256", bytes));
}

/** @param {string | Uint8Array} data @returns {Promise<string>} 64 lower-case hexadecimal digits: how the board names a record */
export async function sha256Hex(data) {
  return hexFromBytes(await sha256(data));
}

/** @param {string | Uint8Array} data @returns {Promise<string>} 43 characters: fingerprint, ballot hash, tracker */
export async function sha256Base64(data) {
  return base64FromBytes(await sha256(data));
}

/**
 * @param {string} password
 * @param {string} salt
 * @param {number} iterations
 * @returns {Promise<Uint8Array>} 32 bytes of PBKDF2-HMAC-SHA256
 */
export async function pbkdf2(password, salt, iterations) {
  const { subtle } = cryptography();
  const key = await subtle.importKey("raw", bytesFromText(password), "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: bytesFromText(salt), iterations };
  return new Uint8Array(await subtle.deriveBits(parameters, key, 256));
}

/** @param {Uint8Array} bytes @returns {string} */
export function hexFromBytes(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array} bytes @returns {string} standard alphabet, without padding */
export function base64FromBytes(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
}

/** @param {Uint8Array} bytes @returns {bigint} big-endian */
export function bigIntFromBytes(bytes) {
  return BigInt(`0x${hexFromBytes(bytes)}`);
}

/** @param {string} text base-58 digits only @returns {bigint} big-endian */
export function bigIntFromBase58(text) {
  return Array.from(text).reduce((value, digit) => value * 58n + BigInt(BASE58.indexOf(digit)), 0n);
}

/** @param {unknown} text @returns {text is string} whether it is a canonical decimal short enough to be a number of the protocol */
export function isDecimal(text) {
  return typeof text === "string" && text.length <= LONGEST_DECIMAL && CANONICAL_DECIMAL.test(text);
}

/** @param {any} value parsed JSON @returns {number} members of all its objects */
function countMembers(value) {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value).reduce((sum, each) => sum + countMembers(each), 0);
  return inner + (Array.isArray(value) ? 0 : Object.keys(value).length);
}

/** @param {string} text JSON @returns {number} names of members in it: strings before a colon */
function countNames(text) {
  let count = 0;
  for (const [, colon] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)) if (colon) count += 1;
  return count;
}

/**
 * Read JSON that two readers cannot understand differently: UTF-8, no member twice.
 * @param {Uint8Array} bytes
 * @returns {any}
 * @throws {TypeError | SyntaxError | RangeError}
 */
export function parseJson(bytes) {
  const text = textFromBytes(bytes);
  const value = JSON.parse(text);
  if (countMembers(value) !== countNames(text)) throw new SyntaxError("a member stands twice");
  return value;
}

/**
 * Read a foreign record: whatever goes wrong with its form is one refusal.
 * @template T
 * @param {VotingError} refusal thrown when `read` trips over the record
 * @param {() => T} read
 * @returns {T}
 */
export function readOr(refusal, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof RangeError) throw refusal;
    throw error;
  }
}
