// Answers that stay in the browser: rows of a list, whole answers, and a small copy of each photo. Never the photo itself.
//
// A row is { id, batch, when, name, photos, state, … }; its batch is the id of the first photo that was dropped with it,
// or 0. States: waiting, running, answered, failed, cancelled, lost (the page was left before its turn).

const [MOST_ROWS, MOST_BYTES] = [5000, 120_000_000];
const MOST_RECENT = 50;
const ROOMS = ["rows", "answers", "previews"];

const rows = new Map();
const recent = new Map(); // whole answers that may be looked at next, also where the browser's room is full
let shelf = null;

/** Open the store of one gallery; without one in this browser (a private window) answers live as long as the page. */
export async function openStore(gallery) {
  if (shelf) return;
  shelf = await indexed(`placeprint ${location.pathname} ${gallery}`).catch(() => inMemory());
  for (const row of await shelf.all()) {
    if (isOpen(row)) row.state = "lost";
    rows.set(row.id, row);
  }
}

/** Whether answers survive a reload. */
export const isKept = () => shelf?.kept ?? false;

/** Whether a row still waits for its answer. */
export const isOpen = (row) => row.state === "waiting" || row.state === "running";

export const rowOf = (id) => rows.get(Number(id));

/** All rows, the oldest first; or those of one batch. */
export const allRows = (batch = null) => [...rows.values()].filter((row) => batch === null || row.batch === batch);

/** Keep new rows, and give each its id; with `together` they are one batch. */
export async function addRows(made, together) {
  const first = await shelf.add(made);
  made.forEach((row, number) => {
    row.id = first + number;
    row.batch = together ? first : 0;
    rows.set(row.id, row);
  });
  await shelf.put("rows", made);
  await makeRoom();
  return made;
}

/** Change a row, and keep what comes with it: { answer, previews }. */
export async function changeRow(row, change, { answer, previews } = {}) {
  if (answer) row.bytes = (row.bytes ?? 0) + await keepAnswer(row.id, answer);
  if (previews) await shelf.put("previews", [{ id: row.id, previews }]);
  Object.assign(row, change);
  document.dispatchEvent(new CustomEvent("row-changed", { detail: { row, change } }));
  if (row.state !== "running" && rows.has(row.id)) await shelf.put("rows", [row]);
}

async function keepAnswer(id, answer) {
  recent.set(id, answer);
  for (const old of [...recent.keys()].slice(0, -MOST_RECENT)) recent.delete(old);
  await shelf.put("answers", [{ id, answer }]);
  return JSON.stringify(answer).length;
}

/** The whole answer of a row, or undefined. */
export const answerOf = async (id) => recent.get(id) ?? (await shelf.get("answers", id))?.answer;

/** Small copies of a row's photos, null where there is none. */
export const previewsOf = async (id) => (await shelf.get("previews", id))?.previews ?? [];

/** Forget rows and all that belongs to them. */
export async function forgetRows(ids) {
  ids.forEach((id) => rows.delete(id) && recent.delete(id));
  await shelf.remove(ids);
}

async function makeRoom() {
  let bytes = 0;
  const old = [...rows.values()].reverse().filter((row, number) => {
    bytes += row.bytes ?? 0;
    return (number >= MOST_ROWS || bytes > MOST_BYTES) && !isOpen(row);
  });
  if (old.length) await forgetRows(old.map((row) => row.id));
}

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function indexed(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => ROOMS.forEach((room) => opening.result.createObjectStore(room, { keyPath: "id", autoIncrement: room === "rows" }));
  const database = await done(opening);
  const room = (name, mode) => database.transaction(name, mode).objectStore(name);
  const full = (error) => { if (error?.name !== "QuotaExceededError") throw error; }; // the answer is on the screen, if not kept
  return {
    kept: true,
    all: () => done(room("rows", "readonly").getAll()),
    get: (name, id) => done(room(name, "readonly").get(id)),
    add: async (made) => {
      const store = room("rows", "readwrite");
      const ids = await Promise.all(made.map((row) => done(store.add(row))));
      return ids[0];
    },
    put: (name, values) => {
      const store = room(name, "readwrite");
      return Promise.all(values.map((value) => done(store.put(value)))).catch(full);
    },
    remove: (ids) => Promise.all(ROOMS.map((name) => {
      const store = room(name, "readwrite");
      return Promise.all(ids.map((id) => done(store.delete(id))));
    })),
  };
}

function inMemory() {
  const rooms = Object.fromEntries(ROOMS.map((name) => [name, new Map()]));
  let last = 0;
  return {
    kept: false,
    all: async () => [],
    get: async (name, id) => rooms[name].get(id),
    add: async (made) => {
      last += made.length;
      return last - made.length + 1;
    },
    put: async (name, values) => values.forEach((value) => rooms[name].set(value.id, value)),
    remove: async (ids) => ROOMS.forEach((name) => ids.forEach((id) => rooms[name].delete(id))),
  };
}
