// The first view: photos are chosen or taken, and places that the gallery knows.

import { actions, aside, button, placeAddress, placeName, h, heading, s, photo } from "./dom.js";
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
      button(() => take.click(), say("Take a photo"), { class: "first take" }),
      button(() => pick.click(), say("Choose photos"), { class: "first" })),
    h("p", { class: "small soft" }, h("span", { class: "desk" }, `${say("Or drop them anywhere, or paste.")} `), say("One, or as many as you like; folders too.")));
  const intro = h("p", { class: "soft" }, say("Looking at what is in the gallery …"));
  const room = h("div", {});
  ready().then(async (about) => {
    intro.replaceChildren(...introduction(about));
    room.replaceChildren(...[await samples()].filter(Boolean));
  }).catch((error) => { intro.textContent = `${error.title ?? say("The page stumbled.")} ${error.message}`; });
  return [
    h("section", { class: "hero arrives" },
      heading(say("Which place is this?")),
      intro, zone, pick, take), // beside the zone: a click of theirs must not reach it
    room,
  ];
}

function introduction(about) {
  if (!about.images) return [say("This gallery has no photos yet, so every answer is UNKNOWN. Add photos of places first.")];
  const values = { photos: say("{n} photos", { n: about.images }), places: say("of {n} places", { n: about.places }) };
  return [`${say("Your photo is compared with {photos} {places}.", values)} `, about.remembers ? h("a", { href: "unknown" }, say("The server keeps a copy when it is UNKNOWN. Nothing leaves the machine that serves this page.")) : say("The server does not keep it, and nothing leaves the machine that serves this page.")];
}

/** A field for files that is not seen: clicked, it lets people choose photos. */
export function picker(attributes, ask) {
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
    h("header", {}, h("h2", { id: "known" }, say("Places it knows")), h("a", { class: "small", href: "#/places" }, say("All {n} places", { n: found.total }))),
    h("ul", { class: "grid" }, found.places.map(placeCard)));
}

/** A place as a picture that leads to it. */
export function placeCard(place) {
  const picture = photo(thumbnail(place.cover.image), "", { loading: "lazy", width: 240, height: 180 });
  return h("li", {}, h("a", { class: "card", href: placeAddress(place.place) },
    h("span", { class: "frame" }, picture),
    h("b", {}, placeName(place)), aside(say("{n} photos", { n: place.images }))));
}
