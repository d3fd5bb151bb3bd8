// The page: which view is shown, what is asked, and what is said when something goes wrong.
//
//   ask, drop   photos get in             queue, picture   asked one by one        store    what stays in the browser
//   asked       one question              answer, why, pair, where, map            one answer, drawn
//   batch, answers, results, row, export  many answers     places, place, listing  browse
//   addition, removal, dialog, notice     the gallery is changed                   route    addresses, and Back
//   api         the server, asked         verdict, grade   an answer in words      dom      elements

import { about as fetchAbout } from "./api.js";
import { askView } from "./ask.js";
import { askedView } from "./asked.js";
import { answersView } from "./answers.js";
import { batchView } from "./batch.js";
import { placeView } from "./place.js";
import { placesView } from "./places.js";
import { announce, button, foreign, h } from "./dom.js";
import { listen, together } from "./drop.js";
import { askEach, askTogether, cancel } from "./queue.js";
import { address, forgetViews, turnTo } from "./route.js";
import { answerOf, openStore, rowOf } from "./store.js";
import { spoken } from "./verdict.js";
import { forget } from "./where.js";
import { languageMenu, say } from "./words.js";

const main = document.getElementById("main");
let ready = null;
let shown = 0;

const VIEWS = [
  [/^$/, "ask", () => askView({ ready: known, ask })],
  [/^answers$/, "answers", async (query) => answersView(await known(), query)],
  [/^answers\/(\d+)$/, "answers", async (_, id) => askedView(id, await known())],
  [/^batch\/(\d+)$/, "answers", async (query, id) => batchView(id, await known(), query)],
  [/^places$/, "places", (query) => placesView(query)],
  [/^places\/(.+)$/, "places", async (_, name) => placeView(decodeURIComponent(name), await known())],
];

/** Draw the view that the address names, or put back the one that was left there. */
async function show({ focus = true } = {}) {
  const mine = ++shown;
  const { path, query } = address();
  const found = VIEWS.map(([pattern, page, view]) => ({ page, view, match: pattern.exec(path) })).find((one) => one.match);
  if (!found) return go("");
  const kept = turnTo(main);
  if (kept) return revive(kept, found.page);
  try {
    const view = await found.view(query, ...found.match.slice(1));
    if (mine !== shown) return; // another view was chosen meanwhile
    main.replaceChildren(...[view].flat().filter(Boolean));
  } catch (error) {
    if (mine !== shown) return;
    main.replaceChildren(trouble(error, () => show()));
  }
  const heading = titled(found.page);
  if (!focus) { // the same view, drawn anew: nothing arrives, and nobody is moved
    main.querySelectorAll(".arrives").forEach((part) => part.classList.remove("arrives"));
    return;
  }
  window.scrollTo(0, 0);
  (heading ?? main).focus({ preventScroll: true });
}

function revive(kept, page) {
  main.replaceChildren(...kept.nodes);
  for (const part of main.children) part.revived?.();
  titled(page);
  window.scrollTo(0, kept.y);
  if (main.contains(kept.focus)) kept.focus.focus({ preventScroll: true });
}

function titled(page) {
  for (const link of document.querySelectorAll(".bar nav a")) {
    if (link.dataset.page === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = main.querySelector("h1");
  document.title = [heading?.textContent, "placeprint"].filter(Boolean).join(" · ");
  return heading;
}

function go(path) {
  history.pushState(null, "", `#/${path}`);
  return show();
}

/** What is served; asked once, and again after it failed or the gallery changed. */
function known() {
  ready ??= learn().catch((error) => {
    ready = null;
    throw error;
  });
  return ready;
}

async function learn() {
  const found = await fetchAbout();
  await openStore(found.gallery);
  document.getElementById("gallery").textContent = found.gallery;
  document.getElementById("about").textContent = say("placeprint {version}, model {model}, preset {preset}", { version: found.version, model: found.model.name, preset: found.preset });
  return found;
}

/** Ask about photos: of one place, or each by itself. */
async function ask(files) {
  try {
    const about = await known();
    const how = await together(files, about.limits.photos);
    if (how === "each") await go(`batch/${await askEach(files)}`);
    if (how !== "together") return;
    announce(say("Looking at {n} photos", { n: files.length }));
    await go(`answers/${(await askTogether(files)).id}`);
  } catch (error) {
    main.prepend(trouble(error, () => ask(files)));
  }
}

/** What went wrong, in the server's words, and a way to go on. */
function trouble(error, again) {
  if (!error.told) console.error(error);
  return h("div", { class: "trouble", role: "alert" },
    h("p", {}, h("b", {}, error.title ?? say("The page stumbled.")), " ", error.translated ? error.message : foreign(error.message)),
    error.status >= 400 && error.status < 500 ? null : button(again, say("Try again")));
}

/** The row whose own view is on the screen. */
function rowHere() {
  const found = /^answers\/(\d+)$/.exec(address().path);
  return found ? rowOf(found[1]) : undefined;
}

document.addEventListener("row-changed", async ({ detail: { row, change } }) => {
  for (const part of main.children) part.rowChanged?.(row, change);
  const judged = "mark" in change || "correction" in change;
  if (row !== rowHere() || row.state === "running" || row.note || judged) return;
  await show({ focus: main.querySelector(".busy") !== null });
  if (row.state === "answered") announce(spoken(await answerOf(row.id)));
});
document.addEventListener("keydown", (event) => {
  const row = rowHere();
  if (event.key === "Escape" && row && !document.querySelector("dialog[open]")) cancel([row]);
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address is that of the view
  (main.querySelector("h1") ?? main).focus();
});
document.addEventListener("view-changed", () => show());
document.addEventListener("gallery-changed", () => {
  ready = null;
  forget();
  forgetViews();
  show({ focus: false });
});
document.querySelector("footer").append(languageMenu(h));
window.addEventListener("popstate", () => show());
listen(ask, (text) => main.prepend(trouble(Object.assign(new Error(text), { title: say("No photo."), told: true, translated: true }), () => show())));
show({ focus: false });
