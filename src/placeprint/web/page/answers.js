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
      heading(say("answers.title")),
      h("p", { class: "soft" }, said(there)),
      there.length ? actions(button(clear, say("answers.clear"))) : null),
    batches(there),
    list && Object.assign(list, { rowChanged: (row) => list.redraw(row), revived: list.draw }),
    await others(),
  ];
}

function said(rows) {
  const doubted = rows.filter((row) => row.doubtful).length;
  return `${say(rows.length ? "answers.count" : "answers.nothing", { n: rows.length, doubted })} ${say(isKept() ? "answers.kept" : "answers.unkept")}`;
}

function clear() {
  confirmed({
    title: say("answers.clearAll"), action: say("answers.clear"), free: true,
    fields: [h("p", { class: "soft" }, say("answers.clearing"))],
    run: async () => {
      await forgetRows(allRows().filter((row) => !isOpen(row)).map((row) => row.id));
      document.dispatchEvent(new CustomEvent("view-changed"));
      notice(say("answers.cleared"));
    },
  });
}

function batches(rows) {
  const found = new Map();
  for (const row of rows) if (row.batch) found.set(row.batch, [...(found.get(row.batch) ?? []), row]);
  if (!found.size) return null;
  return h("nav", { class: "batches", "aria-label": say("answers.batches") }, h("ul", {}, [...found].reverse().slice(0, 12).map(([batch, some]) =>
    h("li", {}, h("a", { class: "button", href: `#/batch/${batch}` }, `${say("photos", { n: some.length })}, ${time(some[0].when)}`)))));
}

const time = (when) => new Date(when).toLocaleString(LANGUAGE === "en" ? "en-GB" : LANGUAGE, { dateStyle: "medium", timeStyle: "short" });

/** Doubtful answers to everyone: the server keeps facts only, so the closest image stands for the photo. */
async function others() {
  const { answers } = await doubtfulToAll();
  if (!answers.length) return null;
  return h("section", { class: "part", "aria-labelledby": "others" },
    h("header", {}, h("h2", { id: "others" }, say("answers.others"))),
    h("p", { class: "small soft" }, say("answers.othersWhy")),
    h("ol", { class: "rows" }, answers.map((one) => h("li", {},
      one.matches.length ? photo(thumbnail(one.matches[0].image, 120), "", { loading: "lazy", width: 80, height: 60 }) : h("span", {}),
      h("span", {}, h("b", {}, told(one)), aside(one.best_guess ? [tell("closest", { place: placeName(one) }), one.probability === null ? "" : `, ${percent(one.probability)}`] : "")),
      h("time", { class: "small soft number", datetime: one.when }, time(one.when))))));
}
