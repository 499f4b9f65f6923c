// @ts-check
/**
 * The voting page: choose, review, type the end of the code, cast, keep the tracker.
 *
 * Promises: nothing is cast before the voter has typed characters that are in no link; nothing leaves this page but
 * questions to the board and the encrypted ballot; whatever fails ends in one screen that says what it means for the vote.
 */
import "./trusted_types.js";
import { hasText, text } from "./texts.js";
import { VotingWorker } from "./voting/client.js";
import { joinCode, normaliseCode } from "./voting/credential.js";
import { textFromBytes } from "./voting/encoding.js";
import { InvalidElection, VotingError } from "./voting/errors.js";
import { Board } from "./vote/board.js";
import { Casting } from "./vote/casting.js";
import { Choosing } from "./vote/choosing.js";
import { Failure } from "./vote/failures.js";
import { Kept } from "./vote/kept.js";
import { readFragment } from "./vote/link.js";
import { Phases } from "./vote/phases.js";
import { showTracker } from "./vote/receipt.js";
import { report } from "./vote/report.js";
import { nudges, persist } from "./vote/retry.js";
import { announce, current, element, hasScreen, show } from "./vote/screens.js";
import { isSame, readShown } from "./vote/shown.js";

const page = /** @type {HTMLElement} */ (element("voting"));
const data = /** @type {{[name: string]: string}} */ (page.dataset);
const shown = readShown(page);
const kept = new Kept(data.uuid);
const board = new Board(data.ballot, data.uuid);
const phases = new Phases(board);

/** @type {import("./vote/failures.js").Step} */
let step = "prepare";
let isBusy = false;
/** What was told of failures; what was not heard is told when it happens again. @type {Set<string>} */
const told = new Set();
/** @type {VotingWorker | undefined} */
let worker;
/** @type {Casting} */
let casting;
/** @type {Choosing | undefined} comes with the definition */
let choosing;

/** @param {unknown} error @returns {Failure} */
function failureOf(error) {
  if (error instanceof Failure) return error;
  if (error instanceof InvalidElection) return new Failure("wrong-definition");
  if (error instanceof VotingError && error.code.startsWith("election-")) return new Failure("wrong-definition");
  if (error instanceof VotingError && error.code.startsWith("code-")) return new Failure("mistyped-code");
  return new Failure("unsupported");
}

/** Every failure comes by here once, whether it ends the step or passes: what is told of it is these two words, once. @param {Failure} failure */
async function note(failure) {
  const words = `${step} ${failure.reason}`;
  page.dataset.failure = words;
  if (!failure.isOurs || told.has(words)) return;
  told.add(words);
  if (!(await report(data.ballot, data.uuid, step, failure.reason))) told.delete(words);
}

/** @param {Failure} failure that is being retried */
function onRetry(failure) {
  note(failure);
  const sentence = text(`${step === "send" ? "send" : "read"}-${failure.reason}`);
  element("trouble-sentence").textContent = sentence;
  element("trouble").hidden = false;
  announce(sentence);
}

/** What was being retried has worked, or has ended. */
function forgetTrouble() {
  element("trouble").hidden = true;
}

/** The end of the way: a screen that says what it means. @param {unknown} error */
function stop(error) {
  const failure = failureOf(error);
  note(failure);
  forgetTrouble();
  const isTooLate = failure.reason === "closed" && kept.pending !== null;
  // After a defect nobody knows what became of the ballot: it stays, and a reload goes on with it.
  if (failure.reason !== "unsupported") kept.pending = null;
  worker?.close();
  const screen = isTooLate ? "too-late" : failure.reason;
  show(hasScreen(screen) ? screen : "refused", { quietly: current() === "loading" });
}

/** @param {() => Promise<void>} action runs alone: whatever is pressed meanwhile does nothing */
async function alone(action) {
  if (isBusy) return;
  isBusy = true;
  try {
    await action();
  } catch (error) {
    stop(error);
  } finally {
    isBusy = false;
  }
}

/** Makes ready what the rest needs, without the network. */
function prepare() {
  if (!isSecureContext || !globalThis.crypto?.subtle) throw new Failure("insecure");
  worker = new VotingWorker();
  const limits = { perCredential: Number(data.perCredential), revoteAllowed: data.revoteAllowed === "true" };
  casting = new Casting({ board, kept, worker, limits, agree });
}

/** @returns {Promise<import("./voting/election.js").Question[]>} once they are those on the page; the worker then has its tables */
async function loadQuestions() {
  const definition = await persist(() => board.readDefinition(), onRetry);
  const prepared = await worker?.ask("prepare", { definition });
  const isOurs = prepared.uuid === data.uuid && prepared.fingerprint === data.fingerprint;
  const { description } = JSON.parse(textFromBytes(definition));
  if (!isOurs || !isSame(shown, { ...prepared, description })) throw new Failure("wrong-definition");
  return prepared.questions;
}

/** @returns {Promise<boolean>} whether the voter wants this ballot to replace those that the code has cast */
function agree() {
  forgetTrouble();
  show("replace");
  return new Promise((resolve) => {
    element("agree").onclick = () => resolve(true);
    element("keep").onclick = () => resolve(false);
  });
}

/** @param {string} sentence about the code; empty: nothing is wrong with it */
function setCodeError(sentence) {
  const input = element("code");
  element("code-error").textContent = sentence;
  element("code-field").classList.toggle("invalid", sentence !== "");
  input.setAttribute("aria-invalid", String(sentence !== ""));
  if (sentence) input.focus();
}

/** @param {string} code of what is wrong @param {object} [details] @returns {string} the sentence for how the code was asked for */
function codeSentence(code, details = {}) {
  const whole = `${code}-whole`;
  return text(kept.link === null && hasText(whole) ? whole : code, { ...details });
}

/** @returns {string | null} the code as typed, joined with the link; null when it cannot be right */
function readCode() {
  const typed = element("code").value;
  try {
    return kept.link === null ? normaliseCode(typed) : joinCode(kept.link, typed);
  } catch (error) {
    if (!(error instanceof VotingError)) throw error;
    note(failureOf(error));
    setCodeError(codeSentence(error.code, error.details));
    return null;
  }
}

/** @param {Choosing} choosing */
async function cast(choosing) {
  step = "check";
  setCodeError("");
  const code = readCode();
  if (code === null) return;
  const credential = await checkCode(code);
  if (credential === null) return;
  if (credential.ballots > 0 && !(await agree())) return show("kept-earlier");
  step = "encrypt";
  progress(text("encrypting"), 0);
  show("casting");
  await casting.encrypt(code, choosing.vectors(), credential, ({ done, of }) => {
    progress(text("encrypting-question", { number: Math.min(done + 1, of), total: of }), done / (of + 1));
  });
  element("code").value = "";
  choosing.clear();
  await deliver(false);
}

/** @param {string} code @returns {Promise<{digest: string, ballots: number} | null>} null when it is not on the list */
async function checkCode(code) {
  element("checking").textContent = text("checking");
  try {
    return await casting.check(code, onRetry);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason !== "unknown-code") throw failure;
    note(failure);
    setCodeError(codeSentence("code-unknown"));
    return null;
  } finally {
    element("checking").textContent = "";
    forgetTrouble();
  }
}

/** @param {string} sentence @param {number} part of the whole */
function progress(sentence, part) {
  element("progress").value = part;
  element("doing").textContent = sentence;
}

/** @param {boolean} again whether the kept ballot may have been sent already */
async function deliver(again) {
  step = "send";
  progress(text("sending"), 0.9);
  show("casting");
  try {
    const tracker = await casting.deliver(again, onRetry);
    forgetTrouble();
    if (tracker === null) return show("kept-earlier");
    showTracker(tracker);
    show("done");
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason !== "paused" && failure.reason !== "not-yet") throw failure;
    note(failure);
    element("paused-kept").hidden = false;
    await phases.untilOpen(onRetry);
    await deliver(true);
  }
}

/** Goes from the questions to the review; the browser's own way back leads to the questions again. */
function review() {
  if (isBusy || !choosing?.check()) return;
  choosing.review();
  history.pushState({ review: true }, "");
  show("review");
}

/** How the code is asked for: its end, or all of it. @param {boolean} isBroken whether the link was cut or changed */
function askForCode(isBroken) {
  element("link-broken").hidden = !isBroken;
  for (const place of document.querySelectorAll("[data-code]")) {
    /** @type {HTMLElement} */ (place).hidden = (place.getAttribute("data-code") === "end") !== (kept.link !== null);
  }
  element("code").classList.toggle("short", kept.link !== null);
  if (kept.link !== null) element("code-before").textContent = `${kept.link.split("-").pop()}-`;
}

function listen() {
  element("choices").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    review();
  });
  element("sign").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    if (choosing) alone(cast.bind(null, choosing));
  });
  element("change").addEventListener("click", () => {
    if (!isBusy) history.back();
  });
  window.addEventListener("popstate", () => {
    if (current() === "review" && !isBusy) show("choose");
  });
  element("try-now").addEventListener("click", () => nudges.dispatchEvent(new Event("nudge")));
  window.addEventListener("beforeunload", (event) => {
    if (kept.pending) event.preventDefault();
  });
}

/** Takes over what the link and this tab know. @returns {boolean} whether a ballot was cast here and nothing else is wanted */
function recall() {
  const { groups, broken } = readFragment();
  if (groups || broken) {
    kept.link = groups;
    kept.tracker = null;
  }
  askForCode(broken);
  return kept.tracker !== null;
}

async function start() {
  page.dataset.started = "";
  const isDone = recall();
  listen();
  if (isDone) {
    showTracker(/** @type {string} */ (kept.tracker));
    return show("done", { quietly: true });
  }
  prepare();
  if (kept.pending) return deliver(true);
  const questions = await loadQuestions();
  await phases.untilOpen(onRetry, { quietly: true });
  forgetTrouble();
  choosing = new Choosing(questions);
  step = "choose";
  show("choose", { quietly: current() === "loading" });
  phases.watch((failure) => {
    if (!isBusy) stop(failure);
  });
}

alone(start);
