// Addresses, and the way back: a view that was left is kept as it was, with its place on the screen.

const MOST = 8; // views that are kept; each holds what it has drawn

const left = new Map();
let key = null;

history.scrollRestoration = "manual";

/** The path and the query behind the hash. */
export function address() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { path, query: new URLSearchParams(query) };
}

/** `path?name=value`, without what is empty. */
function withQuery(path, values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  return query ? `${path}?${query}` : path;
}

/** Change the query of this address: the view is the same, and Back does not lead through every letter. */
export function replaceQuery(values) {
  history.replaceState(history.state, "", `#/${withQuery(address().path, values)}`);
}

/** Keep the view that is shown, and return the one that this entry of the history was left with, if it is there. */
export function turnTo(main) {
  const there = history.state?.key ?? null;
  if (key !== null && key !== there && !main.querySelector(".busy")) { // what waits is drawn anew
    left.set(key, { nodes: [...main.childNodes], y: window.scrollY, focus: document.activeElement });
    for (const old of [...left.keys()].slice(0, -MOST)) left.delete(old);
  }
  const found = there !== null && there !== key ? left.get(there) : null;
  if (found) left.delete(there);
  key = there ?? `${Date.now()}-${Math.random()}`;
  if (there === null) history.replaceState({ key }, "");
  return found ?? null;
}

/** Let go of the views that were left: what they show has changed. */
export const forgetViews = () => left.clear();
