// Asks for the token, and puts the page of the groups in place of this one.
"use strict";
{ // a room of its own: names of the page that comes are the same ones
  const tr = (text) => text; // the server puts the text of the page's language here
  const SAYS = { 401: tr("The token is wrong."), 404: tr("No unknown photos are kept yet: what is asked and answered UNKNOWN comes here."), 503: tr("The photos are being grouped for somebody else. Try again shortly.") };
  const KEY = "placeprint-token", told = document.querySelector(".told"), form = document.querySelector("form");
  async function show() {
    form.hidden = true;
    told.textContent = tr("The photos are being grouped. The first time this takes a while.");
    try {
      const answer = await fetch("unknown", { method: "POST", headers: { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` } });
      if (answer.ok) {
        const page = await answer.text();
        document.open();
        document.write(page);
        document.close();
        return;
      }
      if (answer.status === 401) sessionStorage.removeItem(KEY);
      told.textContent = SAYS[answer.status] ?? `${(await answer.json()).detail}.`;
    } catch {
      told.textContent = tr("The server cannot be reached. Try again.");
    }
    form.hidden = false;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, document.getElementById("token").value.trim());
    show();
  });
  if (sessionStorage.getItem(KEY)) show();
}
