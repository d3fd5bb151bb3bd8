// What an answer says, in words. Pure functions of the answer: no elements, no server.

/** Probability as people say it: never "100 %", which nothing learned from photographs can promise. */
export function percent(probability) {
  if (probability > 0.995) return "over 99 %";
  if (probability < 0.005) return "under 1 %";
  return `${Math.round(100 * probability)} %`;
}

/** The best place, accepted or not; null when nothing was found. */
export function closest(answer) {
  return answer.places.length ? answer.places[0].place : null;
}

const likely = (p) => (p >= 0.98 ? "Very sure" : p >= 0.9 ? "Sure" : p >= 0.75 ? "Fairly sure" : "More likely than not");

/** How sure, in a few words. */
export function sureness(answer) {
  const p = answer.probability;
  if (answer.place === null && answer.photos?.some((one) => one.place !== null)) return "The photos do not agree";
  if (p === null) return "Not calibrated";
  if (answer.place !== null) return likely(p);
  if (!answer.places.length) return "Nothing to compare with";
  return p >= answer.probability_threshold / 2 ? "Perhaps a place it knows, not surely" : "Probably no place it knows";
}

/** One sentence more: what the number means, or what was missing. */
export function meaning(answer) {
  return answer.photos ? together(answer) : alone(answer);
}

function alone(answer) {
  const best = closest(answer);
  const p = answer.probability;
  if (best === null) return "There is no photo to compare this one with.";
  if (p === null) {
    const ahead = answer.margin === null ? "" : `, ${answer.margin.toFixed(2)} ahead of the next place`;
    return `The best score is ${answer.score.toFixed(2)}${ahead}. This gallery was not calibrated, so there is no probability.`;
  }
  const limit = answer.probability_threshold;
  if (answer.place !== null) {
    return `Right with a probability of ${percent(p)}${limit === null ? "" : `; below ${percent(limit)} the answer would be UNKNOWN`}.`;
  }
  return limit === null
    ? `The closest place is ${best}, at ${percent(p)}.`
    : `The closest place is ${best}, at ${percent(p)}. It takes ${percent(limit)} to name a place.`;
}

/** Several photos of one place, each answered by itself. */
function together(answer) {
  const named = answer.photos.filter((one) => one.place !== null);
  if (!named.length) return `Each of the ${answer.photos.length} photos by itself is UNKNOWN. The surest: ${lower(alone(answer))}`;
  const same = answer.photos.filter((one) => one.place === answer.place).length;
  if (answer.place !== null) return `${same} of ${answer.photos.length} photos say so, each by itself. The surest: ${lower(alone(answer))}`;
  const said = [...new Set(named.map((one) => one.place))].join(", ");
  return `${named.length} of ${answer.photos.length} name a place (${said}); more than half must name the same.`;
}

const lower = (sentence) => sentence[0].toLowerCase() + sentence.slice(1);

/** The whole of it in one breath, for people who listen. */
export function spoken(answer) {
  const name = answer.place === null ? "Unknown." : `This is ${answer.place}.`;
  return `${name} ${sureness(answer)}. ${meaning(answer)}`;
}

/** Whether a person should look twice: UNKNOWN, or accepted by little. */
export function doubtful(answer) {
  const { place, probability: p, probability_threshold: limit } = answer;
  return place === null || (p !== null && limit !== null && p < limit + (1 - limit) / 3);
}
