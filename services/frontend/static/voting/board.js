// @ts-check
/**
 * The board as a file: an append-only archive of records, read as a stream.
 *
 * Rules, each with its refusal:
 * - it begins with the record BELENIOS; every header is exactly what the name, the size and the one timestamp make it
 *   (`archive-foreign`, `archive-header`);
 * - every record is named after the SHA-256 of its content (`archive-hash`);
 * - every event is canonical, names the event before it and counts one more (`archive-event`, `archive-chain`);
 * - events follow each other in the order of an election, ballots and partial decryptions in one run each (`archive-order`);
 * - an event is preceded by exactly the records that it names (`archive-data`);
 * - it ends after an event (`archive-truncated`).
 */
import { bytesFromText, readOr, sha256Hex, textFromBytes } from "./encoding.js";
import { BrokenArchive } from "./errors.js";

/** @typedef {Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>} Source */

/**
 * @typedef {object} BoardRecord
 * @property {string} name as in its header
 * @property {Uint8Array} content
 * @property {number} offset of its header, in bytes
 * @property {number} end offset after its padding
 */

/**
 * @typedef {object} BoardEvent
 * @property {string} type
 * @property {number} height from 0
 * @property {string} hash by which the next event names it
 * @property {{[name: string]: Uint8Array}} data its records, by the names that the payload gives them
 * @property {any} payload the last of its records, parsed, where that names the others; otherwise undefined
 * @property {number} end offset in the archive after this event, in bytes
 */

const BLOCK = 512;
const TIMESTAMP = /^\{"version":1,"timestamp":"(0|[1-9][0-9]{0,9})"\}$/;
const RECORD_NAME = /^([0-9a-f]{64})\.(data|event)\.json$/;

/**
 * What an event may follow, which records come before it (the last is its payload), and the members of a payload that
 * names the others by their hashes, under the same names.
 * @type {{[type: string]: {follows: string[], records: string[], members?: string[]}}}
 */
const EVENTS = {
  Setup: {
    follows: [""],
    records: ["election", "trustees", "credentials", "setup_data"],
    members: ["election", "trustees", "credentials"],
  },
  Ballot: { follows: ["Setup", "Ballot"], records: ["ballot"] },
  EndBallots: { follows: ["Setup", "Ballot"], records: [] },
  EncryptedTally: {
    follows: ["Setup", "Ballot", "EndBallots"],
    records: ["encrypted_tally", "sized"],
    members: ["num_tallied", "total_weight", "encrypted_tally"],
  },
  PartialDecryption: {
    follows: ["EncryptedTally", "PartialDecryption"],
    records: ["payload", "owned"],
    members: ["owner", "payload"],
  },
  Result: { follows: ["PartialDecryption"], records: ["result"] },
};
const MOST_RECORDS = 4; // before one event: a hostile file must not fill the memory with records of no event

/** @param {Source} source @returns {AsyncGenerator<Uint8Array>} */
async function* chunksOf(source) {
  if (source instanceof Uint8Array) return yield source;
  if (Symbol.asyncIterator in source) return yield* /** @type {AsyncIterable<Uint8Array>} */ (source);
  // Not every browser can iterate over a stream yet.
  const stream = source instanceof Blob ? source.stream() : source;
  const reader = /** @type {ReadableStream<Uint8Array>} */ (stream).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

/** Cuts a stream of chunks into pieces of wanted lengths. */
class Pieces {
  #chunks;
  #rest = new Uint8Array(0);
  offset = 0;

  /** @param {Source} source */
  constructor(source) {
    this.#chunks = chunksOf(source);
  }

  /** Let go of the source: a download that is refused should stop. */
  async close() {
    await this.#chunks.return(undefined);
  }

  /** @param {number} length in bytes @returns {Promise<Uint8Array>} shorter only where the stream ends */
  async take(length) {
    const parts = [this.#rest];
    let have = this.#rest.length;
    while (have < length) {
      const { done, value } = await this.#chunks.next();
      if (done) break;
      parts.push(value);
      have += value.length;
    }
    const all = parts.length === 1 ? parts[0] : joined(parts, have);
    this.#rest = all.subarray(length);
    this.offset += Math.min(length, have);
    return all.subarray(0, length);
  }
}

/** @param {Uint8Array[]} parts @param {number} length of all @returns {Uint8Array} */
function joined(parts, length) {
  const all = new Uint8Array(length);
  parts.reduce((offset, part) => (all.set(part, offset), offset + part.length), 0);
  return all;
}

/** @param {Uint8Array} left @param {Uint8Array} right @returns {boolean} */
function equal(left, right) {
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

/**
 * @param {string} name
 * @param {number} size of the content, in bytes
 * @param {number} timestamp in seconds
 * @returns {Uint8Array} the 512 bytes before a record
 */
export function renderHeader(name, size, timestamp) {
  const octal = (/** @type {number} */ number, /** @type {number} */ width) => number.toString(8).padStart(width, "0");
  const header = new Uint8Array(BLOCK);
  const put = (/** @type {number} */ at, /** @type {string} */ text) => header.set(bytesFromText(text), at);
  put(0, name);
  put(100, "0000644\0" + "0000000\0".repeat(2));
  put(124, `${octal(size, 11)}\0${octal(timestamp, 11)}\0`);
  put(148, "        0");
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  put(148, `${octal(checksum, 6)}\0 `);
  return header;
}

/** @param {Uint8Array} header @returns {{name: string, size: number}} as claimed, not yet checked */
function readHeader(header) {
  const field = (/** @type {number} */ from, /** @type {number} */ length) =>
    String.fromCharCode(...header.subarray(from, from + length)).replace(/\0.*$/s, "");
  const size = field(124, 12);
  return { name: field(0, 100), size: /^[0-7]{11}$/.test(size) ? parseInt(size, 8) : NaN };
}

/** @param {string} code @param {string} message @param {import("./errors.js").Details} details @returns {never} */
function refuse(code, message, details) {
  throw new BrokenArchive(code, message, details);
}

/**
 * @param {Pieces} pieces
 * @returns {Promise<{header: Uint8Array, record: BoardRecord} | null>} null at the end; the header is not yet checked
 */
async function nextRecord(pieces) {
  const { offset } = pieces;
  const header = await pieces.take(BLOCK);
  if (header.length === 0) return null;
  const { name, size } = readHeader(header);
  const start = offset === 0;
  if (start && name !== "BELENIOS") refuse("archive-foreign", "this file does not begin as an archive", { offset });
  if (header.length < BLOCK) refuse("archive-truncated", "the archive ends within a header", { offset });
  if (Number.isNaN(size)) refuse("archive-header", "a header does not say how long its record is", { offset });
  const padded = await pieces.take(Math.ceil(size / BLOCK) * BLOCK);
  if (padded.length % BLOCK || padded.length < size) refuse("archive-truncated", "the archive ends within a record", { offset });
  if (padded.subarray(size).some((byte) => byte !== 0)) refuse("archive-header", "padding is not empty", { offset });
  return { header, record: { name, content: padded.slice(0, size), offset, end: pieces.offset } };
}

/**
 * All records after the first, with their form and their hashes checked.
 * @param {Source} source
 * @returns {AsyncGenerator<BoardRecord & {hash: string, kind: string}>}
 * @throws {BrokenArchive}
 */
async function* readRecords(source) {
  const pieces = new Pieces(source);
  try {
    const first = await nextRecord(pieces);
    if (first === null) return refuse("archive-foreign", "this file is empty", { offset: 0 });
    const timestamp = Number(TIMESTAMP.exec(latin(first.record.content))?.[1] ?? NaN);
    checkHeader(first, timestamp);
    for (let next = await nextRecord(pieces); next; next = await nextRecord(pieces)) {
      checkHeader(next, timestamp);
      yield { ...next.record, ...(await checkName(next.record)) };
    }
  } finally {
    await pieces.close();
  }
}

/** @param {Uint8Array} bytes @returns {string} one character per byte, of the beginning at most */
function latin(bytes) {
  return String.fromCharCode(...bytes.subarray(0, 100));
}

/** @param {{header: Uint8Array, record: BoardRecord}} next @param {number} timestamp */
function checkHeader({ header, record }, timestamp) {
  if (Number.isNaN(timestamp) || !equal(header, renderHeader(record.name, record.content.length, timestamp))) {
    refuse("archive-header", "a header is not as it must be", { offset: record.offset });
  }
}

/** @param {BoardRecord} record @returns {Promise<{hash: string, kind: string}>} */
async function checkName({ name, content, offset }) {
  const [, hash, kind] = RECORD_NAME.exec(name) ?? refuse("archive-header", "a record has a strange name", { offset });
  if ((await sha256Hex(content)) !== hash) refuse("archive-hash", "a record is not what its name says", { offset });
  return { hash, kind };
}

/**
 * Read an archive event by event.
 * @param {Source} source bytes of the archive, whole or as they arrive
 * @returns {AsyncGenerator<BoardEvent>} each event has been checked against the rules above when it is given out
 * @throws {BrokenArchive} at the first record that breaks a rule
 */
export async function* readEvents(source) {
  /** @type {(BoardRecord & {hash: string})[]} */
  let data = [];
  let parent = { type: "", height: -1, hash: "" };
  let end = 0;
  for await (const record of readRecords(source)) {
    end = record.end;
    if (record.kind === "data") {
      if (data.push(record) > MOST_RECORDS) refuse("archive-data", "a record belongs to no event", { offset: record.offset });
      continue;
    }
    const event = parseEvent(record, parent);
    yield { ...event, ...checkData(event, data, record.offset), hash: record.hash, end };
    parent = { type: event.type, height: event.height, hash: record.hash };
    data = [];
  }
  if (data.length > 0 || parent.height < 0) refuse("archive-truncated", "the archive ends before its event", { offset: end });
}

/**
 * @param {BoardRecord} record
 * @param {{type: string, height: number, hash: string}} before the event before it
 * @returns {{type: string, height: number, payload?: string}}
 */
function parseEvent({ content, offset }, before) {
  const height = before.height + 1;
  const malformed = new BrokenArchive("archive-event", "not an event in canonical form", { offset, height });
  const { text, event } = readOr(malformed, () => {
    const text = textFromBytes(content);
    const { parent, height, type, payload } = JSON.parse(text);
    return { text, event: { parent, height, type, payload } };
  });
  if (JSON.stringify(event) !== text || event.parent === null || event.payload === null) throw malformed;
  if (event.height !== height || (event.parent ?? "") !== before.hash) {
    refuse("archive-chain", "an event does not follow the one before it", { offset, height });
  }
  if (!Object.hasOwn(EVENTS, event.type)) throw malformed;
  if (!EVENTS[event.type].follows.includes(before.type)) {
    refuse("archive-order", `${event.type} may not come here`, { offset, height });
  }
  return event;
}

/**
 * @param {{type: string, height: number, payload?: string}} event
 * @param {(BoardRecord & {hash: string})[]} found records before it
 * @param {number} offset
 * @returns {{data: {[name: string]: Uint8Array}, payload: any}}
 */
function checkData({ type, height, payload }, found, offset) {
  const { records, members } = EVENTS[type];
  if (found.length !== records.length || payload !== found.at(-1)?.hash) {
    refuse("archive-data", "an event does not name the records before it", { offset, height });
  }
  const data = Object.fromEntries(records.map((name, i) => [name, found[i].content]));
  if (members === undefined) return { data, payload: undefined };
  const malformed = new BrokenArchive("archive-data", "an event's payload does not name its records", { offset, height });
  const text = readOr(malformed, () => textFromBytes(found[records.length - 1].content));
  const content = readOr(malformed, () => JSON.parse(text));
  const isCanonical = Object.keys(content ?? {}).join() === members.join() && JSON.stringify(content) === text;
  const namesAll = records.slice(0, -1).every((name, i) => content?.[name] === found[i].hash);
  if (!isCanonical || !namesAll) throw malformed;
  return { data, payload: content };
}
