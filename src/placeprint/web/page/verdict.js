// What an answer says, in words. Pure functions of the answer: no elements, no server.

/** Probability as people say it: never "100 %", which nothing learned from photographs can promise. */
export function percent(probability) {
  if (probability > 0.995) return "over 99 %";
  if (probability < 0.005) return "under 1 %";
  return `${Math.round(100 * probability)} %`;
}

/** How sure, in a few words: the grade first, then what explains it. */
export function sureness(answer) {
  if (answer.grade === "sure") return "sure";
  if (disagreeing(answer)) return `${answer.grade}: the photos do not agree`;
  if (answer.best_guess === null) return "UNKNOWN: nothing to compare with";
  if (answer.grade === "likely") return answer.place === null ? "likely, not sure" : "likely: nothing decides here";
  return answer.probability === null ? "UNKNOWN" : "UNKNOWN: probably no place it knows";
}

/** Whether one of several photos names a place that the others do not. */
export function disagreeing(answer) {
  return answer.place === null && (answer.photos ?? []).some((one) => one.place !== null);
}

/** One sentence more: what the number means, or what was missing. */
export function meaning(answer) {
  return answer.photos ? together(answer) : alone(answer);
}

function alone(answer) {
  const { best_guess: best, probability: p, probability_threshold: limit } = answer;
  if (best === null) return "There is no photo to compare this one with.";
  if (p === null) {
    const ahead = answer.margin === null ? "" : `, ${answer.margin.toFixed(2)} ahead of the next place`;
    return `The best score is ${answer.score.toFixed(2)}${ahead}. This gallery was not calibrated, so there is no probability.`;
  }
  const needed = limit === null ? "" : `; it takes ${percent(limit)} to be sure`;
  if (answer.place !== null) return `Right with a probability of ${percent(p)}${needed}.`;
  return answer.grade === "likely"
    ? `It is ${best} with a probability of ${percent(p)}${needed}.`
    : `The closest place is ${best}, at ${percent(p)}${needed}.`;
}

/** Several photos of one place, each answered by itself. */
function together(answer) {
  const named = answer.photos.filter((one) => one.place !== null);
  if (!named.length) return `None of the ${answer.photos.length} photos by itself is sure. The surest: ${lower(alone(answer))}`;
  const same = answer.photos.filter((one) => one.place === answer.place).length;
  if (answer.place !== null) return `${same} of ${answer.photos.length} photos say so, each by itself. The surest: ${lower(alone(answer))}`;
  const said = [...new Set(named.map((one) => one.place))].join(", ");
  return `${named.length} of ${answer.photos.length} name a place (${said}); more than half must name the same.`;
}

const lower = (sentence) => sentence[0].toLowerCase() + sentence.slice(1);

/** The whole of it in one breath, for people who listen. */
export function spoken(answer) {
  const name = { sure: `This is ${answer.place}.`, likely: `This is likely ${answer.best_guess}.`, UNKNOWN: "Unknown." }[answer.grade];
  return `${name} ${meaning(answer)}`;
}

/** Whether a person should look twice: not accepted, or by little. */
export function doubtful(answer) {
  const { place, probability: p, probability_threshold: limit } = answer;
  return place === null || (p !== null && limit !== null && p < limit + (1 - limit) / 3);
}
