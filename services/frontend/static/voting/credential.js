// @ts-check
/**
 * The voter's code and the keys that follow from it.
 *
 * A code is 15 base-58 digits in five groups of three joined by dashes, e.g. `taJ-21D-3aB-3EE-zid`; the last digit checks
 * the others. Its link carries the first four groups after `#`; the voter types the fifth.
 *
 * Promises: however a voter types a code, the same key is derived (from the dashed form); a code that cannot be right is
 * refused before any key is derived; no error repeats what was typed.
 */
import { BASE58, bigIntFromBase58, bigIntFromBytes, pbkdf2, sha256Hex } from "./encoding.js";
import { InvalidCode, InvalidLink } from "./errors.js";
import { BELENIOS_2048 } from "./group.js";

const GROUP_LENGTH = 3;
const CODE_LENGTH = 15;
const LINK_LENGTH = CODE_LENGTH - GROUP_LENGTH;
const ITERATIONS = 1000; // set by the protocol
// What mail programs and keyboards put in place of a plain dash, and what they add unseen.
const SEPARATOR = /[\s\p{Dash}]+/u;
const UNSEEN = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;

/** @param {string} typed @returns {string[]} the parts that blanks and dashes mark */
function parts(typed) {
  return typed.replace(UNSEEN, "").split(SEPARATOR).filter(Boolean);
}

/** @param {string} digits @returns {string} */
function dashed(digits) {
  return (digits.match(/.{3}/g) ?? []).join("-");
}

/** @param {string} digits all 15; check = 53 - (value mod 53), as value of a base-58 digit @returns {boolean} */
function checksumHolds(digits) {
  const value = bigIntFromBase58(digits.slice(0, -1));
  const check = bigIntFromBase58(digits.slice(-1));
  return (value + check) % 53n === 0n;
}

/** @param {string} typed @returns {string[]} the groups as typed if dashes or blanks show five, else every three characters */
function groupsOf(typed) {
  const marked = parts(typed);
  return marked.length === 5 ? marked : (marked.join("").match(/.{1,3}/gu) ?? []);
}

/**
 * Bring a typed code into its one form.
 * @param {string} typed blanks, and missing or unusual dashes, do not matter; capitals do
 * @returns {string} the dashed form
 * @throws {InvalidCode}
 */
export function normaliseCode(typed) {
  const groups = groupsOf(typed);
  if (groups.length === 0) throw new InvalidCode("code-empty", "no code was typed");
  groups.slice(0, 5).forEach((digits, i) => checkGroup(digits, i + 1));
  if (groups.length !== 5) {
    throw new InvalidCode("code-length", "a code has five groups", { group: Math.min(groups.length + 1, 5) });
  }
  if (!checksumHolds(groups.join(""))) {
    throw new InvalidCode("code-checksum", "the check digit does not fit: something is mistyped");
  }
  return groups.join("-");
}

/** @param {string} digits @param {number} group its number, from 1 */
function checkGroup(digits, group) {
  if (!isBase58(digits)) throw new InvalidCode("code-characters", "a character that no code has", { group });
  if (digits.length !== GROUP_LENGTH) throw new InvalidCode("code-length", "a group has three characters", { group });
}

/** @param {string} text @returns {boolean} */
function isBase58(text) {
  return Array.from(text).every((digit) => BASE58.includes(digit));
}

/**
 * Read the part of the code that a link carries.
 * @param {string} fragment `location.hash`, with or without `#`
 * @returns {string | null} the first four groups, dashed; null when the link carries none
 * @throws {InvalidLink} when the mail program cut or changed it
 */
export function readLink(fragment) {
  const digits = parts(fragment.replace(/^#/, "")).join("");
  if (digits === "") return null;
  if (digits.length !== LINK_LENGTH || !isBase58(digits)) {
    throw new InvalidLink("link-broken", "the link does not carry four groups of a code");
  }
  return dashed(digits);
}

/**
 * Join the link's groups with what the voter typed: the last group, or the whole code of whoever copies it all.
 * @param {string} fromLink as {@link readLink} returns it
 * @param {string} typed
 * @returns {string} the code in its dashed form
 * @throws {InvalidCode}
 */
export function joinCode(fromLink, typed) {
  const digits = parts(typed).join("");
  if (digits === "") throw new InvalidCode("code-empty", "the last group was not typed");
  return normaliseCode(digits.length === CODE_LENGTH ? typed : `${fromLink}-${digits}`);
}

/**
 * The secret exponent of a code in one election.
 * @param {string} code in its dashed form; the derivation is over the text, so another form gives another key
 * @param {string} uuid of the election
 * @returns {Promise<bigint>} in [0, q)
 */
export async function privateKey(code, uuid) {
  return bigIntFromBytes(await pbkdf2(code, uuid, ITERATIONS)) % BELENIOS_2048.q;
}

/**
 * What stands for the voter on the public list and in ballots.
 * @param {string} code in its dashed form
 * @param {string} uuid of the election
 * @returns {Promise<string>} decimal
 */
export async function publicCredential(code, uuid) {
  return BELENIOS_2048.powerOfG(await privateKey(code, uuid)).toString();
}

/**
 * The name under which a code's status is asked for, which gives away nothing that is not on the public list.
 * @param {string} credential as {@link publicCredential} returns it
 * @returns {Promise<string>} 64 hexadecimal digits
 */
export async function credentialDigest(credential) {
  return sha256Hex(credential);
}
