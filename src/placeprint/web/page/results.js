// A list of answers: sorted, filtered, marked, exported, and added to a place. Rows are drawn as they come into sight.

import { addDialog } from "./addition.js";
import { aside, button, h } from "./dom.js";
import { FORMATS, save } from "./export.js";
import { filedUnder } from "./grade.js";
import { filesOf } from "./queue.js";
import { dropRow, gradeWord, rowElement } from "./row.js";
import { replaceQuery } from "./route.js";
import { LANGUAGE, say } from "./words.js";

const PAGE = 100; // rows that are drawn at once

const SHOW = {
  all: () => true,
  sure: (row) => row.grade === "sure",
  likely: (row) => row.grade === "likely",
  unknown: (row) => row.grade === "UNKNOWN",
  doubtful: (row) => row.doubtful,
  failed: (row) => ["failed", "cancelled", "lost"].includes(row.state),
  open: (row) => row.state === "answered" && !row.mark,
  right: (row) => row.mark === "right",
  wrong: (row) => row.mark === "wrong",
};
const last = (value, otherwise) => (value === null || value === undefined ? otherwise : value);
const byText = (read) => (a, b) => read(a).localeCompare(read(b), LANGUAGE, { numeric: true });
const SORT = {
  order: (a, b) => a.id - b.id,
  newest: (a, b) => b.id - a.id,
  surest: (a, b) => last(b.probability, -1) - last(a.probability, -1),
  least: (a, b) => last(a.probability, 2) - last(b.probability, 2),
  place: byText((row) => filedUnder(row) ?? `\uffff${row.guess ?? ""}`),
  file: byText((row) => row.name),
};

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** The list with its tools. `rows` gives what is listed; `query` is that of the address; `about` of the server. */
export function results({ rows, query, about, order, name }) {
  const state = { show: query.get("show") ?? "all", sort: query.get("sort") ?? order, q: query.get("q") ?? "", shown: PAGE };
  const chosen = new Set();
  const list = h("ol", { class: "results" });
  const says = h("p", { class: "small soft", role: "status" });
  const more = button(() => extend(), say("more"), { class: "more" });
  const add = button(() => addChosen(), say("results.add"));
  const every = h("input", { type: "checkbox", onchange: () => { listed.forEach((row) => (every.checked ? chosen.add(row) : chosen.delete(row))); draw(); } });
  let listed = [];
  const tell = () => {
    const picked = listed.filter((row) => chosen.has(row)).length;
    says.textContent = `${say("photos", { n: listed.length })}${picked ? `, ${say("results.selected", { n: picked })}` : ""}.`;
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
    const test = SHOW[state.show] ?? SHOW.all;
    const text = (row) => folded(`${row.name} ${row.place ?? ""} ${row.guess ?? ""} ${row.title ?? ""} ${row.correction}`);
    listed = rows().filter((row) => test(row) && words.every((word) => text(row).includes(word))).sort(SORT[state.sort] ?? SORT.order);
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
    menu(say("results.show"), SHOW, (key) => say(`show.${key}`), state.show, (show) => turn({ show })),
    menu(say("results.sort"), SORT, (key) => say(`sort.${key}`), state.sort, (sort) => turn({ sort })),
    h("input", { type: "search", value: state.q, placeholder: say("results.find"), "aria-label": say("results.find"), oninput: (event) => turn({ q: event.target.value }) }),
    h("details", { class: "export" }, h("summary", { class: "button" }, say("results.export")), h("div", {}, Object.keys(FORMATS).map((format) => button((event) => { save(exported(), format, name); event.target.closest("details").open = false; }, format)))),
    add);
  const whole = h("div", {}, tools, h("div", { class: "every" }, h("label", { class: "only" }, every, say("results.every")), says), list, more);
  return Object.assign(whole, { redraw, draw });
}

function menu(legend, options, name, value, change) {
  return h("label", { class: "menu" }, aside(legend), h("select", { onchange: (event) => change(event.target.value) },
    Object.keys(options).map((key) => h("option", { value: key, selected: key === value }, name(key)))));
}

/** How many rows came to what, in words: `120 sure, 40 likely, 38 UNKNOWN, 2 failed`. */
export function tally(rows) {
  const counts = new Map(["sure", "likely", "UNKNOWN"].map((grade) => [say(`grade.${grade}`), 0]));
  for (const row of rows) counts.set(gradeWord(row), (counts.get(gradeWord(row)) ?? 0) + 1);
  return [...counts].filter(([, count]) => count).map(([word, count]) => `${count.toLocaleString(LANGUAGE)} ${word}`).join(", ");
}
