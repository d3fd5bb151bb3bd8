// One answer: the photo, the place or UNKNOWN, how sure and why, and what else it could be.

import { actions, aside, bdi, button, foreign, h, heading, s, photo, placeAddress, placeName, sentence } from "./dom.js";
import { answerMap } from "./where.js";
import { told } from "./grade.js";
import { position } from "./row.js";
import { meaning, percent, sureness } from "./verdict.js";
import { reasons } from "./why.js";
import { addDialog } from "./addition.js";
import { decimal, say, tell } from "./words.js";

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
  const picture = h("div", { class: "asked" }, photo(photos[lead].source, say("Asked about: {file}", { file: photos[lead].text })));
  if (photos.length > 1) {
    picture.append(h("ul", {}, photos.map((one, number) => h("li", {}, photo(one.source, one.text), aside(each[number] ? told(each[number]) : "")))));
  }
  return picture;
}

const SIGNS = { sure: "✓", likely: "≈", UNKNOWN: "?" };

/** The name of the place, as a link to it. */
function named(answer) {
  if (answer.grade === "UNKNOWN") return say("UNKNOWN");
  const link = h("a", { href: placeAddress(answer.best_guess) }, placeName(answer));
  return answer.grade === "likely" ? tell("likely {place}", { place: link }) : link;
}

function verdict(kept, about) {
  const { answer, photos } = kept;
  return h("div", { class: `verdict ${answer.grade}` },
    h("p", { class: "sure" }, h("span", { "aria-hidden": "true" }, SIGNS[answer.grade]), sureness(answer)),
    heading(named(answer)),
    answer.probability === null ? null : meter(answer),
    h("p", {}, meaning(answer)),
    spot(answer.position),
    numbers(answer),
    actions(
      h("a", { class: "button", href: "#/" }, say("Ask about another")),
      about.writing && photos.every((one) => one.file) ? button(() => addDialog({ files: photos.map((one) => one.file), place: answer.grade === "UNKNOWN" ? "" : answer.best_guess, candidates: pictured(answer), most: about.limits.photos }), say("Add them to a place", { n: photos.length })) : null));
}

/** Where the photo was taken: a geo: address, which opens a map of the reader's own and asks no server. */
function spot(found) {
  if (!found || found.latitude === null) return null;
  const { latitude, longitude, radius, share } = found;
  const at = h("a", { class: "number", href: `geo:${latitude.toFixed(6)},${longitude.toFixed(6)};u=${Math.ceil(radius)}` }, bdi(position([latitude, longitude])));
  return h("p", { class: "spot" }, tell("Taken at {at}, within {radius} m ({percent} of such positions are).", { at, radius: Math.round(radius), percent: percent(share) }));
}

/** Why there is no position, where the gallery has some. */
function nowhere(found) {
  return found && found.latitude === null ? h("p", {}, say("No position:"), " ", foreign(sentence(found.why))) : null;
}

/** The candidates, each with an image that shows it. */
const pictured = (answer) => answer.places.map(({ place }) => ({ place, image: answer.matches.find((match) => match.places.includes(place))?.image }));

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
    answer.score === null ? null : say("Score {score}", { score: decimal(answer.score, 3) }),
    answer.margin === null ? null : say("margin to another place {margin}", { margin: decimal(answer.margin, 3) }),
    answer.false_accept_rate === null ? null : say("calibrated for {rate} % false accepts", { rate: 100 * answer.false_accept_rate }),
    say("answered in {ms} ms", { ms: Math.round(answer.milliseconds) }),
  ];
  return h("details", {}, h("summary", {}, say("In numbers")), h("p", { class: "number" }, `${facts.filter(Boolean).join(", ")}.`), h("p", {}, foreign(sentence(answer.why))), nowhere(answer.position));
}

function candidates(answer) {
  const best = Math.max(...answer.places.map((one) => one.score), 1e-6);
  return h("section", { class: answer.grade === "sure" ? "named" : "", "aria-labelledby": "candidates" },
    h("header", {}, h("h2", { id: "candidates" }, say("Candidates"))),
    h("ol", { class: "candidates" }, answer.places.map((one) => h("li", {},
      h("a", { href: placeAddress(one.place) }, placeName(one)),
      s("svg", { "aria-hidden": "true" },
        s("rect", { class: "track", width: "100%", height: "100%", rx: 4 }),
        s("rect", { class: "level", width: `${(100 * Math.max(0, one.score)) / best}%`, height: "100%", rx: 4 })),
      h("span", { class: "number soft" }, h("span", { class: "unseen" }, `${say("score")} `), decimal(one.score, 3))))));
}
