// What the page about people and the auditors' page share: their stream, its loss, the clock, and words for what was refused.

import { clock, dated } from "./dom.js";
import { keep, leave } from "./session.js";
import { follow, reloadIfNew } from "./stream.js";

export const one = (selector) => document.querySelector(selector);

/** Follow `url`, whose only event is the whole state; tell `draw` of it. */
export function office(url, draw) {
  follow(
    url,
    {
      state: (whole) => {
        reloadIfNew(whole.build);
        draw(whole);
      },
    },
    {
      ended: leave,
      lost: (since) => {
        document.body.toggleAttribute("data-lost", true);
        one("#lost").hidden = false;
        one("#lost span").textContent = `No contact with the kiosk since ${clock(since.toISOString())}. What is shown may be old. Trying again.`;
      },
      back: () => {
        document.body.removeAttribute("data-lost");
        one("#lost").hidden = true;
      },
    },
  );
  const tick = () => {
    one("#clock").textContent = dated(new Date());
  };
  setInterval(tick, 1000);
  tick();
  keep();
}

/** Why an answer was a refusal, and what to do. */
export function refusal(answer) {
  if (answer.status === 0) return "The kiosk does not answer. Try again.";
  const what = answer.data?.what;
  return what ? `${what.replace(/^records: /, "").replace(/^./, (letter) => letter.toUpperCase())}. ${answer.data.advice}` : "That did not work. Try again.";
}

export function say(text, tone = "quiet") {
  one("#outcome").textContent = text;
  one("#outcome").dataset.tone = tone;
}
