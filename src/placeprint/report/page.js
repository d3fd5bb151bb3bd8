// Tables that are sorted, filtered, folded and saved as CSV, and a threshold that is moved. Without it all is there.
"use strict";
const make = (name, properties, ...inside) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
};
const phone = matchMedia("(max-width: 40rem)").matches;
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
/** What a cell holds: the exact number where it is rounded. */
const held = (cell) => cell.querySelector("data")?.value ?? cell.textContent.trim();
/** Numbers by size, then texts by the alphabet; what is empty comes last whichever way. */
const before = (a, b, way) => {
  if (!a || !b) return !a - !b;
  return way * (isNaN(a) || isNaN(b) ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
};
/** One cell of a CSV; text that begins as a formula would be run by a spreadsheet, an apostrophe keeps it text. */
const written = (text) => {
  const safe = isNaN(text) && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const save = (rows, name) => {
  const text = "\ufeff" + rows.map((cells) => cells.map(written).join(",") + "\r\n").join("");
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};

function work(table) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells], names = heads.map((head) => head.textContent.trim());
  const file = table.dataset.save, total = body.rows.length, tests = [], first = phone ? 5 : 10;
  let rows = [...body.rows].map((row) => ({ row, cells: [...row.cells].map(held) })), all = total <= first;
  for (const { row } of rows) [...row.cells].forEach((cell, column) => cell.dataset.label = names[column]);

  const kept = () => rows.filter(({ cells }) => tests.every((passes) => passes(cells)));
  const more = make("button", { type: "button", onclick: () => { all = !all; draw(); } });
  const told = make("span", { className: "told" }), below = make("p", { className: "tools" }, more);
  told.setAttribute("role", "status");
  if (file) {
    const saved = () => save([names, ...kept().map(({ cells }) => cells)], file);
    below.append(make("button", { type: "button", textContent: "Save these rows as CSV", onclick: saved }));
  }
  below.append(told);
  function draw() {
    const shown = kept();
    for (const { row } of rows) row.hidden = true;
    shown.forEach(({ row }, place) => row.hidden = !all && place >= first);
    more.hidden = shown.length <= first;
    more.textContent = all ? `Show the first ${first} only` : `Show all ${shown.length}`;
    told.textContent = shown.length < total ? `${shown.length} of ${total} rows fit.` : "";
  }

  const filters = make("div", { className: "filters" });
  const filter = (label, input, passes) => {
    input.addEventListener("input", draw);
    tests.push((cells) => !input.value || passes(cells, input.value));
    filters.append(make("label", {}, `${label} `, input));
  };
  heads.forEach((head, column) => {
    if (!names[column]) return;
    const button = make("button", { type: "button", onclick: () => {
      const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      rows.sort((a, b) => before(a.cells[column], b.cells[column], way));
      body.append(...rows.map(({ row }) => row));
      draw();
    } }, ...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    const { filter: kind } = head.dataset;
    if (kind === "choose") {
      const words = [...new Set(rows.map(({ cells }) => cells[column]))].filter(Boolean).sort();
      const any = make("option", { value: "", textContent: "any" });
      filter(names[column], make("select", {}, any, ...words.map((word) => make("option", {}, word))), (cells, word) => cells[column] === word);
    } else if (kind === "least") {
      const input = make("input", { type: "number", step: "any" });
      filter(`${names[column]} from`, input, (cells, least) => cells[column] && Number(cells[column]) >= least);
    }
  });
  const texts = heads.flatMap((head, column) => head.dataset.filter === "text" ? [column] : []);
  if (texts.length) {
    const input = make("input", { type: "search" });
    filter("Find", input, (cells, text) => folded(texts.map((column) => cells[column]).join("\n")).includes(folded(text)));
    filters.prepend(filters.lastChild);
  }
  const region = table.closest(".table");
  if (filters.childElementCount) region.before(filters);
  region.after(below);
  addEventListener("beforeprint", () => { all = true; draw(); });
  draw();
}

function slide(figure) {
  const { steps, known, unknown, of } = figure.dataset, stops = JSON.parse(steps);
  const input = figure.querySelector("input"), line = figure.querySelector(".chosen");
  const move = () => {
    const [x, threshold, right, wrong, letIn] = stops[input.value];
    const counts = { threshold, right, away: known - right - wrong, wrong, letIn };
    for (const name in counts) for (const shown of figure.querySelectorAll(`[data-count=${name}]`)) shown.textContent = counts[name];
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    input.setAttribute("aria-valuetext", `${of} ${threshold}: ${right} of ${known} known named right, ${wrong} named wrong, ${letIn} of ${unknown} unknown let in`);
  };
  input.addEventListener("input", move);
  figure.querySelector(".slider").hidden = false;
  move();
}

/** What a link leads to is open. */
const reveal = () => {
  const led = location.hash && document.getElementById(location.hash.slice(1))?.querySelector("details");
  if (led) led.open = true;
};
if (phone) document.querySelectorAll("[data-folded=phone]").forEach((each) => each.open = false);
document.querySelectorAll("table").forEach(work);
document.querySelectorAll("[data-steps]").forEach(slide);
addEventListener("hashchange", reveal);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => each.open = true));
reveal();
