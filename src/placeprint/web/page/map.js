// Where places lie, drawn without a map service: points, north up, a scale bar. It can be zoomed and moved.

import { button, h, s } from "./dom.js";
import { labelled, PIN_HIGH } from "./labels.js";
import { cities, shore } from "./outline.js";
import { LANGUAGE, say } from "./words.js";

const [WIDE, NARROW] = [640, 360]; // units of the drawing, about a pixel each
const [LOWEST, HIGHEST] = [240, 420]; // the picture is as high as the points need
const EDGE = 46;
const METRES_A_DEGREE = 111_320; // of latitude; of longitude times the cosine of the latitude
const [CLOSER, CLOSEST] = [1.6, 0.02]; // what a step of zoom is; metres a unit
const [NUMBER, RADIUS] = [12, 10];
const SMALLEST = 13; // of the circle of a position: more than a mark

/**
 * A figure, or null without points.
 * `ground` are [latitude, longitude] of all places, faint; `marks` are { at, text, number, href }, the best first; `named` says whether that one is the answer; `outline` is what lies behind; `spot` is { at, radius } in metres, where the photo was taken, or null.
 */
export function map(ground, marks, { caption, named, outline = null, spot = null }) {
  const everything = [...ground, ...marks.map((mark) => mark.at), ...(spot ? [spot.at] : [])];
  if (!everything.length) return null;
  const first = framed(everything, [...marks, ...(spot ? [spot] : [])], window.matchMedia("(max-width: 46rem)").matches ? NARROW : WIDE);
  let view = first;
  const picture = s("svg", { class: "map", viewBox: `0 0 ${view.width} ${view.height}`, role: "group", "aria-label": caption, tabindex: 0 });
  const draw = (next) => {
    const focused = picture.contains(document.activeElement) ? document.activeElement.dataset?.number : null;
    view = next;
    picture.replaceChildren(...drawn({ ground, marks, named, outline, spot }, view));
    if (focused) picture.querySelector(`[data-number="${focused}"]`)?.focus();
  };
  draw(view);
  const zoom = (factor) => draw(zoomed(view, marks[0]?.at, factor));
  movable(picture, (east, south) => draw(moved(view, east, south)), zoom);
  const control = (text, sign, run) => button(run, sign, { "aria-label": text, title: text });
  const controls = h("div", { class: "zoom" }, control(say("Zoom in"), "+", () => zoom(CLOSER)), control(say("Zoom out"), "−", () => zoom(1 / CLOSER)), control(say("Show all"), "⤢", () => draw(first)));
  return h("figure", { class: "where" }, h("div", { class: "mapped" }, picture, controls), h("figcaption", { class: "small soft" }, caption));
}

function drawn({ ground, marks, named, outline, spot }, view) {
  const at = (point) => placed(view, point);
  const dots = ground.map(at).map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");
  const spots = marks.map((mark) => ({ ...mark, xy: at(mark.at) }));
  const [best, ...others] = spots;
  return [
    shore(outline, view, at),
    s("path", { class: "ground", d: dots }),
    spot ? circle(placed(view, spot.at), spot.radius / view.metres) : null,
    ...others.reverse().map((spot) => link(spot, "mark", s("circle", { cx: spot.xy[0], cy: spot.xy[1], r: RADIUS }), 0)),
    best ? link(best, "best-mark", pin(best.xy, named), -17) : null,
    ...labelled(spots, view, cities(outline, view, at)),
    scale(view),
    s("path", { class: "north", d: `M${view.width - 24} 38V14m-5 7 5-7 5 7` }),
  ].filter(Boolean);
}

function link({ text, number, href, xy: [x, y] }, kind, shape, up) {
  return s("a", { class: kind, href, "data-number": number, "aria-label": `${number}. ${text}` }, s("title", {}, text), shape,
    s("text", { class: "digit", x, y: y + up + NUMBER / 3, "font-size": NUMBER }, String(number)));
}

/** Where the photo was taken: as large as it is uncertain, and never too small to see. */
const circle = ([cx, cy], r) => s("circle", { class: "spot", cx, cy, r: Math.max(r, SMALLEST).toFixed(1) });

/** The mark of the page, its tip on the place. */
function pin([x, y], named) {
  return s("path", { class: named ? "pin named" : "pin", transform: `translate(${x - 16} ${y - PIN_HIGH})`, d: "M16 1.5C8.9 1.5 3.5 6.8 3.5 13.7c0 8 8.9 13.6 12.5 16.8 3.6-3.2 12.5-8.8 12.5-16.8C28.5 6.8 23.1 1.5 16 1.5z" });
}

/** Where a point lies on the picture. */
function placed(view, [latitude, longitude]) {
  return [
    view.width / 2 + metresEast(longitude - view.longitude, view.latitude) / view.metres,
    view.height / 2 - ((latitude - view.latitude) * METRES_A_DEGREE) / view.metres,
  ];
}

/** One scale both ways, around the marks when they lie close together in a wide gallery. */
function framed(points, marks, width) {
  const focus = marks.length > 1 ? spread(marks.map((mark) => mark.at)) : null;
  const whole = spread(points);
  const frame = focus && Math.max(focus.wide, focus.high) * 40 < Math.max(whole.wide, whole.high) ? focus : whole;
  const room = width - 2 * EDGE;
  const height = Math.round(Math.min(HIGHEST, Math.max(LOWEST, (room * frame.high) / (frame.wide || 1) + 3 * EDGE)));
  const metres = Math.max(frame.wide / room, frame.high / (height - 3 * EDGE), CLOSEST);
  return { width, height, metres, latitude: frame.latitude, longitude: frame.longitude };
}

/** Closer by a factor; the best mark stays where it is on the picture. */
function zoomed(view, still, factor) {
  const metres = Math.max(CLOSEST, view.metres / factor);
  const share = metres / view.metres;
  if (!still) return { ...view, metres };
  const between = (from, to) => to + (from - to) * share;
  return { ...view, metres, latitude: between(view.latitude, still[0]), longitude: between(view.longitude, still[1]) };
}

function moved(view, east, south) {
  return {
    ...view,
    latitude: Math.max(-89, Math.min(89, view.latitude + (south * view.metres) / METRES_A_DEGREE)),
    longitude: view.longitude - (east * view.metres) / metresEast(1, view.latitude),
  };
}

const ARROWS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

/** Moved by arrows and by a mouse that drags, zoomed by + and -. A finger scrolls the page. */
function movable(picture, move, zoom) {
  picture.addEventListener("keydown", (event) => {
    if (event.target !== picture) return;
    if (event.key in ARROWS) move(...ARROWS[event.key]);
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? CLOSER : 1 / CLOSER);
    else return;
    event.preventDefault();
  });
  picture.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button || event.target.closest("a")) return;
    const drag = ({ movementX, movementY }) => {
      const unit = picture.viewBox.baseVal.width / picture.getBoundingClientRect().width;
      move(movementX * unit, movementY * unit);
    };
    picture.addEventListener("pointermove", drag);
    window.addEventListener("pointerup", () => picture.removeEventListener("pointermove", drag), { once: true });
  });
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
  return degrees * METRES_A_DEGREE * Math.max(0.01, Math.cos((latitude * Math.PI) / 180));
}

/** A bar of a round number of metres, about a fifth of the picture. */
function scale({ width, height, metres }) {
  const about = (width / 5) * metres;
  const power = 10 ** Math.floor(Math.log10(about));
  const round = [5, 2, 1].find((step) => step * power <= about) * power;
  const long = round / metres;
  const text = round >= 1000 ? `${(round / 1000).toLocaleString(LANGUAGE)} km` : `${round.toLocaleString(LANGUAGE)} m`;
  return s("g", { class: "scale" }, s("path", { d: `M20 ${height - 26}v6h${long.toFixed(1)}v-6` }), s("text", { x: 20 + long / 2, y: height - 30 }, text));
}
