// A line at the foot of the page, with one thing that can be done about it.

import { announce, button, h } from "./dom.js";
import { say } from "./words.js";

const STAYS = 15_000; // milliseconds

/** Tell something, text or pieces; `action` names what `run` does. */
export function notice(text, action, run) {
  const room = document.getElementById("notice");
  const hide = () => { room.hidden = true; };
  clearTimeout(Number(room.dataset.timer));
  room.dataset.timer = setTimeout(hide, STAYS);
  const parts = [h("span", {}, text), action ? button(() => { hide(); run(); }, action) : button(hide, say("Close"))];
  room.hidden = false;
  room.replaceChildren(...parts);
  announce(text);
}
