// @ts-check
/** Parts of the trustee's page: which are shown, and what they say. */
import { refusalText, text } from "../texts.js";
import { VotingError } from "../voting/errors.js";

/** @param {string} id @returns {HTMLElement} */
export const find = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id @returns {HTMLInputElement} */
export const input = (id) => /** @type {HTMLInputElement} */ (find(id));

const steps = () => Array.from(document.querySelectorAll('[id^="step-"]'), (element) => /** @type {HTMLElement} */ (element));

/**
 * Shows these parts and no others, and leads the keyboard there.
 * @param {...string} names
 */
export function show(...names) {
  for (const step of steps()) step.hidden = !names.includes(step.id.slice("step-".length));
  const heading = find(`step-${names.at(-1)}`).querySelector("h2");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
}

/** @param {unknown} error @returns {string} what a refusal says to a person */
export function sentenceOf(error) {
  return refusalText(error instanceof VotingError ? error : new VotingError("failed", ""));
}

/** @param {unknown} error shown above everything, until the next thing is tried */
export function complain(error) {
  const note = document.createElement("p");
  note.className = "note bad";
  note.textContent = sentenceOf(error);
  find("message").replaceChildren(note);
}

/**
 * An error at one field, or none any more.
 * @param {string} id of the field
 * @param {string} sentence
 */
export function mark(id, sentence) {
  find(`${id}-error`).textContent = sentence;
  if (sentence === "") return input(id).removeAttribute("aria-invalid");
  input(id).setAttribute("aria-invalid", "true");
  input(id).focus();
}

/**
 * Says what is being done while it is done; what goes wrong is shown above everything.
 * @template T
 * @param {string} busy code of the sentence
 * @param {() => Promise<T>} action
 * @returns {Promise<T | undefined>} undefined when it went wrong
 */
export async function doing(busy, action) {
  find("message").replaceChildren();
  find("working").textContent = text(busy);
  document.body.setAttribute("aria-busy", "true");
  try {
    return await action();
  } catch (error) {
    complain(error);
    return undefined;
  } finally {
    find("working").textContent = "";
    find("progress").hidden = true;
    document.body.removeAttribute("aria-busy");
  }
}

/** @param {{bytes: number, total: number, ballots: number}} state of the check of a board */
export function showProgress({ bytes, total, ballots }) {
  const progress = /** @type {HTMLProgressElement} */ (find("progress"));
  progress.hidden = total === 0;
  progress.value = total > 0 ? bytes / total : 0;
  const percent = Math.floor((100 * bytes) / total);
  find("working").textContent =
    total > 0 ? text("progress-board", { percent, ballots }) : text("progress-ballots", { ballots });
}
