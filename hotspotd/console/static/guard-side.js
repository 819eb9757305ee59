// The officers' page beside the alert: lanes and devices, gateway, queue, recent travellers.

import { ago, clock, icon, make, when } from "./dom.js";
import { PROPOSED } from "./guard-actions.js";

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
const DEVICES = {
  camera: ["Camera", "camera"], scanner: ["Scanner", "scanner"], document: ["Document reader", "document"], signal: ["Signal", "signal"],
  records: ["Storage", "document"],
  watchlist: ["Watchlist", "document"],
};
const DEVICE_STATES = { absent: "absent", starting: "starting", ready: "ready", faulted: "not working" };

const ASKED = ["Asks for help", "help", "care"];

export function lanes(state, next) {
  const takeOver = state.lanes.find((lane) => lane.view?.state === "officer")?.name;
  return state.lanes.map((lane) => {
    const [word, sign, tone] = lane.view?.help_asked ? ASKED : STATES[lane.view?.state ?? "starting"];
    const faulted = lane.devices.some((device) => missing(device));
    const retry = lane.view && lane.view.attempt > 1 && ["document", "face", "finger"].includes(lane.view.state);
    return make(
      "li",
      { class: "lane card", data: { tone: tone || (faulted ? "bad" : ""), lane: lane.name } },
      make("div", { class: "name" }, make("b", {}, lane.name), make("span", { class: "state" }, icon(sign), word)),
      make(
        "p", { class: "since" },
        lane.view?.since ? `since ${clock(lane.view.since)}` : "",
        retry ? ` · try ${lane.view.attempt} of ${lane.view.attempts}` : "",
      ),
      make("ul", { class: "devices" }, lane.devices.map(device)),
      lane.view?.state === "officer" &&
        make(
          "button", { class: "action", type: "button", title: "The traveller has been taken over", on: { click: () => next(lane.name) } },
          icon("next"), "Next traveller", lane.name === takeOver && make("kbd", {}, "N"),
        ),
    );
  });
}

const missing = (device) => device.state === "absent" || device.state === "faulted";

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

const GROUPS = { open: null, awaiting: ["people", "Awaits a second person"], handed_over: ["second-line", "With second line"] };

/** The queue: what is open, then what awaits a second person, then what is with second line. */
export function queue(state, selected, fresh, open) {
  const groups = Object.entries(GROUPS).map(([name, head]) => [head, state.alerts.filter((alert) => alert.state === name)]);
  return groups.flatMap(([head, alerts]) => {
    const lines = alerts.map((alert) => queued(alert, selected, fresh, open));
    if (head === null) return lines.length ? lines : [make("li", { class: "none" }, "Nothing is open.")];
    return lines.length ? [make("li", { class: "group" }, icon(head[0]), head[1], make("span", { class: "count" }, String(lines.length))), ...lines] : [];
  });
}

function queued(alert, selected, fresh, open) {
  return make(
    "li", {},
    make(
      "button",
      {
        class: "queued", type: "button", data: { tone: alert.tone, alert: alert.alert_id, state: alert.state },
        "aria-current": String(alert.alert_id === selected), on: { click: () => open(alert.alert_id) },
      },
      make("span", { class: "kind" }, icon({ trouble: "officer", quiet: "help" }[alert.tone] ?? "alert"), alert.heading),
      make("span", { class: "where" }, `${alert.lane} · ${clock(alert.raised_at)}`),
      make("span", { class: "title" }, alert.title),
      fresh.has(alert.alert_id) ? make("span", { class: "new" }, "new") : make("span", {}),
      alert.kind === "late" &&
        make("span", { class: "late" }, icon("clock"), `Late hit: seen at ${when(alert.seen_at)}, `, ago(alert.seen_at)),
      alert.more && make("span", { class: "late more" }, icon("alert"), alert.more),
      alert.state === "awaiting" && make("span", { class: "late" }, icon("people"), `${PROPOSED[alert.proposed]}, by ${alert.decided_by} `, ago(alert.decided_at)),
      alert.state === "handed_over" && make("span", { class: "late plainly" }, icon("second-line"), `Handed over by ${alert.handed_over_by} `, ago(alert.handed_over_at)),
    ),
  );
}

const LOCAL = { clear: ["Clear", "check", "good"], refer: ["Referred", "officer", "care"] };
const GATEWAY = { no_hit: ["No hit", "check", "good"], hit: ["Hit", "alert", "care"], error: ["Not checked", "cross", "care"] };

export function recent(state) {
  return state.recent.map((row) =>
    make(
      "tr", { data: { encounter: row.encounter_id } },
      make("td", {}, clock(row.opened_at)),
      make("td", {}, row.lane),
      make("td", {}, result(LOCAL[row.local_outcome], "Checking")),
      make("td", { class: "number" }, row.local_ms === null ? "" : String(Math.round(row.local_ms))),
      make("td", {}, result(GATEWAY[row.gateway_outcome], "Waiting")),
    ),
  );
}

function result(known, otherwise) {
  const [word, sign, tone] = known ?? [otherwise, "clock", "wait"];
  return make("span", { class: "result", data: { is: tone } }, icon(sign), word);
}
