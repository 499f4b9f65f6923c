// @ts-check
/** The form with the questions, and the list of what was chosen. */
import { text } from "../texts.js";
import { announce, element } from "./screens.js";
import { isAnswered, keepBlankApart, mistakeIn, readChoice, vectorOf } from "./selection.js";

/** @typedef {import("../voting/election.js").Question} Question */

const form = /** @type {HTMLFormElement} */ (element("choices"));

/** @param {number} number of the question @param {string} sentence empty: nothing is wrong any more */
function setError(number, sentence) {
  element(`q${number}-error`).textContent = sentence;
  element(`q${number}`).classList.toggle("invalid", sentence !== "");
}

/** @param {string} tag @param {string} content @param {string} [className] @returns {HTMLElement} */
function made(tag, content, className = "") {
  const node = document.createElement(tag);
  node.textContent = content;
  node.className = className;
  return node;
}

export class Choosing {
  /** @param {Question[]} questions of the definition that was checked */
  constructor(questions) {
    this.questions = questions;
    form.addEventListener("change", ({ target }) => this.#changed(/** @type {HTMLInputElement} */ (target)));
  }

  /** @param {HTMLInputElement} input */
  #changed(input) {
    keepBlankApart(input);
    const number = Number(input.name.slice(1));
    const sentence = this.#mistake(number);
    // While somebody is still choosing, only what cannot become right by choosing on is worth a word.
    const { options } = readChoice(form, number);
    setError(number, options.length > this.questions[number].max ? sentence : "");
    if (options.length > this.questions[number].max) announce(sentence);
  }

  /** @param {number} number @returns {string} what is wrong with the answer, or nothing */
  #mistake(number) {
    const question = this.questions[number];
    const choice = readChoice(form, number);
    const mistake = mistakeIn(question, choice, isAnswered(form, number));
    return mistake ? text(mistake, { chosen: choice.options.length, least: question.min, most: question.max }) : "";
  }

  /** @returns {boolean} whether every answer is allowed; if not, the first that is not has the focus */
  check() {
    const wrong = this.questions.map((_, number) => {
      const sentence = this.#mistake(number);
      setError(number, sentence);
      return sentence !== "";
    });
    if (!wrong.includes(true)) return true;
    const first = wrong.indexOf(true);
    announce(element(`q${first}-error`).textContent);
    form.querySelector(/** @type {any} */ (`input[name="q${first}"]`))?.focus();
    return false;
  }

  /** Says what was chosen, in the definition's own words. */
  review() {
    element("chosen").replaceChildren(...this.questions.map((question, number) => this.#answer(question, number)));
  }

  /** @param {Question} question @param {number} number @returns {HTMLElement} */
  #answer({ question, answers }, number) {
    const { blank, options } = readChoice(form, number);
    const words = blank ? [text("blank")] : options.map((option) => answers[option]);
    const group = document.createElement("div");
    group.append(made("dt", question, "pre-line"));
    if (words.length === 0 || blank) group.append(made("dd", words[0] ?? text("nothing-chosen"), "none"));
    else group.append(...words.map((word) => made("dd", word)));
    return group;
  }

  /** @returns {number[][]} as `makeBallot` takes them */
  vectors() {
    return this.questions.map((question, number) => vectorOf(question, readChoice(form, number)));
  }

  /** Forgets what was chosen: the ballot is cast. */
  clear() {
    form.reset();
    element("chosen").replaceChildren();
  }
}
