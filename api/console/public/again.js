/**
 * Loads the page anew where a file that it begins with is not there: in an upgrade a front door hands out the page, and one
 * of another version is asked for its files. It waits for a server that does not answer.
 */
(() => {
  const KEY = "perdure.again";
  const MOST = 8;
  const PAUSE_MS = 500;
  const tries = Number(sessionStorage.getItem(KEY) ?? 0);
  let isTorn = false;

  const again = () => setTimeout(() => fetch("/health").then(({ ok }) => (ok ? location.reload() : again()), again), PAUSE_MS);

  const onError = ({ target }) => {
    const root = document.getElementById("root");
    const isOfPage = (target.src ?? target.href ?? "").includes("/assets/");
    if (isTorn || !isOfPage || root?.hasChildNodes()) return;
    isTorn = true;
    if (tries < MOST) {
      sessionStorage.setItem(KEY, tries + 1);
      again();
    } else {
      sessionStorage.removeItem(KEY);
      document.body.append("Parts of this page are missing on the server. If it is being upgraded, try again in a moment.");
    }
  };
  addEventListener("error", onError, true);
  addEventListener("load", () => isTorn || sessionStorage.removeItem(KEY));
})();
