// Changing the gallery: add photos to a place, take them back, remove one. The token is asked for once a tab.

import { h, announce, counted } from "./dom.js";
import { add, original, places, remove, token } from "./api.js";

const SUGGESTED = 200;
const NOTICE = 15_000; // milliseconds that "undo" stays

/** Ask to which place files are added, and for the token; then add them and offer to undo it. */
export function addDialog({ files, place }) {
  const name = h("input", { type: "text", name: "place", value: place, required: true, maxlength: 200, list: "names", autocomplete: "off" });
  const names = h("datalist", { id: "names" });
  places({ limit: SUGGESTED }).then((page) => names.append(...page.places.map((one) => h("option", { value: one.place }))), () => {});
  confirmed({
    title: counted(files.length, "Add a photo", "Add photos").replace(/^\S+ /, ""),
    fields: [h("label", {}, "Place", name, names)],
    action: "Add",
    run: async (key) => {
      const where = name.value.trim();
      const made = await add(where, files, key);
      changed();
      const all = made.added === made.images.length; // what was there before must not be taken back
      const text = made.added ? `${counted(made.added, "photo")} added to ${where}.` : `Already there: ${where} stays as it is.`;
      notice(text, all ? "Undo" : null, () => takeBack(made.images.map((one) => one.image), where));
    },
  });
}

/** Ask before an image leaves the gallery; it can come back as long as its file was there. */
export function removeImage(image, file) {
  confirmed({
    title: "Remove this photo?",
    fields: [h("p", { class: "soft" }, `${file} leaves the gallery. A file that was indexed from a folder stays in that folder.`)],
    action: "Remove",
    run: async (key) => {
      const copy = image.places.length === 1 ? await original(image.image, file).catch(() => null) : null;
      await remove(image.image, key);
      changed();
      notice(`${file} removed.`, copy && "Undo", () => bringBack(image, copy));
    },
  });
}

async function takeBack(images, place) {
  await undone(async () => {
    for (const image of images) await remove(image, token.read());
  }, place);
}

async function bringBack({ places: [place], latitude, longitude }, file) {
  await undone(() => add(place, [file], token.read(), { latitude, longitude }), place);
}

async function undone(run, place) {
  try {
    await run();
    notice(`Undone: ${place} is as it was.`);
  } catch (error) {
    notice(`Not undone. ${error.message}`);
  }
  changed();
}

const changed = () => document.dispatchEvent(new CustomEvent("gallery-changed"));

/** A dialog that runs something with the token, and stays open with the reason when that fails. */
function confirmed({ title, fields, action, run }) {
  const key = h("input", { type: "password", name: "token", required: true, autocomplete: "off" });
  const asks = h("label", { hidden: token.read() !== null }, "Token of this server", key);
  key.disabled = asks.hidden;
  const wrong = h("p", { class: "wrong", role: "alert" });
  const go = h("button", { class: "first" }, action);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
    h("form", { method: "dialog", onsubmit: submit },
      h("h2", { id: "dialog-title" }, title), fields, asks, wrong,
      h("div", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), go)));
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    const used = token.read() ?? key.value.trim();
    try {
      await run(used);
      token.keep(used);
      dialog.close();
    } catch (error) {
      if (error.status === 401) {
        token.forget();
        asks.hidden = key.disabled = false;
        key.focus();
      }
      wrong.textContent = error.message;
      go.disabled = false;
    }
  }
  document.body.append(dialog);
  dialog.showModal();
}

/** A line at the foot of the page, with one thing that can be done about it. */
function notice(text, action, run) {
  const room = document.getElementById("notice");
  const hide = () => { room.hidden = true; };
  clearTimeout(Number(room.dataset.timer));
  room.dataset.timer = setTimeout(hide, NOTICE);
  const parts = [h("span", {}, text), action ? h("button", { type: "button", onclick: () => { hide(); run(); } }, action) : h("button", { type: "button", onclick: hide }, "Close")];
  room.hidden = false;
  room.replaceChildren(...parts);
  announce(text);
}
