// @ts-check
/**
 * The encrypted answer to one question: ciphertexts of zeros and ones, and the proofs that they are an allowed choice.
 *
 * Promises: an answer that passes `answerHolds` holds zeros and ones only, between `min` and `max` of them, or is blank
 * where that is allowed; nothing more can be learnt from it. Copying an answer of somebody else fails, because every
 * proof names the credential.
 */
import { choicesOf } from "./election.js";
import { InvalidChoice } from "./errors.js";
import { CheckedCiphertext, oneOfHolds, proveOneOf } from "./proofs.js";

/** @typedef {import("./election.js").Election} Election */
/** @typedef {import("./election.js").Question} Question */
/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("./proofs.js").Ciphertext} Ciphertext */
/** @typedef {import("./proofs.js").OpenCiphertext} OpenCiphertext */
/** @typedef {import("./proofs.js").Proof} Proof */

/**
 * @typedef {object} Answer
 * @property {Ciphertext[]} choices one per answer; before them the one for "blank" where that is allowed
 * @property {Proof[][]} individualProofs two proofs per choice: it holds 0, it holds 1
 * @property {Proof[]} overallProof their sum is min, ..., max (where blank is allowed, before these: it is blank)
 * @property {Proof[]} [blankProof] not blank, or nothing is chosen; where blank is allowed
 */

/**
 * @param {Question} question
 * @param {number} index of the question, for the error
 * @param {number[]} choice zeros and ones; the first is "blank" where that is allowed
 * @throws {InvalidChoice}
 */
export function checkChoice(question, index, choice) {
  const details = { question: index, min: question.min, max: question.max };
  const isShaped = Array.isArray(choice) && choice.length === choicesOf(question) && choice.every((m) => [0, 1].includes(m));
  if (!isShaped) throw new InvalidChoice("choice-shape", "one 0 or 1 per answer is needed", details);
  const chosen = choice.slice(question.blank ? 1 : 0).reduce((sum, m) => sum + m, 0);
  if (question.blank && choice[0] === 1) {
    if (chosen > 0) throw new InvalidChoice("choice-blank-and-more", "a blank vote chooses nothing", details);
    return;
  }
  if (chosen < question.min) throw new InvalidChoice("choice-too-few", "fewer answers than allowed", details);
  if (chosen > question.max) throw new InvalidChoice("choice-too-many", "more answers than allowed", details);
}

/** @param {number} from @param {number} to @returns {bigint[]} both included */
function range(from, to) {
  return Array.from({ length: to - from + 1 }, (_, i) => BigInt(from + i));
}

/** @param {Group} group @param {Ciphertext[]} ciphertexts @returns {Ciphertext} encrypts the sum of what they hold */
function product(group, ciphertexts) {
  const start = { alpha: 1n, beta: 1n };
  return ciphertexts.reduce(
    (all, { alpha, beta }) => ({ alpha: group.multiply(all.alpha, alpha), beta: group.multiply(all.beta, beta) }),
    start,
  );
}

/** @param {Group} group @param {OpenCiphertext[]} ciphertexts @returns {OpenCiphertext} */
function openProduct(group, ciphertexts) {
  const randomness = ciphertexts.reduce((sum, each) => sum + each.randomness, 0n);
  const plain = ciphertexts.reduce((sum, each) => sum + each.plain, 0n);
  return { ...product(group, ciphertexts), randomness, plain };
}

/** @param {Election} election @param {number} m 0 or 1 @returns {OpenCiphertext} */
function encrypt(election, m) {
  const { group } = election;
  const randomness = group.randomScalar();
  const plain = BigInt(m);
  const beta = group.multiply(election.powerOfKey(randomness), group.powerOfG(plain));
  return { alpha: group.powerOfG(randomness), beta, randomness, plain };
}

/** @param {Ciphertext} ciphertext @returns {string} as hash inputs name it */
function pair({ alpha, beta }) {
  return `${alpha},${beta}`;
}

/** @param {string} context @param {Ciphertext} ciphertext @returns {string} prefix of a proof about one ciphertext */
function intervalPrefix(context, ciphertext) {
  return `prove|${context}|${pair(ciphertext)}|`;
}

/** @param {string} context @param {Ciphertext[]} choices @returns {string} what the proofs about all choices are bound to */
function wholeContext(context, choices) {
  return `${context}|${choices.map(pair).join(",")}`;
}

/**
 * The statements about the sum of the choices, in the order of the proofs. Where a blank vote is allowed there are two
 * disjunctions: "not marked blank, or nothing chosen" and "marked blank, or min..max chosen".
 * @template {Ciphertext} C
 * @param {Question} question
 * @param {C[]} choices
 * @param {(ciphertexts: C[]) => C} multiply
 * @returns {{overall: {ciphertext: C, value: bigint}[], blank: {ciphertext: C, value: bigint}[]}}
 */
function statements(question, choices, multiply) {
  const sum = multiply(question.blank ? choices.slice(1) : choices);
  const overall = range(question.min, question.max).map((value) => ({ ciphertext: sum, value }));
  if (!question.blank) return { overall, blank: [] };
  const mark = choices[0];
  return {
    overall: [{ ciphertext: mark, value: 1n }, ...overall],
    blank: [mark, sum].map((ciphertext) => ({ ciphertext, value: 0n })),
  };
}

/**
 * @param {Election} election
 * @param {Question} question
 * @param {string} context fingerprint and credential: S0 of the protocol
 * @param {number[]} choice as {@link checkChoice} allows
 * @returns {Promise<Answer>}
 */
export async function makeAnswer(election, question, context, choice) {
  const choices = choice.map((m) => encrypt(election, m));
  const individualProofs = await Promise.all(
    choices.map((ciphertext, i) => {
      const branches = [0n, 1n].map((value) => ({ ciphertext, value }));
      return proveOneOf(election, intervalPrefix(context, ciphertext), branches, choice[i]);
    }),
  );
  return { choices, individualProofs, ...(await proveWhole(election, question, context, choices)) };
}

/**
 * @param {Election} election
 * @param {Question} question
 * @param {string} context
 * @param {OpenCiphertext[]} choices
 * @returns {Promise<{overallProof: Proof[], blankProof?: Proof[]}>}
 */
async function proveWhole(election, question, context, choices) {
  const whole = wholeContext(context, choices);
  const { overall, blank } = statements(question, choices, (some) => openProduct(election.group, some));
  const sum = overall[overall.length - 1].ciphertext;
  const place = Number(sum.plain) - question.min;
  if (!question.blank) {
    return { overallProof: await proveOneOf(election, intervalPrefix(whole, sum), overall, place) };
  }
  const isBlank = choices[0].plain === 1n;
  return {
    overallProof: await proveOneOf(election, `bproof1|${whole}|`, overall, isBlank ? 0 : 1 + place),
    blankProof: await proveOneOf(election, `bproof0|${whole}|`, blank, isBlank ? 1 : 0),
  };
}

/**
 * @param {Election} election
 * @param {Question} question
 * @param {string} context fingerprint and credential
 * @param {Answer} answer of any origin
 * @returns {Promise<boolean>} whether all its ciphertexts lie in the group and all its proofs hold
 */
export async function answerHolds(election, question, context, answer) {
  const { group } = election;
  const choices = answer.choices.map((choice) => new CheckedCiphertext(group, choice));
  if (choices.length !== choicesOf(question) || answer.individualProofs.length !== choices.length) return false;
  // Before the branches are made: a definition may say that a billion answers can be chosen.
  const branchCount = question.max - question.min + 1 + (question.blank ? 1 : 0);
  if (answer.overallProof.length !== branchCount || Boolean(answer.blankProof) !== question.blank) return false;
  if (!choices.every((choice) => choice.isInGroup())) return false;
  for (const [i, ciphertext] of choices.entries()) {
    const branches = [0n, 1n].map((value) => ({ ciphertext, value }));
    const holds = await oneOfHolds(election, intervalPrefix(context, ciphertext), branches, answer.individualProofs[i]);
    if (!holds) return false;
  }
  return wholeHolds(election, question, wholeContext(context, choices), choices, answer);
}

/**
 * @param {Election} election
 * @param {Question} question
 * @param {string} whole
 * @param {CheckedCiphertext[]} choices
 * @param {Answer} answer
 * @returns {Promise<boolean>}
 */
async function wholeHolds(election, question, whole, choices, answer) {
  const multiply = (/** @type {CheckedCiphertext[]} */ some) =>
    new CheckedCiphertext(election.group, product(election.group, some));
  const { overall, blank } = statements(question, choices, multiply);
  const sum = overall[overall.length - 1].ciphertext;
  const prefix = question.blank ? `bproof1|${whole}|` : intervalPrefix(whole, sum);
  if (!(await oneOfHolds(election, prefix, overall, answer.overallProof))) return false;
  return !question.blank || oneOfHolds(election, `bproof0|${whole}|`, blank, answer.blankProof ?? []);
}
