// An image leaves the gallery, and comes back.

import { add, original, remove, token } from "./api.js";
import { confirmed } from "./dialog.js";
import { bdi, h } from "./dom.js";
import { notice } from "./notice.js";
import { say, tell } from "./words.js";

export const changed = () => document.dispatchEvent(new CustomEvent("gallery-changed"));

/** Ask before an image leaves the gallery; it can come back as long as its file was there. */
export function removeImage(image, file) {
  confirmed({
    title: say("Remove this photo?"),
    fields: [h("p", { class: "soft" }, tell("{file} leaves the gallery. A file that was indexed from a folder stays in that folder.", { file: bdi(file) }))],
    action: say("Remove"),
    run: async (key) => {
      const copy = image.places.length === 1 ? await original(image.image, file).catch(() => null) : null;
      const gone = await remove(image.image, key).then(() => false, (error) => {
        if (error.status !== 404) throw error;
        return true;
      });
      changed();
      if (gone) notice(tell("{file} was removed already, by someone else. The list is up to date now.", { file: bdi(file) }));
      else notice(tell("{file} removed.", { file: bdi(file) }), copy && say("Undo"), () => bringBack(image, copy));
    },
  });
}

/** Remove images that were just added. */
export async function takeBack(images, place) {
  await undone(async () => {
    for (const image of images) await remove(image, token.read());
  }, place);
}

async function bringBack({ places: [place], latitude, longitude }, file) {
  const at = latitude === null ? null : `${latitude},${longitude}`;
  await undone(() => add(place, [file], token.read(), { at }), place);
}

async function undone(run, place) {
  try {
    await run();
    notice(tell("Undone: {place} is as it was.", { place: bdi(place) }));
  } catch (error) {
    notice(`${say("Not undone.")} ${error.message}`);
  }
  changed();
}
