// What can be done with an alert, where it stands, and what has been decided.

import { clock, icon, make } from "./dom.js";

const DECIDED = { confirmed: "Confirmed", dismissed: "Dismissed", escalated: "Escalated to the bureau" };
export const PROPOSED = { confirm: "Confirm", dismiss: "Dismiss" };

/** Whoever is signed in, as the records name them. */
export const me = () => `badge ${document.querySelector("#who b").textContent}`;

/** The tag that says where an alert stands while it is neither open nor decided. */
export function standing(line) {
  if (line.state === "awaiting") return make("span", { class: "tag care standing" }, icon("people"), "awaits a second person");
  if (line.state === "handed_over") return make("span", { class: "tag standing" }, icon("second-line"), `with second line since ${clock(line.handed_over_at, false)}`);
  return null;
}

export function actions(detail, reasons, act) {
  const { line } = detail;
  const button = (key, words, what, first) =>
    make("button", { class: first ? "action first" : "action", type: "button", data: { act: what }, on: { click: () => act(what) } }, make("kbd", {}, key), words);
  const rest = [make("span", { class: "grow" }), make("span", { class: "problem", id: "problem", role: "alert" })];
  const decide = [
    button("C", detail.hits.length > 0 ? "Confirm" : "Seen to", "confirm", true), button("D", "Dismiss…", "dismiss"), button("E", "Escalate", "escalate"),
  ];
  switch (line.state) {
    case "open":
      return make("footer", { class: "actions" }, decide, button("2", "Second line", "hand_over"), rest);
    case "handed_over":
      return make("footer", { class: "actions" }, decide, button("B", "Take back", "reopen"), said(`Handed over by ${line.handed_over_by}`), rest);
    case "awaiting": {
      const own = line.decided_by === me();
      return make(
        "footer", { class: "actions" },
        button("A", own ? "Second person agrees…" : "Agree", "agree", true), button("R", own ? "Refuses…" : "Refuse", "refuse"),
        own && button("B", "Take back", "reopen"),
        said(`${PROPOSED[line.proposed]}, by ${line.decided_by} at ${clock(line.decided_at)}${why(line, reasons)}`), rest,
      );
    }
    default:
      return make(
        "footer", { class: "actions" },
        make(
          "span", { class: "decided" }, icon("check"),
          `${DECIDED[line.state] ?? line.state} at ${clock(line.decided_at)}${by(line)}${why(line, reasons)}`,
        ),
        rest,
      );
  }
}

const said = (words) => make("span", { class: "said" }, words);

function by(line) {
  if (!line.decided_by || line.decided_by === "daemon") return "";
  return ` by ${line.decided_by}${line.seconded_by ? ` and ${line.seconded_by}` : ""}`;
}

/** The reason that was picked, and what was written beside it. */
function why(line, reasons) {
  const [picked, ...written] = (line.decision_reason ?? "").split(": ");
  const words = [reasons[picked] ?? picked, written.join(": ")].filter(Boolean).join(": ");
  return words ? ` · ${words}` : "";
}
