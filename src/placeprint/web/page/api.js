// The server, asked. Every address is relative, so the page works under a path of a proxy too.

const TOKEN = "placeprint-token"; // in sessionStorage: gone with the tab
const SLOW = 60_000; // milliseconds after which a server counts as gone

const TITLES = { 401: "The token is missing or wrong.", 403: "That is not allowed here.", 404: "It is not there.", 408: "That took too long.", 409: "That does not fit.", 413: "That is too large.", 415: "That is no photo.", 422: "That cannot be used.", 503: "The server is busy." };

/** What went wrong, told for people: `title` in a few words, `message` as the server says it. */
export class Trouble extends Error {
  constructor(status, title, message) {
    super(message);
    Object.assign(this, { status, title, told: true });
  }
}

async function send(path, { method = "GET", body, token, signal } = {}) {
  let response;
  const patience = AbortSignal.timeout(SLOW);
  try {
    response = await fetch(path, {
      method, body, signal: signal ? AbortSignal.any([signal, patience]) : patience,
      headers: token ? { Authorization: `Bearer ${token}` } : {},
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Trouble(0, "The server does not answer.", "Is “placeprint serve” still running, and this device still connected to it?");
  }
  if (!response.ok) throw await problem(response);
  return response.status === 204 ? null : response.json();
}

/** Read problem+json (RFC 9457); a proxy may have sent something else. */
async function problem(response) {
  const said = await response.json().catch(() => ({}));
  const detail = said.detail ?? `The server answered ${response.status} ${response.statusText}.`;
  if (response.status === 503) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    return new Trouble(503, TITLES[503], `${detail}. Try again in ${seconds} s.`);
  }
  return new Trouble(response.status, TITLES[response.status] ?? "The server failed.", detail);
}

function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

function form(files) {
  const body = new FormData();
  for (const file of files) body.append("photos", file, file.name || "photo");
  return body;
}

export const about = () => send("v1/about");

/** Ask about files of one place. */
export const recognize = (files, signal) => send(`v1/recognize${query({ k: 6, explain: true })}`, { method: "POST", body: form(files), signal });

/** Places by name: { total, places }. */
export const places = (values) => send(`v1/places${query(values)}`);

/** One place and its images: { total, items, … }. */
export const place = (name, values) => send(`v1/places/${encodeURIComponent(name)}${query(values)}`);

/** The address of a small copy; its longer side has `size` pixels. */
export const thumbnail = (image, size = 240) => `v1/images/${image}/thumbnail?size=${size}`;

/** Add files to a place, which is made when it is not there; `at` may hold latitude and longitude. */
export const add = (name, files, token, at = {}) => send(`v1/places/${encodeURIComponent(name)}/images${query(at)}`, { method: "POST", body: form(files), token });

/** The original of an image, as a file. */
export async function original(image, name) {
  const response = await fetch(`v1/images/${image}`);
  if (!response.ok) throw await problem(response);
  return new File([await response.blob()], name);
}

/** Recent doubtful answers to everyone, the newest first: facts without the photo. */
export const doubtful = () => send("v1/doubtful?limit=24");

export const remove = (image, token) => send(`v1/images/${image}`, { method: "DELETE", token });

export const token = {
  read: () => sessionStorage.getItem(TOKEN),
  keep: (value) => sessionStorage.setItem(TOKEN, value),
  forget: () => sessionStorage.removeItem(TOKEN),
};
