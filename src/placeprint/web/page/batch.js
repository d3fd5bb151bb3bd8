// Many photos, each asked by itself: how far it is, and the answers that are there.

import { actions, announce, button, h, heading, nothing } from "./dom.js";
import { askAgain, canAskAgain, cancel, isPaused, pause, release } from "./queue.js";
import { results, tally } from "./results.js";
import { allRows, isOpen } from "./store.js";
import { say, tell } from "./words.js";

const PAUSE = 250; // milliseconds between drawings while photos are asked: each costs as much as a small answer

/** The view of a batch. */
export function batchView(number, about, query) {
  const id = Number(number);
  const rows = () => allRows(id);
  if (!rows().length) return nothing(say("These answers are gone"), tell("They were cleared, or asked in another browser. {again} with the photos.", { again: h("a", { href: "#/" }, say("Ask again")) }));
  const head = progress(id, rows);
  const list = results({ rows, query, about, order: "order", name: `placeprint-${rows()[0].when.slice(0, 10)}` });
  const changed = new Set();
  let drawing = 0;
  const draw = () => {
    clearTimeout(drawing);
    drawing = 0;
    head.update();
    for (const row of changed) list.redraw(row);
    changed.clear();
  };
  const soon = (row, change) => {
    changed.add(row);
    if ("mark" in change) return draw(); // a hand waits for it
    drawing ||= setTimeout(draw, rows().some(isOpen) ? PAUSE : 0);
  };
  return [
    Object.assign(head.element, { rowChanged: (row, change) => row.batch === id && soon(row, change), revived: head.update }),
    Object.assign(list, { revived: list.draw }),
  ];
}

function progress(id, rows) {
  const began = { at: performance.now(), done: rows().filter((row) => !isOpen(row)).length };
  const title = heading(say("{n} photos", { n: rows().length }));
  const says = h("p", { class: "soft" }); // told aloud at the end, and not 200 times
  let wasOpen = rows().some(isOpen);
  const note = h("p", { class: "small soft" });
  const bar = h("progress", { "aria-label": say("Answered") });
  const updating = (run, text) => button(() => { run(); update(); }, text);
  const hold = updating(() => { pause(id, !isPaused(id)); began.at = performance.now(); began.done = bar.value; }, say("Pause"));
  const stop = updating(() => cancel(rows()), say("Cancel"));
  const again = updating(() => { pause(id, false); askAgain(rows().filter(canAskAgain)); }, say("Ask again"));
  const line = updating(release, say("Try again now"));
  const element = h("section", { class: "hero slim" }, title, bar, says, note, actions(hold, stop, again, line));
  function update() {
    const all = rows();
    const open = all.filter(isOpen);
    const done = all.length - open.length;
    const missed = all.filter(canAskAgain);
    Object.assign(bar, { max: all.length, value: done });
    bar.hidden = hold.hidden = stop.hidden = !open.length;
    hold.textContent = isPaused(id) ? say("Resume") : say("Pause");
    again.hidden = open.length > 0 || !missed.length;
    again.textContent = say("Ask again about {n} photos", { n: missed.length });
    says.textContent = open.length ? `${say("{done} of {all} done", { done, all: all.length })}${isPaused(id) ? say(", paused") : left(began, done, open.length)}.` : `${tally(all)}.`;
    const held = open.find((row) => row.state === "waiting" && row.note);
    note.textContent = held ? held.note : "";
    note.hidden = line.hidden = !held;
    if (wasOpen && !open.length) announce(says.textContent);
    wasOpen = open.length > 0;
  }
  update();
  return { element, update };
}

/** How long it may take, once a few are answered. */
function left(began, done, open) {
  const made = done - began.done;
  if (made < 5) return "";
  const seconds = ((performance.now() - began.at) / 1000 / made) * open;
  return seconds < 90 ? say(", about {seconds} s left", { seconds: Math.max(1, Math.round(seconds)) }) : say(", about {minutes} min left", { minutes: Math.round(seconds / 60) });
}
