// The page about who may sign in: draws the state that the server sends, and asks for changes of it.

import { icon, make, when } from "./dom.js";
import { office, one, refusal, say } from "./office.js";
import { post } from "./stream.js";

const own = one("main").dataset.own;

function minutes(seconds) {
  const whole = Math.max(1, Math.round(seconds / 60));
  return whole === 1 ? "1 minute" : `${whole} minutes`;
}

function stateOf(person) {
  if (person.disabled) return ["quiet", "cross", "disabled"];
  if (person.locked_s > 0) return ["care", "alert", `locked for ${minutes(person.locked_s)}`];
  if (person.failures) return ["care", "alert", person.failures === 1 ? "1 wrong try" : `${person.failures} wrong tries`];
  if (person.must_change) return ["quiet", "clock", "to choose a PIN"];
  if (person.screens) return ["good", "check", "signed in"];
  return ["quiet", "ring", "not signed in"];
}

function button(words, sign, act) {
  return make("button", { class: "action plain", type: "button", on: { click: act } }, icon(sign), words);
}

function line(person) {
  const [tone, sign, words] = stateOf(person);
  const path = `/api/people/${encodeURIComponent(person.badge)}`;
  const isOwn = person.badge === own;
  const change = (what, done) => async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    const answer = await post(`${path}/${what}`);
    // The stream draws what comes of it: the answer may be older than that.
    if (!answer.ok) pressed.disabled = false;
    say(answer.ok ? done : refusal(answer), answer.ok ? "quiet" : "bad");
  };
  return make(
    "tr", { data: { badge: person.badge, ...(person.disabled ? { disabled: "" } : {}) } },
    make("th", { scope: "row" }, person.badge),
    make("td", {}, person.roles.join(", ")),
    make("td", {}, make("span", { class: "state", data: { tone } }, icon(sign), words)),
    make("td", { class: "quiet" }, when(person.changed_at)),
    make(
      "td", {},
      isOwn ? make("p", { class: "quiet own" }, "That is you") : make(
        "div", { class: "acts" },
        (person.failures || person.locked_s > 0) && !person.disabled && button("Unlock", "key", change("unlock", `Badge ${person.badge} may be tried again.`)),
        !person.disabled && button("New PIN", "key", () => renew(person.badge, path)),
        person.disabled
          ? button("Let in again", "undo", change("enable", `Badge ${person.badge} may sign in again.`))
          : button("Disable", "cross", change("disable", `Badge ${person.badge} is signed out and may not sign in any more.`)),
      ),
    ),
  );
}

function draw(state) {
  one("#count").textContent = state.people.length;
  // The same button keeps the focus when the list is drawn anew.
  const focused = document.activeElement?.closest("tr")?.dataset.badge;
  const label = document.activeElement?.textContent;
  one("#people").replaceChildren(...state.people.map(line));
  if (focused) {
    const row = [...one("#people").rows].find((each) => each.dataset.badge === focused);
    const buttons = [...(row?.querySelectorAll("button") ?? [])];
    (buttons.find((each) => each.textContent === label) ?? buttons[0])?.focus();
  }
}

function show(given) {
  one("#pin-title").textContent = `PIN of badge ${given.badge}`;
  one("#digits").textContent = `${given.pin.slice(0, 4)} ${given.pin.slice(4)}`;
  one("#pin").showModal();
}

async function renew(badge, path) {
  const answer = await post(`${path}/pin`);
  if (answer.ok) show(answer.data);
  say(answer.ok ? `Badge ${badge} has a new PIN and is signed out.` : refusal(answer), answer.ok ? "quiet" : "bad");
}

one("#pin-done").addEventListener("click", () => one("#pin").close());
one("#pin").addEventListener("close", () => {
  one("#digits").textContent = "";
});

one("#add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const roles = [...form.querySelectorAll("[name=role]:checked")].map((each) => each.value);
  const problem = one("#problem");
  problem.textContent = roles.length ? "" : "Choose at least one.";
  if (!roles.length) return;
  const sending = form.querySelector("button");
  sending.disabled = true;
  const answer = await post("/api/people", { badge: one("#badge").value.trim(), roles });
  sending.disabled = false;
  if (!answer.ok) {
    problem.textContent = refusal(answer);
    return;
  }
  form.reset();
  show(answer.data);
  say(`Badge ${answer.data.badge} may sign in.`);
});

office("/people/events", draw);
