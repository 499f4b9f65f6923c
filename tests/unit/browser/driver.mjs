// Runs commands that a test sends on standard input, in one Node process and with the modules that browsers get.
//
// In: a JSON list of [command, parameters]. Out: a JSON list of {value} or {refusal: {name, code, details, message}}.
// Whatever is not a refusal of the modules (a defect) ends the process.
import { readFileSync } from "node:fs";

const MODULES = new URL("../../../services/frontend/static/voting/", import.meta.url);
const [ballot, credential, decryption, election, errors, group, proofs, records, trustee, verify] = await Promise.all(
  ["ballot", "credential", "decryption", "election", "errors", "group", "proofs", "records", "trustee", "verify"].map(
    (name) => import(new URL(`${name}.js`, MODULES).href),
  ),
);

/** @type {Map<string, any>} elections by their definition: their tables are made once */
const elections = new Map();

async function electionOf(definition) {
  if (!elections.has(definition)) elections.set(definition, await election.parseElection(definition));
  return elections.get(definition);
}

async function* inChunks(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function archive({ path, base64, chunk }) {
  const bytes = new Uint8Array(path ? readFileSync(path) : Buffer.from(base64, "base64"));
  return chunk ? inChunks(bytes, chunk) : bytes;
}

const COMMANDS = {
  constants: () => {
    const { name, p, q, g } = group.BELENIOS_2048;
    return { name, p: p.toString(), q: q.toString(), g: g.toString() };
  },
  powers: ({ base, exponents }) => {
    const table = new group.PowerTable(BigInt(base));
    const ladder = new group.PowerLadder(BigInt(base));
    return exponents.map((exponent) => [table, ladder].map((powers) => powers.power(BigInt(exponent)).toString()));
  },
  isElement: ({ numbers }) => numbers.map((number) => group.BELENIOS_2048.isElement(BigInt(number))),
  normaliseCode: ({ typed }) => credential.normaliseCode(typed),
  readLink: ({ fragment }) => credential.readLink(fragment),
  joinCode: ({ link, typed }) => credential.joinCode(link, typed),
  publicCredential: ({ code, uuid }) => credential.publicCredential(code, uuid),
  credentialDigest: ({ credential: text }) => credential.credentialDigest(text),
  parseElection: async ({ definition }) => {
    const { uuid, fingerprint, name, questions } = await election.parseElection(definition);
    return { uuid, fingerprint, name, questions };
  },
  makeBallot: async ({ definition, code, choices }) => {
    const { text, tracker, credential: key } = await ballot.makeBallot(await electionOf(definition), code, choices);
    return { text, tracker, credential: key };
  },
  checkBallot: async ({ definition, text }) => {
    const ours = await electionOf(definition);
    const found = ballot.parseBallot(text);
    ballot.checkElection(found, ours);
    await ballot.checkSignature(found, ours);
    await ballot.checkProofs(found, ours);
    return ballot.trackerOf(text);
  },
  sign: async ({ body, code, uuid }) => {
    // A signature over whatever a dishonest voter likes.
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256").update(body).digest("base64").replace("=", "");
    const secret = await credential.privateKey(code, uuid);
    const { challenge, response } = await proofs.proveKnowledge(group.BELENIOS_2048, secret, `sig|${hash}|`);
    const signature = { hash, proof: { challenge: challenge.toString(), response: response.toString() } };
    return `${body.slice(0, -1)},"signature":${JSON.stringify(signature)}}`;
  },
  proveOutsideTheGroup: async ({ definition, code }) => {
    // A ciphertext times -1: where every challenge is even, all its proofs hold and only its membership is wrong.
    const ours = await electionOf(definition);
    const credentialText = await credential.publicCredential(code, ours.uuid);
    const context = `${ours.fingerprint}|${credentialText}`;
    const randomness = ours.group.randomScalar();
    const alpha = ours.group.p - ours.group.powerOfG(randomness);
    const beta = ours.powerOfKey(randomness);
    const branches = [0n, 1n].map((value) => ({ ciphertext: { alpha, beta, randomness, plain: 0n }, value }));
    const proveEvenly = async (prefix) => {
      for (;;) {
        const found = await proofs.proveOneOf(ours, prefix, branches, 0);
        if (found.every(({ challenge }) => challenge % 2n === 0n)) return found.map(records.proofRecord);
      }
    };
    const pair = `${alpha},${beta}`;
    const individual = await proveEvenly(`prove|${context}|${pair}|`);
    const overall = await proveEvenly(`prove|${context}|${pair}|${pair}|`);
    const choices = [{ alpha: alpha.toString(), beta: beta.toString() }];
    const answers = [{ choices, individual_proofs: [individual], overall_proof: overall }];
    const names = { election_uuid: ours.uuid, election_hash: ours.fingerprint, credential: credentialText };
    return JSON.stringify({ ...names, answers });
  },
  makeBallotFor: async ({ definition, questions, code, choices }) => {
    // A dishonest voter answers other questions than those of the definition.
    const altered = await election.parseElection(definition);
    altered.questions = questions;
    return (await ballot.makeBallot(altered, code, choices)).text;
  },
  makeTrusteeKeyOutsideTheGroup: async () => {
    // Minus a key: where the challenge is even, its proof holds.
    const ours = group.BELENIOS_2048;
    const key = trustee.generatePrivateKey();
    const twisted = ours.p - ours.powerOfG(key);
    for (;;) {
      const proof = await proofs.proveKnowledge(ours, key, `pok|${ours.name}|${twisted}|`);
      if (proof.challenge % 2n === 0n) return { pok: records.proofRecord(proof), public_key: twisted.toString() };
    }
  },
  makeTrusteeKey: async ({ name }) => {
    const key = trustee.generatePrivateKey();
    return { privateKey: trustee.renderPrivateKey(key), publicKey: await trustee.publicKeyRecord(key, name) };
  },
  publicKeyOf: ({ privateKey }) => trustee.publicKeyOf(trustee.parsePrivateKey(privateKey)).toString(),
  checkPublicKey: async ({ record }) => (await trustee.checkPublicKey(record)).publicKey.toString(),
  checkBoard: async ({ proofs: withProofs, ...place }) => {
    const progress = [];
    const options = { proofs: withProofs, onProgress: (step) => progress.push(step) };
    const board = await verify.checkBoard(archive(place), options);
    return { ...board.report(), progress };
  },
  decrypt: async ({ privateKey, proofs: withProofs, ...place }) => {
    const board = await verify.checkBoard(archive(place), { proofs: withProofs });
    return board.decrypt(trustee.parsePrivateKey(privateKey));
  },
  decryptOutsideTheGroup: async ({ definition, alpha }) => {
    const tally = { ciphertexts: [[{ alpha: BigInt(alpha), beta: 1n }]] };
    return decryption.partialDecryption(await electionOf(definition), tally, trustee.generatePrivateKey());
  },
};

async function answer([command, parameters]) {
  try {
    return { value: await COMMANDS[command](parameters) };
  } catch (error) {
    if (!(error instanceof errors.VotingError)) throw error;
    return { refusal: { name: error.name, code: error.code, details: error.details, message: error.message } };
  }
}

const answers = [];
for (const command of JSON.parse(readFileSync(0, "utf-8"))) answers.push(await answer(command));
process.stdout.write(JSON.stringify(answers));
