// The grade of an answer, sure, likely or UNKNOWN, in a few words, and what is told of an answer in a row.

import { placeName } from "./dom.js";
import { say, tell } from "./words.js";

export const GRADES = { sure: say("sure"), likely: say("likely"), UNKNOWN: say("UNKNOWN") };

/** An answer in a few words: the place, "likely" and the best guess, or UNKNOWN. */
export const told = (answer) => (answer.grade === "UNKNOWN" ? [GRADES.UNKNOWN] : answer.grade === "likely" ? tell("likely {place}", { place: placeName(answer) }) : [placeName(answer)]);

/** The place that a row is filed under: its answer, or the best guess of a likely one; null when it is UNKNOWN. */
export const filedUnder = (row) => (row.grade === "sure" || row.grade === "likely" ? row.guess : null);

/** What a row keeps of an answer: enough to list, sort and export it. */
export function summary(answer) {
  const { grade, place, best_guess: guess, score, probability, probability_threshold: limit, why, position: at } = answer;
  return { grade, place, guess, title: answer.title ?? null, score, probability, limit, why, at: at?.latitude == null ? null : [at.latitude, at.longitude, at.radius] };
}
