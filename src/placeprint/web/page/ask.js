// Ways for a photograph to get in: dropped, pasted, chosen, taken.

import { h, s, counted, photo } from "./dom.js";
import { places, thumbnail } from "./api.js";

const SHOWN = 12; // places that are shown under the question

/** The first view. `ask` takes files. */
export async function askView({ about, ask }) {
  const pick = picker({ multiple: true }, ask);
  const take = picker({ capture: "environment" }, ask);
  const zone = h("div", { class: "drop", onclick: (event) => event.target.closest("button") || pick.click() },
    s("svg", { viewBox: "0 0 48 48", fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" },
      s("rect", { x: 5, y: 9, width: 38, height: 30, rx: 5 }), s("circle", { cx: 16, cy: 19, r: 3.5 }), s("path", { d: "m6 34 11-9 7 6 9-10 10 10" })),
    h("div", { class: "actions" },
      h("button", { type: "button", class: "first take", onclick: () => take.click() }, "Take a photo"),
      h("button", { type: "button", class: "first", onclick: () => pick.click() }, "Choose photos")),
    h("p", { class: "small soft" }, h("span", { class: "desk" }, "Or drop them anywhere, or paste one. "), "Several are taken as one place."));
  return [
    h("section", { class: "hero arrives" },
      h("h1", { tabindex: "-1" }, "Which place is this?"),
      h("p", { class: "soft" }, introduction(about)),
      zone, pick, take), // beside the zone: a click of theirs must not reach it
    await samples(),
  ];
}

function introduction(about) {
  if (!about.images) return "This gallery has no photos yet, so every answer is UNKNOWN.";
  const asked = `Your photo is compared with ${counted(about.images, "photo")} of ${counted(about.places, "place")}`;
  return `${asked}. It is not kept, and nothing leaves the machine that serves this page.`;
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
    h("header", {}, h("h2", { id: "known" }, "Places it knows"), h("a", { class: "small", href: "#/places" }, `All ${counted(found.total, "place")}`)),
    h("ul", { class: "grid" }, found.places.map(placeCard)));
}

/** A place as a picture that leads to it. */
export function placeCard(place) {
  const picture = photo(thumbnail(place.cover.image), "", { loading: "lazy", width: 240, height: 180 });
  return h("li", {}, h("a", { class: "card", href: `#/places/${encodeURIComponent(place.place)}` },
    h("span", { class: "frame" }, picture),
    h("b", {}, place.place), h("span", { class: "small soft" }, counted(place.images, "photo"))));
}

/** Listen for photographs that are dropped on the page or pasted into it. */
export function listen(ask, refuse) {
  const curtain = document.getElementById("curtain");
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    curtain.hidden = false;
  });
  document.addEventListener("dragleave", (event) => { curtain.hidden = event.relatedTarget === null || curtain.hidden; });
  document.addEventListener("drop", (event) => {
    curtain.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files], "Nothing that was dropped is a file: drop photos, not a folder or a link.");
  });
  document.addEventListener("paste", (event) => {
    if (event.target.closest("input, textarea")) return;
    take([...event.clipboardData.files], "There is no photo on the clipboard.");
  });
  const take = (files, otherwise) => (files.length ? ask(files) : refuse(otherwise));
}
