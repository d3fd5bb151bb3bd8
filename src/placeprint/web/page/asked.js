// One question: what happens to it while it waits, what went wrong, or its answer.

import { answerView } from "./answer.js";
import { actions, announce, bdi, button, foreign, h, heading, nothing, photo } from "./dom.js";
import { wrong } from "./api.js";
import { askAgain, canAskAgain, cancel, explain, filesOf, release } from "./queue.js";
import { correction, marks, noteOf } from "./row.js";
import { allRows, answerOf, isOpen, previewsOf, rowOf } from "./store.js";
import { say, tell } from "./words.js";

const MOST = 12; // questions whose photos are ready to be drawn
const drawable = new Map();

/** The view of a row. */
export async function askedView(id, about) {
  const row = rowOf(id);
  if (!row) return nothing(say("asked.gone"), tell("asked.goneWhy", { again: h("a", { href: "#/" }, say("asked.againLink")) }));
  const photos = await photosOf(row);
  if (isOpen(row)) return waitingView(row, photos);
  const answer = row.state === "answered" ? await answerOf(row.id) : null;
  if (!answer) return [wayBack(row), failedView(row, photos)];
  if (about.explains && answer.matches.length && answer.matches[0].explanation === undefined) explain(row);
  const [verdict, ...more] = answerView({ answer, photos, row }, about);
  return [wayBack(row), verdict, judgement(row), ...more];
}

/** The photos of a row as they can be drawn: the files themselves while the page is open, their small copies later. */
async function photosOf(row) {
  const mark = `${row.id} ${row.undrawn ?? ""}`;
  const found = drawable.get(mark) ?? await made(row);
  drawable.delete(mark);
  drawable.set(mark, found);
  for (const old of [...drawable.keys()].slice(0, -MOST)) {
    for (const one of drawable.get(old)) if (one.source) URL.revokeObjectURL(one.source);
    drawable.delete(old);
  }
  return found;
}

async function made(row) {
  const files = filesOf(row.id);
  const previews = row.undrawn || !files.length ? await previewsOf(row.id) : [];
  return row.names.map((text, number) => {
    const shown = previews[number] ?? files[number];
    return { file: files[number], source: shown ? URL.createObjectURL(shown) : "", text };
  });
}

function wayBack(row) {
  if (!row.batch) return null;
  const batch = allRows(row.batch);
  const at = batch.indexOf(row);
  const beside = (other, text) => (other ? h("a", { href: `#/answers/${other.id}` }, text) : h("span", { class: "soft" }, text));
  return h("nav", { class: "between small", "aria-label": say("why.photos") }, h("a", { href: `#/batch/${row.batch}` }, say("asked.all", { n: batch.length })), beside(batch[at - 1], say("asked.previous")), beside(batch[at + 1], say("asked.next")));
}

/** Whether the answer is right, as a person says; and what it is instead. */
function judgement(row) {
  const room = h("section", { class: "judgement", "aria-label": say("asked.right") });
  const draw = () => {
    const focused = room.contains(document.activeElement) ? document.activeElement.className : null;
    room.replaceChildren(h("span", { class: "soft" }, say("asked.right")), marks(row), ...(row.mark === "wrong" ? [correction(row)] : []));
    if (focused) room.querySelector(`[class="${focused}"]`)?.focus();
  };
  draw();
  return Object.assign(room, { rowChanged: (changed) => changed === row && draw(), revived: draw });
}

const asked = (photos) => h("div", { class: "asked" }, photo(photos[0].source, say("asked.about", { file: photos[0].text })));

function waitingView(row, photos) {
  const says = h("p", { class: "busy" });
  const bar = h("progress", { max: 1, "aria-label": say("asked.sent") });
  const again = button(release, say("againNow"));
  const update = (changed) => {
    if (changed.id !== row.id) return;
    says.textContent = noteOf(row);
    if (row.share) bar.value = row.share;
    bar.hidden = !row.share || row.share >= 1;
    again.hidden = row.state !== "waiting" || !row.note;
    if (row.state === "waiting" && row.note) announce(row.note);
  };
  update(row);
  const view = h("section", { class: "answer" }, asked(photos),
    h("div", { class: "verdict" },
      h("h1", { class: "soft", tabindex: "-1" }, say("asked.looking")), says, bar,
      actions(button(() => cancel([row]), say("cancel")), again),
      h("p", { class: "small soft desk" }, say("asked.escape"))));
  return Object.assign(view, { rowChanged: update });
}

function failedView(row, photos) {
  const [title, message, known] = row.state === "failed" ? wrong(row.error) : [say(row.state === "lost" ? "asked.notAsked" : row.state === "cancelled" ? "asked.cancelled" : "asked.gone"), row.state === "cancelled" ? "" : say("asked.left")];
  return h("section", { class: "answer" }, asked(photos),
    h("div", { class: "verdict" },
      heading(say("asked.none")),
      h("div", { class: "trouble", role: "alert" }, h("p", {}, h("b", {}, title), " ", bdi(row.state === "failed" && !known ? foreign(message) : message)),
        canAskAgain(row) ? button(() => askAgain([row]), say(row.state === "failed" ? "again" : "page.ask")) : null),
      row.error && !canAskAgain(row) ? h("p", { class: "soft" }, say("asked.another")) : null,
      filesOf(row.id).length ? null : h("p", { class: "soft" }, say("asked.away")),
      actions(h("a", { class: "button", href: "#/" }, say("askAnother")))));
}
