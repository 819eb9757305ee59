// Looking a document, a person or a plate up. Nothing stays: closing the dialog clears what was asked and what was found.

import { clock, icon, make } from "./dom.js";
import { post } from "./stream.js";

const FIELDS = { document: ["number", "issuer"], vehicle: ["number", "issuer"], person: ["surname", "given_names", "birth_date", "nationality"] };
const NEEDED = { document: ["number"], vehicle: ["number"], person: ["surname", "birth_date"] };
const NAMES = { number: "the number", surname: "the surname", birth_date: "the date of birth, at least the year", purpose: "what it is for" };
const LABELS = { document: ["Document number", "Issued by (code)"], vehicle: ["Registration plate", "Registered in (code)"] };

const dialog = document.querySelector("#look-up");
const form = dialog.querySelector("form");
const answer = dialog.querySelector(".answer");
let number = 0; // of what was asked last: an answer to something else is not shown

const kind = () => form.elements.kind.value;

/** Open the dialog. */
export function lookUp() {
  show();
  dialog.showModal();
  form.elements.number.focus();
}

function show() {
  for (const group of form.querySelectorAll("[data-of]")) group.hidden = !group.dataset.of.split(" ").includes(kind());
  const [numberWords, issuerWords] = LABELS[kind()] ?? ["", ""];
  form.querySelector('[data-words="number"]').textContent = numberWords;
  form.querySelector('[data-words="issuer"]').textContent = issuerWords;
}

function problem(words) {
  dialog.querySelector(".problem").textContent = words;
}

function clear() {
  number += 1;
  answer.replaceChildren();
  problem("");
}

async function ask() {
  clear();
  const values = new FormData(form);
  const missing = [...NEEDED[kind()], "purpose"].find((name) => !values.get(name)?.trim());
  const wrong = FIELDS[kind()].find((name) => !form.elements[name].validity.valid);
  if (missing || wrong) {
    problem(missing ? `Say ${NAMES[missing]}.` : wrong === "birth_date" ? "Write the date as 1974-08-12, or only 1974-08 or 1974." : "A code has up to three letters.");
    form.elements[missing ?? wrong].focus();
    return;
  }
  const wish = { kind: kind(), purpose: values.get("purpose"), note: values.get("note").trim() };
  for (const name of FIELDS[kind()]) wish[name] = values.get(name).trim();
  const mine = number;
  const slow = setTimeout(() => problem("Searching the list…"), 300);
  const reply = await post("/api/look-ups", wish);
  clearTimeout(slow);
  if (mine !== number || !dialog.open) return;
  problem("");
  if (reply.ok) answer.replaceChildren(...found(reply.data));
  else problem(reply.status === 0 ? "The kiosk does not answer." : `Not looked up. ${[reply.data.what, reply.data.advice].filter(Boolean).join(". ") || "Try again."}`);
}

function found({ list, made_at, total, found }) {
  const more = total > found.length ? `, the first ${found.length} are shown: say more about what you look for` : "";
  const heading = total ? `${total} ${total === 1 ? "record" : "records"} found${more}` : "Nothing found";
  return [
    make("h3", { class: total ? "" : "none" }, icon(total ? "alert" : "check"), heading),
    make("ol", {}, found.map(record)),
    make("p", { class: "quiet" }, `Searched at ${clock(new Date().toISOString())} in the list kept here: ${list}, made on ${made_at.slice(0, 10)}. The gateway was not asked.`),
  ];
}

function record(one) {
  return make(
    "li", { class: "found", data: { tone: one.tone } },
    make("div", { class: "chips" }, make("span", { class: "chip" }, one.heading), make("span", { class: "tag care" }, icon("help"), one.certainty)),
    make("b", { class: "title" }, one.title),
    one.cautions.length > 0 && make("ul", { class: "cautions" }, one.cautions.map((words) => make("li", {}, icon("alert"), words))),
    make("p", { class: "agrees" }, one.agrees.join("; ")),
    make("div", { class: "what" }, icon("shield"), make("div", {}, one.instruction, make("small", {}, [one.reason, `${one.owner} ${one.reference}`].filter(Boolean).join(" · ")))),
    make("dl", { class: "about" }, one.facts.map((row) => make("div", { data: row.care ? { care: "" } : {} }, make("dt", {}, row.label), make("dd", { dir: "auto" }, row.value)))),
  );
}

form.addEventListener("change", (event) => {
  if (event.target.name !== "kind") return;
  clear();
  show();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
form.noValidate = true;
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  form.reset();
  clear();
});
document.querySelector("#open-look-up").addEventListener("click", lookUp);
