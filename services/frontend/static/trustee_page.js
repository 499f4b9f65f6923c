// @ts-check
/**
 * A trustee's page: make a key, keep it, publish its public half; after the close check the board and decrypt.
 *
 * - The link's part of the code leaves the address bar at once; the rest is typed.
 * - The private key exists here, in the worker, and in the trustee's file; no request carries it.
 * - A public key is published only after the downloaded file was chosen again and holds the same key.
 * - Only the tally that was recomputed here is decrypted.
 */
import "./trusted_types.js";
import { text } from "./texts.js";
import { postPartialDecryption, publishTrusteeKey, readTally, readTrusteePage } from "./trustee/calls.js";
import { complain, doing, find, input, mark, sentenceOf, show, showProgress } from "./trustee/place.js";
import { VotingWorker } from "./voting/client.js";
import { joinCode, normaliseCode, readLink } from "./voting/credential.js";
import { InvalidKey, InvalidTally, VotingError } from "./voting/errors.js";

/** @typedef {import("./trustee/calls.js").TrusteePage} TrusteePage */

const root = find("trustee");
const trustee = root.dataset.trustee ?? "";
/** @type {VotingWorker | undefined} */
let worker;
let code = "";
/** @type {TrusteePage} */
let page;
/** @type {{publicKey: import("./voting/trustee.js").PublicKeyRecord} | undefined} a key that is not published yet */
let made;

/** @returns {VotingWorker} */
function ask() {
  worker ??= new VotingWorker();
  return worker;
}

// Who is it?

/** @returns {string | null} the link's part of the code; taken out of the address bar and the history */
function takeLink() {
  const { hash, pathname, search } = location;
  history.replaceState(null, "", pathname + search);
  return readLink(hash);
}

/** @type {string | null} */
let fromLink = null;

function begin() {
  find("message").replaceChildren();
  find("page").hidden = true;
  if (!window.isSecureContext) return complain(new VotingError("insecure-context", ""));
  try {
    fromLink = takeLink();
  } catch (error) {
    complain(error);
  }
  find("whole-code-hint").hidden = fromLink !== null;
  find("last-group-hint").hidden = fromLink === null;
  input("code").className = fromLink === null ? "medium mono" : "short mono";
  show("code");
  input("code").focus();
}

/** @param {SubmitEvent} event */
async function openPage(event) {
  event.preventDefault();
  mark("code", "");
  try {
    const typed = input("code").value;
    code = fromLink === null ? normaliseCode(typed) : joinCode(fromLink, typed);
  } catch (error) {
    return mark("code", sentenceOf(error));
  }
  const found = await doing("busy-open", () => readTrusteePage(trustee, code));
  if (!found) return;
  input("code").value = "";
  find("page").hidden = false;
  await present(found);
}

/** @param {TrusteePage} found */
async function present(found) {
  page = found;
  for (const place of root.querySelectorAll("[data-page]")) {
    const name = /** @type {keyof TrusteePage} */ (place.getAttribute("data-page"));
    place.textContent = name === "public_key" ? `${page.public_key?.slice(0, 20)}…` : String(page[name]);
  }
  /** @type {HTMLAnchorElement} */ (find("election-link")).href = `/election/${page.uuid}`;
  find("again").hidden = page.state !== "draft";
  find("replaces").hidden = page.public_key === null;
  if (page.public_key === null) return show(page.state === "draft" ? "make" : "keyless");
  if (page.state === "closed") return presentTally();
  show(["decrypted", "published", "archived"].includes(page.state) ? "done" : "wait");
}

async function presentTally() {
  if (!page.decryption_confirmed) return show("unconfirmed");
  const tally = await doing("busy-open", () => readTally(page.uuid));
  const status = tally?.shares.find(({ owner }) => owner === page.owner)?.status;
  if (status === "kept" || status === "published") return show("done");
  show(...(status === "unusable" ? ["unusable"] : []), "decrypt");
}

// Before the election is sealed

async function makeKey() {
  const key = await doing("busy-key", () => ask().ask("makeTrusteeKey", { name: page.name }));
  if (!key) return;
  made = { publicKey: key.publicKey };
  const link = /** @type {HTMLAnchorElement} */ (find("download"));
  link.href = URL.createObjectURL(new Blob([key.privateKey], { type: "application/json" }));
  link.download = text("file-name", { name: trustee.slice(0, 8) });
  input("saved").value = "";
  checkSaved(false);
  show("save");
}

/** @param {boolean} isRight */
function checkSaved(isRight) {
  find("saved-good").hidden = !isRight;
  find("saved-good").textContent = isRight ? text("key-same") : "";
  /** @type {HTMLButtonElement} */ (find("publish")).disabled = !isRight;
}

/**
 * @param {string} id of the field with the file
 * @param {string | null | undefined} expected public key, decimal
 * @param {string} otherwise code of the sentence when it is another
 * @returns {Promise<string | undefined>} the file's content, when it holds the key that is expected
 */
async function readKeyFile(id, expected, otherwise) {
  mark(id, "");
  const file = input(id).files?.[0];
  if (!file) return undefined;
  try {
    const privateKey = await file.text();
    const { publicKey } = await ask().ask("readTrusteeKey", { privateKey });
    if (publicKey !== expected) throw new InvalidKey(otherwise, "", { name: text("file-name", { name: trustee.slice(0, 8) }) });
    return privateKey;
  } catch (error) {
    mark(id, sentenceOf(error));
    return undefined;
  }
}

async function chooseSaved() {
  checkSaved(false);
  checkSaved((await readKeyFile("saved", made?.publicKey.public_key, "key-differs")) !== undefined);
}

async function publish() {
  const found = await doing("busy-publish", () => publishTrusteeKey(trustee, code, /** @type {any} */ (made).publicKey));
  if (!found) return;
  made = undefined;
  await present(found);
  find("working").textContent = text("published");
}

// After the close

async function checkBoard() {
  const url = `${root.dataset.board}/v1/elections/${page.uuid}/archive`;
  const report = await doing("busy-board", async () => {
    const found = await ask().ask("checkBoard", { url }, showProgress);
    if (found.counted === null || found.uuid !== page.uuid) throw new InvalidTally("tally-missing", "");
    return found;
  });
  if (!report) return;
  find("board-report").textContent = text("checked", { counted: report.counted });
  find("board-unchecked").hidden = true;
  find("board-checked").hidden = false;
  input("key").focus();
}

async function chooseKey() {
  const privateKey = await readKeyFile("key", page.public_key, "key-other");
  /** @type {HTMLButtonElement} */ (find("decrypt")).disabled = privateKey === undefined;
}

async function decrypt() {
  const privateKey = await readKeyFile("key", page.public_key, "key-other");
  if (privateKey === undefined) return;
  const part = await doing("busy-decrypt", () => ask().ask("decrypt", { privateKey }));
  if (!part) return;
  const tally = await doing("busy-send", () => postPartialDecryption(page.uuid, part.owner, part.partialDecryption));
  if (!tally) return;
  await presentTally();
  find("working").textContent = text("sent");
}

find("step-code").addEventListener("submit", (event) => openPage(/** @type {SubmitEvent} */ (event)));
find("make").addEventListener("click", makeKey);
find("again").addEventListener("click", () => show("make"));
input("saved").addEventListener("change", chooseSaved);
find("publish").addEventListener("click", publish);
find("check").addEventListener("click", checkBoard);
input("key").addEventListener("change", chooseKey);
find("decrypt").addEventListener("click", decrypt);
// The same link, pasted into a tab where the page is open already, loads nothing.
window.addEventListener("hashchange", begin);
begin();
