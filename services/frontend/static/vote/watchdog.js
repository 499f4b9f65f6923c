// @ts-check
/** Stands apart from the voting page's script, to tell when that one does not start: not loaded, or too new for this browser. */
import { report } from "./report.js";

const START_SECONDS = 20;

setTimeout(() => {
  const { dataset } = /** @type {HTMLElement} */ (document.getElementById("voting"));
  if (dataset.started === undefined) report(String(dataset.ballot), String(dataset.uuid), "load", "script-blocked");
}, START_SECONDS * 1000);
