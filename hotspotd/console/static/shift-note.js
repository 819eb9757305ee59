// The note that one shift hands to the next.

import { agoWords, make, when } from "./dom.js";
import { post } from "./stream.js";

// Notes of so long ago are counted on the button: those of the shift before.
const FRESH_MS = 12 * 3600 * 1000;

const dialog = document.querySelector("#note-dialog");
const form = dialog.querySelector("form");
const opener = document.querySelector("#open-note");
let count = () => 0;

const alerts = (number) => `${number} open ${number === 1 ? "alert" : "alerts"}`;

/** `openAlerts` tells how many alerts are open now. */
export function notes(openAlerts) {
  count = openAlerts;
  read();
}

/** Open the dialog. */
export function writeNote() {
  const open = count();
  dialog.querySelector("#note-open").textContent = `Handed over with it: ${alerts(open)}, as the kiosk counts when you hand over.`;
  dialog.showModal();
  form.elements.text.focus();
  read();
}

async function read() {
  try {
    const answer = await fetch("/api/shift-notes");
    if (answer.ok) draw(await answer.json());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // no connection: the page says so
  }
}

function draw(all) {
  const fresh = all.filter((one) => Date.now() - new Date(one.written_at).getTime() < FRESH_MS).length;
  opener.querySelector(".count").textContent = fresh || "";
  opener.querySelector(".count").hidden = !fresh;
  if (!dialog.open) return; // nothing stays in the page that is not shown
  dialog.querySelector(".notes").replaceChildren(...(all.length ? all.map(line) : [make("li", { class: "none" }, "None yet.")]));
}

function line(one) {
  return make(
    "li", {},
    make("p", { class: "quiet" }, `${one.author} · ${when(one.written_at)}${one.clock_trusted ? "" : " (clock not set)"}, ${agoWords(one.written_at)} · ${alerts(one.open_alerts)} then`),
    make("p", { class: "text", dir: "auto" }, one.text),
  );
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = form.elements.text.value.trim();
  const problem = form.querySelector(".problem");
  problem.textContent = text ? "" : "Write something first.";
  if (!text) return;
  const answer = await post("/api/shift-notes", { text });
  if (answer.ok) {
    form.reset();
    await read();
  } else problem.textContent = `Not kept. ${answer.data.advice ?? "Try again."}`;
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  form.reset();
  form.querySelector(".problem").textContent = "";
  dialog.querySelector(".notes").replaceChildren();
});
opener.addEventListener("click", writeNote);
