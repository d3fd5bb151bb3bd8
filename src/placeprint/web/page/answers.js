// What was asked in this browser, and what the server found doubtful when anyone asked.

import { actions, aside, button, h, heading, photo, placeName } from "./dom.js";
import { confirmed } from "./dialog.js";
import { doubtful as doubtfulToAll, thumbnail } from "./api.js";
import { told } from "./grade.js";
import { notice } from "./notice.js";
import { results } from "./results.js";
import { allRows, forgetRows, isKept, isOpen } from "./store.js";
import { percent } from "./verdict.js";
import { LANGUAGE, say, tell } from "./words.js";

/** The list, the batches, and what was doubtful to others. */
export async function answersView(about, query) {
  const rows = () => allRows();
  const there = rows();
  const list = there.length ? results({ rows, query, about, order: "newest", name: "placeprint-answers" }) : null;
  return [
    h("section", { class: "hero slim arrives" },
      heading(say("Answers")),
      h("p", { class: "soft" }, said(there)),
      there.length ? actions(button(clear, say("Clear"))) : null),
    batches(there),
    list && Object.assign(list, { rowChanged: (row) => list.redraw(row), revived: list.draw }),
    await others(),
  ];
}

function said(rows) {
  const doubted = rows.filter((row) => row.doubtful).length;
  const count = rows.length ? say("{n} answers, {doubted} doubtful (likely, UNKNOWN, or only just sure).", { n: rows.length, doubted }) : say("Nothing was asked yet.");
  return `${count} ${isKept() ? say("Answers are kept in this browser, with a small copy of each photo, until they are cleared.") : say("This browser keeps nothing: all is gone with the page.")}`;
}

function clear() {
  confirmed({
    title: say("Clear all answers?"), action: say("Clear"), free: true,
    fields: [h("p", { class: "soft" }, say("The answers, their marks and the small copies of the photos leave this browser. The gallery stays as it is. What is asked just now goes on."))],
    run: async () => {
      await forgetRows(allRows().filter((row) => !isOpen(row)).map((row) => row.id));
      document.dispatchEvent(new CustomEvent("view-changed"));
      notice(say("Cleared."));
    },
  });
}

function batches(rows) {
  const found = new Map();
  for (const row of rows) if (row.batch) found.set(row.batch, [...(found.get(row.batch) ?? []), row]);
  if (!found.size) return null;
  return h("nav", { class: "batches", "aria-label": say("Photos that were asked at once") }, h("ul", {}, [...found].reverse().slice(0, 12).map(([batch, some]) =>
    h("li", {}, h("a", { class: "button", href: `#/batch/${batch}` }, `${say("{n} photos", { n: some.length })}, ${time(some[0].when)}`)))));
}

const time = (when) => new Date(when).toLocaleString(LANGUAGE === "en" ? "en-GB" : LANGUAGE, { dateStyle: "medium", timeStyle: "short" });

/** Doubtful answers to everyone: the server keeps facts only, so the closest image stands for the photo. */
async function others() {
  const { answers } = await doubtfulToAll();
  if (!answers.length) return null;
  return h("section", { class: "part", "aria-labelledby": "others" },
    h("header", {}, h("h2", { id: "others" }, say("Doubtful, whoever asked"))),
    h("p", { class: "small soft" }, say("Since the server was started, each shown by the closest image of the gallery.")),
    h("ol", { class: "rows" }, answers.map((one) => h("li", {},
      one.matches.length ? photo(thumbnail(one.matches[0].image, 120), "", { loading: "lazy", width: 80, height: 60 }) : h("span", {}),
      h("span", {}, h("b", {}, told(one)), aside(one.best_guess ? [tell("Closest {place}", { place: placeName(one) }), one.probability === null ? "" : `, ${percent(one.probability)}`] : "")),
      h("time", { class: "small soft number", datetime: one.when }, time(one.when))))));
}
