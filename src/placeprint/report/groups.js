// Groups that a person corrects. What was said is kept as a list, and replayed: so the last of it can be taken back.
"use strict";
const { key, save, accept, links, names: before, nonames } = document.body.dataset;
const forms = new Intl.PluralRules(document.documentElement.lang);
/** A text with its values; of several forms, which the page was written with, that of `n`. */
const tr = (text, values = {}) => (text[forms.select(values.n)] ?? text.other ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const KEPT = `placeprint-groups-${key}`;
const home = document.getElementById("groups"), bar = document.querySelector(".bar");
const questions = [...document.querySelectorAll(".question")];
const tiles = new Map(), start = [];
for (const article of home.querySelectorAll(".group")) {
  const looks = [...article.querySelectorAll(".tile")].map((tile) => {
    const photos = JSON.parse(tile.dataset.photos);
    tiles.set(photos[0], { tile, photos });
    return photos[0];
  });
  const { place, placeless } = article.dataset;
  if (place) start.push({ name: place, looks });
  else for (const look of looks) start.push({ name: "", looks: [look], placeless: Boolean(placeless) });
}
let said = [], chosen = new Set();
try {
  if (!save) said = JSON.parse(localStorage.getItem(KEPT)) ?? []; // a server keeps it itself
} catch { /* nothing is kept here: what is said lasts as long as the page */ }

/** What all that was said makes of the groups: { groups, links, names }. */
function replayed() {
  const groups = start.map((one) => ({ ...one, looks: [...one.looks] })), linked = new Map();
  const names = new Map(Object.entries(JSON.parse(before)).map(([photo, name]) => [photo, name || null]));
  const link = (what, a, b) => a !== b && linked.set(JSON.stringify([a, b].sort()), { link: what, a, b });
  for (const { link: what, a, b } of JSON.parse(links)) link(what, a, b);
  const groupOf = (look) => groups.find((group) => group.looks.includes(look));
  const joined = (parts) => {
    const [first, ...others] = parts;
    const photos = parts.flatMap((group) => group.looks).flatMap((look) => tiles.get(look).photos);
    const own = photos.map((photo) => names.get(photo)).find(Boolean);
    if (own) for (const photo of photos) names.set(photo, own); // what is one place has one name
    first.name = own ?? parts.find((group) => group.name)?.name ?? "";
    for (const other of others) first.looks.push(...other.looks.splice(0));
    return first;
  };
  /** Links that say otherwise between two lists of looks are turned round. */
  const turned = (ours, theirs, what) => {
    for (const one of linked.values()) if ((ours.includes(one.a) && theirs.includes(one.b)) || (ours.includes(one.b) && theirs.includes(one.a))) one.link = what;
  };
  const runs = {
    same([a, b]) {
      link("must", a, b);
      const parts = [...new Set([groupOf(a), groupOf(b)])];
      if (parts.every(Boolean)) joined(parts);
    },
    different: ([a, b]) => link("cannot", a, b),
    merge(looks) {
      const parts = [...new Set(looks.map(groupOf))].filter(Boolean);
      for (const one of parts) for (const other of parts) if (one !== other) turned(one.looks, other.looks, "must");
      const { looks: [first, ...others] } = joined(parts);
      for (const other of others) link("must", first, other);
    },
    split(looks) {
      const from = groupOf(looks[0]), away = looks.filter((look) => from.looks.includes(look)), [first, ...others] = away;
      from.looks = from.looks.filter((look) => !away.includes(look));
      turned(away, from.looks, "cannot");
      for (const look of from.looks) link("cannot", first, look);
      for (const look of others) link("must", first, look);
      groups.splice(groups.indexOf(from) + 1, 0, { name: "", looks: away, split: true });
    },
    placeless(looks) {
      for (const look of looks) {
        const from = groupOf(look);
        from.looks = from.looks.filter((one) => one !== look);
        groups.push({ name: "", looks: [look], placeless: true });
        for (const photo of tiles.get(look).photos) names.set(photo, null);
        for (const [pair, { link, a, b }] of linked) if (link === "must" && (a === look || b === look)) linked.delete(pair);
      }
    },
    name([look, name]) {
      const group = groupOf(look);
      group.name = name;
      for (const one of group.looks) for (const photo of tiles.get(one).photos) names.set(photo, name);
    },
    skip() {},
  };
  for (const [what, ...about] of said) runs[what](about);
  return { groups: groups.filter((group) => group.looks.length), links: [...linked.values()], names };
}

/** What is saved: the links, and names by place. */
function corrections() {
  const { links: all, names } = replayed(), byName = new Map();
  for (const [photo, place] of names) byName.set(place, [...(byName.get(place) ?? []), photo]);
  return { format: 1, answers: [...all, ...[...byName].map(([place, photos]) => ({ place, photos }))] };
}

const make = (name, properties, ...inside) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
};

/** A name may be any but a word for no place, and holds no bar: that stands between two places. Else no file is read. */
function named(look, input, before) {
  const name = input.value.replace(/[|\p{Cc}\p{Cs}\p{Z}]/gu, " ").trim();
  if (!name || name === before || name.toUpperCase() === "UNKNOWN" || JSON.parse(nonames).includes(name)) input.value = before;
  else hear("name", look, name);
}

function drawn({ name, looks, placeless, alone }) {
  const title = placeless ? tr("No place") : alone ? tr("Alone") : "";
  const input = title || make("input", { value: name, placeholder: tr("Name this place"), maxLength: 200, onchange: ({ target }) => named(looks[0], target, name) });
  if (!title) input.setAttribute("aria-label", tr("Name of the place of {photo}", { photo: looks[0] }));
  const photos = looks.reduce((sum, look) => sum + tiles.get(look).photos.length, 0);
  const head = make("h3", {}, input, make("small", { textContent: tr("{n} photos", { n: photos }) }));
  if (accept && name && !title) head.append(make("button", { type: "button", textContent: tr("Add to the gallery"), onclick: ({ target }) => add(target, looks, name) }));
  return make("article", { className: "group" }, head, make("div", { className: "tiles" }, ...looks.map((look) => tiles.get(look).tile)));
}

function draw() {
  const focused = document.activeElement, { groups } = replayed();
  const isAlone = ({ looks, name, split }) => looks.length === 1 && !name && !split && tiles.get(looks[0]).photos.length === 1;
  const all = (some) => some.flatMap(({ looks }) => looks);
  const placeless = groups.filter((group) => group.placeless), alone = groups.filter((group) => !group.placeless && isAlone(group));
  const shown = groups.filter((group) => !group.placeless && !isAlone(group));
  if (alone.length) shown.push({ looks: all(alone), alone: true });
  if (placeless.length) shown.push({ looks: all(placeless), placeless: true });
  home.querySelectorAll(".group").forEach((article) => article.remove());
  home.append(...shown.map(drawn));
  for (const [look, { tile }] of tiles) tile.setAttribute("aria-pressed", String(chosen.has(look)));
  asked();
  tools(groups);
  if (focused?.isConnected && focused !== document.body) focused.focus({ preventScroll: true });
}

/** One question at a time. */
function asked() {
  const done = said.filter(([what]) => ["same", "different", "skip"].includes(what)).map(([, a, b]) => JSON.stringify([a, b]));
  const open = questions.filter((question) => !done.includes(JSON.stringify(JSON.parse(question.dataset.pair))));
  for (const question of questions) question.hidden = question !== open[0];
  const told = document.querySelector("#questions .told");
  if (told) told.textContent = open.length ? tr("{n} of {all} to ask.", { n: open.length, all: questions.length }) : tr("All pairs are answered.");
}

function tools(groups) {
  const touched = groups.filter((group) => group.looks.some((look) => chosen.has(look)) && !group.placeless);
  const all = touched.length === 1 && touched[0].looks.every((look) => chosen.has(look));
  const able = { merge: touched.length > 1, split: touched.length === 1 && !all, placeless: touched.length > 0, undo: said.length > 0, save: said.length > 0 };
  for (const button of bar.querySelectorAll("button")) button.disabled = !able[button.dataset.do];
  bar.querySelector("[data-do=save]").hidden = Boolean(save);
  bar.querySelector(".chosen").textContent = chosen.size ? tr("{n} chosen", { n: chosen.size }) : said.length ? tr("{n} corrections", { n: said.length }) : tr("Nothing was corrected yet.");
}

let sending = Promise.resolve(), version = document.body.dataset.version;
const SAYS = { 412: tr("Not saved: somebody else corrected these photos in between. Load the page again, then correct them.") };
/** Send what the server keeps; the answer, or null after saying why there is none. */
async function sent(method, address, row, headers = {}) {
  const status = bar.querySelector(".chosen");
  try {
    const answer = await fetch(address, { method, body: JSON.stringify(row), headers: { "Content-Type": "application/json", Authorization: `Bearer ${sessionStorage.getItem("placeprint-token")}`, ...headers } });
    if (answer.ok) return answer;
    status.textContent = SAYS[answer.status] ?? tr("Not saved: {why}", { why: (await answer.json()).detail });
  } catch {
    status.textContent = tr("Not saved: the server cannot be reached. The next correction tries again.");
  }
  return null;
}

function keep() {
  try {
    if (!save) localStorage.setItem(KEPT, JSON.stringify(said));
  } catch { /* full or forbidden: the file can still be saved */ }
  if (!save) return;
  const row = corrections();
  sending = sending.then(async () => {
    const answer = await sent("PUT", save, row, { "If-Match": `"${version}"` });
    if (!answer) return;
    [version] = answer.headers.get("ETag").match(/\w{16}/); // a proxy may write W/ before it
    bar.querySelector(".chosen").textContent = [tr("Saved."), ...(await answer.json()).contradictions].join(" ");
  });
}

/** Add a place to the gallery, once all that was said is kept; what is left is grouped anew. */
async function add(button, looks, place) {
  button.disabled = true;
  await sending;
  if (await sent("POST", accept, { photos: looks.flatMap((look) => tiles.get(look).photos), place })) location.reload();
  else button.disabled = false;
}

function hear(...what) {
  said.push(what);
  chosen.clear();
  draw();
  keep();
}

const doing = {
  merge: () => hear("merge", ...chosen),
  split: () => hear("split", ...chosen),
  placeless: () => hear("placeless", ...chosen),
  undo() {
    said.pop();
    chosen.clear();
    draw();
    keep();
  },
  save() {
    const address = URL.createObjectURL(new Blob([JSON.stringify(corrections(), null, 1)], { type: "application/json" }));
    make("a", { href: address, download: "corrections.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  },
};
const answer = (what) => {
  const open = questions.find((question) => !question.hidden);
  if (open) hear(what, ...JSON.parse(open.dataset.pair));
};
const press = (what) => !bar.querySelector(`[data-do=${what}]`).disabled && doing[what]();
for (const button of bar.querySelectorAll("button")) button.addEventListener("click", () => press(button.dataset.do));
for (const button of document.querySelectorAll("[data-say]")) button.addEventListener("click", () => answer(button.dataset.say));
for (const [look, { tile }] of tiles) tile.addEventListener("click", () => {
  if (!chosen.delete(look)) chosen.add(look);
  tile.setAttribute("aria-pressed", String(chosen.has(look)));
  tools(replayed().groups);
});
const KEYS = { y: () => answer("same"), n: () => answer("different"), s: () => answer("skip"), m: () => press("merge"), x: () => press("split"), p: () => press("placeless"), u: () => press("undo"), Escape: () => { chosen.clear(); draw(); } };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step && event.target.matches(".tile")) {
    const all = [...home.querySelectorAll(".tile")];
    all[all.indexOf(event.target) + step]?.focus();
  } else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});
bar.hidden = false;
document.querySelectorAll(".tools").forEach((each) => each.hidden = false);
draw();
