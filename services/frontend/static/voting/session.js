// @ts-check
/**
 * What a page may ask for, with what is kept between two requests: the election that is voted on, the board that was
 * checked. Runs in a worker (`worker.js`), so that the page never freezes; parameters and answers are plain data.
 *
 * Promises: a code or a private key is used for one request and not kept.
 */
import { makeBallot } from "./ballot.js";
import { credentialDigest, publicCredential } from "./credential.js";
import { parseElection } from "./election.js";
import { DownloadFailed, InvalidTally } from "./errors.js";
import { generatePrivateKey, parsePrivateKey, publicKeyOf, publicKeyRecord, renderPrivateKey } from "./trustee.js";
import { checkBoard } from "./verify.js";

/** @typedef {(progress: {[name: string]: number}) => void} OnProgress */

/**
 * @param {string} url
 * @returns {Promise<Response>}
 * @throws {DownloadFailed}
 */
async function download(url) {
  const response = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer" }).catch(() => {
    throw new DownloadFailed("download-failed", "the board's server did not answer");
  });
  if (!response.ok || !response.body) {
    const { status } = response;
    throw new DownloadFailed("download-failed", `the board's server answered ${status}`, { status });
  }
  return response;
}

/** @param {Response} response @returns {AsyncGenerator<Uint8Array>} its body; a break in it is a refusal, not a defect */
async function* bodyOf({ body }) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (body).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw new DownloadFailed("download-failed", "the download broke off");
      });
      if (done) return;
      yield value;
    }
  } finally {
    // Of a stream that broke there is nothing left to cancel.
    await reader.cancel().catch(() => {});
  }
}

/** @param {{url: string} | {file: Blob}} place @returns {Promise<{source: import("./board.js").Source, total: number}>} total in bytes, 0 if unknown */
async function openBoard(place) {
  if ("file" in place) return { source: place.file, total: place.file.size };
  const response = await download(place.url);
  // The length is that of the body only where the server does not compress it.
  const length = response.headers.has("Content-Encoding") ? null : response.headers.get("Content-Length");
  return { source: bodyOf(response), total: Number(length ?? 0) };
}

export class Session {
  /** @type {import("./election.js").Election | undefined} */
  #election;
  /** @type {import("./verify.js").Board | undefined} */
  #board;

  /**
   * Read a definition and build the tables for it (about 0.1 s). Comes before `credential` and `encrypt`.
   * @param {{definition: string | Uint8Array}} parameters exact bytes, or the text that they are
   * @returns {Promise<{uuid: string, fingerprint: string, name: string, questions: import("./election.js").Question[]}>}
   * @throws {import("./errors.js").InvalidElection}
   */
  async prepare({ definition }) {
    const election = await parseElection(definition);
    election.prepare();
    this.#election = election;
    const { uuid, fingerprint, name, questions } = election;
    return { uuid, fingerprint, name, questions };
  }

  /**
   * @param {{code: string}} parameters the dashed form
   * @returns {Promise<{credential: string, digest: string}>} `digest` asks the board for the code's status
   */
  async credential({ code }) {
    const credential = await publicCredential(code, this.#prepared().uuid);
    return { credential, digest: await credentialDigest(credential) };
  }

  /**
   * @param {{code: string, choices: number[][]}} parameters as {@link makeBallot} takes them
   * @param {OnProgress} onProgress `{done, of}` in questions
   * @returns {Promise<{text: string, tracker: string, credential: string}>} `text` is ASCII: send it unchanged
   * @throws {import("./errors.js").InvalidChoice}
   */
  async encrypt({ code, choices }, onProgress) {
    const report = (/** @type {number} */ done, /** @type {number} */ of) => onProgress({ done, of });
    const { text, tracker, credential } = await makeBallot(this.#prepared(), code, choices, report);
    return { text, tracker, credential };
  }

  /** @returns {import("./election.js").Election} */
  #prepared() {
    if (!this.#election) throw new TypeError("prepare comes first");
    return this.#election;
  }

  /**
   * @param {{name?: string}} parameters
   * @returns {Promise<{privateKey: string, publicKey: import("./trustee.js").PublicKeyRecord}>} `privateKey` is the file's content
   */
  async makeTrusteeKey({ name }) {
    const privateKey = generatePrivateKey();
    return { privateKey: renderPrivateKey(privateKey), publicKey: await publicKeyRecord(privateKey, name) };
  }

  /**
   * Whose file is it? Asked before a public key is published, and before decrypting.
   * @param {{privateKey: string}} parameters content of the file
   * @returns {Promise<{publicKey: string}>} decimal
   * @throws {import("./errors.js").InvalidKey}
   */
  async readTrusteeKey({ privateKey }) {
    return { publicKey: publicKeyOf(parsePrivateKey(privateKey)).toString() };
  }

  /**
   * Check a board and keep it for `decrypt`.
   * @param {({url: string} | {file: Blob}) & {proofs?: boolean}} parameters see {@link checkBoard}
   * @param {OnProgress} onProgress `{bytes, total, credentials, ballots}`; total is 0 where the length is unknown
   * @returns {Promise<import("./verify.js").Report>}
   * @throws {import("./errors.js").VotingError}
   */
  async checkBoard({ proofs, ...place }, onProgress) {
    this.#board = undefined;
    const { source, total } = await openBoard(place);
    const report = (/** @type {import("./verify.js").Progress} */ progress) => onProgress({ ...progress, total });
    this.#board = await checkBoard(source, { proofs, onProgress: report });
    return this.#board.report();
  }

  /**
   * Decrypt the tally of the board that was checked last.
   * @param {{privateKey: string}} parameters content of the file
   * @returns {Promise<{owner: number, partialDecryption: string}>}
   * @throws {import("./errors.js").InvalidKey}
   * @throws {import("./errors.js").InvalidTally} also when no board was checked
   */
  async decrypt({ privateKey }) {
    if (!this.#board) throw new InvalidTally("tally-missing", "no board has been checked");
    return this.#board.decrypt(parsePrivateKey(privateKey));
  }
}
