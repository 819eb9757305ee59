// The technician's page: draws the state that the server sends, and asks for rows to be queued again.

import { ago, agoWords, clock, dated, icon, make } from "./dom.js";
import { counted, oldest, refused, routes, sentence, size } from "./link-words.js";
import { keep, leave } from "./session.js";
import { follow, post, reloadIfNew } from "./stream.js";
import { checks } from "./technician-checks.js";
import { lanes } from "./technician-devices.js";
import { linkTests } from "./technician-links.js";

const RANKS = { live: "Live checks", decision: "Decisions", backlog: "Stored checks", statistics: "Statistics", log: "Logs" };
const STATES = {
  queued: "Queued", sending: "Being sent", received: "With the gateway, no reply yet", answered: "Answered", expired: "Expired",
  quarantined: "Set aside",
};
const KINDS = { transaction: "Check", decision: "Decision", statistics: "Statistics", log: "Log" };

const MEND = document.body.dataset.acts.split(" ").includes("mend");
const one = (selector) => document.querySelector(selector);
const number = (value) => value.toLocaleString("en-GB").replaceAll(",", "\u00a0");
let state = null;

function draw() {
  gateway(state.link);
  outbox(state.outbox, state.link);
  aside(state.outbox);
  lanes(state.lanes);
  const list = state.watchlist;
  one("#watchlist").replaceChildren(
    ...(list
      ? facts([["Version", list.version], ["Made", dated(new Date(list.made_at))], ...Object.entries(list.counts).map(([kind, count]) => [kind[0].toUpperCase() + kind.slice(1), number(count)])])
      : [make("p", { class: "bad" }, icon("cross"), "There is no list: every traveller is referred.")]),
  );
  one("#untrusted").hidden = state.clock_trusted;
}

const facts = (pairs) => pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));

function gateway(view) {
  const { tone, sign, heading, means } = sentence(view);
  const place = one("#gateway");
  const notes = [view && refused(view), view?.trouble].filter(Boolean);
  place.dataset.tone = tone;
  place.replaceChildren(
    make("p", { class: "head" }, icon(sign), heading),
    ...means.map((text) => make("p", {}, text)),
    ...notes.map((text) => make("p", { class: "note" }, icon("alert"), make("span", {}, text))),
  );
  one("#links").replaceChildren(...(view ? routes(view) : []));
  if (view) linkTests(view.routes);
}

function outbox(shown, view) {
  const waiting = Object.values(shown.waiting).reduce((all, each) => all + each, 0);
  const tile = (name, value, tone) => make("div", { data: { tone: tone ?? "" } }, make("dt", {}, name), make("dd", {}, value));
  one("#tiles").replaceChildren(
    tile("Waiting to go", number(waiting)),
    tile("Oldest waits", (waiting && view && oldest(view)) || "–"),
    tile("Bytes waiting", size(shown.bytes)),
    tile("Set aside", number(shown.states.quarantined), shown.states.quarantined ? "care" : ""),
  );
  const rows = (words, counts) =>
    Object.entries(words).map(([key, word]) => make("tr", { data: { none: String(!counts[key]) } }, make("th", { scope: "row" }, word), make("td", {}, number(counts[key]))));
  one("#ranks").replaceChildren(...rows(RANKS, shown.waiting));
  one("#states").replaceChildren(...rows(STATES, shown.states));
  one("#last-error").hidden = !shown.last_error;
  one("#last-error").textContent = `Last error: ${shown.last_error}`;
}

let drawn = "";

function aside(shown) {
  one("#count").textContent = shown.states.quarantined;
  // A button that is replaced while it is pressed gets no click.
  const now = JSON.stringify(shown.aside);
  if (now === drawn) return;
  drawn = now;
  const kept = document.activeElement?.dataset.tcn;
  const more = shown.states.quarantined - shown.aside.length;
  one("#aside").replaceChildren(
    ...shown.aside.map(row),
    shown.aside.length ? "" : make("li", { class: "panel none" }, icon("check"), "Nothing is set aside."),
    more > 0 ? make("li", { class: "panel none" }, `${counted(more, "more row", "more rows")}: hotspotctl outbox list --state quarantined`) : "",
  );
  if (kept) one(`[data-tcn="${CSS.escape(kept)}"]`)?.focus();
}

function row(each) {
  const about = [
    KINDS[each.kind] ?? each.kind, each.lane, size(each.size), each.attempts ? counted(each.attempts, "try", "tries") : "", each.link && `by ${each.link}`,
  ];
  return make(
    "li", { class: "panel row" },
    make("div", {},
      make("p", { class: "why" }, icon("alert"), each.why),
      make("p", { class: "tcn" }, make("b", {}, each.tcn), make("span", {}, about.filter(Boolean).join(" · ")), make("span", {}, "came ", ago(each.created_at))),
      make("p", { class: "said" }, each.said),
    ),
    MEND && make("button", { class: "action", type: "button", data: { tcn: each.tcn }, on: { click: (event) => retry(each.tcn, event.currentTarget) } }, icon("undo"), "Queue again"),
  );
}

async function retry(tcn, button) {
  button.disabled = true;
  say(`Queueing ${tcn} again.`);
  const answer = await post(`/api/outbox/${encodeURIComponent(tcn)}/retry`);
  if (answer.ok) {
    state = answer.data;
    say(`${tcn} is queued again. It goes as soon as a link is free.`);
    draw();
    return;
  }
  button.disabled = false;
  say(
    answer.status === 409 ? `${tcn} is not set aside any more.`
      : answer.status === 0 ? `The kiosk does not answer. ${tcn} may still be set aside: try again.`
        : `${tcn} could not be queued: ${answer.data.what ?? answer.data}. ${answer.data.advice ?? ""}`,
  );
}

function say(text) {
  one("#outcome").textContent = text;
}

follow(
  "/technician/events",
  {
    state: (whole) => {
      reloadIfNew(whole.build);
      state = whole;
      draw();
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

function tick() {
  one("#clock").textContent = dated(new Date());
  if (state) outbox(state.outbox, state.link);
  for (const time of document.querySelectorAll("[data-ago]")) time.textContent = agoWords(time.dateTime);
}
setInterval(tick, 1000);
tick();
keep();
checks();
