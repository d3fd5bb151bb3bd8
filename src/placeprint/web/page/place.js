// One place: its photos, and a way to add one.

import { actions, aside, bdi, button, h, heading, nothing, photo, placeName, readable } from "./dom.js";
import { picker } from "./ask.js";
import { place as fetchPlace, thumbnail } from "./api.js";
import { listed } from "./listing.js";
import { addDialog } from "./addition.js";
import { removeImage } from "./removal.js";
import { position } from "./row.js";
import { say, tell } from "./words.js";

/** The photos of a place; with writing on, one can be added or removed. */
export async function placeView(name, about) {
  return photosOf(name, about).catch((error) => {
    if (error.status !== 404) throw error;
    return nothing(say("No such place"), tell("The gallery has no photo of {place}.", { place: bdi(name) }), " ", h("a", { href: "#/places" }, say("All places")));
  });
}

async function photosOf(name, about) {
  let facts = null;
  const list = await listed(async (offset, limit) => (facts = await fetchPlace(name, { offset, limit })), (page) => page.items, (image) => card(image, about));
  const pick = picker({ multiple: true, "aria-label": say("Photos to add") }, (files) => addDialog({ files, place: name, most: about.limits.photos }));
  return [
    h("section", { class: "hero slim arrives" },
      h("p", { class: "small" }, h("a", { href: "#/places" }, say("All places"))),
      heading(placeName(facts)),
      h("p", { class: "soft" }, [facts.title ? name : null, say("{n} photos", { n: list.total }), facts.latitude === null ? null : position([facts.latitude, facts.longitude])].filter(Boolean).join(", ")),
      about.writing ? actions(button(() => pick.click(), say("Add photos")), pick) : null),
    ...list.elements,
  ];
}

function card(image, about) {
  const file = readable(image.path.split("/").pop());
  return h("li", {}, h("a", { class: "card", href: `v1/images/${image.image}`, target: "_blank", rel: "noopener", "aria-label": say("{file}, the original in a new tab", { file }) },
    h("span", { class: "frame" }, photo(thumbnail(image.image, 480), "", { loading: "lazy", width: 240, height: 180 })),
    aside(bdi(file))),
  about.writing ? button(() => removeImage(image, file), say("Remove"), { class: "plain small", "aria-label": say("Remove {file}", { file }) }) : null);
}
