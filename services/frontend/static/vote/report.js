// @ts-check
/**
 * Tells that this browser could not go on: where, and why, in two words of the lists in `failures.js`. Nothing else goes
 * with it: no cookie, no referrer, no code, no choice. It imports nothing, so that it works when the rest does not.
 */

/**
 * @param {string} origin of `ballot` @param {string} uuid of the election @param {string} step @param {string} reason
 * @returns {Promise<boolean>} whether it was heard
 */
export async function report(origin, uuid, step, reason) {
  const options = /** @type {RequestInit} */ ({
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ step, reason }),
    keepalive: true,
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
  });
  const response = await fetch(`${origin}/v1/elections/${uuid}/failures`, options).catch(() => null);
  return response !== null && response.ok;
}
