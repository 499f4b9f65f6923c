// @ts-check
/** What a trustee's page asks of this site. The code goes into a header, never into an address. */
import { VotingError } from "../voting/errors.js";

/**
 * @typedef {object} TrusteePage
 * @property {string} id
 * @property {string} name
 * @property {number} owner the trustee's place, from 1
 * @property {string} election_name
 * @property {string} uuid
 * @property {string} state
 * @property {string | null} public_key
 * @property {boolean} decryption_confirmed
 */

/** @typedef {{shares: {owner: number, status: string}[]}} Tally */

/**
 * @param {string} method
 * @param {string} path
 * @param {{code?: string, body?: object}} [options]
 * @returns {Promise<any>}
 * @throws {VotingError} with the type of the refusal, `unavailable` when nobody answers
 */
async function call(method, path, { code, body } = {}) {
  const headers = { Accept: "application/json", ...(code && { Authorization: `Trustee ${code}` }) };
  const content = body && { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
  const response = await fetch(path, { method, headers, credentials: "omit", ...content }).catch(() => {
    throw new VotingError("unavailable", "the site does not answer");
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const type = String(answer.type ?? "").split(":").at(-1);
  throw new VotingError(type || (response.status === 503 ? "unavailable" : "failed"), "the site refused");
}

/** @param {string} trustee @param {string} code @returns {Promise<TrusteePage>} */
export function readTrusteePage(trustee, code) {
  return call("GET", `/trustee/${trustee}/page`, { code });
}

/**
 * @param {string} trustee
 * @param {string} code
 * @param {import("../voting/trustee.js").PublicKeyRecord} record
 * @returns {Promise<TrusteePage>}
 */
export function publishTrusteeKey(trustee, code, { public_key, pok }) {
  return call("PUT", `/trustee/${trustee}/key`, { code, body: { public_key, ...pok } });
}

/** @param {string} uuid @returns {Promise<Tally>} */
export function readTally(uuid) {
  return call("GET", `/election/${uuid}/tally`);
}

/** @param {string} uuid @param {number} owner @param {string} partialDecryption @returns {Promise<Tally>} */
export function postPartialDecryption(uuid, owner, partialDecryption) {
  const body = { owner, partial_decryption: partialDecryption };
  return call("POST", `/election/${uuid}/partial-decryptions`, { body });
}
