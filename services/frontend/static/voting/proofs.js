// @ts-check
/**
 * Zero-knowledge proofs: that a secret exponent is known, and that one of several ciphertexts holds a certain number.
 *
 * The notation is that of the literature: A and B are commitments, c a challenge, s a response; a ciphertext of m with
 * randomness r under the key y is (alpha, beta) = (g^r, y^r g^m).
 *
 * Promises: a proof that verifies convinces in the random-oracle model of SHA-256; what is hashed is exactly what the
 * protocol says, so that other software accepts these proofs and these functions accept its.
 */
import { PowerLadder } from "./group.js";

/** @typedef {import("./election.js").Election} Election */
/** @typedef {import("./group.js").Group} Group */
/** @typedef {{challenge: bigint, response: bigint}} Proof */
/** @typedef {{alpha: bigint, beta: bigint}} Ciphertext */
/** A ciphertext with what only its maker knows. @typedef {Ciphertext & {randomness: bigint, plain: bigint}} OpenCiphertext */

/** A ciphertext that has been checked to lie in the group, with its powers at hand. */
export class CheckedCiphertext {
  /**
   * @param {Group} group
   * @param {Ciphertext} ciphertext
   */
  constructor(group, { alpha, beta }) {
    this.group = group;
    this.alpha = alpha;
    this.beta = beta;
    this.powersOfAlpha = new PowerLadder(alpha, group.p);
    this.powersOfBeta = new PowerLadder(beta, group.p);
  }

  /** @returns {boolean} */
  isInGroup() {
    return this.group.isElement(this.alpha, this.powersOfAlpha) && this.group.isElement(this.beta, this.powersOfBeta);
  }
}

/**
 * Prove the knowledge of x where X = g^x (Schnorr).
 * @param {Group} group
 * @param {bigint} secret x
 * @param {string} prefix of the hash, up to its last bar
 * @returns {Promise<Proof>}
 */
export async function proveKnowledge(group, secret, prefix) {
  const w = group.randomScalar();
  const challenge = await group.hashToScalar(prefix, [group.powerOfG(w)]);
  return { challenge, response: group.reduce(w - secret * challenge) };
}

/**
 * @param {Group} group
 * @param {bigint} publicKey X; an element (its membership is checked here)
 * @param {string} prefix
 * @param {Proof} proof
 * @returns {Promise<boolean>}
 */
export async function knowledgeHolds(group, publicKey, prefix, proof) {
  const powers = group.ladder(publicKey);
  if (!areScalars(group, [proof]) || !group.isElement(publicKey, powers)) return false;
  const A = group.multiply(group.powerOfG(proof.response), powers.power(proof.challenge));
  return (await group.hashToScalar(prefix, [A])) === proof.challenge;
}

/** @param {Group} group @param {Proof[]} proofs @returns {boolean} whether all challenges and responses are below q */
export function areScalars(group, proofs) {
  return proofs.every(({ challenge, response }) => challenge < group.q && response < group.q);
}

/**
 * Prove that one of the branches is true, without saying which. All false branches are simulated. As the maker knows every
 * r and m, alpha^c = g^(rc) and (beta / g^v)^c = y^(rc) g^((m-v)c): only powers of g and y are needed.
 * @param {Election} election
 * @param {string} prefix of the hash, up to its last bar
 * @param {{ciphertext: OpenCiphertext, value: bigint}[]} branches "this ciphertext holds this value"
 * @param {number} truth index of the true branch
 * @returns {Promise<Proof[]>} one per branch
 */
export async function proveOneOf(election, prefix, branches, truth) {
  const { group } = election;
  const w = group.randomScalar();
  const proofs = branches.map(() => ({ challenge: group.randomScalar(), response: group.randomScalar() }));
  proofs[truth] = { challenge: 0n, response: w };
  const commitments = branches.flatMap(({ ciphertext, value }, j) => {
    const { challenge, response } = proofs[j];
    const exponent = response + ciphertext.randomness * challenge;
    const offset = group.powerOfG((ciphertext.plain - value) * challenge);
    return [group.powerOfG(exponent), group.multiply(election.powerOfKey(exponent), offset)];
  });
  const total = await group.hashToScalar(prefix, commitments);
  const challenge = group.reduce(total - proofs.reduce((sum, proof) => sum + proof.challenge, 0n));
  proofs[truth] = { challenge, response: group.reduce(w - branches[truth].ciphertext.randomness * challenge) };
  return proofs;
}

/**
 * @param {Election} election
 * @param {string} prefix
 * @param {{ciphertext: CheckedCiphertext, value: bigint}[]} branches their ciphertexts are known to lie in the group
 * @param {Proof[]} proofs
 * @returns {Promise<boolean>}
 */
export async function oneOfHolds(election, prefix, branches, proofs) {
  const { group } = election;
  if (proofs.length !== branches.length || !areScalars(group, proofs)) return false;
  const commitments = branches.flatMap(({ ciphertext, value }, j) => {
    const { challenge, response } = proofs[j];
    const A = group.multiply(group.powerOfG(response), ciphertext.powersOfAlpha.power(challenge));
    const shifted = group.multiply(ciphertext.powersOfBeta.power(challenge), group.powerOfG(-value * challenge));
    return [A, group.multiply(election.powerOfKey(response), shifted)];
  });
  const total = await group.hashToScalar(prefix, commitments);
  return total === group.reduce(proofs.reduce((sum, proof) => sum + proof.challenge, 0n));
}
