// @ts-check
/**
 * Keeps the numbers of an election's page fresh, and loads the page again when the election goes into another state.
 * Without this script the page shows the numbers of the moment when it was loaded.
 */
const script = /** @type {HTMLScriptElement} */ (document.getElementById("live"));
const SECONDS = 5;

/** @param {number} value @returns {string} as the server writes it */
function written(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** @param {{[name: string]: number}} numbers */
function show(numbers) {
  for (const [name, value] of Object.entries(numbers)) {
    for (const element of document.querySelectorAll(`[data-number="${name}"]`)) element.textContent = written(value);
    for (const bar of document.querySelectorAll(`[data-progress="${name}"]`)) bar.setAttribute("value", String(value));
  }
}

/** Somebody who is about to write must not lose what they have written. */
function isBusy() {
  return document.querySelector("input:checked, details[open]") !== null;
}

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(script.dataset.address ?? "", { headers: { Accept: "application/json" } });
  if (!response.ok) return;
  const { state, numbers } = await response.json();
  if (state !== script.dataset.state && !isBusy()) location.reload();
  else show(numbers);
}

// A failure is no news: the next round tries again.
setInterval(() => refresh().catch(() => {}), SECONDS * 1000);
