// The officers' page: keeps the state that the server sends, draws it, and takes keys.

import { agoWords, clock, dated, draw, say } from "./dom.js";
import { alert as alertView, empty, unread } from "./guard-alert.js";
import { deciding } from "./guard-decide.js";
import { drawLink } from "./guard-link.js";
import { choose, lanes, nextTraveller } from "./guard-lanes.js";
import { flicker, minutiae, move, nearer, nextPair, watchPictures } from "./guard-pictures.js";
import { queue, recent } from "./guard-side.js";
import { lookUp } from "./look-up.js";
import { keep, leave as signOut } from "./session.js";
import { notes, writeNote } from "./shift-note.js";
import { follow, post, reloadIfNew } from "./stream.js";
import { held, sound, wake } from "./tone.js";

const CALL_URGENCY = 3; // A traveller asks for help.
const TOGETHER_MS = 30; // Nobody sees a shorter wait.
const one = (selector) => document.querySelector(selector);

const reasons = Object.fromEntries(
  [...document.querySelectorAll("[data-reason]")].map((button) => [button.dataset.reason, button.lastChild.textContent]),
);
let state = null;
let selected = null;
let detail = null;
let loud = localStorage.getItem("sound") !== "off";
let isLost = false;
const had = new Set(); // alerts that somebody opened, or that were open when somebody touched the page

// --- drawing --------------------------------------------------------------------------------------------------------

function drawSide() {
  if (!state) return;
  drawLanes();
  drawLink(state.link);
  const fresh = new Set(open_ones().map((each) => each.alert_id).filter((id) => !had.has(id)));
  draw(one("#alerts"), queue(state, selected, fresh, (id) => open(id)));
  one("#count").textContent = open_ones().length;
  drawRecent();
  one("#untrusted").hidden = state.clock_trusted;
  document.title = open_ones().length ? `(${open_ones().length}) Officer` : "Officer";
  ring();
  showSound();
}

/** Calls for help, which stand in no alert where nobody has laid down a document. */
const calls = () => (state?.lanes ?? []).filter((each) => each.view?.help_asked).map((each) => `${each.name} ${each.view.since}`);

/** Alerts that nobody has decided on; the others of the queue are with a second person or with second line. */
const open_ones = () => (state?.alerts ?? []).filter((each) => each.state === "open");

// Lanes change several times a second.
const drawLanes = () => state && draw(one("#lanes"), lanes(state));
const drawRecent = () => state && draw(one("#recent"), recent(state));

function ring() {
  // What is to be handled silently makes no sound.
  const unseen = open_ones().filter((each) => !had.has(each.alert_id) && each.tone !== "quiet").map((each) => each.urgency);
  unseen.push(...calls().filter((each) => !had.has(each)).map(() => CALL_URGENCY));
  sound(loud && unseen.length ? Math.min(...unseen) : null);
}

function drawDetail() {
  const place = one("#detail");
  const scrolled = place.querySelector(".body")?.scrollTop ?? 0;
  const same = Number(place.querySelector(".alert")?.dataset.alert) === detail?.line.alert_id;
  const none = () => (selected === null ? empty() : unread());
  const kept = document.activeElement?.dataset.pair;
  place.replaceChildren(detail ? alertView(detail, reasons, decisions.act) : none());
  if (same && kept !== undefined) place.querySelector(`[data-pair="${kept}"]`)?.focus({ preventScroll: true });
  if (same) place.querySelector(".body").scrollTop = scrolled;
  allow();
}

/** Let be pressed only what would be decided. */
function allow() {
  for (const button of document.querySelectorAll("#detail .actions button")) button.disabled = !decisions.allowed(button.dataset.act);
}

/** What is shown, where it is what is selected and the kiosk is there: between two alerts it is not. */
const shown = () => (detail !== null && detail.line.alert_id === selected && !isLost ? detail.line : null);

const decisions = deciding({
  shown,
  open: (id) => (id === null ? open(selected, false) : open(id)),
  changed: (line) => {
    if (detail?.line.alert_id !== line.alert_id) return;
    detail.line = { ...detail.line, ...line };
    drawDetail();
  },
  leave: (id) => {
    if (selected === id && detail?.line.state !== "awaiting") open(first(), false);
  },
});

// --- alerts ---------------------------------------------------------------------------------------------------------

/** Show the alert `id`. `seen` is false where the page does so by itself: nobody need be there. */
async function open(id, seen = true) {
  selected = id;
  if (id === null) {
    detail = null;
    drawDetail();
    drawSide();
    return;
  }
  if (seen) had.add(id);
  drawSide();
  allow();
  const answer = await read(`/api/alerts/${id}`);
  if (selected !== id) return;
  if (answer === null) {
    // What is shown of this alert itself may stay; of another one it must not.
    if (detail?.line.alert_id === id) return;
    detail = null;
    drawDetail();
    return;
  }
  // Drawing anew fetches the pictures anew: only where something changed.
  const same = detail !== null && JSON.stringify(answer) === JSON.stringify(detail);
  detail = answer;
  if (!same) drawDetail();
}

async function read(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
}

/** After the queue changed: keep what is open, take note of what was decided elsewhere, open the first of new ones. */
async function follow_up() {
  drawSide();
  if (selected !== null && (decisions.undoable() === selected || state.alerts.some((each) => each.alert_id === selected))) {
    await open(selected, false);
  } else if (selected !== null && ["open", "awaiting", "handed_over"].includes(detail?.line.state)) {
    await open(selected, false); // decided on another screen: shows by whom and why, until the officer goes on
  } else if (selected === null || first() !== null) {
    await open(first(), false);
  }
}

/** The most urgent open alert, else one that awaits a second person. */
const first = () => (open_ones()[0] ?? state.alerts.find((each) => each.state === "awaiting"))?.alert_id ?? null;

function step(by) {
  if (!state?.alerts.length) return;
  const at = state.alerts.findIndex((each) => each.alert_id === selected);
  const to = at < 0 ? 0 : Math.min(state.alerts.length - 1, Math.max(0, at + by));
  open(state.alerts[to].alert_id);
  one(`[data-alert="${state.alerts[to].alert_id}"]`)?.scrollIntoView({ block: "nearest" });
}

/** From what is with somebody else, or was decided here or elsewhere, to what is open. */
function leave() {
  if (detail && detail.line.state !== "open") open(first());
}

function tick() {
  say(one("#clock"), dated(new Date()));
  for (const place of document.querySelectorAll("time[data-ago]")) say(place, agoWords(place.dateTime));
  if (state?.link?.queued) drawLink(state.link);
  decisions.tick();
}

// --- keys -----------------------------------------------------------------------------------------------------------

const KEYS = {
  ArrowDown: () => step(1), ArrowUp: () => step(-1), c: () => decisions.act("confirm"), d: () => decisions.act("dismiss"),
  e: () => decisions.act("escalate"), 2: () => decisions.act("hand_over"), a: () => decisions.act("agree"), r: () => decisions.act("refuse"),
  b: () => decisions.act("reopen"), u: decisions.undo, n: () => nextTraveller(), t: () => choose(), l: lookUp, s: writeNote, m: toggleSound, x: () => document.body.toggleAttribute("data-exact"), "?": () => one("#help").showModal(),
  f: () => flicker(true), j: minutiae, p: nextPair, "+": () => nearer(1.4), "=": () => nearer(1.4), "-": () => nearer(1 / 1.4), 0: () => nearer(0),
  Escape: leave,
};
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.addEventListener("keydown", (event) => {
  touched();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (one("#dismissals").open) return decisions.pick(event);
  if (one("dialog[open]") || event.target.matches("input, textarea, select")) return;
  if (event.shiftKey && event.key in MOVES) {
    event.preventDefault();
    return move(...MOVES[event.key]);
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.repeat && !/^(Arrow.*|[-+=])$/.test(key)) return;
  if (key in KEYS) {
    event.preventDefault();
    KEYS[key]();
  }
});
document.addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() === "f") flicker(false);
});
document.addEventListener("pointerdown", touched);
one("#keys").addEventListener("click", () => one("#help").showModal());
one("#sound").addEventListener("click", toggleSound);
watchPictures();

function showSound() {
  one("#sound").setAttribute("aria-pressed", loud && !held());
  one("#sound span").textContent = loud && held() ? "Press a key for sound" : "Sound";
}

function toggleSound() {
  loud = !loud;
  localStorage.setItem("sound", loud ? "on" : "off");
  drawSide();
}

/** Somebody is there, and has what is open. */
async function touched() {
  if (calls().some((each) => !had.has(each))) {
    for (const each of calls()) had.add(each);
    ring();
  }
  if (selected !== null && !had.has(selected)) {
    had.add(selected);
    // The queue is not drawn anew: a button that is replaced while it is pressed gets no click.
    const mark = one(`#alerts [data-alert="${selected}"] .new`);
    mark?.replaceChildren();
    mark?.classList.remove("new");
    ring();
  }
  await wake();
  showSound();
}

// --- the daemon -----------------------------------------------------------------------------------------------------

let drawing = null;
const changed = new Set();
const DRAW = { lanes: () => (drawLanes(), ring()), link: () => drawLink(state.link), recent: drawRecent, alerts: follow_up };

/** Take `changes` into the state, and draw them soon, with what comes meanwhile: a busy kiosk tells more than can be drawn. */
function patch(changes) {
  if (!state) return;
  state = { ...state, ...changes };
  for (const part of Object.keys(changes)) changed.add(part);
  drawing ??= setTimeout(() => {
    drawing = null;
    const parts = [...changed];
    changed.clear();
    // Drawing the alerts draws the rest beside them.
    for (const part of parts.includes("alerts") ? ["alerts"] : parts) DRAW[part]();
  }, TOGETHER_MS);
}

follow(
  "/guard/events",
  {
    state: (whole) => {
      reloadIfNew(whole.build);
      state = whole;
      follow_up();
    },
    lane: (view) => patch({ lanes: state.lanes.map((lane) => (lane.name === view.lane ? { ...lane, view } : lane)) }),
    device: (view) => {
      const devices = (lane) => [...lane.devices.filter((each) => each.device !== view.device), view];
      patch({ lanes: state.lanes.map((lane) => (lane.name === view.lane ? { ...lane, devices: devices(lane) } : lane)) });
    },
    desk: (desk) => {
      patch({ lanes: state.lanes.map((lane) => (lane.name === desk.lane ? { ...lane, desk } : lane)) });
    },
    link: (view) => patch({ link: view }),
    recent: (rows) => patch({ recent: rows }),
    alerts: (lines) => patch({ alerts: lines }),
  },
  {
    ended: signOut,
    lost: (since) => {
      isLost = true;
      document.body.toggleAttribute("data-lost", true);
      one("#lost").hidden = false;
      one("#lost span").textContent = `No contact with the kiosk since ${clock(since.toISOString())}. What is shown may be old. Trying again.`;
      drawDetail();
    },
    back: () => {
      isLost = false;
      document.body.removeAttribute("data-lost");
      one("#lost").hidden = true;
      drawDetail();
    },
  },
);
showSound();
setInterval(tick, 250);
tick();
drawDetail();
notes(() => state?.alerts.length ?? 0);
keep();
