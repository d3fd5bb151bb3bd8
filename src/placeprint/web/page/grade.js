// How sure an answer is, as one of a few words, and what is told of it in a row.

/** "sure", "likely" or "UNKNOWN"; "named" where the server does not tell how sure it is. */
export const gradeOf = (answer) => answer.grade ?? (answer.place === null ? "UNKNOWN" : "named");

/** The best place, accepted or not; null when nothing was found. */
export const guessOf = (answer) => answer.best_guess?.place ?? answer.best_guess ?? answer.places[0]?.place ?? null;

/** The place that a row is filed under: its answer, or the best guess of a likely one; null when it is UNKNOWN. */
export const filedUnder = (row) => (row.grade === "likely" ? row.guess : row.place ?? null);

export const GRADES = { sure: "Sure", likely: "Likely", named: "Named", UNKNOWN: "UNKNOWN" };

/** What a row keeps of an answer: enough to list, sort and export it. */
export function summary(answer) {
  const place = gradeOf(answer) === "UNKNOWN" ? null : answer.place ?? guessOf(answer);
  const near = place !== null && answer.matches.find((match) => match.latitude !== null && match.places.includes(place));
  return {
    grade: gradeOf(answer), place: answer.place, guess: guessOf(answer), score: answer.score,
    probability: answer.probability, limit: answer.probability_threshold, why: answer.why,
    at: near ? [near.latitude, near.longitude] : null,
  };
}
