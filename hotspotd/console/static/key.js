// One's own security key: registered after the secret is given again, and forgotten.

import { dated } from "./dom.js";
import { answered, elsewhere, numbered, usable } from "./security-key.js";
import { keep, leave } from "./session.js";

const one = (selector) => document.querySelector(selector);
const say = (text) => {
  one("#problem").textContent = text;
};

async function show() {
  if (!usable()) {
    one("#state").textContent = numbered ? "Security keys do not work at an address of numbers." : "This browser cannot use security keys.";
    elsewhere(one("#key-elsewhere"));
    return;
  }
  const answer = await fetch("/api/session/keys").catch(() => null);
  if (answer?.status === 401) leave();
  const has = answer?.ok ? (await answer.json()).registered : null;
  one("#state").textContent = has === null ? "The kiosk does not answer. Load this page again."
    : has ? "A key is registered for your badge. Another one takes its place." : "No key is registered for your badge.";
  one("#fields").hidden = has === null;
  one("#remove").hidden = !has;
}

one("#register").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = one("#register .primary");
  button.disabled = true;
  say("");
  const answer = await answered("/api/session/keys", { secret: one("#secret").value });
  button.disabled = false;
  if (answer.ok) {
    one("#secret").value = "";
    await show();
    return;
  }
  say(answer.problem ?? (answer.data?.what ? `${answer.data.what[0].toUpperCase()}${answer.data.what.slice(1)}. ${answer.data.advice}` : "That did not work. Try again."));
});

one("#remove").addEventListener("click", async () => {
  const answer = await fetch("/api/session/keys", { method: "DELETE" }).catch(() => null);
  say(answer?.ok ? "" : "That did not work. Try again.");
  await show();
});

const tick = () => {
  one("#clock").textContent = dated(new Date());
};
setInterval(tick, 1000);
tick();
keep();
show();
