// Why: the photo beside a match, and the other matches to choose from.

import { aside, bdi, button, foreign, h, photo, placeNames, readable, sentence } from "./dom.js";
import { thumbnail } from "./api.js";
import { enlarged, pair } from "./pair.js";
import { decimal, say } from "./words.js";

const LOOKS = { lines: say("Lines"), heat: say("Heat map"), plain: say("Photos") };

const PARTS = {
  upper: say("mostly the upper half"),
  lower: say("mostly the lower half"),
  left: say("mostly the left half"),
  right: say("mostly the right half"),
  "upper-left": say("mostly the upper left"),
  "upper-right": say("mostly the upper right"),
  "lower-left": say("mostly the lower left"),
  "lower-right": say("mostly the lower right"),
  middle: say("mostly the middle"),
  everywhere: say("all over the photo"),
};

const [BEYOND, MOSTLY] = [1.5, 0.7]; // times the usual that explain something; share in a part that is named

/** A section for the matches of one photo, or of several: `each` are their answers, `lead` is shown first. */
export function reasons(photos, each, lead) {
  const state = { photo: lead, match: 0, look: "lines" };
  const stage = h("figure", {});
  const strip = h("ol", { class: "matches" });
  const explained = each.some((one) => one.matches.some((match) => match.explanation?.spots));
  const draw = () => stage.replaceChildren(...drawn(photos, each, state));
  const list = () => strip.replaceChildren(...each[state.photo].matches.map((match, number) => item(match, number, state, () => {
    state.match = number;
    for (const [i, button] of strip.querySelectorAll("button").entries()) button.setAttribute("aria-pressed", i === number);
    draw();
  })));
  draw();
  list();
  return h("section", { class: "part why", "aria-labelledby": "why" },
    h("header", {}, h("h2", { id: "why" }, each[lead].grade === "UNKNOWN" ? say("The closest") : say("Why")),
      photos.length > 1 ? choice("photo", say("Photo"), photos.map((_, i) => String(i + 1)), lead, (i) => { Object.assign(state, { photo: i, match: 0 }); draw(); list(); }) : null,
      explained ? choice("look", say("How it is shown"), Object.values(LOOKS), 0, (i) => { state.look = Object.keys(LOOKS)[i]; draw(); }) : null),
    stage, h("h3", { class: "unseen" }, say("Matches")), strip);
}

function drawn(photos, each, state) {
  const answer = each[state.photo];
  const match = answer.matches[state.match];
  const query = { ...photos[state.photo], text: say("The photo that was asked about: {file}", { file: photos[state.photo].text }) };
  const other = { source: thumbnail(match.image, 960), text: say("Match {n}: {place}", { n: state.match + 1, place: match.places.join(", ") }), width: match.width, height: match.height };
  const says = match.explanation ? reasonOf(match) : "";
  return [
    pair(query, other, match.explanation ?? null, state.look),
    h("figcaption", {},
      h("span", {}, h("b", {}, placeNames(match)), says ? `: ${says}.` : ""),
      aside(bdi(readable(match.path))),
      button(() => enlarged(query, { ...other, source: thumbnail(match.image, 1600) }, match.explanation ?? null, state.look), say("Enlarge"), { class: "plain" }),
      answer.missing ? aside(say("No lines:"), " ", foreign(sentence(answer.missing))) : null),
  ];
}

/** Why a match is there, in a sentence without its full stop. */
function reasonOf({ similarity, explanation: { alike, spots, times, points, heat } }) {
  const likeness = say("chosen by overall likeness (cosine {cosine})", { cosine: decimal(similarity, 2) });
  if (!spots) return likeness;
  const chance = !alike || (times !== null && times < BEYOND);
  if (points && chance) return say("{n} points match and speak for it, though no more lies alike than by chance ({alike} of {spots} spots)", { n: points, alike, spots });
  if (!alike) return `${say("nothing lies alike")}: ${likeness}`;
  if (chance) return `${say("no more lies alike than by chance ({alike} of {spots} spots)", { alike, spots })}: ${likeness}`;
  const more = times === null ? "" : say(", {times} times the usual", { times: decimal(times, times >= 3 ? 0 : 1) });
  const first = points ? `${say("{n} points match", { n: points })}; ` : "";
  return `${first}${say("{alike} of {spots} spots lie alike", { alike, spots })}${more}: ${PARTS[partOf(heat.query)]}`;
}

/** The part of the photo in which most of what agrees lies. */
function partOf(heat) {
  const [high, wide] = [heat.length, heat[0].length];
  const sum = (top, bottom, left, right) => heat.slice(top, bottom).reduce((all, row) => all + row.slice(left, right).reduce((a, b) => a + b, 0), 0);
  const most = MOSTLY * sum(0, high, 0, wide);
  const [half, across] = [Math.floor(high / 2), Math.floor(wide / 2)];
  const found = [
    [sum(0, half, 0, wide), "upper"], [sum(high - half, high, 0, wide), "lower"],
    [sum(0, high, 0, across), "left"], [sum(0, high, wide - across, wide), "right"],
  ].filter(([part]) => part >= most).map(([, name]) => name);
  if (!most) return "everywhere";
  if (found.length) return found.join("-");
  const [down, along] = [Math.floor(high / 4), Math.floor(wide / 4)];
  return sum(down, high - down, along, wide - along) >= most ? "middle" : "everywhere";
}

function item(match, number, state, choose) {
  return h("li", {}, button(choose, [
    photo(thumbnail(match.image), "", { width: 240, height: 180 }),
    h("span", {}, h("span", {}, h("b", {}, h("span", { class: "unseen" }, say("Match {n}: {place}", { n: number + 1, place: "" })), placeNames(match))), h("span", { class: "soft number" }, decimal(match.score, 3)))],
  { "aria-pressed": String(number === state.match) }));
}

/** A row of radio buttons that look like one switch. */
function choice(name, legend, names, chosen, change) {
  const group = `choice-${name}`;
  return h("fieldset", { class: "looks" }, h("legend", { class: "unseen" }, legend), names.map((text, i) =>
    h("label", {}, h("input", { type: "radio", name: group, checked: i === chosen, onchange: () => change(i) }), text)));
}
