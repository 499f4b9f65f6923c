// @ts-check
/**
 * Adds to each moment the reader's own local time, where it is another than the election's.
 * A page shows `<time datetime="...">20 November 2026, 18:00 (Europe/Berlin)</time>`.
 */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const language = document.documentElement.lang;
const format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
  day: "numeric",
  month: "long",
  hour: "2-digit",
  minute: "2-digit",
});

/** @param {Date} moment @param {string} name of a zone @returns {string} what a clock there shows */
function clock(moment, name) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: name, dateStyle: "short", timeStyle: "short" }).format(moment);
}

for (const element of document.querySelectorAll("time[data-zone]")) {
  const moment = new Date(element.getAttribute("datetime") ?? "");
  const theirs = element.getAttribute("data-zone") ?? "UTC";
  if (Number.isNaN(moment.valueOf()) || clock(moment, theirs) === clock(moment, zone)) continue;
  const own = document.createElement("span");
  own.className = "own-time";
  own.textContent = ` · ${format.format(moment)} (${zone})`;
  element.after(own);
}
