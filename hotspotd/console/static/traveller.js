// The traveller's page: shows what the lane says, in the traveller's language.

import { make } from "./dom.js";
import { follow, insist, post, reloadIfNew } from "./stream.js";
import { mirror } from "./traveller-mirror.js";
import { canSound, isOn, say, turn } from "./traveller-sound.js";
import { fill, showAttempt, showSteps } from "./traveller-steps.js";

const LOST_PATIENCE_MS = 300; // Less than anybody notices.
const LONG_MS = 15000; // Then the page no longer promises to go on by itself.
const HELP_TRIES = 10;
const HELP_AGAIN_MS = 1500;
const OTHERS_SHOWN = 3;
const LEFT_MS = 45000; // Nobody touches the screen, and no document is there: whoever chose the language has left.
const LONG_SENTENCE = 46; // Characters of a sentence that needs a smaller letter on a low screen.
const READABLE_MS = 700; // No advice is taken back before it can be read.
const ARRIVE_MS = 200;

const body = document.body;
const lane = body.dataset.lane;
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

const PICTURE = {
  starting: "wait", idle: "document", document: "document", face: "face", finger: "finger",
  checking: "wait", go: "go", officer: "officer", out_of_service: "closed",
};

const words = await insist(`/traveller/${lane}/words.json`);
const first = document.documentElement.lang;
const { house } = document.documentElement.dataset;
const ANNOUNCE_S = words.en.seconds.length - 1; // A time-out is announced this long before.
let state = null;
let lost = false;
let chosen = sessionStorage.getItem("language");
let deadline = null;
let announced = ANNOUNCE_S;
let warned = false;
let waitingSince = null;
let said = "";

const language = () => {
  const code = chosen ?? (state ? state.languages[0] ?? house : first);
  return code in words ? code : "en";
};

function list(own, items) {
  const [between, last] = own.separators;
  return items.length > 1 ? items.slice(0, -1).join(between) + last + items.at(-1) : items.join("");
}

function show() {
  const code = language();
  const own = words[code];
  document.documentElement.lang = code;
  document.documentElement.dir = own.direction;
  document.title = own.labels.page_title;
  for (const element of all("[data-label]")) element.textContent = own.labels[element.dataset.label];
  for (const element of all("[data-aria]")) element.setAttribute("aria-label", own.labels[element.dataset.aria]);
  for (const element of all("[data-intro]")) element.textContent = own.intro[element.dataset.intro];
  one("#language-name").textContent = own.name;
  showOthers(code);
  for (const button of all("#languages [data-language]")) button.setAttribute("aria-pressed", button.dataset.language === code);

  const waiting = lost || state === null || state.state === "starting";
  waitingSince = waiting ? waitingSince ?? performance.now() : null;
  const now = waiting ? "starting" : state.state;
  body.dataset.state = lost ? "lost" : now;
  const finger = own.fingers[state?.finger ?? "unknown"];
  const fingers = own.slaps[state?.slap] ?? list(own, (state?.fingers ?? []).map((each) => own.fingers[each]));
  const changed = setText("#prompt", waiting ? own.labels.moment : fill(own.prompts[state.prompt], { finger, fingers }));
  one("#prompt").toggleAttribute("data-long", one("#prompt").textContent.length > LONG_SENTENCE);
  if (changed) arrive(one(".words"));
  setText("#hint", hint(own));

  // SVG elements have no `hidden` property.
  for (const picture of all("[data-picture]")) picture.toggleAttribute("hidden", picture.dataset.picture !== PICTURE[now]);
  const hand = one('[data-picture="finger"]');
  hand.dataset.fingers = (state?.fingers ?? []).join(" ");
  hand.dataset.finger = hand.dataset.fingers ? "several" : state?.finger ?? "unknown";
  body.dataset.prompt = waiting ? "" : state.prompt;
  showSteps(now, state?.skips ?? []);
  one("#intro").hidden = now !== "idle";
  one("#turn").hidden = now === "idle";
  one("#help").disabled = waiting || now === "officer" || now === "out_of_service";
  showAttempt(own, now, state);
  showTime();
  sound(own, code, now);
}

function hint(own) {
  if (waitingSince === null) return own.hints[state.prompt] ?? "";
  return performance.now() - waitingSince > LONG_MS ? own.labels.moment_long : own.labels.moment_hint;
}

/** Where new words came from; not for who wants no motion. */
function arrive(element) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.animate([{ opacity: 0, transform: "translateY(12px)" }, { opacity: 1, transform: "none" }], { duration: ARRIVE_MS, easing: "ease-out" });
}

/** Say what is new on the screen; what belongs to another step or language breaks off what is being said. */
function sound(own, code, now) {
  one("#sound").setAttribute("aria-pressed", isOn());
  const [step, text] = [`${now} ${code}`, `${one("#prompt").textContent}. ${one("#hint").textContent}`];
  if (said === `${step} ${text}`) return;
  const anew = !said.startsWith(`${step} `);
  said = `${step} ${text}`;
  const whole = now === "idle" && anew ? [text, own.intro.what, own.intro.why, own.intro.keep].join(" ") : text;
  // A lane that waits for its next traveller does not talk to an empty room.
  if (now !== "idle" || present) say(whole, code, anew);
}

function showOthers(code) {
  // A stranger looks for a word of their own language. What is touched is not drawn anew: it would get no click.
  const others = state?.state === "idle" ? Object.keys(words).filter((each) => each !== code).slice(0, OTHERS_SHOWN) : [];
  const beside = one("#language-others");
  if (beside.dataset.codes !== others.join()) {
    beside.dataset.codes = others.join();
    const named = others.map((each) => make("bdi", { lang: each }, words[each].name));
    beside.replaceChildren(...named.flatMap((each, number) => (number ? [" · ", each] : [each])));
  }
  // Where a country has several languages, the others are one touch away.
  const place = one("#offered");
  const held = place.contains(document.activeElement);
  const offered = (state?.languages ?? []).filter((each) => each !== code && each in words);
  if (place.dataset.codes !== offered.join()) {
    place.dataset.codes = offered.join();
    place.replaceChildren(...offered.map((each) => make(
      "button", { class: "button", type: "button", lang: each, dir: words[each].direction, data: { language: each } },
      words[each].name,
    )));
    if (held) (place.querySelector("button") ?? one("#language")).focus();
  }
}

function setText(selector, text) {
  const element = one(selector);
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

function showTime() {
  const left = deadline === null ? null : Math.max(0, (deadline - performance.now()) / 1000);
  const near = !lost && left !== null && left <= ANNOUNCE_S && ["document", "face", "finger"].includes(state?.state);
  const place = one("#time");
  place.hidden = !near;
  if (waitingSince !== null) setText("#hint", hint(words[language()]));
  if (!near) return;
  one("#more-time").hidden = !state.more_time;
  if (!warned) {
    warned = true;
    const { seconds, labels } = words[language()];
    say([seconds[Math.ceil(left)], state.more_time ? labels.more_time : ""].join(". "), language(), false);
  }
  place.querySelector("output").textContent = words[language()].seconds[Math.ceil(left)];
  place.querySelector(".bar i").style.inlineSize = `${(100 * left) / announced}%`;
}

let waiting;
let shownAt = 0;

function take(next) {
  clearTimeout(waiting);
  const early = READABLE_MS - (performance.now() - shownAt);
  if (next.state === state?.state && next.prompt !== state.prompt && early > 0) {
    const since = performance.now();
    waiting = setTimeout(() => {
      const passed = (performance.now() - since) / 1000;
      accept(next.time_left_s === null ? next : { ...next, time_left_s: Math.max(0, next.time_left_s - passed) });
    }, early);
  } else accept(next);
}

function accept(next) {
  if (next.prompt !== state?.prompt || next.state !== state?.state) shownAt = performance.now();
  // A choice lasts for one traveller.
  if (next.state === "idle" && state && state.state !== "idle") forget();
  else if (next.state !== "idle") present = true;
  warned &&= next.time_left_s !== null && next.time_left_s <= ANNOUNCE_S;
  deadline = next.time_left_s === null ? null : performance.now() + 1000 * next.time_left_s;
  announced = Math.max(1, Math.min(ANNOUNCE_S, next.time_left_s ?? ANNOUNCE_S));
  state = next;
  show();
  mirror(lane, one(".mirror"), () => state?.state === "face" && !lost);
}

function choose(code) {
  chosen = code;
  if (code) sessionStorage.setItem("language", code);
  else sessionStorage.removeItem("language");
}

/** The next traveller begins with the language of the house, its sound, and everything at its usual height. */
function forget() {
  choose(null);
  one("#languages").close();
  present = false;
  turn(canSound && body.dataset.audio === "on");
  lower(false);
}

/** Everything in reach of who sits in a wheelchair, or is small. */
function lower(wanted) {
  body.toggleAttribute("data-lower", wanted);
  one("#lower").setAttribute("aria-pressed", wanted);
}

let leaving;
let present = false; // Somebody has touched the screen, or is on the way through.

function touched() {
  if (!present) {
    present = true;
    said = "";
    if (state && isOn()) sound(words[language()], language(), state.state);
  }
  clearTimeout(leaving);
  leaving = setTimeout(nobodyTouches, LEFT_MS);
}

function nobodyTouches() {
  if (!state) leaving = setTimeout(nobodyTouches, LEFT_MS); // Nobody can say yet whether somebody is on the way through.
  if (state?.state !== "idle") return;
  forget();
  show();
}

// --- buttons ------------------------------------------------------------------------------------------------------

/** A call for help is not lost because the kiosk is busy for a moment. */
async function callOfficer() {
  for (let tries = 0; tries < HELP_TRIES && state?.state !== "officer"; tries += 1) {
    if ((await post(`/api/lanes/${lane}/help`)).ok) return;
    await new Promise((done) => setTimeout(done, HELP_AGAIN_MS));
  }
}

one("#help").addEventListener("click", callOfficer);
one("#more-time").addEventListener("click", () => post(`/api/lanes/${lane}/more-time`));
one("#language").addEventListener("click", () => one("#languages").showModal());
one("#languages").addEventListener("click", (event) => {
  if (event.target === event.currentTarget || event.target.closest("#languages-close")) one("#languages").close();
});
body.addEventListener("click", (event) => {
  const button = event.target.closest("[data-language]");
  if (!button) return;
  one("#languages").close();
  choose(button.dataset.language);
  show();
});
one("#lower").addEventListener("click", () => lower(!body.hasAttribute("data-lower")));
one("#sound").addEventListener("click", () => {
  turn(!isOn());
  said = ""; // The whole of what is on the screen.
  show();
});
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touched);

// --- the daemon ---------------------------------------------------------------------------------------------------

let patience;
follow(
  `/traveller/${lane}/events`,
  { hello: ({ build }) => reloadIfNew(build), state: take },
  {
    lost: () => {
      patience = setTimeout(() => {
        lost = true;
        show();
      }, LOST_PATIENCE_MS);
    },
    back: () => {
      clearTimeout(patience);
      lost = false;
      if (state) show();
    },
  },
);
setInterval(showTime, 250);
one("#sound").hidden = body.dataset.audio === "off" || !canSound;
turn(canSound && body.dataset.audio === "on");
if (chosen) touched();
show();
one(".foot").inert = false;
