// The traveller's page: shows what the lane says, in the traveller's language.

import { make } from "./dom.js";
import { follow, insist, post, reloadIfNew } from "./stream.js";

const LOST_PATIENCE_MS = 1500; // A reconnect that takes no longer goes unseen.
const MIRROR_MS = 125;
const HELP_TRIES = 10;
const HELP_AGAIN_MS = 1500;
const OTHERS_SHOWN = 3;
const LEFT_MS = 45000; // Nobody touches the screen, and no document is there: whoever chose the language has left.
const LONG = 46; // Characters of a sentence that needs a smaller letter on a low screen.
const READABLE_MS = 700; // No advice is taken back before it can be read.

const body = document.body;
const lane = body.dataset.lane;
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

const STEP = { idle: "document", document: "document", face: "face", finger: "fingers", checking: "done", go: "" };
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

const language = () => {
  const code = chosen ?? (state ? state.languages[0] ?? house : first);
  return code in words ? code : "en";
};

/** A whole number in the language's own digits. */
const digits = (own, number) => [...String(number)].map((digit) => own.digits[digit]).join("");

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

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
  const now = waiting ? "starting" : state.state;
  body.dataset.state = lost ? "lost" : now;
  const finger = own.fingers[state?.finger ?? "unknown"];
  const fingers = own.slaps[state?.slap] ?? list(own, (state?.fingers ?? []).map((each) => own.fingers[each]));
  setText("#prompt", waiting ? own.labels.moment : fill(own.prompts[state.prompt], { finger, fingers }));
  one("#prompt").toggleAttribute("data-long", one("#prompt").textContent.length > LONG);
  setText("#hint", waiting ? own.labels.moment_hint : own.hints[state.prompt] ?? "");

  // SVG elements have no `hidden` property.
  for (const picture of all("[data-picture]")) picture.toggleAttribute("hidden", picture.dataset.picture !== PICTURE[now]);
  const hand = one('[data-picture="finger"]');
  hand.dataset.fingers = (state?.fingers ?? []).join(" ");
  hand.dataset.finger = hand.dataset.fingers ? "several" : state?.finger ?? "unknown";
  one(".mirror").dataset.turn = { turn_left: "left", turn_right: "right" }[state?.prompt] ?? "";
  showSteps(now);
  one("#intro").hidden = now !== "idle";
  one("#turn").hidden = now === "idle";
  one("#help").disabled = waiting || now === "officer" || now === "out_of_service";
  showAttempt(own, now);
  showTime();
}

function showOthers(code) {
  // A stranger looks for a word of their own language.
  const others = Object.keys(words).filter((each) => each !== code).slice(0, OTHERS_SHOWN);
  const named = others.map((each) => make("bdi", { lang: each }, words[each].name));
  const dotted = named.flatMap((each, number) => (number ? [" · ", each] : [each]));
  one("#language-others").replaceChildren(...(state?.state === "idle" ? dotted : []));
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
  if (element.textContent !== text) element.textContent = text;
}

function showSteps(now) {
  const list = one(".steps");
  list.toggleAttribute("data-quiet", !(now in STEP));
  const items = all(".steps li");
  const at = now === "go" ? items.length : items.findIndex((item) => item.dataset.step === STEP[now]);
  items.forEach((item, number) => {
    item.dataset.is = number < at ? "done" : number === at ? "now" : "later";
    if (number === at) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  });
}

function showAttempt(own, now) {
  const place = one("#attempt");
  const counts = ["document", "face", "finger"].includes(now) && state.attempt > 1 && state.attempts > 1;
  place.replaceChildren();
  if (!counts) return;
  for (let number = 1; number <= state.attempts; number += 1) {
    const mark = document.createElement("i");
    mark.className = number <= state.attempt ? "used" : "";
    place.append(mark);
  }
  place.append(fill(own.labels.attempt, { n: digits(own, state.attempt), of: digits(own, state.attempts) }));
}

function showTime() {
  const left = deadline === null ? null : Math.max(0, (deadline - performance.now()) / 1000);
  const near = !lost && left !== null && left <= ANNOUNCE_S && ["document", "face", "finger"].includes(state?.state);
  const place = one("#time");
  place.hidden = !near;
  if (!near) return;
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
  deadline = next.time_left_s === null ? null : performance.now() + 1000 * next.time_left_s;
  announced = Math.max(1, Math.min(ANNOUNCE_S, next.time_left_s ?? ANNOUNCE_S));
  state = next;
  show();
  mirror();
}

function choose(code) {
  chosen = code;
  if (code) sessionStorage.setItem("language", code);
  else sessionStorage.removeItem("language");
}

/** The next traveller begins with the language of the house. */
function forget() {
  choose(null);
  one("#languages").close();
}

let leaving;

function touched() {
  clearTimeout(leaving);
  leaving = setTimeout(() => {
    if (state?.state !== "idle") return;
    forget();
    show();
  }, LEFT_MS);
}

// --- the mirror: one picture after the other, only while the face is taken --------------------------------------

let mirroring = false;

async function mirror() {
  if (mirroring) return;
  mirroring = true;
  const place = one(".mirror");
  const canvas = place.querySelector("canvas");
  while (state?.state === "face" && !lost) {
    const began = performance.now();
    const frame = await newest();
    if (frame) draw(canvas, frame);
    place.toggleAttribute("data-live", frame !== null);
    const wait = (frame ? MIRROR_MS : 4 * MIRROR_MS) - (performance.now() - began);
    await new Promise((done) => setTimeout(done, Math.max(10, wait)));
  }
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  place.removeAttribute("data-live");
  mirroring = false;
}

async function newest() {
  try {
    const answer = await fetch(`/traveller/${lane}/mirror.jpg`);
    return answer.status === 200 ? await createImageBitmap(await answer.blob()) : null;
  } catch (error) {
    if (error instanceof TypeError || error.name === "InvalidStateError") return null;
    throw error;
  }
}

function draw(canvas, frame) {
  const scale = Math.max(canvas.width / frame.width, canvas.height / frame.height);
  const [width, height] = [frame.width * scale, frame.height * scale];
  canvas.getContext("2d").drawImage(frame, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  frame.close();
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
if (chosen) touched();
show();
