// The map of an answer: the candidates among all places of the gallery.

import { h, placeAddress } from "./dom.js";
import { places } from "./api.js";
import { map } from "./map.js";
import { outline } from "./outline.js";
import { say } from "./words.js";

const PAGE = 200;
const MOST = 2000; // places that are drawn behind the candidates

let known = null;

/** A section that fills itself, or null where the gallery has no coordinates. */
export function answerMap(answer, about) {
  if (!about.coordinates) return null;
  const section = h("section", { "aria-labelledby": "map" }, h("header", {}, h("h2", { id: "map" }, say("Where"))));
  known ??= everywhere().catch(() => ({ points: new Map(), total: 0 }));
  Promise.all([known, outline()]).then(([{ points, total }, behind]) => {
    const marks = candidates(answer, points);
    const { latitude, longitude, radius } = answer.position ?? {};
    const spot = latitude == null ? null : { at: [latitude, longitude], radius };
    const said = [caption(points.size, total, marks.length), spot && say("The circle is where the photo was taken."), behind && say("Coasts and cities: Natural Earth.")].filter(Boolean).join(" ");
    const drawn = map([...points.values()], marks, { caption: said, named: answer.grade === "sure", outline: behind, spot });
    if (drawn) section.append(drawn);
    else section.remove();
  });
  return section;
}

/** Forget where the places are: they changed. */
export const forget = () => { known = null; };

function candidates(answer, points) {
  const near = new Map(answer.matches.filter((match) => match.latitude !== null).flatMap((match) => match.places.map((place) => [place, [match.latitude, match.longitude]])));
  return answer.places.map(({ place, title }, at) => ({ at: points.get(place) ?? near.get(place), text: title ?? place, number: at + 1, href: placeAddress(place) })).filter((mark) => mark.at);
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
  const among = total > drawn ? say("among {drawn} of {total} places", { drawn, total }) : say("among {n} places", { n: drawn });
  return `${say("{n} candidates", { n: marked })} ${among}. ${say("North is up.")}`;
}
