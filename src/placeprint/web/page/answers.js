// What was asked since the page was opened, and what the server found doubtful when anyone asked.

import { h, counted, photo } from "./dom.js";
import { doubtful as doubtfulToAll, thumbnail } from "./api.js";
import { percent, said, sureness } from "./verdict.js";
import { remembered } from "./session.js";

/** The list; a switch shows only those that are doubtful. */
export async function answersView() {
  const all = remembered();
  const doubted = all.filter((one) => one.doubtful);
  const list = h("ol", { class: "grid" });
  const draw = (only) => list.replaceChildren(...(only ? doubted : all).map(card));
  draw(false);
  return [
    h("section", { class: "hero slim arrives" },
      h("h1", { tabindex: "-1" }, "Answers"),
      h("p", { class: "soft" }, all.length
        ? `${counted(all.length, "answer")} since this page was opened, ${doubted.length} of them doubtful: likely, UNKNOWN, or sure by little.`
        : "Nothing was asked yet. Answers are kept here while the page is open."),
      all.length ? h("label", { class: "only" }, h("input", { type: "checkbox", onchange: (event) => draw(event.target.checked) }), "Only the doubtful") : null),
    list,
    await others(),
  ];
}

function card({ number, photos, answer, doubtful }) {
  return h("li", {}, h("a", { class: "card", href: `#/answers/${number}` },
    h("span", { class: "frame" }, photo(photos[0].source, "", { loading: "lazy" })),
    h("b", {}, said(answer)),
    h("span", { class: "small soft" }, answer.probability === null ? sureness(answer) : `${sureness(answer)}, ${percent(answer.probability)}`),
    doubtful ? h("span", { class: "tag" }, "doubtful") : null));
}

/** Doubtful answers to everyone: the server keeps facts only, so the closest image stands for the photo. */
async function others() {
  const { answers } = await doubtfulToAll();
  if (!answers.length) return null;
  return h("section", { class: "part", "aria-labelledby": "others" },
    h("header", {}, h("h2", { id: "others" }, "Doubtful, whoever asked")),
    h("p", { class: "small soft" }, "Since the server was started. It keeps no photo: shown is the closest image of the gallery."),
    h("ol", { class: "rows" }, answers.map((one) => h("li", {},
      one.matches.length ? photo(thumbnail(one.matches[0].image, 120), "", { loading: "lazy", width: 80, height: 60 }) : h("span", {}),
      h("span", {}, h("b", {}, said(one)), h("span", { class: "small soft" }, one.best_guess ? `closest ${one.best_guess}${one.probability === null ? "" : `, ${percent(one.probability)}`}` : "")),
      h("time", { class: "small soft number", datetime: one.when }, new Date(one.when).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }))))));
}
