// @ts-check
/**
 * Lets background scripts start, from this site's own static files only; everything else that would turn a string into
 * a script stays forbidden by the page's policy. Imported first by every page that starts a worker.
 */
if ("trustedTypes" in self) {
  /** @type {any} */ (self).trustedTypes.createPolicy("default", {
    /** @param {string} text */
    createScriptURL(text) {
      const url = new URL(text, location.href);
      if (url.origin !== location.origin || !url.pathname.startsWith("/static/")) {
        throw new TypeError("scripts come from this site's static files only");
      }
      return url.href;
    },
  });
}
