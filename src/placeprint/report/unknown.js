// Asks for the token, and puts the page of the groups in place of this one.
"use strict";
const KEY = "placeprint-token", told = document.querySelector(".told"), form = document.querySelector("form");
async function show() {
  form.hidden = true;
  told.textContent = "The photos are being grouped. The first time this takes a while.";
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
    told.textContent = `${(await answer.json()).detail}.`;
  } catch {
    told.textContent = "The server cannot be reached. Try again.";
  }
  form.hidden = false;
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, document.getElementById("token").value.trim());
  show();
});
if (sessionStorage.getItem(KEY)) show();
