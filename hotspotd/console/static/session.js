// Who is signed in: keeps them so while they do something, warns before the end, and clears the screen at it.

import { post } from "./stream.js";

const TOLD_EVERY_MS = 15000;
const WARNED_MS = 30000;
const ANSWER_MS = 3000;

let signingOut = null; // the request, while it is on its way
let left = false;

/** Leave for the page where one signs in, with nothing of this one left to go back to. */
export async function leave() {
  if (left) return;
  left = true;
  // Off the screen and deaf at once; what runs until the page is gone still finds its elements.
  document.documentElement.hidden = true;
  addEventListener("keydown", (event) => event.stopImmediatePropagation(), { capture: true });
  addEventListener("pagehide", () => document.body.replaceChildren());
  await signingOut; // Its answer takes the cookie back; the stream may have told of the end before.
  location.replace(`/sign-in?to=${encodeURIComponent(location.pathname)}`);
}

/** Watch over the session of this page. `before` is told when the end is near, and when it is not any more. */
export function keep() {
  const idle = Number(document.querySelector("#who").dataset.idle) * 1000;
  const warning = document.querySelector("#leaving");
  let acted = Date.now();
  let told = Date.now();

  const active = async () => {
    acted = Date.now();
    warning.hidden = true;
    if (acted - told < Math.min(TOLD_EVERY_MS, idle / 4)) return;
    told = acted;
    const answer = await post("/api/session/active");
    if (answer.status === 401) leave();
  };
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) addEventListener(kind, active, { passive: true });
  warning.querySelector("button").addEventListener("click", active);
  document.querySelector("#sign-out").addEventListener("click", () => {
    signingOut = fetch("/api/session", { method: "DELETE", signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
    leave();
  });
  setInterval(() => {
    const rest = acted + idle - Date.now();
    if (rest <= 0) leave();
    else if (rest < Math.min(WARNED_MS, idle / 2)) {
      warning.hidden = false;
      warning.querySelector("p").textContent = `Nobody is here? The screen clears in ${Math.ceil(rest / 1000)} s.`;
    }
  }, 500);
}
