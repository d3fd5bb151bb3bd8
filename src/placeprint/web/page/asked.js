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
  if (!row) return nothing(say("This answer is gone"), tell("It was cleared, or it was asked in another browser. {again} with the photo.", { again: h("a", { href: "#/" }, say("Ask again")) }));
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
  return h("nav", { class: "between small", "aria-label": say("Photos") }, h("a", { href: `#/batch/${row.batch}` }, say("All {n} photos", { n: batch.length })), beside(batch[at - 1], say("Previous")), beside(batch[at + 1], say("Next")));
}

/** Whether the answer is right, as a person says; and what it is instead. */
function judgement(row) {
  const room = h("section", { class: "judgement", "aria-label": say("Is this right?") });
  const draw = () => {
    const focused = room.contains(document.activeElement) ? document.activeElement.className : null;
    room.replaceChildren(h("span", { class: "soft" }, say("Is this right?")), marks(row), ...(row.mark === "wrong" ? [correction(row)] : []));
    if (focused) room.querySelector(`[class="${focused}"]`)?.focus();
  };
  draw();
  return Object.assign(room, { rowChanged: (changed) => changed === row && draw(), revived: draw });
}

const asked = (photos) => h("div", { class: "asked" }, photo(photos[0].source, say("Asked about: {file}", { file: photos[0].text })));

function waitingView(row, photos) {
  const says = h("p", { class: "busy" });
  const bar = h("progress", { max: 1, "aria-label": say("Sent") });
  const again = button(release, say("Try again now"));
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
      h("h1", { class: "soft", tabindex: "-1" }, say("Looking …")), says, bar,
      actions(button(() => cancel([row]), say("Cancel")), again),
      h("p", { class: "small soft desk" }, say("Escape cancels too."))));
  return Object.assign(view, { rowChanged: update });
}

function failedView(row, photos) {
  const [title, message, known] = row.state === "failed" ? wrong(row.error) : [{ lost: say("It was not asked."), cancelled: say("Cancelled.") }[row.state] ?? say("This answer is gone"), row.state === "cancelled" ? "" : say("The page was left before its turn.")];
  return h("section", { class: "answer" }, asked(photos),
    h("div", { class: "verdict" },
      heading(say("No answer")),
      h("div", { class: "trouble", role: "alert" }, h("p", {}, h("b", {}, title), " ", bdi(row.state === "failed" && !known ? foreign(message) : message)),
        canAskAgain(row) ? button(() => askAgain([row]), row.state === "failed" ? say("Try again") : say("Ask")) : null),
      row.error && !canAskAgain(row) ? h("p", { class: "soft" }, say("Choose another photo, or save this one anew as JPEG.")) : null,
      filesOf(row.id).length ? null : h("p", { class: "soft" }, say("The photo is no longer here: choose it again.")),
      actions(h("a", { class: "button", href: "#/" }, say("Ask about another")))));
}
