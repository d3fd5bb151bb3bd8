// What this page was asked since it was opened. Photographs stay in the browser's memory and are gone with the page.

import { doubtful } from "./verdict.js";

const MOST = 100; // answers that are kept: each holds its photographs

const kept = new Map();
let last = 0;

/** Keep an answer with its photographs and return its number. */
export function remember(photos, answer) {
  last += 1;
  kept.set(last, { number: last, photos, answer, doubtful: doubtful(answer), added: [] });
  for (const old of [...kept.keys()].slice(0, -MOST)) {
    kept.get(old).photos.forEach((photo) => URL.revokeObjectURL(photo.source));
    kept.delete(old);
  }
  return last;
}

/** One question and its answer; undefined when it is not kept any more. */
export const recall = (number) => kept.get(Number(number));

/** All of them, the newest first. */
export const remembered = () => [...kept.values()].reverse();

/** Files as photographs that can be drawn. */
export const drawable = (files) => files.map((file) => ({ file, source: URL.createObjectURL(file), text: file.name || "the photo that was asked about" }));
