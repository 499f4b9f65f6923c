// @ts-check
/**
 * A trustee's part of the decryption, and the result that follows from all parts.
 *
 * Promises: a private key is applied to elements of the group only (elsewhere its remainders would leak); a result is
 * accepted only if every count follows from enough proven parts and lies between 0 and the total weight.
 */
import { parseJson, readOr } from "./encoding.js";
import { InvalidDecryption, InvalidResult } from "./errors.js";
import { areScalars } from "./proofs.js";
import { parseCount, parseInteger, parseProof, proofRecord } from "./records.js";
import { publicKeyOf } from "./trustee.js";

/** @typedef {import("./election.js").Election} Election */
/** @typedef {import("./proofs.js").Proof} Proof */
/** @typedef {import("./tally.js").EncryptedTally} EncryptedTally */
/** @typedef {import("./trustee.js").TrusteeGroup} TrusteeGroup */
/** Per question, per choice: alpha^x. @typedef {bigint[][]} Factors */

/** @param {Election} election @param {bigint} publicKey @returns {string} */
function decryptionPrefix(election, publicKey) {
  return `decrypt|${election.fingerprint}|${publicKey}|`;
}

/**
 * @param {Election} election
 * @param {bigint} alpha
 * @param {bigint} privateKey
 * @returns {Promise<{factor: bigint, proof: Proof}>}
 */
async function decryptOne(election, alpha, privateKey) {
  const { group } = election;
  const powers = group.ladder(alpha);
  if (!group.isElement(alpha, powers)) throw new InvalidDecryption("decryption-malformed", "the tally is not in the group");
  const w = group.randomScalar();
  const prefix = decryptionPrefix(election, publicKeyOf(privateKey));
  const challenge = await group.hashToScalar(prefix, [group.powerOfG(w), powers.power(w)]);
  return { factor: powers.power(privateKey), proof: { challenge, response: group.reduce(w - privateKey * challenge) } };
}

/**
 * @param {Election} election
 * @param {EncryptedTally} tally recomputed from the ballots, never as published
 * @param {bigint} privateKey
 * @returns {Promise<string>} the record `partial_decryption`
 * @throws {InvalidDecryption}
 */
export async function partialDecryption(election, tally, privateKey) {
  const decryptAll = (/** @type {import("./proofs.js").Ciphertext[]} */ choices) =>
    Promise.all(choices.map(({ alpha }) => decryptOne(election, alpha, privateKey)));
  const decrypted = await Promise.all(tally.ciphertexts.map(decryptAll));
  return JSON.stringify({
    decryption_factors: decrypted.map((choices) => choices.map(({ factor }) => factor.toString())),
    decryption_proofs: decrypted.map((choices) => choices.map(({ proof }) => proofRecord(proof))),
  });
}

/** @param {bigint[][] | Proof[][]} table @param {EncryptedTally} tally @returns {boolean} */
function hasShape(table, { ciphertexts }) {
  return table.length === ciphertexts.length && table.every((row, i) => row.length === ciphertexts[i].length);
}

/**
 * @param {Uint8Array} raw the record `partial_decryption`
 * @param {Election} election
 * @param {EncryptedTally} tally
 * @param {bigint} publicKey of the trustee, checked
 * @returns {Promise<Factors>}
 * @throws {InvalidDecryption}
 */
export async function checkPartialDecryption(raw, election, tally, publicKey) {
  const malformed = new InvalidDecryption("decryption-malformed", "not a partial decryption of this tally");
  const { factors, proofs } = readOr(malformed, () => {
    const record = parseJson(raw);
    const table = (/** @type {any[][]} */ rows, /** @type {(cell: any) => any} */ parse) => rows.map((row) => row.map(parse));
    return { factors: table(record.decryption_factors, parseInteger), proofs: table(record.decryption_proofs, parseProof) };
  });
  if (!hasShape(factors, tally) || !hasShape(proofs, tally)) throw malformed;
  for (const [i, choices] of tally.ciphertexts.entries()) {
    for (const [j, { alpha }] of choices.entries()) {
      if (!(await factorHolds(election, alpha, publicKey, factors[i][j], proofs[i][j]))) {
        throw new InvalidDecryption("decryption-proof", "a decryption factor is not proven", { question: i, choice: j });
      }
    }
  }
  return factors;
}

/**
 * @param {Election} election
 * @param {bigint} alpha
 * @param {bigint} publicKey
 * @param {bigint} factor
 * @param {Proof} proof
 * @returns {Promise<boolean>}
 */
async function factorHolds(election, alpha, publicKey, factor, proof) {
  const { group } = election;
  const powersOfFactor = group.ladder(factor);
  if (!areScalars(group, [proof]) || !group.isElement(factor, powersOfFactor)) return false;
  const { challenge, response } = proof;
  const A = group.multiply(group.powerOfG(response), group.power(publicKey, challenge));
  const B = group.multiply(group.power(alpha, response), powersOfFactor.power(challenge));
  return (await group.hashToScalar(decryptionPrefix(election, publicKey), [A, B])) === challenge;
}

/**
 * Lagrange coefficient of one place among those that take part, at 0.
 * @param {import("./group.js").Group} group
 * @param {bigint} place
 * @param {bigint[]} places
 * @returns {bigint} mod q
 */
function lagrange(group, place, places) {
  const others = places.filter((other) => other !== place);
  const numerator = others.reduce((product, other) => product * other, 1n);
  const denominator = others.reduce((product, other) => product * (other - place), 1n);
  return group.reduce(numerator * inverseModQ(group, denominator));
}

/** @param {import("./group.js").Group} group @param {bigint} number not 0 mod q @returns {bigint} by Fermat, as q is prime */
function inverseModQ(group, number) {
  let result = 1n;
  for (let base = group.reduce(number), rest = group.q - 2n; rest > 0n; rest >>= 1n, base = (base * base) % group.q) {
    if (rest & 1n) result = (result * base) % group.q;
  }
  return result;
}

/**
 * @param {Election} election
 * @param {TrusteeGroup} trustees
 * @param {Map<number, Factors>} parts proven factors by owner
 * @returns {{factors: Factors, exponent: bigint}[]} the first that suffice, each with its share
 */
function sharesOf(election, { members, threshold }, parts) {
  const first = members[0].owner;
  const present = members.filter(({ owner }) => parts.has(owner)).slice(0, threshold);
  if (present.length < threshold) throw new InvalidResult("result-incomplete", "a needed partial decryption is missing");
  const places = present.map(({ owner }) => BigInt(owner - first + 1));
  return present.map(({ owner }, i) => ({
    factors: /** @type {Factors} */ (parts.get(owner)),
    exponent: members.length === 1 ? 1n : lagrange(election.group, places[i], places),
  }));
}

/**
 * @param {Uint8Array} raw the record `result`
 * @returns {bigint[][]}
 * @throws {InvalidResult}
 */
function parseResult(raw) {
  const malformed = new InvalidResult("result-malformed", "not a result");
  return readOr(malformed, () => {
    const { result } = parseJson(raw);
    return result.map((/** @type {unknown[]} */ counts) => counts.map(parseCount));
  });
}

/**
 * @param {Uint8Array} raw the record `result`
 * @param {Election} election
 * @param {EncryptedTally} tally
 * @param {TrusteeGroup[]} trustees
 * @param {Map<number, Factors>} parts proven factors by owner
 * @returns {bigint[][]} counts per question, per choice ("blank" first where that is allowed)
 * @throws {InvalidResult}
 */
export function checkResult(raw, election, tally, trustees, parts) {
  const { group } = election;
  const shares = trustees.flatMap((each) => sharesOf(election, each, parts));
  const counts = parseResult(raw);
  if (!hasShape(counts, tally)) throw new InvalidResult("result-malformed", "the result does not fit the questions");
  tally.ciphertexts.forEach((choices, i) => choices.forEach(({ beta }, j) => {
    const powers = shares.map(({ factors, exponent }) => group.power(factors[i][j], exponent));
    const factor = powers.reduce((product, power) => group.multiply(product, power), 1n);
    const follows = counts[i][j] <= tally.totalWeight && group.multiply(factor, group.powerOfG(counts[i][j])) === beta;
    if (!follows) throw new InvalidResult("result-differs", "a count is not what the ballots hold", { question: i, choice: j });
  }));
  return counts;
}
