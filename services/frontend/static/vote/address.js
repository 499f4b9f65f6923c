// @ts-check
/**
 * Takes what stands after `#` out of the address bar and the history, before anything else of the page is loaded: it is
 * a part of the voter's code. It goes nowhere from here but to who imports this module.
 */
export const fragment = location.hash;
if (location.href.includes("#")) history.replaceState(null, "", location.pathname);
// A link opened in this same tab changes nothing but the fragment; the page then starts anew with it.
window.addEventListener("hashchange", () => location.reload());
