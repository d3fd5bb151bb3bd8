// Coasts and large cities behind the places of a map, from a small file that is fetched when a map is drawn.

import { s } from "./dom.js";

const [COASTS, CITIES] = [300_000, 20_000]; // metres across the picture from which on they are drawn: they are no more exact

let read = null;

/** { coasts, cities }, or null where the file cannot be read. */
export function outline() {
  read ??= fetch("static/outline.json").then((answer) => answer.json()).then(unpacked).catch(() => (read = null));
  return read;
}

function unpacked({ steps, coasts, towns }) {
  return {
    coasts: coasts.map((moves) => {
      let [y, x] = [0, 0];
      return Array.from({ length: moves.length / 2 }, (_, i) => [(y += moves[2 * i]) / steps, (x += moves[2 * i + 1]) / steps]);
    }),
    cities: towns.map(([text, ...at]) => ({ text, at })),
  };
}

/** The coasts of a view as one path; `at` says where a point lies on the picture. */
export function shore(all, { metres, width, height }, at) {
  if (!all || metres * width < COASTS) return null;
  const lines = all.coasts.map((line) => line.map((point) => at(point).map(Math.round)));
  const near = lines.filter((line) => line.some(([x, y]) => x > -width && x < 2 * width && y > -height && y < 2 * height));
  return s("path", { class: "coast", d: near.map((line) => `M${line.join("L")}`).join("") });
}

/** The cities of a view { xy, text }, the largest first. */
export const cities = (all, { metres, width }, at) => (all && metres * width >= CITIES ? all.cities.map(({ text, at: point }) => ({ text, xy: at(point) })) : []);
