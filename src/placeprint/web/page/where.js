// The map of an answer: the candidates among all places of the gallery.

import { counted, h } from "./dom.js";
import { places } from "./api.js";
import { map } from "./map.js";

const PAGE = 200;
const MOST = 2000; // places that are drawn behind the candidates

let known = null;

/** A section that fills itself, or null where the gallery has no coordinates. */
export function answerMap(answer, about) {
  if (!about.coordinates) return null;
  const section = h("section", { "aria-labelledby": "map" }, h("header", {}, h("h2", { id: "map" }, "Where")));
  known ??= everywhere().catch(() => ({ points: new Map(), total: 0 }));
  known.then(({ points, total }) => {
    const marks = candidates(answer, points);
    const drawn = map([...points.values()], marks, { caption: caption(points.size, total, marks.length), named: answer.grade === "sure" });
    if (drawn) section.append(drawn);
    else section.remove();
  });
  return section;
}

/** Forget where the places are: they changed. */
export const forget = () => { known = null; };

function candidates(answer, points) {
  const near = new Map(answer.matches.filter((match) => match.latitude !== null).flatMap((match) => match.places.map((place) => [place, [match.latitude, match.longitude]])));
  return answer.places.map(({ place }, at) => ({ at: points.get(place) ?? near.get(place), text: place, number: at + 1, href: `#/places/${encodeURIComponent(place)}` })).filter((mark) => mark.at);
}

async function everywhere() {
  const points = new Map();
  let total = 0;
  for (let offset = 0; offset < MOST; offset += PAGE) {
    const page = await places({ offset, limit: PAGE });
    total = page.total;
    for (const place of page.places) if (place.latitude !== null) points.set(place.place, [place.latitude, place.longitude]);
    if (offset + PAGE >= total) break;
  }
  return { points, total };
}

function caption(drawn, total, marked) {
  const among = total > drawn ? `${drawn.toLocaleString("en")} of ${counted(total, "place")}` : counted(drawn, "place");
  return `${counted(marked, "candidate")} among ${among}. North is up.`;
}
