// The map of an answer: the candidates among all places of the gallery.

import { counted, h } from "./dom.js";
import { places } from "./api.js";
import { map } from "./map.js";

const PAGE = 200;
const MOST = 2000; // places that are drawn behind the candidates

let known = null;

/** A section that fills itself, or null where the gallery has no coordinates. */
export function answerMap(answer, about) {
  const marks = candidates(answer);
  if (!about.coordinates || !marks.length) return null;
  const section = h("section", { "aria-labelledby": "map" }, h("header", {}, h("h2", { id: "map" }, "Where")));
  known ??= everywhere().catch(() => ({ points: [], total: 0 }));
  known.then(({ points, total }) => section.append(map(points, marks, caption(points.length, total, marks.length))));
  return section;
}

/** Forget where the places are: they changed. */
export const forget = () => { known = null; };

function candidates(answer) {
  const found = new Map();
  for (const match of answer.matches) {
    for (const place of match.places) {
      if (match.latitude !== null && !found.has(place)) found.set(place, { at: [match.latitude, match.longitude], text: place });
    }
  }
  return [...found.values()].map((mark) => ({ ...mark, best: mark.text === answer.places[0].place }));
}

async function everywhere() {
  const points = [];
  let total = 0;
  for (let offset = 0; offset < MOST && offset <= total; offset += PAGE) {
    const page = await places({ offset, limit: PAGE });
    total = page.total;
    points.push(...page.places.filter((place) => place.latitude !== null).map((place) => [place.latitude, place.longitude]));
    if (offset + PAGE >= total) break;
  }
  return { points, total };
}

function caption(drawn, total, marked) {
  const among = total > drawn ? `${drawn.toLocaleString("en")} of ${counted(total, "place")}` : counted(drawn, "place");
  return `${counted(marked, "candidate")} among ${among}. North is up.`;
}
