// Setting up: which step is open, how each is, and what is kept of how far somebody has come.

import { icon, make, when } from "./dom.js";
import { keep, leave } from "./session.js";
import { CONTENT, TITLES } from "./set-up-steps.js";
import { isSignedOut, post, reloadIfNew } from "./stream.js";
import { finding, read } from "./technician-checks.js";

const AGAIN_MS = 10000;
const SIGNS = { works: "check", warning: "alert", fails: "cross", not_checked: "ring" };
const one = (selector) => document.querySelector(selector);
let state = null;
let open = location.hash.slice(1);
let drawn = "";

const kiosk = { lanes: {}, links: [] };
const found = (step) => state.steps.find((each) => each.step === step);

function draw() {
  const names = state.steps.map((each) => each.step);
  if (!names.includes(open)) open = state.progress.at;
  const focused = one("#steps").contains(document.activeElement) && document.activeElement.dataset.step;
  one("#steps").replaceChildren(...names.map((name, index) => entry(name, index)));
  if (focused) one(`#steps [data-step="${focused}"]`)?.focus();
  kiosk.lanes = found("devices").facts.lanes;
  kiosk.links = found("traveller").facts.links;
  const step = found(open);
  // What somebody is typing into, or testing at, is not drawn anew under their hands.
  const now = JSON.stringify([open, step.state, step.reason, step.findings, step.facts, state.progress.seen[open], state.progress.language], (name, value) => (name === "now" ? undefined : value));
  if (now === drawn || (drawn && JSON.parse(drawn)[0] === open && busy())) return;
  drawn = now;
  content(step, names);
}

const busy = () => one("#step .bench [data-act='release'], #step [disabled], #step :is(input, select):focus") !== null;

function entry(name, index) {
  const seen = name in state.progress.seen;
  const button = make(
    "button", { type: "button", data: { step: name }, "aria-current": name === open ? "step" : null, on: { click: () => go(name) } },
    make("span", { class: "number" }, seen ? icon("check") : String(index + 1)), make("span", {}, TITLES[name]), make("small", {}, seen ? "seen to" : ""),
  );
  return make("li", { data: { seen: String(seen) } }, button);
}

function go(name) {
  open = name;
  history.replaceState(null, "", `#${name}`);
  draw();
  one("#step h2").focus();
}

function content(step, names) {
  const seen = state.progress.seen[step.step];
  const next = names[names.indexOf(step.step) + 1];
  one("#step").replaceChildren(
    make("h2", { tabindex: "-1" }, TITLES[step.step]),
    make("div", { class: "state", data: { is: step.state } }, icon(SIGNS[step.state]), make("div", {}, make("p", {}, step.reason), step.advice && make("p", { class: "reason" }, step.advice))),
    ...CONTENT[step.step](step, kiosk, { changed, refresh }).filter(Boolean),
    ...(step.findings.length ? [make("ul", { class: "findings" }, step.findings.map(finding))] : []),
    ...(step.commands.length ? [make("div", { class: "commands" }, make("p", {}, "At the machine itself, by an administrator:"), step.commands.map((each) => make("code", {}, each)))] : []),
    make(
      "div", { class: "onward" },
      seen && make("button", { class: "small", type: "button", on: { click: () => mark(step.step, false) } }, icon("undo"), `Seen to ${when(seen)}: not yet after all`),
      make("button", { class: "action", type: "button", data: { act: "next" }, on: { click: () => mark(step.step, true) } }, next ? `Seen to, on to ${TITLES[next].toLowerCase()}` : "Seen to, all steps done", icon(next ? "next" : "check")),
    ),
  );
}

async function mark(name, seen) {
  const answer = await post(`/api/set-up/steps/${name}`, { seen });
  if (!answer.ok) return lost(answer.status === 0);
  changed(answer.data);
  if (seen) go(answer.data.progress.at);
}

function changed(whole) {
  lost(false);
  reloadIfNew(whole.build);
  state = whole;
  draw();
}

const lost = (is) => (one("#lost").hidden = !is);

async function refresh() {
  const whole = await read("/set-up/state");
  if (whole) changed(whole);
  else if (await isSignedOut()) leave();
  else lost(true);
}

addEventListener("hashchange", () => state && go(location.hash.slice(1)));
setInterval(() => document.visibilityState === "visible" && refresh(), AGAIN_MS);
keep();
refresh();
