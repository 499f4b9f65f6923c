// @ts-check
/**
 * Whether the page shows what the ballot will say: every text and every limit on it is compared with the definition, whose
 * fingerprint each ballot names.
 */

/** @typedef {import("../voting/election.js").Question} Question */
/** @typedef {{name: string, description: string, questions: Question[]}} Shown */

/** @param {string | null | undefined} text @returns {string} with the line ends that HTML makes of others */
function plain(text) {
  return (text ?? "").replace(/\r\n?/g, "\n");
}

/** @param {Element} fieldset @returns {Question} */
function readQuestion(fieldset) {
  const labels = Array.from(fieldset.querySelectorAll("input"), ({ id, value }) => ({
    value,
    label: plain(fieldset.querySelector(`label[for="${id}"]`)?.textContent),
  }));
  return {
    question: plain(fieldset.querySelector(".question-text")?.textContent),
    answers: labels.filter(({ value }) => /^\d+$/.test(value)).map(({ label }) => label),
    blank: labels.some(({ value }) => value === "blank"),
    min: Number(fieldset.getAttribute("data-minimum")),
    max: Number(fieldset.getAttribute("data-maximum")),
  };
}

/** @param {HTMLElement} page as it was loaded: a translation of it would not be what is voted on @returns {Shown} */
export function readShown(page) {
  return {
    name: plain(page.querySelector(".voted-on")?.textContent),
    description: plain(page.querySelector(".description")?.textContent),
    questions: Array.from(page.querySelectorAll("fieldset[data-question]"), readQuestion),
  };
}

/** @param {Shown} shown @param {Shown} definition @returns {boolean} */
export function isSame(shown, { name, description, questions }) {
  const defined = questions.map(({ question, answers, blank, min, max }) => ({
    question: plain(question),
    answers: answers.map(plain),
    blank,
    min,
    max,
  }));
  return JSON.stringify(shown) === JSON.stringify({ name: plain(name), description: plain(description), questions: defined });
}
