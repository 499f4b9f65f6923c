// @ts-check
/**
 * Trustees of whom any `threshold` suffice (Pedersen's distributed key generation), as far as verification needs them:
 * such elections are checked here, but not made here.
 *
 * Promises: every announced coefficient is signed by the key of its trustee's certificate; every trustee's verification
 * key is the one that the coefficients determine, so any `threshold` of them decrypt to the same.
 */
import { readOr } from "./encoding.js";
import { InvalidTrustee } from "./errors.js";
import { BELENIOS_2048 } from "./group.js";
import { knowledgeHolds } from "./proofs.js";
import { parseInteger, parseProof } from "./records.js";

/** @typedef {import("./trustee.js").TrusteeGroup} TrusteeGroup */

/** @returns {InvalidTrustee} */
function malformed() {
  return new InvalidTrustee("trustee-malformed", "not a threshold of trustees");
}

/**
 * @param {any} signed `{"message", "signature"}` whose message is JSON text
 * @param {(message: any) => bigint} signerOf reads the signer's key, given the message
 * @returns {Promise<any>} the message
 */
async function openSigned(signed, signerOf) {
  const { message, proof, key } = readOr(malformed(), () => {
    const content = JSON.parse(signed.message);
    return { message: content, proof: parseProof(signed.signature), key: signerOf(content) };
  });
  if (!(await knowledgeHolds(BELENIOS_2048, key, `sigmsg|${signed.message}|`, proof))) {
    throw new InvalidTrustee("trustee-proof", "a part of the trustees' key generation is not signed by its author");
  }
  return message;
}

/** @param {bigint[][]} coefficients A_ik of trustee i @param {number} place of the trustee, from 1 @returns {bigint} the product of all A_ik^(place^k) */
function verificationKey(coefficients, place) {
  const group = BELENIOS_2048;
  const terms = coefficients.flatMap((own) => own.map((A, k) => group.power(A, BigInt(place) ** BigInt(k))));
  return terms.reduce((product, term) => group.multiply(product, term), 1n);
}

/** @param {any} record @param {bigint[]} signers @returns {Promise<bigint[][]>} */
async function parseCoefficients(record, signers) {
  const coefficients = [];
  for (const [i, signed] of record.coefexps.entries()) {
    const message = await openSigned(signed, () => signers[i]);
    coefficients.push(readOr(malformed(), () => message.coefexps.map(parseInteger)));
  }
  if (coefficients.flat().some((A) => !BELENIOS_2048.isElement(A))) throw malformed();
  return coefficients;
}

/**
 * @param {any} record
 * @param {number} first place of the first of these trustees
 * @param {(key: any) => Promise<{publicKey: bigint, name: string}>} checkPublicKey
 * @returns {Promise<TrusteeGroup>}
 * @throws {InvalidTrustee}
 */
export async function parseThreshold(record, first, checkPublicKey) {
  const { certs, coefexps, verification_keys: keys, threshold } = record ?? {};
  const size = Array.isArray(certs) ? certs.length : 0;
  const isShaped = [coefexps, keys].every((list) => Array.isArray(list) && list.length === size);
  if (!isShaped || !Number.isInteger(threshold) || threshold < 1 || threshold > size) throw malformed();
  const signers = [];
  for (const cert of certs) {
    const { verification } = await openSigned(cert, (content) => parseInteger(content.verification));
    signers.push(BigInt(verification));
  }
  const coefficients = await parseCoefficients(record, signers);
  if (coefficients.some((own) => own.length !== threshold)) throw malformed();
  const members = [];
  for (const [i, key] of keys.entries()) members.push({ owner: first + i, ...(await checkPublicKey(key)) });
  if (members.some(({ publicKey }, i) => publicKey !== verificationKey(coefficients, i + 1))) {
    throw new InvalidTrustee("trustee-product", "a trustee's key does not follow from the key generation");
  }
  return { threshold, members, publicKey: coefficients.reduce((all, [A]) => BELENIOS_2048.multiply(all, A), 1n) };
}
