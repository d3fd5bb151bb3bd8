// What an answer says, in words: pieces of text and names, by the answer alone.

import { bdi, placeName } from "./dom.js";
import { decimal, say, spelled, tell } from "./words.js";

/** The least probability of a place that is called sure, however low the gallery's threshold is. */
const LEAST_SURE = 0.5;

/** Probability as people say it: never "100 %", which nothing learned from photographs can promise; the sign stays beside its number. */
export function percent(probability) {
  const said = probability > 0.995 ? say("over 99 %") : probability < 0.005 ? say("under 1 %") : say("{n} %", { n: Math.round(100 * probability) });
  return said.replace(" %", "\u00a0%");
}

/** How sure, in a few words: the grade first, then what explains it. */
export function sureness(answer) {
  if (answer.grade === "sure") return say("sure");
  if (disagreeing(answer)) return say("UNKNOWN: the photos do not agree");
  if (answer.best_guess === null) return say("UNKNOWN: nothing to compare with");
  if (answer.grade === "likely") return answer.place === null || answer.probability !== null ? say("likely, not sure") : say("likely: this gallery has no threshold");
  return answer.probability === null ? say("UNKNOWN") : say("UNKNOWN: probably no place it knows");
}

/** Whether several photos name places, and no place is left of them. */
function disagreeing({ grade, photos = [] }) {
  return grade === "UNKNOWN" && photos.some((one) => one.grade !== "UNKNOWN");
}

/** One sentence or two: what several photos say, and what the number means. */
export function meaning(answer) {
  if (!answer.photos) return alone(answer);
  return disagreeing(answer) ? together(answer) : [...together(answer), " ", ...alone(answer)];
}

function alone(answer) {
  const { best_guess: best, probability: p, probability_threshold: limit } = answer;
  if (best === null) return tell("There is no photo to compare this one with. Add photos to the gallery first.");
  if (p === null) {
    const ahead = answer.margin === null ? "" : say(", {margin} ahead of the next place", { margin: decimal(answer.margin, 2) });
    return tell("The best score is {score}{ahead}. This gallery was not calibrated, so there is no probability.", { score: decimal(answer.score, 2), ahead });
  }
  const values = { place: placeName({ ...answer, place: best }), percent: percent(p), needed: limit === null ? "" : say("; it takes {percent} to be sure", { percent: percent(Math.max(limit, LEAST_SURE)) }) };
  if (answer.place !== null) return tell("Right with a probability of {percent}{needed}.", values);
  return answer.grade === "likely" ? tell("It is {place} with a probability of {percent}{needed}.", values) : tell("The closest place is {place}, at {percent}{needed}.", values);
}

/** What several photos of one place say: each names a place, or could not tell. */
function together(answer) {
  const counts = new Map();
  for (const one of answer.photos) if (one.grade !== "UNKNOWN") counts.set(one.best_guess, (counts.get(one.best_guess) ?? 0) + 1);
  const all = answer.photos.length;
  const name = (place) => placeName(answer.photos.find((one) => one.best_guess === place));
  if (!counts.size) return tell("None of the {count} photos could tell a place.", { n: all, count: spelled(all) });
  if (counts.get(answer.best_guess) === all) return tell("All {count} photos name {place}.", { n: all, count: spelled(all), place: name(answer.best_guess) });
  const silent = all - [...counts.values()].reduce((sum, count) => sum + count);
  const own = counts.get(answer.best_guess);
  const rivals = [...counts].filter(([place]) => place !== answer.best_guess).sort((a, b) => b[1] - a[1]);
  const parts = [
    tell("{count} photos name {place}", { n: own, count: spelled(own), place: name(answer.best_guess) }),
    ...rivals.map(([place, count]) => tell("{count} name {place}", { n: count, count: spelled(count), place: name(place) })),
    silent ? tell("{count} could not tell", { n: silent, count: spelled(silent) }) : null,
  ].filter(Boolean);
  const said = parts.flatMap((part, at) => (at ? [", ", ...part] : part));
  if (disagreeing(answer)) return [say("The photos do not agree:"), " ", ...said, "."];
  return [said[0].charAt(0).toUpperCase() + said[0].slice(1), ...said.slice(1), "."];
}

/** The whole of it in one breath, for people who listen. */
export function spoken(answer) {
  const place = bdi(answer.title ?? answer.best_guess ?? "");
  const said = { sure: tell("This is {place}.", { place }), likely: tell("This is likely {place}.", { place }), UNKNOWN: [say("Unknown.")] };
  return [...said[answer.grade], " ", ...meaning(answer)];
}

/** Whether a person should look twice: not accepted, or by little. */
export function doubtful(answer) {
  const { place, probability: p, probability_threshold: limit } = answer;
  return place === null || (p !== null && limit !== null && p < limit + (1 - limit) / 3);
}
