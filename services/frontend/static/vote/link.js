// @ts-check
/** The part of the code that the link carried. */
import { readLink } from "../voting/credential.js";
import { VotingError } from "../voting/errors.js";
import { fragment } from "./address.js";

/**
 * What the address bar said. `groups` null: no code in it; `broken`: something that is no code.
 * @typedef {{groups: string | null, broken: boolean}} Link
 */

/** @returns {Link} */
export function readFragment() {
  try {
    return { groups: readLink(decodeURIComponent(fragment)), broken: false };
  } catch (error) {
    if (error instanceof VotingError || error instanceof URIError) return { groups: null, broken: true };
    throw error;
  }
}
