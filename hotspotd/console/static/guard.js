// The officers' page: keeps the state that the server sends, draws it, and takes keys.

import { agoWords, clock, dated } from "./dom.js";
import { alert as alertView, empty, unread } from "./guard-alert.js";
import { drawLink } from "./guard-link.js";
import { lanes, queue, recent } from "./guard-side.js";
import { keep, leave as signOut } from "./session.js";
import { follow, post, reloadIfNew } from "./stream.js";
import { held, sound, wake } from "./tone.js";

const UNDO_MS = 10000;
const TOGETHER_MS = 30; // Nobody sees a shorter wait.
const one = (selector) => document.querySelector(selector);

const reasons = Object.fromEntries(
  [...document.querySelectorAll("[data-reason]")].map((button) => [button.dataset.reason, button.lastChild.textContent]),
);
let state = null;
let selected = null;
let detail = null;
let undoing = null; // { alert, until }
let loud = localStorage.getItem("sound") !== "off";
let isLost = false;
const had = new Set(); // alerts that somebody opened, or that were open when somebody touched the page

// --- drawing --------------------------------------------------------------------------------------------------------

function replace(selector, parts) {
  const place = one(selector);
  const kept = place.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  place.replaceChildren(...parts);
  if (kept) [...place.querySelectorAll("button")].find((button) => keyOf(button) === kept)?.focus();
}

const keyOf = (element) => element.dataset.alert ?? element.closest("[data-lane]")?.dataset.lane ?? null;

function drawSide() {
  if (!state) return;
  drawLanes();
  drawLink(state.link);
  const fresh = new Set(state.alerts.map((each) => each.alert_id).filter((id) => !had.has(id)));
  replace("#alerts", queue(state, selected, fresh, (id) => open(id)));
  one("#count").textContent = state.alerts.length;
  drawRecent();
  one("#untrusted").hidden = state.clock_trusted;
  document.title = state.alerts.length ? `(${state.alerts.length}) Officer` : "Officer";
  ring();
  showSound();
}

// Lanes change several times a second: what has not changed stays as it is, with the button that is being pressed.
const drawLanes = () => state && replace("#lanes", lanes(state, next));
const drawRecent = () => state && replace("#recent", recent(state));

function ring() {
  // What is to be handled silently makes no sound.
  const unseen = (state?.alerts ?? []).filter((each) => !had.has(each.alert_id) && each.tone !== "quiet").map((each) => each.urgency);
  sound(loud && unseen.length ? Math.min(...unseen) : null);
}

function drawDetail() {
  const place = one("#detail");
  const scrolled = place.querySelector(".body")?.scrollTop ?? 0;
  const same = Number(place.querySelector(".alert")?.dataset.alert) === detail?.line.alert_id;
  const none = () => (selected === null ? empty() : unread());
  place.replaceChildren(detail ? alertView(detail, reasons, act) : none());
  if (same) place.querySelector(".body").scrollTop = scrolled;
  allow();
}

/** Let be pressed only what would be decided. */
function allow() {
  for (const button of document.querySelectorAll("#detail .actions button")) button.disabled = !isDecidable();
}

/** Whether what is shown is what is selected, and still to be decided: between two alerts it is not. */
const isDecidable = () => detail?.line.alert_id === selected && detail?.line.state === "open" && !isLost;

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
  if (selected !== null && (undoing?.alert === selected || state.alerts.some((each) => each.alert_id === selected))) {
    await open(selected, false);
  } else if (selected !== null && detail?.line.state === "open") {
    await open(selected, false); // decided on another screen: shows by whom and why, until the officer goes on
  } else if (selected === null || state.alerts.length) {
    await open(state.alerts[0]?.alert_id ?? null, false);
  }
}

function step(by) {
  if (!state?.alerts.length) return;
  const at = state.alerts.findIndex((each) => each.alert_id === selected);
  const to = at < 0 ? 0 : Math.min(state.alerts.length - 1, Math.max(0, at + by));
  open(state.alerts[to].alert_id);
  one(`[data-alert="${state.alerts[to].alert_id}"]`)?.scrollIntoView({ block: "nearest" });
}

/** From what was decided, here or elsewhere, to what is open. */
function leave() {
  if (detail && detail.line.state !== "open") open(state.alerts[0]?.alert_id ?? null);
}

function act(decision) {
  if (!isDecidable()) return;
  if (decision === "dismiss") {
    one("#note").value = "";
    one("#dismissals").dataset.of = selected;
    one("#dismissals").showModal();
  } else decide(selected, decision, "", "");
}

/** Decide the alert `id`, which the officer has read: nothing is done where another one is shown by now. */
async function decide(id, decision, reason, note) {
  if (id !== selected || !isDecidable()) return;
  const { title } = detail.line;
  const answer = await post(`/api/alerts/${id}/decision`, { decision, reason, note });
  if (!answer.ok) {
    const why = answer.status === 409 ? "Another officer has decided already." : "Not stored. The alert is still open: try again.";
    await open(selected, false); // not back to `id`: the officer may be about to decide what was opened since
    const place = one("#problem");
    if (place) place.textContent = selected === id ? why : `${title}: ${why}`;
    return;
  }
  offerUndo(id, `${{ confirm: "Confirmed", dismiss: "Dismissed", escalate: "Escalated" }[decision]}: ${title}`);
  if (detail?.line.alert_id !== id) return;
  detail.line = { ...detail.line, ...answer.data };
  drawDetail();
}

function offerUndo(id, words) {
  undoing = { alert: id, until: Date.now() + UNDO_MS };
  one("#undo span").textContent = words;
  one("#undo").hidden = false;
}

async function undo() {
  if (!undoing) return;
  const id = undoing.alert;
  undoing = null;
  one("#undo").hidden = true;
  const answer = await post(`/api/alerts/${id}/decision`, { decision: "reopen" });
  await open(id);
  if (!answer.ok && one("#problem")) one("#problem").textContent = "Could not be undone.";
}

function tick() {
  one("#clock").textContent = dated(new Date());
  for (const place of document.querySelectorAll("time[data-ago]")) place.textContent = agoWords(place.dateTime);
  if (state?.link?.queued) drawLink(state.link);
  if (!undoing) return;
  const left = undoing.until - Date.now();
  one("#undo i").style.inlineSize = `${Math.max(0, (100 * left) / UNDO_MS)}%`;
  if (left > 0) return;
  const done = undoing.alert;
  undoing = null;
  one("#undo").hidden = true;
  if (selected === done) open(state.alerts[0]?.alert_id ?? null, false);
}

async function next(lane) {
  const name = lane ?? state?.lanes.find((each) => each.view?.state === "officer")?.name;
  if (name) await post(`/api/lanes/${name}/next`);
}

// --- keys -----------------------------------------------------------------------------------------------------------

const KEYS = {
  ArrowDown: () => step(1), ArrowUp: () => step(-1), c: () => act("confirm"), d: () => act("dismiss"), e: () => act("escalate"),
  u: undo, n: () => next(), m: toggleSound, x: () => document.body.toggleAttribute("data-exact"), "?": () => one("#help").showModal(),
  f: () => one("#detail").classList.add("flicker"), Escape: leave,
};

document.addEventListener("keydown", (event) => {
  touched();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (one("#dismissals").open) {
    const button = document.querySelectorAll("[data-reason]")[Number(event.key) - 1];
    if (button && event.target.id !== "note") {
      event.preventDefault();
      button.click();
    }
    return;
  }
  if (one("#help").open || event.target.matches("input")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.repeat && !key.startsWith("Arrow")) return;
  if (key in KEYS) {
    event.preventDefault();
    KEYS[key]();
  }
});
document.addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() === "f") one("#detail").classList.remove("flicker");
});
document.addEventListener("pointerdown", touched);
one("#dismissals").addEventListener("click", (event) => {
  const button = event.target.closest("[data-reason]");
  if (!button) return;
  one("#dismissals").close();
  decide(Number(one("#dismissals").dataset.of), "dismiss", button.dataset.reason, one("#note").value.trim());
});
one("#undo button").addEventListener("click", undo);
one("#keys").addEventListener("click", () => one("#help").showModal());
one("#sound").addEventListener("click", toggleSound);
one("#detail").addEventListener("wheel", (event) => {
  const both = event.target.closest(".both");
  if (!both) return;
  event.preventDefault();
  const zoom = Math.min(6, Math.max(1, Number(both.dataset.zoom ?? 1) * (event.deltaY < 0 ? 1.2 : 1 / 1.2)));
  both.dataset.zoom = zoom;
  const box = event.target.closest("figure").getBoundingClientRect();
  for (const image of both.querySelectorAll("img")) {
    image.style.scale = zoom;
    image.style.transformOrigin = `${(100 * (event.clientX - box.x)) / box.width}% ${(100 * (event.clientY - box.y)) / box.height}%`;
  }
}, { passive: false });

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
const DRAW = { lanes: drawLanes, link: () => drawLink(state.link), recent: drawRecent, alerts: follow_up };

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
keep();
