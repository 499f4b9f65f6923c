// @ts-check
/** The tracker, and the ways to keep it. */
import { announce, element } from "./screens.js";
import { text } from "../texts.js";

/** @param {string} tracker @returns {string} the file that is downloaded */
function fileOf(tracker) {
  const { name, board } = element("voting").dataset;
  return `${text("file", { name, tracker, board: location.origin + board })}\n`;
}

/** @param {string} tracker */
async function copy(tracker) {
  try {
    await navigator.clipboard.writeText(tracker);
    say(text("copied"));
  } catch {
    getSelection()?.selectAllChildren(element("tracker"));
    say(text("not-copied"));
  }
}

/** @param {string} sentence */
function say(sentence) {
  element("kept-how").textContent = sentence;
  announce(sentence);
}

/** @param {string} tracker */
function download(tracker) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([fileOf(tracker)], { type: "text/plain;charset=utf-8" }));
  link.download = "tracker.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say(text("downloaded"));
}

/** @param {string} tracker of a ballot that is on the board */
export function showTracker(tracker) {
  element("tracker").textContent = tracker;
  element("find").href = `${element("voting").dataset.board}?tracker=${encodeURIComponent(tracker)}`;
  element("copy").onclick = () => copy(tracker);
  element("print").onclick = () => window.print();
  element("download").onclick = () => download(tracker);
}
