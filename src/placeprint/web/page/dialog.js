// A dialog that runs something, with the token where that changes the gallery. It stays open with the reason when that fails.

import { actions, button, h } from "./dom.js";
import { token } from "./api.js";
import { say } from "./words.js";

/** Ask, then run; `run` gets the token, a signal that ends with the dialog, and a way to say how far it is. */
export function confirmed({ title, fields, action, run, free = false }) {
  const key = h("input", { type: "password", name: "token", required: true, autocomplete: "off" });
  const asks = h("label", { hidden: free || token.read() !== null }, say("Token of this server"), key);
  key.disabled = asks.hidden;
  const wrong = h("p", { class: "wrong", role: "alert" });
  const says = h("p", { class: "small soft", role: "status" });
  const go = h("button", { class: "first" }, action);
  const stop = new AbortController();
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => { stop.abort(); dialog.remove(); } },
    h("form", { method: "dialog", onsubmit: submit },
      h("h2", { id: "dialog-title" }, title), fields, asks, wrong, says,
      actions(button(() => dialog.close(), say("Cancel")), go)));
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    wrong.textContent = "";
    const used = free ? null : token.read() ?? key.value.trim();
    try {
      await run(used, stop.signal, (text) => { says.textContent = text; });
      if (used !== null) token.keep(used);
      dialog.close();
    } catch (error) {
      if (stop.signal.aborted) return;
      if (error.status === 401) {
        token.forget();
        asks.hidden = key.disabled = false;
        key.focus();
      }
      if (!error.told) console.error(error);
      wrong.textContent = error.message;
      says.textContent = "";
      go.disabled = false;
    }
  }
  document.body.append(dialog);
  dialog.showModal();
}
