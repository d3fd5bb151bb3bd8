// All places: searched by name, and loaded as they come into sight.

import { bdi, h, heading } from "./dom.js";
import { placeCard } from "./ask.js";
import { places } from "./api.js";
import { listed } from "./listing.js";
import { replaceQuery } from "./route.js";
import { say, tell } from "./words.js";

const PAUSE = 150; // milliseconds after the last key

/** The search box and the list; what is searched is in the address. */
export async function placesView(query) {
  const says = h("p", { class: "soft", role: "status" });
  const room = h("div", {});
  const box = h("input", { type: "search", placeholder: say("Search by name"), "aria-label": say("Search places by name"), value: query.get("q") ?? "", autocomplete: "off", spellcheck: "false" });
  let mine = 0;
  const draw = async () => {
    const number = ++mine;
    const q = box.value.trim();
    const list = await listed((offset, limit) => places({ q, offset, limit }), (page) => page.places, placeCard);
    if (number !== mine) return;
    says.replaceChildren(...(q ? tell("{n} places with “{name}” in the name.", { n: list.total, name: bdi(q) }) : [say("{n} places.", { n: list.total })]));
    room.replaceChildren(...list.elements);
  };
  let waiting = 0;
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    replaceQuery({ q: box.value.trim() });
    waiting = setTimeout(() => draw().catch((error) => { says.textContent = error.message; }), PAUSE);
  });
  await draw();
  return [h("section", { class: "hero slim arrives" }, heading(say("Places")), h("search", {}, box), says), room];
}
