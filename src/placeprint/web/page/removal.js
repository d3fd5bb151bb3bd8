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
    title: say("remove.title"),
    fields: [h("p", { class: "soft" }, tell("remove.says", { file: bdi(file) }))],
    action: say("remove"),
    run: async (key) => {
      const copy = image.places.length === 1 ? await original(image.image, file).catch(() => null) : null;
      const gone = await remove(image.image, key).then(() => false, (error) => {
        if (error.status !== 404) throw error;
        return true;
      });
      changed();
      if (gone) notice(tell("remove.already", { file: bdi(file) }));
      else notice(tell("remove.done", { file: bdi(file) }), copy && say("undo"), () => bringBack(image, copy));
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
    notice(tell("undone", { place: bdi(place) }));
  } catch (error) {
    notice(`${say("notUndone")} ${error.message}`);
  }
  changed();
}
