// @ts-check
/**
 * One screen at a time: `<section data-screen="name">` with a heading that takes the focus when the screen comes, so that
 * whoever hears the page knows where they are. What changes within a screen is said by `announce`.
 */

const sections = new Map(
  Array.from(document.querySelectorAll("[data-screen]"), (section) => [
    section.getAttribute("data-screen"),
    /** @type {HTMLElement} */ (section),
  ]),
);
const page = /** @type {HTMLElement} */ (document.getElementById("voting"));
const steps = Array.from(document.querySelectorAll("[data-step]"));

/** @param {string} id @returns {any} an element that the template has */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new TypeError(`the page has no ${id}`);
  return found;
}

/** @returns {string} the name of the screen that is shown */
export function current() {
  return page.dataset.current ?? "";
}

/** @param {string} step of the list on top */
function markStep(step) {
  const reached = steps.findIndex((item) => item.getAttribute("data-step") === step);
  steps.forEach((item, i) => {
    item.classList.toggle("done", i < reached);
    if (i === reached) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  });
}

/** @param {string} name @returns {boolean} */
export function hasScreen(name) {
  return sections.has(name);
}

/** @param {string} name @param {{quietly?: boolean}} [options] quietly: when the page has just been loaded, and has the focus */
export function show(name, { quietly = false } = {}) {
  const section = sections.get(name);
  if (!section) throw new TypeError(`there is no screen ${name}`);
  if (current() === name) return;
  page.dataset.current = name;
  for (const other of sections.values()) other.hidden = other !== section;
  element("steps").hidden = !section.dataset.of;
  markStep(section.dataset.of ?? "");
  announce("");
  if (quietly) return;
  const heading = /** @type {HTMLElement} */ (section.querySelector("h2"));
  heading.focus({ preventScroll: true });
  window.scrollTo({ top: 0 });
}

/** @param {string} sentence said politely by screen readers */
export function announce(sentence) {
  element("announcement").textContent = sentence;
}
