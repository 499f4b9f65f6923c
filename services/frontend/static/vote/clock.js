// @ts-check
/**
 * Time as the board counts it: the reader's own clock may be wrong by hours, so only its running is used. Instants are
 * shown in the reader's time zone, and in the election's beside it where that differs.
 */
import { text } from "../texts.js";

const tag = document.documentElement.lang;
// Day before month, 24 hours: what most readers of English outside one country expect.
const language = tag === "en" ? "en-GB" : tag;
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

let ahead = 0; // milliseconds that the board's clock is ahead of performance.now()

/** @param {string} now what the board's clock said in an answer that has just arrived */
export function setClock(now) {
  ahead = Date.parse(now) - performance.now();
}

/** @param {string} instant @returns {number} seconds until then, by the board's clock */
export function secondsUntil(instant) {
  return (Date.parse(instant) - ahead - performance.now()) / 1000;
}

/** @param {Date} moment @param {string} zone @param {Intl.DateTimeFormatOptions} options @returns {string} */
function format(moment, zone, options) {
  return new Intl.DateTimeFormat(language, { timeZone: zone, ...options }).format(moment);
}

/** @param {string} zone @returns {string} how people call it: its city */
function place(zone) {
  return zone.slice(zone.lastIndexOf("/") + 1).replaceAll("_", " ");
}

/** @param {string} instant @param {string} zone of the election @returns {string} */
export function describe(instant, zone) {
  const moment = new Date(instant);
  const time = format(moment, ownZone, { weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const short = /** @type {const} */ ({ dateStyle: "short", timeStyle: "short" });
  const isSame = format(moment, zone, short) === format(moment, ownZone, short);
  if (isSame) return text("in-your-zone", { time, zone: place(ownZone) });
  const theirs = format(moment, zone, { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });
  return text("in-both-zones", { time, zone: place(ownZone), theirs, place: place(zone) });
}

const UNITS = /** @type {const} */ ([["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]]);

/** @param {number} seconds @returns {string} in the two largest units that are not nothing, as "2 hours, 5 minutes" */
export function duration(seconds) {
  let rest = Math.max(0, Math.ceil(seconds));
  const parts = UNITS.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return { count, text: new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count) };
  });
  const first = Math.min(parts.findIndex(({ count }) => count > 0) >>> 0, parts.length - 1);
  return new Intl.ListFormat(language, { type: "unit" }).format(parts.slice(first, first + 2).map((part) => part.text));
}
