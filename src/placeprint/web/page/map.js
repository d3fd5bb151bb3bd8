// Where places lie, drawn without a map service: points, north up, and a scale bar.

import { h, s } from "./dom.js";

const WIDTH = 640;
const [LOWEST, HIGHEST] = [240, 420]; // the picture is as high as the points need
const EDGE = 46;
const METRES_A_DEGREE = 111_320; // of latitude; of longitude times the cosine of the latitude

/**
 * A figure, or null without points.
 * `ground` are [latitude, longitude] of all places, faint; `marks` are { at, text } that are named, the best first; `named` says whether that one is the answer.
 */
export function map(ground, marks, { caption, named }) {
  const everything = [...ground, ...marks.map((mark) => mark.at)];
  if (!everything.length) return null;
  const { place, metres, height } = projection(everything, marks);
  const dots = ground.map((at) => place(at)).map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");
  const picture = s("svg", { class: "map", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": caption },
    s("path", { class: "ground", d: dots }),
    marks.slice(1).map((mark) => s("circle", { class: "mark", cx: place(mark.at)[0], cy: place(mark.at)[1], r: 5.5 })),
    marks.length ? pin(place(marks[0].at), named) : null,
    labels(marks, place),
    scale(metres, height),
    s("path", { class: "north", d: `M${WIDTH - 24} 38V14m-5 7 5-7 5 7` }));
  return h("figure", { class: "where" }, picture, h("figcaption", { class: "small soft" }, caption));
}

/** The mark of the page, its tip on the place. */
function pin([x, y], named) {
  return s("path", { class: named ? "pin named" : "pin", transform: `translate(${x - 16} ${y - 30})`, d: "M16 1.5C8.9 1.5 3.5 6.8 3.5 13.7c0 8 8.9 13.6 12.5 16.8 3.6-3.2 12.5-8.8 12.5-16.800C28.5 6.8 23.1 1.5 16 1.500zm0 7.500a5 5 0 1 1 0 10 5 5 0 1 1 0-10z" });
}

/** Put degrees on the picture: one scale both ways, around the marks when they lie close together in a wide gallery. */
function projection(points, marks) {
  const focus = marks.length > 1 ? spread(marks.map((mark) => mark.at)) : null;
  const whole = spread(points);
  const frame = focus && Math.max(focus.wide, focus.high) * 40 < Math.max(whole.wide, whole.high) ? focus : whole;
  const room = WIDTH - 2 * EDGE;
  const height = Math.round(Math.min(HIGHEST, Math.max(LOWEST, (room * frame.high) / (frame.wide || 1) + 3 * EDGE)));
  const size = Math.max(frame.wide / room, frame.high / (height - 3 * EDGE), 0.02); // metres a unit
  const place = ([latitude, longitude]) => [
    WIDTH / 2 + metresEast(longitude - frame.longitude, frame.latitude) / size,
    height / 2 - ((latitude - frame.latitude) * METRES_A_DEGREE) / size,
  ];
  return { place, metres: size, height };
}

function spread(points) {
  const [south, north] = ends(points.map(([latitude]) => latitude));
  const [west, east] = ends(points.map(([, longitude]) => longitude));
  const [latitude, longitude] = [(south + north) / 2, (west + east) / 2];
  return { latitude, longitude, wide: metresEast(east - west, latitude), high: (north - south) * METRES_A_DEGREE };
}

function ends(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

function metresEast(degrees, latitude) {
  return degrees * METRES_A_DEGREE * Math.cos((latitude * Math.PI) / 180);
}

/** Name marks, the best first; a name that would lie on another one is left to the list beside the map. */
function labels(marks, place) {
  const taken = [];
  return marks.map((mark) => {
    const [x, y] = place(mark.at);
    const half = mark.text.length * 4.4;
    const middle = Math.min(WIDTH - half - 6, Math.max(half + 6, x));
    const above = mark === marks[0] ? 38 : 15; // the pin stands between the point and its name
    const line = y < above + 24 ? y + 24 : y - above;
    const box = [middle - half, line - 14, middle + half, line + 4];
    if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) return null;
    taken.push(box);
    return s("text", { class: mark === marks[0] ? "best" : "", x: middle, y: line }, mark.text);
  });
}

/** A bar of a round number of metres, about a fifth of the picture. */
function scale(metres, height) {
  const about = (WIDTH / 5) * metres;
  const power = 10 ** Math.floor(Math.log10(about));
  const round = [5, 2, 1].find((step) => step * power <= about) * power;
  const long = round / metres;
  const text = round >= 1000 ? `${(round / 1000).toLocaleString("en")} km` : `${round.toLocaleString("en")} m`;
  return s("g", { class: "scale" }, s("path", { d: `M20 ${height - 26}v6h${long.toFixed(1)}v-6` }), s("text", { x: 20 + long / 2, y: height - 30 }, text));
}
