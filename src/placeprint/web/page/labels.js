// Names on the map: inside of the frame, beside their point, and on no other point or name.

import { s } from "./dom.js";

export const PIN_HIGH = 30;
const [EDGE, HIGH, AROUND] = [6, 18, 12]; // of the frame, of a line of text, of a dot
const PIN = 3; // its box among those that are taken
const LONGEST = 0.6; // of the width of the picture
const CITIES = 12; // of these about so many are named

const pen = document.createElement("canvas").getContext("2d");

/** Names of spots { xy, text }, the best first, then of a few cities with their dots; one without room is left out: spots have numbers and the list. */
export function labelled(spots, { width, height }, cities) {
  pen.font = "650 15px system-ui, sans-serif";
  const taken = [[0, height - 48, 0.3 * width, height], [width - 36, 0, width, 48], [width - 160, height - 58, width, height], ...spots.map(({ xy: [x, y] }, number) => (number ? [x - AROUND, y - AROUND, x + AROUND, y + AROUND] : [x - 15, y - PIN_HIGH - 2, x + 15, y + 2]))];
  const most = taken.length + spots.length + CITIES;
  return [...spots, ...cities].flatMap((spot, number) => {
    const [x, y] = spot.xy;
    const city = number >= spots.length;
    if (x < 0 || y < 0 || x > width || y > height || (city && (taken.length > most || taken.some((other) => overlap([x - 5, y - 5, x + 5, y + 5], other))))) return [];
    const text = fitting(spot.text, LONGEST * width);
    const half = pen.measureText(text).width / 2;
    const tries = positions(x, y, half, number === 0, city ? 9 : 0).filter(([middle, line]) => middle - half >= EDGE && middle + half <= width - EDGE && line - HIGH >= 0 && line <= height - EDGE);
    const box = ([middle, line]) => [middle - half - 3, line - HIGH + 4, middle + half + 3, line + 5];
    const free = tries.find((one) => !taken.some((other) => overlap(box(one), other)));
    const found = free ?? (number ? null : tries.find((one) => !overlap(box(one), taken[PIN]))); // the best is named whatever lies there
    if (!found) return [];
    taken.push(box(found));
    const name = s("text", { class: city ? "city" : number ? "" : "best", x: found[0], y: found[1] }, text);
    return city ? [s("path", { class: "dot", d: `M${x} ${y}h0` }), name] : name;
  });
}

/** Above, below and at both sides; above and below a name may also be moved sideways, so that it stays in the frame. */
function positions(x, y, half, best, near) {
  const [above, below] = best ? [y - PIN_HIGH - 8, y + 20] : [y - 18 + near, y + 28 - near];
  const [side, level] = best ? [20, y - 8] : [15 - near / 2, y + 5];
  const shifts = [0, 0.45, -0.45, 0.9, -0.9].map((share) => x + share * half);
  return [...shifts.map((middle) => [middle, above]), ...shifts.map((middle) => [middle, below]), [x + side + half, level], [x - side - half, level]];
}

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function fitting(text, most) {
  if (pen.measureText(text).width <= most) return text;
  const letters = [...text];
  while (letters.length > 1 && pen.measureText(`${letters.join("")}…`).width > most) letters.pop();
  return `${letters.join("")}…`;
}
