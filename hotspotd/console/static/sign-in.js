// Signing in. While nobody is, the page says how much waits, and nothing about anybody.

import { dated } from "./dom.js";
import { answered, elsewhere, usable } from "./security-key.js";
import { follow, post, reloadIfNew } from "./stream.js";
import { sound, wake } from "./tone.js";

const one = (selector) => document.querySelector(selector);
const PAGES = { see_alerts: ["/guard", "Officer"], see_devices: ["/technician", "Technician"], see_audit: ["/audit", "Auditor"], manage_people: ["/people", "People"] };
const wanted = new URLSearchParams(location.search).get("to") ?? "";
let used = "";

/** Go on to the page that was asked for, where it is one that this person may see; otherwise to the first of theirs. */
function goOn(session) {
  const pages = Object.entries(PAGES).filter(([act]) => session.acts.includes(act)).map(([, page]) => page);
  const to = pages.find(([path]) => path === wanted) ?? pages[0];
  location.replace(to ? to[0] : "/");
}

function entered(session) {
  if (!session.must_change) {
    goOn(session);
    return;
  }
  one("#sign-in").hidden = true;
  one("#change").hidden = false;
  one("#new").focus();
}

const words = (answer) =>
  answer.status === 0 ? "The kiosk does not answer. Try again."
    : answer.data?.what ? `${answer.data.what[0].toUpperCase()}${answer.data.what.slice(1)}. ${answer.data.advice}` : "That did not work. Try again.";

async function submitted(form, problem, send) {
  const button = form.querySelector("button");
  button.disabled = true;
  problem.textContent = "";
  const answer = await send();
  button.disabled = false;
  if (!answer.ok) problem.textContent = words(answer);
  return answer;
}

one("#sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  used = one("#secret").value;
  const answer = await submitted(event.target, one("#problem"), () => post("/api/session", { badge: one("#badge").value.trim(), secret: used }));
  one("#secret").value = "";
  if (answer.ok) entered(answer.data);
  else one("#secret").focus();
});

const key = one("#use-key"); // not there where the kiosk has no security keys
key?.addEventListener("click", async () => {
  const badge = one("#badge");
  if (!badge.reportValidity()) return;
  const secret = one("#secret").value;
  key.disabled = true;
  one("#problem").textContent = "";
  const answer = await answered("/api/session/key", { badge: badge.value.trim() }, { secret });
  key.disabled = false;
  if (answer.ok) {
    one("#secret").value = "";
    entered(answer.data);
    return;
  }
  one("#problem").textContent = answer.problem ?? words(answer);
  if (answer.data?.reason === "bad_value") one("#secret").focus();
});
if (key) {
  key.hidden = !usable();
  elsewhere(one("#key-elsewhere"));
}

one("#change").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = one("#change-problem");
  if (one("#new").value !== one("#again").value) {
    problem.textContent = "The two are not the same. Type them again.";
    return;
  }
  const answer = await submitted(event.target, problem, () => post("/api/session/secret", { secret: used, new: one("#new").value }));
  if (answer.ok) {
    used = "";
    goOn(answer.data);
  }
});

function show(waiting) {
  reloadIfNew(waiting.build);
  const place = one("#waiting");
  const alerts = waiting.alerts === 1 ? "1 alert waits" : `${waiting.alerts} alerts wait`;
  const lanes = waiting.lanes.length ? `An officer is asked for at ${waiting.lanes.join(", ")}` : "";
  const parts = [waiting.alerts ? alerts : "", lanes].filter(Boolean);
  place.hidden = !parts.length;
  place.querySelector("p").textContent = parts.join(". ");
  document.title = waiting.alerts ? `(${waiting.alerts}) Sign in` : "Sign in";
  sound(waiting.urgency);
}

if ("here" in document.body.dataset) {
  follow("/waiting/events", { waiting: show }, {
    lost: () => {
      one("#lost").hidden = false;
      one("#lost").textContent = "No contact with the kiosk. Trying again.";
      one("#waiting").hidden = true;
    },
    back: () => {
      one("#lost").hidden = true;
    },
  });
}
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, wake);
const tick = () => {
  one("#clock").textContent = dated(new Date());
};
setInterval(tick, 1000);
tick();
