// What was asked since the page was opened, the doubtful answers first to be looked at.

import { h, counted, photo } from "./dom.js";
import { percent, sureness } from "./verdict.js";
import { remembered } from "./session.js";

/** The list; a switch shows only those that are doubtful. */
export function answersView() {
  const all = remembered();
  const doubted = all.filter((one) => one.doubtful);
  const list = h("ol", { class: "grid" });
  const draw = (only) => list.replaceChildren(...(only ? doubted : all).map(card));
  draw(false);
  return [
    h("section", { class: "hero slim arrives" },
      h("h1", { tabindex: "-1" }, "Answers"),
      h("p", { class: "soft" }, all.length
        ? `${counted(all.length, "answer")} since this page was opened, ${doubted.length} of them doubtful: UNKNOWN, or named by little.`
        : "Nothing was asked yet. Answers are kept here while the page is open.")),
    all.length ? h("label", { class: "only" }, h("input", { type: "checkbox", onchange: (event) => draw(event.target.checked) }), "Only the doubtful") : h("a", { class: "button", href: "#/" }, "Ask about a photo"),
    list,
  ];
}

function card({ number, photos, answer, doubtful }) {
  return h("li", {}, h("a", { class: "card", href: `#/answers/${number}` },
    h("span", { class: "frame" }, photo(photos[0].source, "", { loading: "lazy" })),
    h("b", {}, answer.place ?? "UNKNOWN"),
    h("span", { class: "small soft" }, answer.probability === null ? sureness(answer) : `${sureness(answer)}, ${percent(answer.probability)}`),
    doubtful ? h("span", { class: "tag" }, "doubtful") : null));
}
