// Why: the photo beside a match, and the other matches to choose from.

import { bdi, h, photo, readable, sentence } from "./dom.js";
import { thumbnail } from "./api.js";
import { enlarged, pair } from "./pair.js";

const LOOKS = { lines: "Lines", heat: "Heat map", plain: "Photos" };

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
    h("header", {}, h("h2", { id: "why" }, each[lead].grade === "UNKNOWN" ? "The closest" : "Why"),
      photos.length > 1 ? choice("Photo", photos.map((_, i) => String(i + 1)), lead, (i) => { Object.assign(state, { photo: i, match: 0 }); draw(); list(); }) : null,
      explained ? choice("How it is shown", Object.values(LOOKS), 0, (i) => { state.look = Object.keys(LOOKS)[i]; draw(); }) : null),
    stage, h("h3", { class: "unseen" }, "Matches"), strip);
}

function drawn(photos, each, state) {
  const answer = each[state.photo];
  const match = answer.matches[state.match];
  const query = { ...photos[state.photo], text: `The photo that was asked about: ${photos[state.photo].text}` };
  const other = { source: thumbnail(match.image, 960), text: `Match ${state.match + 1}: ${match.places.join(", ")}`, width: match.width, height: match.height };
  const says = match.explanation?.says ?? "";
  return [
    pair(query, other, match.explanation ?? null, state.look),
    h("figcaption", {},
      h("span", {}, h("b", {}, bdi(match.places.join(", "))), says ? `: ${says}.` : ""),
      h("span", { class: "small soft" }, bdi(readable(match.path))),
      h("button", { type: "button", class: "plain", onclick: () => enlarged(query, { ...other, source: thumbnail(match.image, 1600) }, match.explanation ?? null, state.look) }, "Enlarge"),
      answer.missing ? h("span", { class: "small soft" }, `No lines: ${sentence(answer.missing)}`) : null),
  ];
}

function item(match, number, state, choose) {
  const name = match.places.join(", ");
  return h("li", {}, h("button", { type: "button", "aria-pressed": String(number === state.match), onclick: choose },
    photo(thumbnail(match.image), "", { width: 240, height: 180 }),
    h("span", {}, h("span", {}, h("b", {}, h("span", { class: "unseen" }, `Match ${number + 1}: `), bdi(name))), h("span", { class: "soft number" }, match.score.toFixed(3)))));
}

/** A row of radio buttons that look like one switch. */
function choice(legend, names, chosen, change) {
  const group = `choice-${legend.replace(/\W+/g, "-")}`;
  return h("fieldset", { class: "looks" }, h("legend", { class: "unseen" }, legend), names.map((name, i) =>
    h("label", {}, h("input", { type: "radio", name: group, checked: i === chosen, onchange: () => change(i) }), name)));
}
