// The gateway on the officers' page: a line at the top that is always there, a card, and each link when asked for.

import { icon, make } from "./dom.js";
import { counted, oldest, refused, routes, sentence } from "./link-words.js";

let drawn = "";
const one = (selector) => document.querySelector(selector);

/** Show `view`, which may be null. Called again each time it changes, and while something waits. */
export function drawLink(view) {
  const told = JSON.stringify([view, view && oldest(view)]);
  if (told === drawn) return;
  drawn = told;
  const { tone, sign, heading, without = "", means } = sentence(view);
  const line = one("#gateway");
  const words = [heading[0].toLowerCase() + heading.slice(1) + without, view?.queued ? `${view.queued} waiting` : "", view?.set_aside ? `${view.set_aside} set aside` : ""];
  const text = `Gateway: ${words.filter(Boolean).join(" · ")}`;
  // Read aloud when it changes, and not four times a second.
  if (line.textContent !== text || line.dataset.tone !== tone) line.replaceChildren(icon(sign), text);
  line.dataset.tone = view?.set_aside ? "care" : tone;
  one("#link").dataset.tone = tone;
  one("#link").replaceChildren(...card(view, sign, heading, means));
  one("#links").hidden = !view?.routes.length;
  if (view) one("#links ul").replaceChildren(...routes(view));
}

function card(view, sign, heading, means) {
  const head = make("div", { class: "head" }, icon(sign), heading);
  if (!view) return [head];
  const care = (text, more = "") => make("p", { class: `note ${more}` }, icon("alert"), make("span", {}, text));
  return [
    head,
    ...means.map((text) => make("p", {}, text)),
    !view.up && !view.routes.length && view.last_error && make("p", {}, view.last_error),
    make(
      "dl", {},
      make("dt", {}, "Waiting to go"), make("dd", {}, String(view.queued)),
      make("dt", {}, "Oldest waits"), make("dd", {}, oldest(view) || "–"),
    ),
    view.set_aside > 0 && care(`${counted(view.set_aside, "message was", "messages were")} set aside: the gateway does not take them. Call a technician.`),
    refused(view) && care(`${refused(view)} Call a technician.`),
    view.trouble && care(`${view.trouble} Call a technician.`, "trouble"),
  ].filter(Boolean);
}
