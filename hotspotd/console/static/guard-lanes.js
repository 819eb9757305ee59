// The lanes at a glance, and the dialog in which an officer takes one over.

import { clock, icon, make } from "./dom.js";
import { post } from "./stream.js";

const STATES = {
  starting: ["Starting", "ring", "quiet"],
  idle: ["Ready", "ring", "quiet"],
  document: ["Document", "document", ""],
  face: ["Face", "face", ""],
  finger: ["Fingers", "fingers", ""],
  checking: ["Checking", "clock", ""],
  go: ["Goes on", "check", "good"],
  officer: ["Needs an officer", "officer", "care"],
  out_of_service: ["Out of service", "cross", "bad"],
};
const ASKED = ["Asks for help", "help", "care"];
const DEVICES = {
  camera: ["Camera", "camera"], scanner: ["Scanner", "scanner"], document: ["Document reader", "document"], signal: ["Signal", "signal"],
  records: ["Storage", "document"],
  watchlist: ["Watchlist", "document"],
};
const DEVICE_STATES = { absent: "absent", starting: "starting", ready: "ready", faulted: "not working" };
// Up to so many lanes show each device; of more, only what is wrong, in rows of one height.
const ROOMY = 4;
const ACTS = {
  take_over: ["T", "Take over", "officer"],
  next: ["N", "Next traveller", "next"],
  go_on: ["G", "Let the machine go on", "next"],
  retry_document: ["D", "Document again", "document"],
  retry_face: ["F", "Face again", "face"],
  retry_fingers: ["R", "Fingers again…", "fingers"],
  skip_finger: ["S", "Skip a finger…", "fingers"],
  without_face: ["W", "Go on without a face…", "face"],
  type_document: ["Y", "Type the document…", "document"],
  end: ["E", "End the visit…", "leave"],
  open: ["O", "Open the lane", "check"],
  close: ["C", "Close the lane…", "cross"],
};
// FGP: the kiosk says which finger by its number, and is told by its label.
const FINGERS = ["", "right_thumb", "right_index", "right_middle", "right_ring", "right_little", "left_thumb", "left_index", "left_middle", "left_ring", "left_little"];
const STAYS = ["take_over", "skip_finger", "without_face", "type_document"];

const one = (selector) => document.querySelector(selector);
const dialog = one("#lane");
const me = `badge ${one("#who b").textContent}`;
const reasons = Object.groupBy([...document.querySelectorAll("#lane-reasons li")], (item) => item.dataset.act);

let known = [];
let chosen = null;
let asking = null; // the act whose reason is being chosen
let drawn = "";

// --- at a glance ----------------------------------------------------------------------------------------------------

/** The lanes, for `draw`; the dialog follows. */
export function lanes(state) {
  known = state.lanes;
  if (dialog.open) refresh();
  const first = waiting()?.name;
  return state.lanes.map((lane) => [lane.name, [lane, lane.name === first, known.length], () => (known.length > ROOMY ? row(lane, first) : card(lane, first))]);
}

const waiting = () => known.find((lane) => lane.desk?.acts.includes("next"));
const missing = (device) => device.state === "absent" || device.state === "faulted";
const mine = (lane) => lane.desk?.holder === me;

function status(lane) {
  if (lane.desk?.holder) return [mine(lane) ? "With you" : `With ${lane.desk.holder}`, "officer", "care"];
  if (lane.desk?.closed && lane.view?.state === "out_of_service") return ["Closed", "cross", "quiet"];
  return lane.view?.help_asked ? ASKED : STATES[lane.view?.state ?? "starting"];
}

function head(lane) {
  const [word, sign] = status(lane);
  return make(
    "div", { class: "name" },
    make("button", { class: "lane-name", type: "button", title: `What can be done at ${lane.name} (T)`, on: { click: () => choose(lane.name) } }, lane.name),
    make("span", { class: "state" }, icon(sign), word),
  );
}

function since({ view, desk }) {
  const retry = view && view.attempt > 1 && ["document", "face", "finger"].includes(view.state);
  const closing = desk?.closed && view?.state !== "out_of_service";
  return [view?.since && `since ${clock(view.since)}`, retry && `try ${view.attempt} of ${view.attempts}`, closing && "then closed"].filter(Boolean).join(" · ");
}

function tone(lane) {
  return status(lane)[2] || (lane.devices.some(missing) ? "bad" : "");
}

function nextButton(lane, first, words = "Next traveller") {
  if (!lane.desk?.acts.includes("next")) return null;
  return make(
    "button", { class: "action", type: "button", title: "The traveller has been seen to", on: { click: () => nextTraveller(lane.name) } },
    icon("next"), words, lane.name === first && make("kbd", {}, "N"),
  );
}

function card(lane, first) {
  return make(
    "li", { class: "lane card", data: { tone: tone(lane), lane: lane.name } },
    head(lane), make("p", { class: "since" }, since(lane)), make("ul", { class: "devices" }, lane.devices.map(device)), nextButton(lane, first),
  );
}

function row(lane, first) {
  const fault = lane.devices.find(missing);
  const words = fault && `${(DEVICES[fault.device] ?? [fault.device])[0]} ${DEVICE_STATES[fault.state]}`;
  return make(
    "li", { class: "lane card row", data: { tone: tone(lane), lane: lane.name } },
    head(lane),
    make(
      "div", { class: "second" },
      fault ? make("p", { class: "fault", title: fault.advice || "Call a technician." }, icon("cross"), words) : make("p", { class: "since" }, since(lane)),
      nextButton(lane, first, "Next"),
    ),
  );
}

function device(device) {
  const [name, sign] = DEVICES[device.device] ?? [device.device, "dot"];
  if (!missing(device)) {
    const note = device.state === "ready" ? "" : ` ${DEVICE_STATES[device.state]}`;
    return make("li", { title: `${name}: ${DEVICE_STATES[device.state]}` }, icon(device.state === "ready" ? "check" : sign), `${name}${note}`);
  }
  const how = `${name} ${DEVICE_STATES[device.state]}`;
  const why = device.reason ? `${how} (${device.reason.replaceAll("_", " ")})` : how;
  return make("li", { class: "fault" }, icon("cross"), make("div", {}, make("b", {}, why), make("p", {}, device.advice || "Call a technician.")));
}

// --- one lane -------------------------------------------------------------------------------------------------------

/** The traveller at `name`, or at the first lane where one waits, was seen to. */
export async function nextTraveller(name = waiting()?.name) {
  if (name) await post(`/api/lanes/${name}/next`);
}

/** Open the dialog: at the lane that wants an officer most, where none is named. */
export function choose(name) {
  const wanted = name ?? (known.find(mine) ?? waiting() ?? known.find((lane) => !["idle", "out_of_service"].includes(lane.view?.state)) ?? known[0])?.name;
  if (!wanted) return;
  chosen = wanted;
  if (!dialog.open) dialog.showModal();
  ask(null);
}

const lane = () => known.find((each) => each.name === chosen);

function possible() {
  const { desk } = lane();
  const held = desk?.holder && desk.holder !== me;
  const acts = (desk?.acts ?? []).filter((act) => !held || ["take_over", "next"].includes(act)).filter((act) => act !== "take_over" || desk.holder !== me || !desk.acts.includes("end"));
  return Object.keys(ACTS).filter((act) => acts.includes(act) || act === (desk?.closed ? "open" : "close"));
}

function sentence() {
  const { view, desk } = lane();
  if (mine(lane())) return "You have this traveller in hand. On their screen: “An officer will help you”.";
  if (desk?.holder) return `${desk.holder} has this traveller in hand.`;
  if (desk?.closed && view?.state === "out_of_service") return "An officer has closed the lane.";
  return {
    idle: "Nobody is in the lane. Taking it over begins a visit.",
    officer: "The traveller waits for an officer.",
    checking: "What was taken is being checked. Wait a moment.",
    go: "The traveller may go on.",
    out_of_service: "The lane is out of service.",
  }[view?.state] ?? "A traveller is being served.";
}

/** Draw what has changed. What is being filled in stays, unless the lane has gone on. */
function refresh() {
  if (!lane()) {
    dialog.close();
    return;
  }
  if (asking && !possible().includes(asking)) {
    ask(null);
    problem("The lane has gone on meanwhile.");
  }
  const tabs = known.map((each) => [each.name, ...status(each)]);
  const now = JSON.stringify([chosen, tabs, sentence(), possible(), lane().desk?.fingers, lane().devices]);
  if (now === drawn) return;
  drawn = now;
  const focus = dialog.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  one("#lane .tabs").replaceChildren(...tabs.map(tab));
  one("#lane h2").textContent = chosen;
  one("#lane .says").textContent = sentence();
  one("#lane .faults").replaceChildren(...lane().devices.filter(missing).map(device));
  if (!asking) list();
  if (focus) (dialog.querySelector(`[data-key="${CSS.escape(focus)}"]`) ?? one("#lane .choices button"))?.focus();
}

function tab([name, word, sign, is], number) {
  return make(
    "li", {},
    make(
      "button", { type: "button", class: "tab", "aria-current": String(name === chosen), data: { tone: is, key: `tab ${name}` }, on: { click: () => choose(name) } },
      make("kbd", {}, String(number + 1)), make("b", {}, name), make("span", { class: "state" }, icon(sign), word),
    ),
  );
}

function list() {
  one("#lane .choices").replaceChildren(
    make("div", { class: "acts" }, possible().map((act) => {
      const [key, words, sign] = ACTS[act];
      return make("button", { class: "action", type: "button", data: { act, key: act }, on: { click: () => begin(act) } }, make("kbd", {}, key), icon(sign), words);
    })),
  );
}

function begin(act) {
  if (reasons[act] || act === "retry_fingers") ask(act);
  else send({ act });
}

/** Ask for what `act` needs; null: back to the acts. */
function ask(act) {
  asking = act;
  drawn = "";
  problem("");
  if (act) form(act);
  refresh();
  (one("#lane .choices textarea") ?? one("#lane .choices input[type=checkbox]:not(:checked)") ?? one("#lane .choices button"))?.focus();
}

function form(act) {
  const fingers = (lane().desk?.fingers ?? []).map((position) => FINGERS[position]);
  const parts = [make("h3", {}, ACTS[act][1].replace("…", ""))];
  if (act === "skip_finger" || act === "retry_fingers") {
    const only = fingers.length === 1 || act === "retry_fingers";
    parts.push(
      make("fieldset", { class: "fingers" }, make("legend", {}, act === "skip_finger" ? "Which finger cannot be had?" : "Which fingers?"),
        fingers.map((label) => make("label", {}, make("input", { type: "checkbox", name: "finger", value: label, checked: only }), label.replaceAll("_", " ")))),
    );
  }
  if (act === "type_document") {
    parts.push(
      make("label", {}, "Zone of the document, line by line",
        make("textarea", { id: "zone", rows: 3, spellcheck: "false", autocomplete: "off", autocapitalize: "characters", maxlength: 200, placeholder: "P<UTO…" })),
    );
  }
  if (reasons[act]) {
    parts.push(
      make("p", { class: "why" }, "Why?"),
      make("div", { class: "acts" }, reasons[act].map((item, number) =>
        make("button", { class: "action", type: "button", data: { reason: item.dataset.code }, on: { click: () => finish(act, item.dataset.code) } }, make("kbd", {}, String(number + 1)), item.textContent))),
      make("label", {}, "Note, if you like: no names", make("input", { id: "lane-note", maxlength: 200, autocomplete: "off" })),
    );
  } else parts.push(make("button", { class: "action first", type: "button", on: { click: () => finish(act, "") } }, make("kbd", {}, "↵"), ACTS[act][1].replace("…", "")));
  parts.push(make("button", { class: "plain", type: "button", on: { click: () => ask(null) } }, icon("undo"), "Back"));
  one("#lane .choices").replaceChildren(...parts);
}

function finish(act, reason) {
  const fingers = [...dialog.querySelectorAll("[name=finger]:checked")].map((box) => box.value);
  if (dialog.querySelector("[name=finger]") && !fingers.length) return problem("Choose a finger first.");
  const lines = one("#zone")?.value.split("\n").map((line) => line.trim()).filter(Boolean) ?? [];
  if (one("#zone") && !lines.length) return problem("Type the zone first.");
  return send({ act, reason, note: one("#lane-note")?.value.trim() ?? "", fingers, lines });
}

async function send(wish) {
  const at = chosen;
  const answer = await post(`/api/lanes/${at}/acts`, wish);
  if (at !== chosen) return;
  if (!answer.ok) {
    problem(answer.status === 0 ? "The kiosk does not answer." : [answer.data.what ?? "Not done", answer.data.advice].filter(Boolean).join(". "));
    return;
  }
  if (!STAYS.includes(wish.act)) dialog.close();
  else ask(null);
}

function problem(words) {
  one("#lane .problem").textContent = words;
}

dialog.addEventListener("close", () => {
  // What was typed may name somebody.
  chosen = asking = null;
  for (const part of [".choices", ".tabs", ".faults"]) one(`#lane ${part}`).replaceChildren();
});
dialog.addEventListener("cancel", (event) => {
  if (!asking) return;
  event.preventDefault();
  ask(null);
});
// On the document: what had the focus may just have been drawn anew.
document.addEventListener("keydown", (event) => {
  if (!dialog.open || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("textarea, input:not([type=checkbox])")) return;
  const key = event.key.toLowerCase();
  const digit = dialog.querySelectorAll(asking ? "[data-reason]" : ".tab")[Number(key) - 1];
  const act = asking ? null : possible().find((each) => ACTS[each][0].toLowerCase() === key);
  const enter = asking && key === "enter" && event.target.matches("input") && one("#lane .first");
  if (!digit && !act && !enter) return;
  event.preventDefault();
  if (act) begin(act);
  else (digit ?? one("#lane .first")).click();
});
