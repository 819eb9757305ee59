// One list of checks, the worst first; the machine, its models, its log.

import { clock, icon, make, span, when } from "./dom.js";
import { counted, size } from "./link-words.js";
import { software } from "./technician-software.js";

const STATES = {
  works: ["works", "check"], warning: ["look at it", "alert"], fails: ["does not work", "cross"], not_checked: ["not known", "ring"],
};
const AGAIN_MS = 30000;
const one = (selector) => document.querySelector(selector);

/** JSON of `url`; null where the kiosk does not answer, or refuses. */
export async function read(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // fetch says "no connection" with a TypeError
    return null;
  }
}

/** A finding with its state, its reason, and the one action that helps. */
export function finding(each) {
  const [word, sign] = STATES[each.state];
  return make(
    "li", { class: "check", data: { is: each.state } },
    make("p", { class: "is" }, icon(sign), make("b", {}, each.name), make("span", {}, word)),
    make("p", { class: "reason" }, each.text),
    each.advice && make("p", { class: "helps" }, each.advice),
    each.to && make("a", { class: "way", href: each.to }, each.to.startsWith("/") ? "Set it up" : "Try it", icon("next")),
  );
}

function draw(found) {
  const well = found.filter((each) => each.state === "works" || each.state === "not_checked");
  const bad = found.filter((each) => !well.includes(each));
  const failing = bad.filter((each) => each.state === "fails").length;
  const summary = one("#summary");
  summary.dataset.is = failing ? "fails" : bad.length ? "warning" : "works";
  summary.replaceChildren(
    icon(failing ? "cross" : bad.length ? "alert" : "check"),
    !bad.length ? "Everything that was looked at works."
      : [failing && counted(failing, "thing does not work", "things do not work"), bad.length > failing && `${bad.length - failing} to look at`].filter(Boolean).join(", "),
  );
  one("#checks").replaceChildren(...bad.map(finding));
  one("#well").hidden = !well.length;
  one("#well summary").textContent = `${well.filter((each) => each.state === "works").length} work, ${well.filter((each) => each.state !== "works").length} not known`;
  one("#well ul").replaceChildren(...well.map(finding));
}

const pair = (name, value, note) => make("div", {}, make("dt", {}, name), make("dd", {}, value, note && make("small", {}, note)));
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`;
const UNKNOWN = "not known on this machine";

function machine({ machine: held, models }) {
  const { storage, throttling } = held;
  const hottest = held.temperatures.reduce((most, each) => (each.celsius > (most?.celsius ?? -99) ? each : most), null);
  one("#machine").replaceChildren(
    pair("Machine", held.model || UNKNOWN),
    pair("Temperature", hottest ? `${hottest.celsius} °C` : UNKNOWN, hottest?.sensor),
    pair("Throttling", !throttling ? UNKNOWN : throttling.now.join(", ") || "none now", throttling?.since_start.length ? `since the start: ${throttling.since_start.join(", ")}` : ""),
    pair("Disk free", `${gigabytes(storage.free)} of ${gigabytes(storage.total)}`, storage.device),
    pair("Database", size(storage.database)),
    pair("Disk worn", storage.life_used || "the disk does not tell", storage.written_since_start === null ? "" : `${gigabytes(storage.written_since_start)} written since the start`),
    pair("Memory free", held.memory ? `${gigabytes(held.memory_free)} of ${gigabytes(held.memory)}` : UNKNOWN),
    pair("Runs since", held.up_s === null ? UNKNOWN : span(held.up_s), `load ${held.load.map((each) => each.toFixed(1)).join(", ")}`),
  );
  one("#models").replaceChildren(
    ...models.map((each) => make(
      "li", { data: { is: each.problem ? "fails" : each.grade === "demo" ? "warning" : "works" } },
      make("p", {}, make("b", {}, each.name), make("span", { class: "grade" }, icon(each.problem ? "cross" : each.grade === "demo" ? "alert" : "check"), each.problem ? "cannot be used" : each.grade)),
      make("p", { class: "quiet" }, each.part, each.sha256 && make("code", {}, ` ${each.sha256.slice(0, 16)}…`)),
      each.problem && make("p", {}, each.problem),
    )),
  );
}

async function log() {
  const lines = await read("/technician/log");
  if (!lines) return;
  one("#log ol").replaceChildren(
    ...lines.map((line) => make("li", { data: { level: line.level } }, make("time", { datetime: line.at }, clock(line.at)), make("b", {}, line.level), make("span", {}, line.text))),
    lines.length ? "" : make("li", {}, make("span", {}, "Nothing has been logged.")),
  );
}

let looking = false;

async function look() {
  if (looking) return;
  looking = true;
  one("#look-again").disabled = true;
  const [found, held, told] = await Promise.all([read("/technician/checks"), read("/technician/machine"), read("/technician/version")]);
  if (found) draw(found);
  if (held) machine(held);
  if (told) software(told);
  one("#look-again").disabled = false;
  one("#look-again").title = `Looked at ${when(new Date().toISOString())}`;
  looking = false;
}

/** Look now and again; the log when it is opened. */
export function checks() {
  one("#look-again").addEventListener("click", look);
  one("#log")?.addEventListener("toggle", (event) => event.currentTarget.open && log());
  setInterval(() => document.visibilityState === "visible" && look(), AGAIN_MS);
  look();
}
