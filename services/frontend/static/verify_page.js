// @ts-check
/** The check of a whole election in the reader's own browser, on the page that tells how to verify it. */
import "./trusted_types.js";
import { refusalText, text } from "./texts.js";
import { VotingWorker } from "./voting/client.js";
import { VotingError } from "./voting/errors.js";

/** @param {string} id @returns {HTMLElement} */
const find = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const panel = find("check");
const start = /** @type {HTMLButtonElement} */ (find("start"));
const progress = /** @type {HTMLProgressElement} */ (find("progress"));

/** @param {{bytes: number, total: number, ballots: number}} state */
function showProgress({ bytes, total, ballots }) {
  if (total > 0) progress.value = bytes / total;
  const percent = Math.floor((100 * bytes) / total);
  find("status").textContent = total > 0 ? text("progress", { percent, ballots }) : text("progress-ballots", { ballots });
}

/** @param {"good" | "bad"} kind @param {string} sentence */
function conclude(kind, sentence) {
  const note = document.createElement("p");
  note.className = `note ${kind}`;
  note.textContent = sentence;
  find("outcome").replaceChildren(note);
}

/** @param {{[name: string]: any}} report */
function showReport(report) {
  for (const place of document.querySelectorAll("[data-report]")) {
    const value = report[place.getAttribute("data-report") ?? ""];
    place.textContent = value === null ? "–" : String(value);
  }
  find("report").hidden = false;
  if (report.fingerprint !== panel.dataset.fingerprint) conclude("bad", text("fingerprint-differs"));
  else conclude("good", text(report.isComplete ? "complete" : "incomplete"));
}

/** @param {unknown} error */
function showRefusal(error) {
  conclude("bad", refusalText(error instanceof VotingError ? error : new VotingError("failed", "")));
}

async function check() {
  if (!window.isSecureContext) return conclude("bad", text("insecure-context"));
  const worker = new VotingWorker();
  start.disabled = true;
  find("outcome").replaceChildren();
  find("report").hidden = true;
  find("working").hidden = false;
  find("status").textContent = text("busy");
  progress.removeAttribute("value");
  try {
    showReport(await worker.ask("checkBoard", { url: panel.dataset.archive }, showProgress));
  } catch (error) {
    showRefusal(error);
  } finally {
    worker.close();
    find("working").hidden = true;
    start.disabled = false;
  }
}

panel.hidden = false;
start.addEventListener("click", check);
