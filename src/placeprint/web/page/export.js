// Rows as files that other programs read: CSV, JSON and GeoJSON. Pure functions of rows, and one that saves.

import { h } from "./dom.js";
import { filedUnder } from "./grade.js";

const COLUMNS = ["file", "asked", "state", "grade", "place", "best_guess", "probability", "probability_threshold", "score", "latitude", "longitude", "radius", "mark", "correct_place", "error"];

/** One answer as flat facts; the position is where the photo was taken, within so many metres. */
function facts(row) {
  const [latitude = null, longitude = null, radius = null] = row.at ?? [];
  return {
    file: row.name, asked: row.when, state: row.state, grade: row.grade ?? null, place: row.place ?? null, best_guess: row.guess ?? null,
    probability: row.probability ?? null, probability_threshold: row.limit ?? null, score: row.score ?? null,
    latitude, longitude, radius,
    mark: row.mark ?? null, correct_place: row.correction || (row.mark === "right" ? filedUnder(row) : null) || null, error: row.error?.message ?? null,
  };
}

/** With a byte order mark, by which spreadsheets know UTF-8. */
const csv = (rows) => "\ufeff" + [COLUMNS, ...rows.map((row) => Object.values(facts(row)))].map((cells) => cells.map(cell).join(",") + "\r\n").join("");

/** Text that begins as a formula would be run by a spreadsheet: an apostrophe before it keeps it text. */
function cell(value) {
  if (value === null) return "";
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const json = (rows) => JSON.stringify({ answers: rows.map(facts) }, null, 1);

/** RFC 7946: longitude first; an answer without a position is a feature without a geometry. */
const geojson = (rows) => JSON.stringify({
  type: "FeatureCollection",
  features: rows.map((row) => {
    const { latitude, longitude, ...properties } = facts(row);
    return { type: "Feature", geometry: latitude === null ? null : { type: "Point", coordinates: [longitude, latitude] }, properties };
  }),
}, null, 1);

export const FORMATS = { CSV: ["csv", "text/csv", csv], JSON: ["json", "application/json", json], GeoJSON: ["geojson", "application/geo+json", geojson] };

/** Save rows as a file of one of the formats. */
export function save(rows, format, name) {
  const [ending, kind, write] = FORMATS[format];
  const address = URL.createObjectURL(new Blob([write(rows)], { type: `${kind};charset=utf-8` }));
  h("a", { href: address, download: `${name}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
