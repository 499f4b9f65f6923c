// @ts-check
/**
 * Trustees: making a key, keeping it in a file, and reading the published list.
 *
 * Promises: a private key leaves these functions as the content of its file only (a JSON string of the decimal, as
 * belenios-tool keeps it); a public key is accepted only with a proof that its owner knows the private one, so nobody can
 * choose a key that cancels the others.
 */
import { parseJson, readOr } from "./encoding.js";
import { InvalidKey, InvalidTrustee } from "./errors.js";
import { BELENIOS_2048 } from "./group.js";
import { knowledgeHolds, proveKnowledge } from "./proofs.js";
import { parseInteger, parseProof, proofRecord } from "./records.js";
import { parseThreshold } from "./threshold.js";

/** @typedef {import("./election.js").Election} Election */

/**
 * What a trustee publishes.
 * @typedef {{pok: {challenge: string, response: string}, public_key: string, name?: string}} PublicKeyRecord
 */

/** One place at the table: who must publish partial decryptions. @typedef {{owner: number, publicKey: bigint, name: string}} Trustee */

/**
 * Trustees who decrypt together: one alone, or any `threshold` of several.
 * @typedef {{threshold: number, members: Trustee[], publicKey: bigint}} TrusteeGroup
 */

/** @param {bigint} publicKey @returns {string} */
function pokPrefix(publicKey) {
  return `pok|${BELENIOS_2048.name}|${publicKey}|`;
}

/** @returns {bigint} a new private key */
export function generatePrivateKey() {
  return BELENIOS_2048.randomScalar();
}

/** @param {bigint} privateKey @returns {bigint} */
export function publicKeyOf(privateKey) {
  return BELENIOS_2048.powerOfG(privateKey);
}

/**
 * @param {bigint} privateKey
 * @param {string} [name] shown to everybody
 * @returns {Promise<PublicKeyRecord>}
 */
export async function publicKeyRecord(privateKey, name) {
  const publicKey = publicKeyOf(privateKey);
  const pok = proofRecord(await proveKnowledge(BELENIOS_2048, privateKey, pokPrefix(publicKey)));
  return { pok, public_key: publicKey.toString(), ...(name === undefined ? {} : { name }) };
}

/** @param {bigint} privateKey @returns {string} content of the file that the trustee keeps */
export function renderPrivateKey(privateKey) {
  return JSON.stringify(privateKey.toString());
}

/**
 * @param {string} content of the file that the trustee selects
 * @returns {bigint}
 * @throws {InvalidKey} `key-malformed`; the content is not repeated
 */
export function parsePrivateKey(content) {
  const malformed = new InvalidKey("key-malformed", "this file holds no private key");
  const privateKey = readOr(malformed, () => parseInteger(JSON.parse(content)));
  if (privateKey >= BELENIOS_2048.q) throw malformed;
  return privateKey;
}

/**
 * @param {any} record
 * @returns {Promise<{publicKey: bigint, name: string}>}
 * @throws {InvalidTrustee}
 */
export async function checkPublicKey(record) {
  const malformed = new InvalidTrustee("trustee-malformed", "not a trustee's public key");
  const read = () => ({ publicKey: parseInteger(record.public_key), proof: parseProof(record.pok), name: record.name ?? "" });
  const { publicKey, proof, name } = readOr(malformed, read);
  if (typeof name !== "string") throw malformed;
  if (!(await knowledgeHolds(BELENIOS_2048, publicKey, pokPrefix(publicKey), proof))) {
    throw new InvalidTrustee("trustee-proof", "the trustee's key comes without proof that its owner knows it");
  }
  return { publicKey, name };
}

/**
 * @param {unknown} item `["Single", key]` or `["Pedersen", keys]`
 * @param {number} owner index of its first place
 * @returns {Promise<TrusteeGroup>}
 */
async function parseItem(item, owner) {
  const [kind, record] = Array.isArray(item) && item.length === 2 ? item : [];
  if (kind === "Pedersen") return parseThreshold(record, owner, checkPublicKey);
  if (kind !== "Single") throw new InvalidTrustee("trustee-malformed", "neither a single trustee nor a threshold of several");
  const member = { owner, ...(await checkPublicKey(record)) };
  return { threshold: 1, members: [member], publicKey: member.publicKey };
}

/**
 * Read the published list, and check that the election's key is made of exactly these trustees' keys.
 * @param {Uint8Array} raw
 * @param {Election} election
 * @returns {Promise<TrusteeGroup[]>} every group is needed to decrypt; places count from 1 through all of them
 * @throws {InvalidTrustee}
 */
export async function parseTrustees(raw, election) {
  const malformed = new InvalidTrustee("trustee-malformed", "not a list of trustees");
  const items = readOr(malformed, () => parseJson(raw));
  if (!Array.isArray(items) || items.length === 0) throw malformed;
  /** @type {TrusteeGroup[]} */
  const groups = [];
  for (const item of items) groups.push(await parseItem(item, 1 + membersOf(groups).length));
  const product = groups.reduce((all, { publicKey }) => election.group.multiply(all, publicKey), 1n);
  if (product !== election.publicKey) {
    throw new InvalidTrustee("trustee-product", "the election's key is not made of these trustees' keys");
  }
  return groups;
}

/** @param {TrusteeGroup[]} groups @returns {Trustee[]} in the order of their places */
export function membersOf(groups) {
  return groups.flatMap((group) => group.members);
}
