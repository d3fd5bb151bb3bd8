// The server, asked. Every address is relative, so the page works under a path of a proxy too.

import { sentence } from "./dom.js";
import { LANGUAGE, say } from "./words.js";

const TOKEN = "placeprint-token"; // in sessionStorage: gone with the tab
const SLOW = 60_000; // milliseconds without any progress after which a server counts as gone

const TITLES = {
  [-1]: say("The page stumbled."),
  0: say("The server does not answer."),
  401: say("The token is missing or wrong."),
  403: say("That is not allowed here."),
  404: say("It is not there."),
  408: say("The line is too slow."),
  409: say("That does not fit."),
  413: say("That is too large."),
  415: say("That is no photo."),
  422: say("That cannot be used."),
  503: say("The server is busy."),
};
/** Kinds of faulty photos; in English the server's own sentence says more. */
const KINDS = {
  empty: say("The file is empty."),
  unreadable: say("The file is no photo that can be read."),
  truncated: say("The photo is cut off: copy it again."),
  damaged: say("The photo is damaged: copy it again."),
  "too-large": say("The photo is too large: save it with fewer pixels."),
};

/** What went wrong, in a few words and in a sentence: in the page's language where its kind is known, else as the server says it. */
export function wrong({ status, kind, message }) {
  const known = LANGUAGE !== "en" && Object.hasOwn(KINDS, kind);
  return [TITLES[status] ?? say("The server failed."), known ? KINDS[kind] : message, known];
}

/** What went wrong, told for people. */
class Trouble extends Error {
  constructor(status, said, kind = "") {
    const [title, message, translated] = wrong({ status, kind, message: sentence(said) });
    super(message);
    Object.assign(this, { status, kind, title, told: true, translated });
  }
}

const gone = () => Object.assign(new Trouble(0, say("Is “placeprint serve” still running, and this device still connected to it?")), { translated: true });

async function send(path, { method = "GET", token, signal } = {}) {
  let response;
  const patience = AbortSignal.timeout(SLOW);
  try {
    response = await fetch(path, {
      method, signal: signal ? AbortSignal.any([signal, patience]) : patience,
      headers: token ? { Authorization: `Bearer ${token}` } : {},
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw gone();
  }
  if (!response.ok) throw problem(response, await response.text().catch(() => ""), response.headers.get("Retry-After"));
  return response.status === 204 ? null : response.json();
}

/** Send a form, and read JSON. Progress is told as bytes of all; a line on which nothing moves is given up. */
function post(path, body, { token, signal, progress } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let still = 0;
    const moved = () => {
      clearTimeout(still);
      still = setTimeout(() => request.abort(), SLOW);
    };
    const end = (settle, value) => {
      clearTimeout(still);
      signal?.removeEventListener("abort", stop);
      settle(value);
    };
    const stop = () => request.abort();
    request.upload.addEventListener("progress", (event) => {
      moved();
      progress?.(event.loaded, event.total);
    });
    request.addEventListener("progress", moved);
    request.addEventListener("error", () => end(reject, gone()));
    request.addEventListener("abort", () => end(reject, signal?.aborted ? signal.reason : gone()));
    request.addEventListener("load", () => {
      if (request.status < 200 || request.status > 299) return end(reject, problem(request, request.responseText, request.getResponseHeader("Retry-After")));
      try {
        end(resolve, JSON.parse(request.responseText));
      } catch {
        end(reject, gone()); // a proxy's page, or half an answer
      }
    });
    if (signal?.aborted) return end(reject, signal.reason);
    signal?.addEventListener("abort", stop);
    request.open("POST", path);
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    moved();
    request.send(body);
  });
}

/** Read problem+json (RFC 9457); a proxy may have sent something else. */
function problem({ status, statusText }, text, retry) {
  let said = {};
  try {
    said = JSON.parse(text);
  } catch { /* no JSON: the status alone is told */ }
  const detail = said.detail ?? say("The server answered {status}", { status: `${status} ${statusText}` });
  if (status === 503) {
    const seconds = Number(retry) || 1;
    return Object.assign(new Trouble(503, `${sentence(detail)} ${say("Try again in {seconds} s.", { seconds })}`), { seconds });
  }
  return new Trouble(status, detail, said.kind);
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

/** Ask about files of one place; `how` says whether to explain the matches, and to send previews back. */
export const recognize = (files, how, more) => post(`v1/recognize${query({ k: 6, ...how })}`, form(files), more);

/** Places by name: { total, places }. */
export const places = (values, signal) => send(`v1/places${query(values)}`, { signal });

/** One place and its images: { total, items, … }. */
export const place = (name, values) => send(`v1/places/${encodeURIComponent(name)}${query(values)}`);

/** The address of a small copy; its longer side has `size` pixels. */
export const thumbnail = (image, size = 240) => `v1/images/${image}/thumbnail?size=${size}`;

/** Add files to a place, which is made when it is not there; `at` may hold latitude and longitude. */
export const add = (name, files, token, { at, ...more } = {}) => post(`v1/places/${encodeURIComponent(name)}/images${query({ at })}`, form(files), { token, ...more });

/** The original of an image, as a file. */
export async function original(image, name) {
  const response = await fetch(`v1/images/${image}`);
  if (!response.ok) throw problem(response, await response.text(), null);
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
