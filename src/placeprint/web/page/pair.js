// Two photographs side by side, with lines between what lies alike in them, or lit where it does.

import { h, s, photo } from "./dom.js";
import { say } from "./words.js";

const STRENGTHS = [[64, 140, 232], [110, 200, 190], [255, 214, 48]]; // weak to strong, as in the report

/** A figure of the query and one match. `explanation` has ends [x, y, x', y'] and weights 0 to 1, or is null. */
export function pair(query, match, explanation, look) {
  const left = pane(query.source, query.text, look === "heat" ? explanation?.heat.query : null);
  const right = pane(match.source, match.text, look === "heat" ? explanation?.heat.match : null);
  const overlay = s("svg", { class: "lines", "aria-hidden": "true" });
  const both = h("div", { class: "pair" }, left, right, look === "lines" ? overlay : null);
  const seen = () => [left, right].every((frame) => frame.querySelector("img")?.naturalWidth);
  const draw = () => {
    overlay.replaceChildren(); // over a photo that cannot be drawn no line means anything
    if (look === "lines" && seen()) drawLines(both, left, right, overlay, explanation);
  };
  for (const frame of [left, right]) {
    const image = frame.querySelector("img");
    if (!image) continue;
    const known = () => {
      shape(both, frame, image.naturalWidth, image.naturalHeight);
      draw();
    };
    if (image.complete && image.naturalWidth) known();
    else image.addEventListener("load", known);
    image.addEventListener("error", () => setTimeout(draw));
  }
  if (match.height) shape(both, right, match.width, match.height); // known before it is loaded
  new ResizeObserver(draw).observe(both);
  return both;
}

/** Both photographs get one height: a frame is as wide as its photograph wants. */
function shape(both, frame, width, height) {
  frame.style.setProperty("--aspect", width / height || 1);
  const [left, right] = [...both.querySelectorAll(".pane")].map((one) => Number(one.style.getPropertyValue("--aspect")) || 4 / 3);
  both.style.setProperty("--aspects", left + right);
}

function pane(source, text, heat) {
  const frame = h("div", { class: "pane" }, photo(source, text));
  if (heat?.length) frame.append(glow(heat));
  return frame;
}

function drawLines(both, left, right, overlay, explanation) {
  const box = both.getBoundingClientRect();
  if (!explanation || !box.width) return;
  const [from, to] = [left, right].map((frame) => frame.getBoundingClientRect());
  const at = (frame, x, y) => [frame.left - box.left + x * frame.width, frame.top - box.top + y * frame.height];
  const unit = Math.max(0.75, Math.min(1.3, from.height / 360));
  overlay.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  const drawn = explanation.ends.map(([x, y, x2, y2], index) =>
    line(at(from, x, y), at(to, x2, y2), Math.max(0, Math.min(1, (explanation.weights[index] - 0.4) / 0.5)), unit));
  overlay.replaceChildren(...drawn.reverse()); // the strongest come first in the list, and lie on top
}

function line([x1, y1], [x2, y2], strength, unit) {
  const colour = mixed(strength);
  const width = unit * (1.3 + 1.3 * strength);
  const stroke = (extra, paint, opacity) => s("line", { x1, y1, x2, y2, stroke: paint, "stroke-width": width + extra, "stroke-opacity": opacity });
  const end = (cx, cy) => s("circle", { cx, cy, r: width + 0.9 * unit, fill: colour, stroke: "#0c0d0e", "stroke-width": unit, "stroke-opacity": 0.85 });
  return s("g", {}, stroke(1.8 * unit, "#0c0d0e", 0.5), stroke(0, colour, 0.92), end(x1, y1), end(x2, y2));
}

function mixed(strength) {
  const [low, high, share] = strength < 0.5 ? [0, 1, 2 * strength] : [1, 2, 2 * strength - 1];
  const bands = STRENGTHS[low].map((band, i) => Math.round(band + share * (STRENGTHS[high][i] - band)));
  return `rgb(${bands.join(" ")})`;
}

/** A small canvas, one pixel a spot, that the browser enlarges softly: dark where nothing agrees, warm where it does. */
function glow(heat) {
  const [rows, columns] = [heat.length, heat[0].length];
  const canvas = h("canvas", { width: columns, height: rows, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  heat.flat().forEach((value, i) => {
    const light = Math.sqrt(value);
    const mix = (dark, warm) => dark + light * (warm - dark);
    pixels.data.set([mix(18, 255), mix(20, 214), mix(22, 48), mix(205, 50)], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** The same pair as large as the screen allows. */
export function enlarged(query, match, explanation, look) {
  const dialog = h("dialog", { class: "large", "aria-label": `${query.text}. ${match.text}`, onclose: () => dialog.remove() },
    h("form", { method: "dialog" }, h("button", { autofocus: true }, say("Close"))));
  document.body.append(dialog);
  dialog.showModal();
  dialog.append(pair(query, match, explanation, look));
}
