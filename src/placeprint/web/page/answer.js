// One answer: the photo, the place or UNKNOWN, how sure and why, and what else it could be.

import { bdi, h, s, counted, photo, sentence } from "./dom.js";
import { answerMap } from "./where.js";
import { told } from "./grade.js";
import { disagreeing, meaning, percent, sureness } from "./verdict.js";
import { reasons } from "./why.js";
import { addDialog } from "./addition.js";

/** The answer, whole. */
export function answerView(kept, about) {
  const { answer, photos } = kept;
  const each = answer.photos ?? [answer];
  const lead = Math.max(0, each.findIndex((one) => one.photo === answer.photo && one.score === answer.score));
  return [
    h("section", { class: "answer arrives" }, asked(photos, lead, each), verdict(kept, about)),
    each[lead].matches.length ? reasons(photos, each, lead) : null,
    answer.places.length ? h("section", { class: "part sides" }, candidates(answer), answerMap(answer, about)) : null,
  ];
}

function asked(photos, lead, each = []) {
  const picture = h("div", { class: "asked" }, photo(photos[lead].source, `Asked about: ${photos[lead].text}`));
  if (photos.length > 1) {
    picture.append(h("ul", {}, photos.map((one, number) => h("li", {}, photo(one.source, one.text), h("span", { class: "small soft" }, each[number] ? told(each[number]) : "")))));
  }
  return picture;
}

const SIGNS = { sure: "✓", likely: "≈", UNKNOWN: "?" };

/** The name of the place, as a link to it. */
function named(answer) {
  if (answer.grade === "UNKNOWN") return answer.grade;
  const link = h("a", { href: `#/places/${encodeURIComponent(answer.best_guess)}` }, bdi(answer.best_guess));
  return answer.grade === "likely" ? [h("span", { class: "soft" }, "likely "), link] : link;
}

function verdict(kept, about) {
  const { answer, photos } = kept;
  return h("div", { class: `verdict ${answer.grade}` },
    h("p", { class: "sure" }, h("span", { "aria-hidden": "true" }, SIGNS[answer.grade]), sureness(answer)),
    h("h1", { tabindex: "-1" }, named(answer)),
    measured(answer) ? meter(answer) : null,
    h("p", {}, meaning(answer)),
    numbers(answer),
    h("div", { class: "actions" },
      h("a", { class: "button", href: "#/" }, "Ask about another"),
      about.writing && photos.every((one) => one.file) ? h("button", { type: "button", onclick: () => addDialog({ files: photos.map((one) => one.file), place: answer.grade === "UNKNOWN" ? "" : answer.best_guess, candidates: pictured(answer), most: about.limits.photos }) }, counted(photos.length, "Add it to a place", "Add them to a place").replace(/^\S+ /, "")) : null));
}

/** The candidates, each with an image that shows it. */
const pictured = (answer) => answer.places.map(({ place }) => ({ place, image: answer.matches.find((match) => match.places.includes(place))?.image }));

/** Whether one number stands for the answer: photos that do not agree have none. */
const measured = (answer) => answer.probability !== null && !disagreeing(answer);

/** Probability as a bar, with a tick where an answer is sure. */
function meter(answer) {
  const { probability: p, probability_threshold: limit } = answer;
  const at = (share) => `${(100 * share).toFixed(2)}%`;
  return h("div", { class: "meter" },
    s("svg", { "aria-hidden": "true" },
      s("rect", { class: "track", x: 0, y: 6, width: "100%", height: 12, rx: 6 }),
      s("rect", { class: "level", x: 0, y: 6, width: at(p), height: 12, rx: 6 }),
      limit === null ? null : s("line", { class: "limit", x1: at(limit), x2: at(limit), y1: 1, y2: 23 })),
    h("b", { class: "number" }, percent(p)));
}

function numbers(answer) {
  const facts = [
    answer.score === null ? null : `Score ${answer.score.toFixed(3)}`,
    answer.margin === null ? null : `margin to another place ${answer.margin.toFixed(3)}`,
    answer.false_accept_rate === null ? null : `calibrated for ${(100 * answer.false_accept_rate).toLocaleString("en")} % false accepts`,
    `answered in ${Math.round(answer.milliseconds)} ms`,
  ];
  return h("details", {}, h("summary", {}, "In numbers"), h("p", { class: "number" }, `${facts.filter(Boolean).join(", ")}.`), h("p", {}, sentence(answer.why)));
}

function candidates(answer) {
  const best = Math.max(...answer.places.map((one) => one.score), 1e-6);
  return h("section", { class: answer.grade === "sure" ? "named" : "", "aria-labelledby": "candidates" },
    h("header", {}, h("h2", { id: "candidates" }, "Candidates")),
    h("ol", { class: "candidates" }, answer.places.map((one) => h("li", {},
      h("a", { href: `#/places/${encodeURIComponent(one.place)}` }, bdi(one.place)),
      s("svg", { "aria-hidden": "true" },
        s("rect", { class: "track", width: "100%", height: "100%", rx: 4 }),
        s("rect", { class: "level", width: `${(100 * Math.max(0, one.score)) / best}%`, height: "100%", rx: 4 })),
      h("span", { class: "number soft" }, h("span", { class: "unseen" }, "score "), one.score.toFixed(3))))));
}
