// What was asked in this browser, and what the server found doubtful when anyone asked.

import { bdi, counted, h, photo } from "./dom.js";
import { confirmed } from "./dialog.js";
import { doubtful as doubtfulToAll, thumbnail } from "./api.js";
import { told } from "./grade.js";
import { notice } from "./notice.js";
import { results } from "./results.js";
import { allRows, forgetRows, isKept } from "./store.js";
import { percent } from "./verdict.js";

/** The list, the batches, and what was doubtful to others. */
export async function answersView(about, query) {
  const rows = () => allRows();
  const there = rows();
  const list = there.length ? results({ rows, query, about, order: "newest", name: "placeprint-answers" }) : null;
  return [
    h("section", { class: "hero slim arrives" },
      h("h1", { tabindex: "-1" }, "Answers"),
      h("p", { class: "soft" }, said(there)),
      there.length ? h("div", { class: "actions" }, h("button", { type: "button", onclick: clear }, "Clear")) : null),
    batches(there),
    list && Object.assign(list, { rowChanged: (row) => list.redraw(row), revived: list.draw }),
    await others(),
  ];
}

function said(rows) {
  if (!rows.length) return "Nothing was asked yet. Answers are kept in this browser, with a small copy of each photo, until they are cleared.";
  const doubted = rows.filter((row) => row.doubtful).length;
  const where = isKept() ? "Kept in this browser, with a small copy of each photo, until cleared." : "This browser keeps nothing: all is gone with the page.";
  return `${counted(rows.length, "answer")}, ${doubted.toLocaleString("en")} doubtful (likely, UNKNOWN, or sure by little). ${where}`;
}

function clear() {
  confirmed({
    title: "Clear all answers?", action: "Clear", free: true,
    fields: [h("p", { class: "soft" }, "The answers, their marks and the small copies of the photos leave this browser. The gallery stays as it is. What is asked just now goes on.")],
    run: async () => {
      await forgetRows(allRows().filter((row) => row.state !== "waiting" && row.state !== "running").map((row) => row.id));
      document.dispatchEvent(new CustomEvent("view-changed"));
      notice("Cleared.");
    },
  });
}

function batches(rows) {
  const found = new Map();
  for (const row of rows) if (row.batch) found.set(row.batch, [...(found.get(row.batch) ?? []), row]);
  if (!found.size) return null;
  return h("nav", { class: "batches", "aria-label": "Photos that were asked at once" }, h("ul", {}, [...found].reverse().slice(0, 12).map(([batch, some]) =>
    h("li", {}, h("a", { class: "button", href: `#/batch/${batch}` }, `${counted(some.length, "photo")}, ${time(some[0].when)}`)))));
}

const time = (when) => new Date(when).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** Doubtful answers to everyone: the server keeps facts only, so the closest image stands for the photo. */
async function others() {
  const { answers } = await doubtfulToAll();
  if (!answers.length) return null;
  return h("section", { class: "part", "aria-labelledby": "others" },
    h("header", {}, h("h2", { id: "others" }, "Doubtful, whoever asked")),
    h("p", { class: "small soft" }, "Since the server was started. It keeps no photo: shown is the closest image of the gallery."),
    h("ol", { class: "rows" }, answers.map((one) => h("li", {},
      one.matches.length ? photo(thumbnail(one.matches[0].image, 120), "", { loading: "lazy", width: 80, height: 60 }) : h("span", {}),
      h("span", {}, h("b", {}, told(one)), h("span", { class: "small soft" }, one.best_guess ? ["Closest ", bdi(one.best_guess), one.probability === null ? "" : `, ${percent(one.probability)}`] : "")),
      h("time", { class: "small soft number", datetime: one.when }, time(one.when))))));
}
