// @ts-check
/**
 * What can be refused, and why. The page translates by `code`, which never changes; `message` is for developers.
 * `details` holds what a sentence may want to name (a question, a group of the code, the height of an event), never a secret.
 */

/** @typedef {{[name: string]: string | number}} Details */

/** Every refusal of these modules. Anything else that is thrown is a defect. */
export class VotingError extends Error {
  /**
   * @param {string} code stable, lower-case words joined by dashes
   * @param {string} message English, for developers
   * @param {Details} [details]
   */
  constructor(code, message, details = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** The browser offers no web cryptography here: `insecure-context`. */
export class InsecureContext extends VotingError {}

/**
 * The voter's code cannot be right: `code-empty`; `code-characters` (a character that no code has) and `code-length` (too few
 * or too many), each with details.group, the first of the five groups that cannot be right; `code-checksum`.
 */
export class InvalidCode extends VotingError {}

/** The link's part of the code is broken: `link-broken`. */
export class InvalidLink extends VotingError {}

/** The definition cannot be voted on: `election-malformed`, `election-group`, `election-key`, `election-ranked`. */
export class InvalidElection extends VotingError {}

/**
 * The choices are not allowed (details.question, from 0): `choice-shape`, `choice-too-few`, `choice-too-many`,
 * `choice-blank-and-more`.
 */
export class InvalidChoice extends VotingError {}

/**
 * A ballot is refused: `ballot-malformed`, `ballot-foreign`, `ballot-signature`, `ballot-proof`, `ballot-credential`
 * (not on the list), `ballot-duplicate`.
 */
export class InvalidBallot extends VotingError {}

/** A trustee's public key or list is refused: `trustee-malformed`, `trustee-proof`, `trustee-unsupported`, `trustee-product`. */
export class InvalidTrustee extends VotingError {}

/** A private key file is refused: `key-malformed`, `key-foreign` (it belongs to no trustee of this election). */
export class InvalidKey extends VotingError {}

/** The public list is refused: `credentials-malformed`, `credentials-duplicate`, `credentials-group`. */
export class InvalidCredentials extends VotingError {}

/**
 * The file is not a whole and unbroken archive (details.offset in bytes, details.height of the event where known):
 * `archive-foreign` (does not begin as one), `archive-truncated`, `archive-header`, `archive-hash`, `archive-event`,
 * `archive-chain`, `archive-order`, `archive-data`.
 */
export class BrokenArchive extends VotingError {}

/** The published tally is not the sum of the ballots: `tally-malformed`, `tally-differs`, `tally-missing`. */
export class InvalidTally extends VotingError {}

/** A partial decryption is refused: `decryption-malformed`, `decryption-proof`, `decryption-owner`. */
export class InvalidDecryption extends VotingError {}

/** The result does not follow from the partial decryptions: `result-malformed`, `result-incomplete`, `result-differs`. */
export class InvalidResult extends VotingError {}

/** The board could not be fetched, or not to its end: `download-failed` (details.status where a server answered). */
export class DownloadFailed extends VotingError {}

/** The browser cannot run these modules in the background: `worker-failed`. */
export class WorkerFailed extends VotingError {}
