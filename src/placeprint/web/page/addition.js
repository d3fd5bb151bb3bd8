// Photos are added to a place: candidates with pictures, and whether the name is new.

import { add, places, thumbnail } from "./api.js";
import { confirmed } from "./dialog.js";
import { bdi, button, h, photo, placeName, sized } from "./dom.js";
import { notice } from "./notice.js";
import { changed, takeBack } from "./removal.js";
import { say, tell } from "./words.js";

const OFFERED = 6;
const PAUSE = 150; // milliseconds after the last key
const TOGETHER = 8; // photos in one request

/** Ask to which place files are added; `candidates` are { place, image } that come first, `missing` photos are not here any more. */
export function addDialog({ files, place, candidates = [], missing = 0, most = TOGETHER }) {
  const field = placeField(place, candidates);
  const gone = missing ? h("p", { class: "small soft" }, say("{n} photos of an earlier visit cannot be added: the browser keeps only a small copy. Drop them again for that.", { n: missing })) : null;
  confirmed({
    title: files.length ? say("Add photos", { n: files.length }) : say("No photo is here to be added"),
    fields: [field.element, gone],
    action: say("Add"),
    run: async (key, signal, tell) => {
      if (!files.length) throw new Error(say("Drop the photos again, then add them."));
      const where = field.name();
      const made = await sent(where, files, most, (some, progress) => add(where, some, key, { signal, progress }), tell);
      changed();
      notice(...outcome(made, where));
    },
  });
}

/** Send files a few at a time. What was added stays when a later one fails, and can be taken back. */
async function sent(where, files, most, run, tell) {
  const made = { added: 0, images: [], error: null };
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let before = 0;
  for (let at = 0; at < files.length; at += most) {
    const some = files.slice(at, at + most);
    const bytes = some.reduce((sum, file) => sum + file.size, 0);
    try {
      const one = await run(some, (loaded) => tell(say("Sending {size}: {percent} %", { size: sized(total), percent: Math.min(100, Math.floor((100 * (before + Math.min(loaded, bytes))) / total)) })));
      made.added += one.added;
      made.images.push(...one.images);
    } catch (error) {
      if (!made.images.length) throw error;
      made.error = error;
      break;
    }
    before += bytes;
  }
  return made;
}

function outcome(made, where) {
  const all = made.added === made.images.length; // what was there before must not be taken back
  const stopped = made.error ? ` ${say("Then it stopped.")} ${made.error.message}` : "";
  const text = made.added ? [...tell("{n} photos added to {place}.", { n: made.added, place: bdi(where) }), stopped] : [...tell("Already there: {place} stays as it is.", { place: bdi(where) }), stopped];
  return [text, all && made.added ? say("Undo") : null, () => takeBack(made.images.map((one) => one.image), where)];
}

/** A name, what it stands for, and places that it may be. */
function placeField(place, candidates) {
  const input = h("input", { type: "text", name: "place", value: place, required: true, maxlength: 200, autocomplete: "off", "aria-describedby": "place-says", onfocus: ({ target }) => target.select() });
  const says = h("p", { id: "place-says", class: "small", role: "status" });
  const offers = h("ul", { class: "offers", "aria-label": say("Places") });
  let mine = 0;
  const look = async () => {
    const turn = ++mine;
    const name = input.value.trim();
    const found = await places({ q: name, limit: OFFERED }).catch(() => null);
    if (turn !== mine || !found) return;
    const same = found.places.find((one) => one.place === name);
    says.replaceChildren(...said(name, same));
    const first = name && !same ? [] : candidates.filter((one) => one.place !== name);
    const rest = found.places.filter((one) => !first.some((other) => other.place === one.place)).map((one) => ({ place: one.place, image: one.cover.image }));
    offers.replaceChildren(...[...rest.filter((one) => one.place === name), ...first, ...rest.filter((one) => one.place !== name)].slice(0, OFFERED).map(offer));
  };
  const offer = ({ place: name, image }) => h("li", {}, button(() => { input.value = name; look(); input.focus(); },
    [photo(image ? thumbnail(image, 120) : "", "", { width: 80, height: 60 }), bdi(name)], { "aria-pressed": String(name === input.value.trim()) }));
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE);
  });
  pictured(candidates.slice(0, OFFERED)).then(look);
  return { element: h("div", { class: "name" }, h("label", {}, say("Place"), input), says, offers), name: () => input.value.trim() };
}

/** Candidates of which no image is known get that of their place. */
async function pictured(candidates) {
  await Promise.all(candidates.filter((one) => !one.image).map(async (one) => {
    const found = await places({ q: one.place, limit: 1 }).catch(() => null);
    one.image = found?.places[0]?.place === one.place ? found.places[0].cover.image : null;
  }));
}

function said(name, same) {
  if (!name) return [say("Type a name, or choose a place.")];
  if (same) return tell("{place} is in the gallery with {n} photos.", { n: same.images, place: placeName(same) });
  return [h("b", {}, say("New place.")), " ", ...tell("The gallery has none called {place}.", { place: bdi(name) })];
}
