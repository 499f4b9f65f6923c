// @ts-check
/**
 * What survives a reload of this tab, and nothing else does: the link's part of the code until the ballot is cast (a
 * telephone forgets the page while its owner reads the mail), the encrypted ballot until it is on the board, then its
 * tracker. Never a choice, never the whole code, never in storage that other tabs share.
 */

/**
 * An encrypted ballot on its way. `digest` names its public credential, `before` counts the ballots that this had cast when
 * the voter agreed to cast this one.
 * @typedef {{text: string, tracker: string, digest: string, before: number}} Pending
 */

/** @returns {{getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void}} */
function storage() {
  try {
    const probe = "uvote";
    sessionStorage.setItem(probe, "");
    sessionStorage.removeItem(probe);
    return sessionStorage;
  } catch {
    // The browser forbids it. Then nothing survives a reload, and the rest works.
    const memory = new Map();
    return {
      getItem: (key) => memory.get(key) ?? null,
      setItem: (key, value) => void memory.set(key, value),
      removeItem: (key) => void memory.delete(key),
    };
  }
}

export class Kept {
  #storage = storage();

  /** @param {string} uuid of the election */
  constructor(uuid) {
    this.prefix = `uvote/${uuid}/`;
  }

  /** @returns {string | null} the first four groups of the code */
  get link() {
    return this.#get("link");
  }

  set link(groups) {
    this.#set("link", groups);
  }

  /** @returns {Pending | null} */
  get pending() {
    return JSON.parse(this.#get("pending") ?? "null");
  }

  set pending(pending) {
    this.#set("pending", pending && JSON.stringify(pending));
  }

  /** @returns {string | null} of the ballot that was cast in this tab */
  get tracker() {
    return this.#get("tracker");
  }

  set tracker(tracker) {
    this.#set("tracker", tracker);
  }

  /** @param {string} name @returns {string | null} */
  #get(name) {
    return this.#storage.getItem(this.prefix + name);
  }

  /** @param {string} name @param {string | null} value */
  #set(name, value) {
    if (value === null) this.#storage.removeItem(this.prefix + name);
    else this.#storage.setItem(this.prefix + name, value);
  }
}
