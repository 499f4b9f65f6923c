// @ts-check
/** What is chosen on the form: read, checked against the rules of each question, said in words. */

/** @typedef {import("../voting/election.js").Question} Question */
/** `option` numbers, or a blank vote. @typedef {{blank: boolean, options: number[]}} Choice */

/** @param {HTMLFormElement} form @param {number} number of the question @returns {HTMLInputElement[]} */
function inputsOf(form, number) {
  return Array.from(form.querySelectorAll(`input[name="q${number}"]`));
}

/** @param {HTMLFormElement} form @param {number} number of the question @returns {Choice} */
export function readChoice(form, number) {
  const values = inputsOf(form, number).filter((input) => input.checked).map((input) => input.value);
  return { blank: values.includes("blank"), options: values.filter((value) => /^\d+$/.test(value)).map(Number) };
}

/** @param {HTMLFormElement} form @param {number} number of the question @returns {boolean} whether something is marked */
export function isAnswered(form, number) {
  return inputsOf(form, number).some((input) => input.checked);
}

/**
 * @param {Question} question
 * @param {Choice} choice
 * @param {boolean} answered whether something is marked at all
 * @returns {"choose-one" | "choose-more" | "choose-fewer" | null} what is wrong with it
 */
export function mistakeIn({ min, max }, { blank, options }, answered) {
  if (blank) return null;
  if (max === 1 && !answered) return "choose-one";
  if (options.length < min) return min === 1 ? "choose-one" : "choose-more";
  return options.length > max ? "choose-fewer" : null;
}

/** @param {Question} question @param {Choice} choice @returns {number[]} as `makeBallot` takes it */
export function vectorOf({ answers, blank }, choice) {
  const marks = answers.map((_, option) => (choice.options.includes(option) ? 1 : 0));
  return blank ? [choice.blank ? 1 : 0, ...marks] : marks;
}

/** A blank vote among boxes excludes the others, as radio buttons do by themselves. @param {HTMLInputElement} changed */
export function keepBlankApart(changed) {
  if (changed.type !== "checkbox" || !changed.checked || !changed.form) return;
  const isBlank = changed.value === "blank";
  for (const other of changed.form.querySelectorAll(`input[name="${changed.name}"]`)) {
    const input = /** @type {HTMLInputElement} */ (other);
    if ((input.value === "blank") !== isBlank) input.checked = false;
  }
}
