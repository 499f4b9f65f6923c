// @ts-check
/**
 * The ballot: made here, byte for byte as it is signed, and taken apart again.
 *
 * Promises: a ballot that is made here is in its canonical form, and only that form is read, so a ballot has one
 * tracker; the signature is by the voter's code; the choice leaves the device encrypted only.
 */
import { answerHolds, checkChoice, makeAnswer } from "./answer.js";
import { privateKey } from "./credential.js";
import { bytesFromText, readOr, sha256Base64 } from "./encoding.js";
import { InvalidBallot, InvalidChoice } from "./errors.js";
import { knowledgeHolds, proveKnowledge } from "./proofs.js";
import { ciphertextRecord, parseCiphertext, parseInteger, parseProof, proofRecord } from "./records.js";

/** @typedef {import("./answer.js").Answer} Answer */
/** @typedef {import("./election.js").Election} Election */
/** @typedef {import("./proofs.js").Proof} Proof */

/**
 * @typedef {object} Ballot
 * @property {string} text canonical JSON, ASCII
 * @property {string} uuid of the election
 * @property {string} electionHash fingerprint of the election
 * @property {string} credential public credential, decimal
 * @property {Answer[]} answers one per question
 * @property {{hash: string, proof: Proof}} signature
 */

/** @param {Answer} answer */
function answerRecord(answer) {
  const record = {
    choices: answer.choices.map(ciphertextRecord),
    individual_proofs: answer.individualProofs.map((proofs) => proofs.map(proofRecord)),
    overall_proof: answer.overallProof.map(proofRecord),
  };
  return answer.blankProof ? { ...record, blank_proof: answer.blankProof.map(proofRecord) } : record;
}

/** @param {Omit<Ballot, "text" | "signature">} ballot without its signature, as it is hashed for signing */
function unsignedRecord({ uuid, electionHash, credential, answers }) {
  return { election_uuid: uuid, election_hash: electionHash, credential, answers: answers.map(answerRecord) };
}

/** @param {string} hash of the ballot without its signature @returns {string} */
function signaturePrefix(hash) {
  return `sig|${hash}|`;
}

/** @param {{fingerprint: string}} election @param {string} credential @returns {string} what every proof of a ballot is bound to */
function context(election, credential) {
  return `${election.fingerprint}|${credential}`;
}

/**
 * Encrypt, prove and sign a choice.
 * @param {Election} election
 * @param {string} code of the voter, in its dashed form
 * @param {number[][]} choices per question a 0 or 1 per answer; the first is "blank" where that is allowed
 * @param {(done: number, of: number) => void} [onProgress] called after every question
 * @returns {Promise<{text: string, bytes: Uint8Array, tracker: string, credential: string}>} `bytes` is what is sent, unchanged
 * @throws {InvalidChoice}
 */
export async function makeBallot(election, code, choices, onProgress = () => {}) {
  const { questions } = election;
  if (choices.length !== questions.length) throw new InvalidChoice("choice-shape", "one choice per question is needed");
  questions.forEach((question, i) => checkChoice(question, i, choices[i]));
  const secret = await privateKey(code, election.uuid);
  const credential = election.group.powerOfG(secret).toString();
  /** @type {Answer[]} */
  const answers = [];
  for (const [i, question] of questions.entries()) {
    answers.push(await makeAnswer(election, question, context(election, credential), choices[i]));
    onProgress(i + 1, questions.length);
  }
  const text = await sign(election, secret, { uuid: election.uuid, electionHash: election.fingerprint, credential, answers });
  return { text, bytes: bytesFromText(text), tracker: await trackerOf(text), credential };
}

/**
 * @param {Election} election
 * @param {bigint} secret of the voter
 * @param {Omit<Ballot, "text" | "signature">} ballot
 * @returns {Promise<string>}
 */
async function sign(election, secret, ballot) {
  const record = unsignedRecord(ballot);
  const hash = await sha256Base64(JSON.stringify(record));
  const proof = await proveKnowledge(election.group, secret, signaturePrefix(hash));
  return JSON.stringify({ ...record, signature: { hash, proof: proofRecord(proof) } });
}

/** @param {string | Uint8Array} ballot as sent @returns {Promise<string>} 43 characters by which the voter finds it on the board */
export async function trackerOf(ballot) {
  return sha256Base64(ballot);
}

/** @param {any} record @returns {Answer} @throws {TypeError} */
function parseAnswer(record) {
  const answer = {
    choices: record.choices.map(parseCiphertext),
    individualProofs: record.individual_proofs.map((/** @type {any[]} */ proofs) => proofs.map(parseProof)),
    overallProof: record.overall_proof.map(parseProof),
  };
  return "blank_proof" in record ? { ...answer, blankProof: record.blank_proof.map(parseProof) } : answer;
}

/** @param {string} text @returns {Ballot} @throws {TypeError | SyntaxError} */
function readBallot(text) {
  const record = JSON.parse(text);
  const { hash, proof } = record.signature;
  return {
    text,
    uuid: record.election_uuid,
    electionHash: record.election_hash,
    credential: parseInteger(record.credential).toString(),
    answers: record.answers.map(parseAnswer),
    signature: { hash, proof: parseProof(proof) },
  };
}

/**
 * @param {string} text
 * @returns {Ballot} its numbers are canonical, but nothing is proven yet
 * @throws {InvalidBallot} `ballot-malformed`: also for blanks, another order of members, unknown members, leading zeros
 */
export function parseBallot(text) {
  const ballot = readOr(new InvalidBallot("ballot-malformed", "not a ballot"), () => readBallot(text));
  const signature = { hash: ballot.signature.hash, proof: proofRecord(ballot.signature.proof) };
  if (JSON.stringify({ ...unsignedRecord(ballot), signature }) !== text) {
    throw new InvalidBallot("ballot-malformed", "a ballot, but not in canonical form");
  }
  return ballot;
}

/**
 * @param {Ballot} ballot
 * @param {Election} election
 * @throws {InvalidBallot} `ballot-foreign` when it was made for something else
 */
export function checkElection(ballot, election) {
  const isOurs = ballot.uuid === election.uuid && ballot.electionHash === election.fingerprint;
  if (!isOurs || ballot.answers.length !== election.questions.length) {
    throw new InvalidBallot("ballot-foreign", "the ballot is of another election");
  }
}

/**
 * @param {Ballot} ballot
 * @param {Election} election
 * @returns {Promise<void>}
 * @throws {InvalidBallot} `ballot-signature`
 */
export async function checkSignature(ballot, election) {
  const { hash, proof } = ballot.signature;
  const isHash = (await sha256Base64(JSON.stringify(unsignedRecord(ballot)))) === hash;
  const credential = BigInt(ballot.credential);
  if (!isHash || !(await knowledgeHolds(election.group, credential, signaturePrefix(hash), proof))) {
    throw new InvalidBallot("ballot-signature", "the ballot is not signed by its credential");
  }
}

/**
 * The expensive part: about 30 ms for one of five answers.
 * @param {Ballot} ballot
 * @param {Election} election
 * @returns {Promise<void>}
 * @throws {InvalidBallot} `ballot-proof` (details.question, from 0)
 */
export async function checkProofs(ballot, election) {
  for (const [i, question] of election.questions.entries()) {
    if (!(await answerHolds(election, question, context(election, ballot.credential), ballot.answers[i]))) {
      throw new InvalidBallot("ballot-proof", "the answer is not proven to be an allowed choice", { question: i });
    }
  }
}
