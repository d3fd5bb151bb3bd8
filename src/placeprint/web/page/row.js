// One answer as a line of a list: its photo, place, how sure, and whether a person found it right.

import { wrong } from "./api.js";
import { aside, bdi, button, h, photo } from "./dom.js";
import { filedUnder, GRADES } from "./grade.js";
import { isLight } from "./picture.js";
import { filesOf } from "./queue.js";
import { changeRow, previewsOf } from "./store.js";
import { percent } from "./verdict.js";
import { decimal, say, tell } from "./words.js";

const STATES = { waiting: say("waiting"), running: say("asking"), failed: say("failed"), cancelled: say("cancelled"), lost: say("not asked") };

/** How sure, as a word; of one without an answer, what became of it. */
export const gradeWord = (row) => (row.state === "answered" ? GRADES[row.grade] : STATES[row.state]);

export function position([latitude, longitude]) {
  const side = (degrees, plus, minus) => `${decimal(Math.abs(degrees), 5)}° ${degrees < 0 ? minus : plus}`;
  return `${side(latitude, say("N"), say("S"))} ${side(longitude, say("E"), say("W"))}`;
}

/** The element of a row. `select` is told when its box is ticked, `chosen` says whether it is. */
export function rowElement(row, { chosen, select }) {
  const shot = h("span", { class: "shot" });
  const element = h("li", { class: `result ${row.state} ${row.grade ?? ""}`, "data-id": row.id },
    h("label", { class: "pick" }, h("input", { type: "checkbox", checked: chosen, "aria-label": say("Select {file}", { file: row.name }), onchange: (event) => select(row, event.target.checked) })),
    shot, what(row),
    h("span", { class: "grade" }, gradeWord(row)),
    h("span", { class: "number" }, row.probability === null || row.probability === undefined ? "" : percent(row.probability)),
    h("span", { class: "small soft number at" }, row.at ? position(row.at) : ""),
    row.state === "answered" ? marks(row) : null);
  seen.observe(shot);
  shot.dataset.id = row.id;
  return element;
}

function what(row) {
  const file = h("span", { class: "small soft file" }, bdi(row.name), row.photos > 1 ? ` ${say("and {n} more", { n: row.photos - 1 })}` : "");
  if (row.state !== "answered") return h("span", { class: "what" }, h("a", { href: `#/answers/${row.id}` }, h("b", {}, bdi(row.name))), h("span", { class: "small soft note" }, noteOf(row)));
  const place = filedUnder(row);
  const name = place === null ? say("UNKNOWN") : bdi(row.title ?? place);
  return h("span", { class: "what" }, h("a", { href: `#/answers/${row.id}` }, h("b", {}, name)), file,
    place === null && row.guess ? aside(tell("Closest {place}", { place: bdi(row.title ?? row.guess) })) : null,
    row.doubtful && row.grade === "sure" ? h("span", { class: "tag" }, say("only just")) : null,
    row.mark === "wrong" ? correction(row) : null);
}

export function noteOf(row) {
  if (row.error) return wrong(row.error).slice(0, 2).join(" ");
  if (row.state === "lost") return `${say("The page was left before its turn.")} ${say("Drop it again.")}`;
  if (row.state === "cancelled") return say("Cancelled before it was answered.");
  return row.note ?? say("Waits for its turn.");
}

/** Two buttons by which a person says whether an answer is right. */
export function marks(row) {
  const one = (mark, sign, text) => button(() => changeRow(row, { mark: row.mark === mark ? null : mark }), sign, {
    class: `mark ${mark}`, "aria-pressed": String(row.mark === mark), "aria-label": `${text}: ${row.name}`, title: text,
  });
  return h("span", { class: "marks" }, one("right", "✓", say("Right")), one("wrong", "✗", say("Wrong")));
}

/** What it is instead; kept when the field is left. */
export function correction(row) {
  return h("input", { type: "text", class: "correction", value: row.correction, placeholder: say("Which place is it?"), "aria-label": say("The right place of {file}", { file: row.name }), maxlength: 200, onchange: (event) => changeRow(row, { correction: event.target.value.trim() }) });
}

/** Small copies are drawn while their row is near the screen, and let go of when it is not. */
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) draw(target);
    else clear(target);
  }
}, { rootMargin: "800px" });

async function draw(shot) {
  if (shot.firstChild) return;
  shot.append(h("span", { class: "gone" }));
  const id = Number(shot.dataset.id);
  const preview = (await previewsOf(id))[0] ?? filesOf(id).find(isLight);
  if (!preview || !shot.firstChild) return;
  shot.dataset.source = URL.createObjectURL(preview);
  shot.replaceChildren(photo(shot.dataset.source, "", { width: 80, height: 60 }));
}

function clear(shot) {
  if (shot.dataset.source) URL.revokeObjectURL(shot.dataset.source);
  delete shot.dataset.source;
  shot.replaceChildren();
}

/** Let go of a row's picture before the row leaves the list. */
export function dropRow(element) {
  const shot = element.querySelector(".shot");
  seen.unobserve(shot);
  clear(shot);
}
