// The page: which view is shown, what is asked, and what is said when something goes wrong.
//
//   ask       photos get in            answer, why, pair, where, map   one answer, drawn
//   places, place, listing   browse    writing   add, remove, undo     answers, session   what was asked
//   api       the server, asked        verdict   an answer in words    dom   elements

import { about as fetchAbout, recognize } from "./api.js";
import { askView, listen } from "./ask.js";
import { answerView, waitingView } from "./answer.js";
import { answersView } from "./answers.js";
import { placeView } from "./place.js";
import { placesView } from "./places.js";
import { announce, counted, h } from "./dom.js";
import { drawable, recall, remember } from "./session.js";
import { spoken } from "./verdict.js";
import { forget } from "./where.js";

const main = document.getElementById("main");
let about = null;
let asking = null;
let shown = 0;

const VIEWS = [
  [/^$/, "ask", () => askView({ about, ask })],
  [/^answers$/, "answers", () => answersView()],
  [/^answers\/(\d+)$/, "answers", (number) => answerOf(number)],
  [/^places$/, "places", () => placesView()],
  [/^places\/(.+)$/, "places", (id) => placeView(decodeURIComponent(id), about)],
];

function answerOf(number) {
  const kept = recall(number);
  if (kept) return answerView(kept, about);
  return h("section", { class: "hero" }, h("h1", { tabindex: "-1" }, "This answer is gone"), h("p", { class: "soft" }, "Answers are kept only while the page is open. Ask again with the photo."));
}

/** Draw the view that the address names. A view that comes too late, after another was chosen, is dropped. */
async function show({ focus = true } = {}) {
  const mine = ++shown;
  const path = location.hash.replace(/^#\/?/, "");
  const found = VIEWS.map(([pattern, page, view]) => ({ page, view, match: pattern.exec(path) })).find((one) => one.match);
  if (!found) return go("");
  try {
    about ??= await learn();
    const view = await found.view(...found.match.slice(1));
    if (mine !== shown) return;
    main.replaceChildren(...[view].flat().filter(Boolean));
  } catch (error) {
    if (mine === shown) main.replaceChildren(trouble(error, () => show()));
  }
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === found.page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = main.querySelector("h1");
  document.title = [heading?.textContent, "placeprint"].filter(Boolean).join(" · ");
  if (!focus) return;
  window.scrollTo(0, 0);
  (heading ?? main).focus({ preventScroll: true });
}

function go(path) {
  history.pushState(null, "", `#/${path}`);
  return show();
}

async function learn() {
  const found = await fetchAbout();
  document.getElementById("gallery").textContent = found.gallery;
  document.getElementById("about").textContent = `placeprint ${found.version}, model ${found.model.name}, preset ${found.preset}`;
  return found;
}

/** Ask about photographs of one place, and show the answer. */
async function ask(files) {
  asking?.abort();
  const mine = (asking = new AbortController());
  const photos = drawable(files);
  const turn = ++shown;
  main.replaceChildren(...waitingView(photos));
  announce(`Looking at ${counted(photos.length, "photo")}`);
  try {
    const answer = await recognize(files, mine.signal);
    const number = remember(photos, answer);
    if (turn === shown) await go(`answers/${number}`); // who went elsewhere meanwhile finds it among the answers
    announce(spoken(answer));
  } catch (error) {
    if (mine.signal.aborted || turn !== shown) return;
    main.replaceChildren(trouble(error, () => ask(files)));
    const view = await askView({ about, ask }).catch(() => []);
    if (turn === shown) main.append(...view.filter(Boolean));
  }
}

/** What went wrong, in the server's words, and a way to go on. */
function trouble(error, again) {
  if (!error.told) console.error(error);
  return h("div", { class: "trouble", role: "alert" },
    h("p", {}, h("b", {}, error.title ?? "The page stumbled. "), " ", error.message),
    error.status >= 400 && error.status < 500 ? null : h("button", { type: "button", onclick: again }, "Try again"));
}

window.addEventListener("popstate", () => show());
document.addEventListener("gallery-changed", () => {
  about = null;
  forget();
  show({ focus: false });
});
listen(ask, (text) => main.prepend(trouble(Object.assign(new Error(text), { title: "No photo.", told: true }), () => show())));
show({ focus: false });
