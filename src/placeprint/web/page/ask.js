// The first view: photos are chosen or taken, and places that the gallery knows.

import { actions, aside, button, placeName, h, heading, s, photo } from "./dom.js";
import { places, thumbnail } from "./api.js";
import { say } from "./words.js";

const SHOWN = 12; // places that are shown under the question

/** The view; `ready` gives what is served, and `ask` takes files. It is there before the server has told anything. */
export function askView({ ready, ask }) {
  const pick = picker({ multiple: true }, ask);
  const take = picker({ capture: "environment" }, ask);
  const zone = h("div", { class: "drop", onclick: (event) => event.target.closest("button") || pick.click() },
    s("svg", { viewBox: "0 0 48 48", fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" },
      s("rect", { x: 5, y: 9, width: 38, height: 30, rx: 5 }), s("circle", { cx: 16, cy: 19, r: 3.5 }), s("path", { d: "m6 34 11-9 7 6 9-10 10 10" })),
    actions(
      button(() => take.click(), say("ask.take"), { class: "first take" }),
      button(() => pick.click(), say("ask.choose"), { class: "first" })),
    h("p", { class: "small soft" }, h("span", { class: "desk" }, `${say("ask.drop")} `), say("ask.many")));
  const intro = h("p", { class: "soft" }, say("ask.learning"));
  const room = h("div", {});
  ready().then(async (about) => {
    intro.replaceChildren(...introduction(about));
    room.replaceChildren(...[await samples()].filter(Boolean));
  }).catch((error) => { intro.textContent = `${error.title ?? say("page.stumbled")} ${error.message}`; });
  return [
    h("section", { class: "hero arrives" },
      heading(say("ask.title")),
      intro, zone, pick, take), // beside the zone: a click of theirs must not reach it
    room,
  ];
}

function introduction(about) {
  if (!about.images) return [say("ask.empty")];
  const values = { photos: say("withPhotos", { n: about.images }), places: say("ofPlaces", { n: about.places }) };
  return [`${say("ask.compared", values)} `, about.remembers ? h("a", { href: "unknown" }, say("ask.kept")) : say("ask.unkept")];
}

function picker(attributes, ask) {
  const input = h("input", { type: "file", accept: "image/*,.heic,.heif,.avif,.tif,.tiff", hidden: true, ...attributes });
  input.addEventListener("change", () => {
    if (input.files.length) ask([...input.files]);
    input.value = "";
  });
  return input;
}

async function samples() {
  const found = await places({ limit: SHOWN });
  if (!found.places.length) return null;
  return h("section", { class: "part", "aria-labelledby": "known" },
    h("header", {}, h("h2", { id: "known" }, say("ask.known")), h("a", { class: "small", href: "#/places" }, say("ask.all", { n: found.total }))),
    h("ul", { class: "grid" }, found.places.map(placeCard)));
}

/** A place as a picture that leads to it. */
export function placeCard(place) {
  const picture = photo(thumbnail(place.cover.image), "", { loading: "lazy", width: 240, height: 180 });
  return h("li", {}, h("a", { class: "card", href: `#/places/${encodeURIComponent(place.place)}` },
    h("span", { class: "frame" }, picture),
    h("b", {}, placeName(place)), aside(say("photos", { n: place.images }))));
}
