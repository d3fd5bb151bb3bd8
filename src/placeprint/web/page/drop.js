// Photos that are dropped anywhere or pasted, folders too; and the question whether they show one place.

import { actions, h } from "./dom.js";
import { say } from "./words.js";

const PHOTO = /\.(jpe?g|png|webp|avif|hei[cf]|tiff?|bmp|gif)$/i;
const FEW = 8; // photos that may be of one place; a server may take fewer

/** Listen for photos on the whole page. */
export function listen(ask, refuse) {
  const curtain = document.getElementById("curtain");
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    curtain.hidden = false;
  });
  document.addEventListener("dragleave", (event) => { curtain.hidden = event.relatedTarget === null || curtain.hidden; });
  document.addEventListener("drop", async (event) => {
    curtain.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const found = await dropped(event.dataTransfer).catch(() => []);
    take(found, say("Nothing that was dropped is a photo that can be read. Drop photos, or a folder of them."));
  });
  document.addEventListener("paste", (event) => {
    if (event.target.closest?.("input, textarea")) return;
    take([...event.clipboardData.files], say("There is no photo on the clipboard. Copy one, then paste it here."));
  });
  const take = (files, otherwise) => (files.length ? ask(files) : refuse(otherwise));
}

/** Files that were dropped, and the photos in folders. What a folder holds besides is left out. */
async function dropped(moved) {
  const entries = [...moved.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...moved.files];
  const found = [...moved.files].filter((_, number) => !entries[number]?.isDirectory);
  for (const entry of entries) if (entry?.isDirectory) found.push(...await within(entry));
  return found;
}

async function within(folder) {
  const reader = folder.createReader();
  const found = [];
  for (let some; (some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length;) {
    for (const entry of some.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.isDirectory) found.push(...await within(entry));
      else if (PHOTO.test(entry.name) && !entry.name.startsWith(".")) found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    }
  }
  return found;
}

/** Ask whether files show one place: "together", "each", or null when nobody wants to know. More than a few never do. */
export function together(files, most) {
  if (files.length === 1) return Promise.resolve("together");
  if (files.length > Math.min(FEW, most)) return Promise.resolve("each");
  return new Promise((resolve) => {
    const choice = (value, text, attributes) => h("button", { ...attributes, value }, text);
    const dialog = h("dialog", { "aria-labelledby": "together-title", onclose: () => { dialog.remove(); resolve(dialog.returnValue || null); } },
      h("form", { method: "dialog" },
        h("h2", { id: "together-title" }, say("Do these {n} photos show one place?", { n: files.length })),
        h("p", { class: "soft" }, say("If they do, they get one answer together. Otherwise each gets its own.")),
        actions(choice("", say("Cancel"), { class: "aside" }), choice("together", say("One place"), {}), choice("each", say("One answer each"), { class: "first", autofocus: true }))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
