// Photos that are asked about, a few at a time: paused, cancelled, and asked again when the line or the server is back.

import { recognize } from "./api.js";
import { sized } from "./dom.js";
import { summary } from "./grade.js";
import { copies, isLight } from "./picture.js";
import { addRows, changeRow, isOpen } from "./store.js";
import { doubtful } from "./verdict.js";
import { say } from "./words.js";

const AT_ONCE = 3; // one is prepared and one is sent while the server looks at another
const PATIENCE = [1, 2, 4, 8, 15, 30]; // seconds between attempts to reach a server that is gone or busy
const SOON = 200; // milliseconds: what is sent faster needs no words
const SLOW_TRIES = 3; // a line that was too slow so often is told

const files = new Map(); // of each row that was asked in this visit; a file on a disk takes no memory
const running = new Map(); // an AbortController for each row that is asked now
const paused = new Set(); // batches
const uncopied = []; // answered rows whose small copies are made when nothing waits
let waiting = [];
let attempts = 0; // since the server was last reached
let held = 0; // the timer until the next attempt; 0 while the line is open

/** The files of a row, while the page is open. */
export const filesOf = (id) => files.get(Number(id)) ?? [];

/** Ask about files that show one place. */
export async function askTogether(chosen) {
  const [row] = await addRows([newRow(chosen)], false);
  files.set(row.id, chosen);
  waiting.unshift(row);
  next();
  return row;
}

/** Ask about each file by itself; returns the number of the batch. */
export async function askEach(chosen) {
  const rows = await addRows(chosen.map((file) => newRow([file])), true);
  rows.forEach((row, number) => files.set(row.id, [chosen[number]]));
  waiting.push(...rows);
  next();
  return rows[0].batch;
}

const newRow = (chosen) => ({ state: "waiting", when: new Date().toISOString(), name: nameOf(chosen[0]), names: chosen.map(nameOf), photos: chosen.length, mark: null, correction: "" });

const nameOf = (file) => file.webkitRelativePath || file.name || say("Photo");

/** Whether asking again may help: what the server refused it refuses again. */
export const canAskAgain = (row) => files.has(row.id) && !isOpen(row) && row.state !== "answered" && !(row.error?.status >= 400 && row.error.status < 500 && row.error.status !== 408);

/** Ask again about rows whose files are here. */
export function askAgain(rows) {
  const again = rows.filter(canAskAgain);
  for (const row of again) changeRow(row, { state: "waiting", error: null, note: null });
  waiting.push(...again);
  next();
  return again.length;
}

export const isPaused = (batch) => paused.has(batch);

export function pause(batch, on) {
  if (on) paused.add(batch);
  else paused.delete(batch);
  next();
}

/** Give up what waits and what is asked now, of these rows. */
export function cancel(rows) {
  const given = new Set(rows);
  const dropped = waiting.filter((row) => given.has(row));
  waiting = waiting.filter((row) => !given.has(row));
  for (const row of dropped) changeRow(row, { state: "cancelled", note: null });
  for (const [row, stop] of running) if (given.has(row)) stop.abort();
}

function next() {
  if (held) return;
  while (running.size < AT_ONCE) {
    const at = waiting.findIndex((row) => !paused.has(row.batch));
    if (at < 0) return running.size ? undefined : copyNext();
    const [row] = waiting.splice(at, 1);
    work(row);
    if (attempts) return; // one alone finds out whether the server is back
  }
}

async function work(row) {
  const stop = new AbortController();
  running.set(row, stop);
  try {
    await changeRow(row, { state: "running", note: row.batch ? looking(row) : say("Preparing the photo"), error: null });
    await answered(row, await prepared(row), stop.signal);
  } catch (error) {
    await failed(row, error, stop.signal.aborted);
  } finally {
    running.delete(row);
    next();
  }
}

/** Make the small copies that were put off, one at a time, until something is asked again. */
async function copyNext() {
  const row = uncopied.shift();
  if (!row) return;
  const { preview } = await copies(files.get(row.id)[0]);
  if (preview) await changeRow(row, { bytes: (row.bytes ?? 0) + preview.size }, { previews: [preview] });
  next();
}

async function prepared(row) {
  const [first] = files.get(row.id);
  if (row.batch && isLight(first)) return [{ sent: first }];
  const made = [];
  for (const file of files.get(row.id)) made.push(await copies(file));
  await changeRow(row, { bytes: made.reduce((sum, one) => sum + (one.preview?.size ?? 0), 0) }, {});
  return made;
}

async function answered(row, made, signal) {
  const alone = row.batch === 0;
  const began = performance.now();
  const undrawn = made.some((one) => one.preview === null);
  const total = made.reduce((sum, one) => sum + one.sent.size, 0);
  const progress = (loaded) => performance.now() - began > SOON && changeRow(row, { note: loaded < total ? say("Sending {size}: {percent} %", { size: sized(total), percent: Math.floor((100 * loaded) / total) }) : looking(row), share: Math.min(1, loaded / total) });
  if (signal.aborted) throw signal.reason;
  const answer = await recognize(made.map((one) => one.sent), { explain: alone || null, preview: undrawn || null }, { signal, progress });
  reached();
  const each = answer.photos ?? [answer];
  const previews = made[0].preview === undefined ? undefined : made.map((one, number) => one.preview ?? blobOf(each[number].preview));
  if (!previews) uncopied.push(row);
  for (const one of [answer, ...each]) delete one.preview;
  await changeRow(row, { state: "answered", note: null, share: null, doubtful: doubtful(answer), undrawn, ...summary(answer) }, { answer, previews });
}

const looking = (row) => say("Comparing {n} photos with the gallery", { n: row.photos });

/** A data: address as bytes; fetch may not read one here. */
function blobOf(address) {
  if (!address) return null;
  const bytes = Uint8Array.from(atob(address.slice(address.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/jpeg" });
}

/** Ask once more, now for the reasons of an answer that was one of many; what comes replaces it. */
export async function explain(row) {
  const chosen = filesOf(row.id);
  if (!chosen.length || row.explaining) return;
  row.explaining = true;
  try {
    const made = await prepared(row);
    const answer = await recognize(made.map((one) => one.sent), { explain: true });
    await changeRow(row, { doubtful: doubtful(answer), ...summary(answer) }, { answer });
  } catch (error) {
    if (!error.told) console.error(error); // the answer is there, without its reasons
  }
}

async function failed(row, error, given) {
  if (given) return changeRow(row, { state: "cancelled", note: null, share: null });
  const slow = error.status === 408 ? (row.slow ?? 0) + 1 : 0;
  if (error.status === 0 || error.status === 503 || (slow && slow < SLOW_TRIES)) {
    hold(error);
    waiting.unshift(row);
    return changeRow(row, { state: "waiting", note: waitingNote(error), share: null, slow });
  }
  if (!error.told) console.error(error);
  reached();
  return changeRow(row, { state: "failed", note: null, share: null, error: { message: error.message, status: error.status ?? -1, kind: error.kind ?? "" } });
}

const waitingNote = (error) => (error.status === 0
  ? say("No connection to the server. The photo stays here and is asked about when the line is back.")
  : `${error.title} ${say("The photo is asked about again shortly.")}`);

/** Wait before the next attempt; longer each time. A browser that is offline waits until it is told of a line. */
function hold(error) {
  if (held) return;
  const seconds = Math.max(error.seconds ?? 0, PATIENCE[Math.min(attempts, PATIENCE.length - 1)]);
  attempts += 1;
  held = navigator.onLine || error.status !== 0 ? setTimeout(release, 1000 * seconds) : -1;
}

/** Try again now. */
export function release() {
  clearTimeout(held);
  held = 0;
  next();
}

function reached() {
  attempts = 0;
}

window.addEventListener("online", release);
window.addEventListener("beforeunload", (event) => {
  if (waiting.length || running.size) event.preventDefault();
});
