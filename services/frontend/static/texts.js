// @ts-check
/**
 * Sentences for scripts, in the page's language: the page carries them as JSON in `<script type="application/json"
 * id="texts">` (macro `texts` of `_macros.html`).
 */

/** @type {{[code: string]: string}} */
const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");

/**
 * @param {string} code
 * @returns {boolean} whether the page has a sentence of its own for this
 */
export function hasText(code) {
  return Object.hasOwn(texts, code);
}

/**
 * The sentence for a code, with `%(name)s` replaced by the values given.
 * @param {string} code
 * @param {{[name: string]: string | number}} [values]
 * @returns {string}
 */
export function text(code, values = {}) {
  return (texts[code] ?? code).replace(/%\((\w+)\)s/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * What a refusal says to a person; where it names an event of the board, that too.
 * @param {{code: string, details: {[name: string]: string | number}}} refusal
 * @returns {string}
 */
export function refusalText({ code, details }) {
  const sentence = hasText(code) ? text(code, details) : text("failed");
  return "height" in details && hasText("at-event") ? `${sentence} ${text("at-event", details)}` : sentence;
}
