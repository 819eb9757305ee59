// The officers' page beside the alert: the queue and recent travellers.

import { ago, clock, icon, make, when } from "./dom.js";
import { PROPOSED } from "./guard-actions.js";

const GROUPS = { open: null, awaiting: ["people", "Awaits a second person"], handed_over: ["second-line", "With second line"] };

/** The parts of the queue, for `draw`: what is open, then what awaits a second person, then what is with second line. */
export function queue(state, selected, fresh, open) {
  const today = new Date().toDateString(); // Times of other days are drawn with them.
  const groups = Object.entries(GROUPS).map(([name, head]) => [head, state.alerts.filter((alert) => alert.state === name)]);
  return groups.flatMap(([head, alerts]) => {
    const lines = alerts.map((alert) => {
      const told = [alert, alert.alert_id === selected, fresh.has(alert.alert_id), today];
      return [alert.alert_id, told, () => queued(alert, selected, fresh, open)];
    });
    if (head === null) return lines.length ? lines : [["none", null, () => make("li", { class: "none" }, "Nothing is open.")]];
    const title = () => make("li", { class: "group" }, icon(head[0]), head[1], make("span", { class: "count" }, String(lines.length)));
    return lines.length ? [[head[1], lines.length, title], ...lines] : [];
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

/** The lines of recent travellers, for `draw`. */
export const recent = (state) => state.recent.map((row) => [row.encounter_id, row, () => traveller(row)]);

function traveller(row) {
  return make(
    "tr", { data: { encounter: row.encounter_id } },
    make("td", {}, clock(row.opened_at)),
    make("td", {}, row.lane),
    make("td", {}, result(LOCAL[row.local_outcome], "Checking")),
    make("td", { class: "number" }, row.local_ms === null ? "" : String(Math.round(row.local_ms))),
    make("td", {}, result(GATEWAY[row.gateway_outcome], "Waiting")),
  );
}

function result(known, otherwise) {
  const [word, sign, tone] = known ?? [otherwise, "clock", "wait"];
  return make("span", { class: "result", data: { is: tone } }, icon(sign), word);
}
