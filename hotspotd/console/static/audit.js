// The auditors' page: how far the chain is, whether it is whole, and its entries, page by page.

import { dated, icon, make, when } from "./dom.js";
import { office, one, refusal, say } from "./office.js";
import { post } from "./stream.js";

let before = 0; // where the next older entries begin; 0: there are none

const count = (number) => number.toLocaleString("en-GB");

function fact(label, value, kind = "") {
  return make("div", {}, make("dt", {}, label), make("dd", { class: kind }, value));
}

function draw(state) {
  one("#facts").replaceChildren(
    fact("Entries", count(state.entries)),
    fact("Sealed", state.checkpoint ? `up to entry ${count(state.sealed)}, by checkpoint ${state.checkpoint}` : "not yet"),
    fact("Name of the chain", state.chain || "none yet", "code"),
    fact("Digest of the last entry", state.digest || "none yet", "code"),
  );
  const check = state.check;
  one("#begin").disabled = Boolean(check?.running);
  const [tone, sign, head, more] = told(check);
  const place = one("#check");
  place.dataset.tone = tone;
  place.replaceChildren(make("p", { class: "head" }, icon(sign), make("span", {}, head)), ...more);
}

function told(check) {
  if (!check) return ["quiet", "shield", "Not checked since the kiosk started", []];
  if (check.running) {
    const bar = make("progress", { max: Math.max(1, check.of), value: check.done, "aria-label": "Entries checked" });
    return ["quiet", "clock", `Checking ${count(check.of)} entries`, [bar]];
  }
  const by = make("p", { class: "quiet" }, `Checked by ${check.by}, ${when(check.at)}`);
  if (check.failed) return ["bad", "alert", "It could not be checked", [make("p", {}, check.failed), by]];
  if (check.finding) {
    return [
      "bad", "alert", "Not as it was written",
      [make("p", {}, `${check.finding[0].toUpperCase()}${check.finding.slice(1)}. ${count(check.done)} before that are whole.`), make("p", {}, "Keep a copy of the database as it is, and call whoever looks into it."), by],
    ];
  }
  const sealed = check.sealed ? `Sealed up to entry ${count(check.sealed)}.` : "None of it is sealed yet.";
  return ["good", "check", `${count(check.done)} entries, each as it was written`, [make("p", {}, sealed), by]];
}

function row(entry) {
  return make(
    "tr", {},
    make("td", { class: "number" }, count(entry.seq)),
    make("td", { title: entry.clock_trusted ? null : "The clock was not trusted then" }, make("time", { datetime: entry.at }, dated(new Date(entry.at)), entry.clock_trusted ? "" : " ?")),
    make("td", {}, entry.event),
    make("td", { class: "subject", title: entry.subject }, entry.subject),
    make("td", {}, entry.actor),
    make("td", {}, entry.detail, entry.noted && make("span", { class: "note" }, icon("document"), "has a note")),
  );
}

async function show(from) {
  const asked = new URLSearchParams(from ? { before: from } : {});
  for (const name of ["event", "subject", "actor"]) if (one(`#${name}`).value.trim()) asked.set(name, one(`#${name}`).value.trim());
  let answer;
  try {
    answer = await fetch(`/api/audit/entries?${asked}`);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // no connection
    say("The kiosk does not answer. Try again.", "bad");
    return;
  }
  if (!answer.ok) {
    say("The entries could not be read. Try again.", "bad");
    return;
  }
  const found = await answer.json();
  before = found.before;
  one("#older").disabled = !before;
  one("#newest").disabled = !from;
  one("#entries").replaceChildren(...found.entries.map(row));
  const none = before ? `None among those looked at. Older: before entry ${count(before)}.` : "None of these.";
  say(found.entries.length ? "" : none);
}

one("#filter").addEventListener("submit", (event) => {
  event.preventDefault();
  show(0);
});
one("#older").addEventListener("click", () => show(before));
one("#newest").addEventListener("click", () => show(0));
one("#begin").addEventListener("click", async () => {
  one("#begin").disabled = true;
  const answer = await post("/api/audit/check");
  // The stream draws what comes of it: the answer may be older than that.
  if (answer.ok) return;
  one("#begin").disabled = false;
  say(refusal(answer), "bad");
});

office("/audit/events", draw);
show(0);
