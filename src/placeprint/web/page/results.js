// A list of answers: sorted, filtered, marked, exported, and added to a place. Rows are drawn as they come into sight.

import { addDialog } from "./addition.js";
import { aside, button, h } from "./dom.js";
import { FORMATS, save } from "./export.js";
import { filedUnder, GRADES } from "./grade.js";
import { filesOf } from "./queue.js";
import { dropRow, gradeWord, rowElement } from "./row.js";
import { replaceQuery } from "./route.js";
import { LANGUAGE, say } from "./words.js";

const PAGE = 100; // rows that are drawn at once

/** What is shown, and in which order: what a menu calls it, and the function. */
const SHOW = {
  all: [say("All answers"), () => true],
  sure: [say("Sure"), (row) => row.grade === "sure"],
  likely: [say("Likely"), (row) => row.grade === "likely"],
  unknown: [say("UNKNOWN"), (row) => row.grade === "UNKNOWN"],
  doubtful: [say("Doubtful"), (row) => row.doubtful],
  failed: [say("Not answered"), (row) => ["failed", "cancelled", "lost"].includes(row.state)],
  open: [say("Not yet marked"), (row) => row.state === "answered" && !row.mark],
  right: [say("Marked right"), (row) => row.mark === "right"],
  wrong: [say("Marked wrong"), (row) => row.mark === "wrong"],
};
const last = (value, otherwise) => (value === null || value === undefined ? otherwise : value);
const byText = (read) => (a, b) => read(a).localeCompare(read(b), LANGUAGE, { numeric: true });
const SORT = {
  order: [say("As asked"), (a, b) => a.id - b.id],
  newest: [say("Newest first"), (a, b) => b.id - a.id],
  surest: [say("Surest first"), (a, b) => last(b.probability, -1) - last(a.probability, -1)],
  least: [say("Least sure first"), (a, b) => last(a.probability, 2) - last(b.probability, 2)],
  place: [say("By place"), byText((row) => filedUnder(row) ?? `\uffff${row.guess ?? ""}`)],
  file: [say("By file"), byText((row) => row.name)],
};

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** The list with its tools. `rows` gives what is listed; `query` is that of the address; `about` of the server. */
export function results({ rows, query, about, order, name }) {
  const state = { show: query.get("show") ?? "all", sort: query.get("sort") ?? order, q: query.get("q") ?? "", shown: PAGE };
  const chosen = new Set();
  const list = h("ol", { class: "results" });
  const says = h("p", { class: "small soft", role: "status" });
  const more = button(() => extend(), say("Show more"), { class: "more" });
  const add = button(() => addChosen(), say("Add to a place"));
  const every = h("input", { type: "checkbox", onchange: () => { listed.forEach((row) => (every.checked ? chosen.add(row) : chosen.delete(row))); draw(); } });
  let listed = [];
  const tell = () => {
    const picked = listed.filter((row) => chosen.has(row)).length;
    says.textContent = `${say("{n} photos", { n: listed.length })}${picked ? `, ${say("{n} selected", { n: picked })}` : ""}.`;
    every.checked = picked > 0 && picked === listed.length;
    every.indeterminate = picked > 0 && picked < listed.length;
    add.hidden = !about.writing || !picked;
  };
  const select = (row, on) => { if (on) chosen.add(row); else chosen.delete(row); tell(); };
  const element = (row) => rowElement(row, { chosen: chosen.has(row), select });
  const extend = () => {
    const there = list.childElementCount;
    list.append(...listed.slice(there, there + PAGE).map(element));
    state.shown = list.childElementCount;
    more.hidden = state.shown >= listed.length;
  };
  const draw = () => {
    const words = folded(state.q).split(/\s+/).filter(Boolean);
    const [, test] = SHOW[state.show] ?? SHOW.all;
    const text = (row) => folded(`${row.name} ${row.place ?? ""} ${row.guess ?? ""} ${row.title ?? ""} ${row.correction}`);
    listed = rows().filter((row) => test(row) && words.every((word) => text(row).includes(word))).sort((SORT[state.sort] ?? SORT.order)[1]);
    [...list.children].forEach(dropRow);
    list.replaceChildren(...listed.slice(0, Math.max(PAGE, state.shown)).map(element));
    more.hidden = list.childElementCount >= listed.length;
    tell();
  };
  const turn = (change) => {
    Object.assign(state, change, { shown: PAGE });
    replaceQuery({ show: state.show === "all" ? "" : state.show, sort: state.sort === order ? "" : state.sort, q: state.q });
    draw();
  };
  const redraw = (row) => {
    const old = list.querySelector(`[data-id="${row.id}"]`);
    if (!old) return;
    const focused = old.contains(document.activeElement) ? document.activeElement.className : null;
    const fresh = element(row);
    const shot = old.querySelector(".shot");
    if (shot.querySelector("img")) { // drawn already: decoding it again would cost more than all else
      dropRow(fresh);
      fresh.querySelector(".shot").replaceWith(shot);
    } else dropRow(old);
    old.replaceWith(fresh);
    if (focused !== null) fresh.querySelector(`[class="${focused}"]`)?.focus();
  };
  const addChosen = () => {
    const picked = listed.filter((row) => chosen.has(row));
    const guesses = picked.map((row) => row.correction || filedUnder(row)).filter(Boolean);
    addDialog({ files: picked.flatMap((row) => filesOf(row.id)), missing: picked.filter((row) => !filesOf(row.id).length).length, place: guesses.length && guesses.every((one) => one === guesses[0]) ? guesses[0] : "", candidates: [...new Set(guesses)].map((one) => ({ place: one })), most: about.limits.photos });
  };
  const exported = () => (chosen.size ? listed.filter((row) => chosen.has(row)) : listed);
  draw();
  new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && !more.hidden && extend(), { rootMargin: "800px" }).observe(more);
  const tools = h("div", { class: "tools" },
    menu(say("Show"), SHOW, state.show, (show) => turn({ show })),
    menu(say("Sort"), SORT, state.sort, (sort) => turn({ sort })),
    h("input", { type: "search", value: state.q, placeholder: say("Find a file or place"), "aria-label": say("Find a file or place"), oninput: (event) => turn({ q: event.target.value }) }),
    h("details", { class: "export" }, h("summary", { class: "button" }, say("Export")), h("div", {}, Object.keys(FORMATS).map((format) => button((event) => { save(exported(), format, name); event.target.closest("details").open = false; }, format)))),
    add);
  const whole = h("div", {}, tools, h("div", { class: "every" }, h("label", { class: "only" }, every, say("Select all")), says), list, more);
  return Object.assign(whole, { redraw, draw });
}

function menu(legend, options, value, change) {
  return h("label", { class: "menu" }, aside(legend), h("select", { onchange: (event) => change(event.target.value) },
    Object.entries(options).map(([key, [name]]) => h("option", { value: key, selected: key === value }, name))));
}

/** How many rows came to what, in words: `120 sure, 40 likely, 38 UNKNOWN, 2 failed`. */
export function tally(rows) {
  const counts = new Map(Object.values(GRADES).map((word) => [word, 0]));
  for (const row of rows) counts.set(gradeWord(row), (counts.get(gradeWord(row)) ?? 0) + 1);
  return [...counts].filter(([, count]) => count).map(([word, count]) => `${count.toLocaleString(LANGUAGE)} ${word}`).join(", ");
}
