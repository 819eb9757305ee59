// Decisions: taken by one person, or by two; with their reasons; taken back for ten seconds.

import { clock } from "./dom.js";
import { PROPOSED, me } from "./guard-actions.js";
import { post } from "./stream.js";

const UNDO_MS = 10000;
const DONE = { confirm: "Confirmed", dismiss: "Dismissed", escalate: "Escalated", hand_over: "Handed to second line" };
const TAKEN_FROM = {
  confirm: ["open", "handed_over"], dismiss: ["open", "handed_over"], escalate: ["open", "handed_over"], hand_over: ["open"],
  reopen: ["handed_over", "awaiting"], agree: ["awaiting"], refuse: ["awaiting"],
};
const one = (selector) => document.querySelector(selector);

/**
 * `shown()` is the line of the alert that is shown, where it is the selected one and the kiosk is there, or null;
 * `open(id)` reads it again; `changed(line)` is told what has become of it; `leave(id)` is called when it can no longer
 * be undone.
 */
export function deciding({ shown, open, changed, leave }) {
  let undoing = null; // { alert, until }
  const dismissals = one("#dismissals");
  const second = one("#second");

  const allowed = (what, line = shown()) => line !== null && TAKEN_FROM[what].includes(line.state);

  function act(what) {
    const line = shown();
    if (!allowed(what, line)) return;
    if (what === "dismiss") {
      one("#note").value = "";
      dismissals.dataset.of = line.alert_id;
      dismissals.showModal();
    } else if (what === "agree" || what === "refuse") {
      if (line.decided_by === me()) askSecond(line, what);
      else sign(line, what, {});
    } else decide(line.alert_id, what, "", "");
  }

  /** Decide the alert `id`, which the officer has read: nothing is done where another one is shown by now. */
  async function decide(id, decision, reason, note) {
    const line = shown();
    if (line?.alert_id !== id || !allowed(decision, line)) return;
    const answer = await post(`/api/alerts/${id}/decision`, { decision, reason, note });
    if (!answer.ok) return notStored(line, answer);
    const words = answer.data.state === "awaiting" ? `${DONE[decision]} by one: a second person is needed` : DONE[decision];
    if (words) offerUndo(id, `${words}: ${line.title}`);
    changed(answer.data);
  }

  async function notStored({ alert_id: id, title }, answer) {
    const why = answer.status === 409 ? "Another officer has decided already." : "Not stored. The alert stands as it was: try again.";
    await open(null); // what is shown: the officer may be about to decide what was opened since
    const place = one("#problem");
    if (place) place.textContent = shown()?.alert_id === id ? why : `${title}: ${why}`;
  }

  // --- the second person ----------------------------------------------------------------------------------------------

  /** Somebody else at this screen, while whoever is signed in stays so. */
  function askSecond(line, what) {
    second.dataset.of = line.alert_id;
    second.dataset.act = what;
    one("#second h2").textContent = what === "agree" ? "A second person agrees" : "A second person refuses";
    one("#second-what").textContent = `${line.title}. ${PROPOSED[line.proposed]}, proposed by ${line.decided_by} at ${clock(line.decided_at)}.`;
    one("#second button").lastChild.textContent = what === "agree" ? "Agree" : "Refuse";
    one("#second-problem").textContent = "";
    second.showModal();
    one("#second-badge").focus();
  }

  second.addEventListener("close", () => {
    for (const field of second.querySelectorAll("input")) field.value = "";
  });
  second.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const line = shown();
    if (line?.alert_id !== Number(second.dataset.of)) return second.close();
    const who = { badge: one("#second-badge").value.trim(), secret: one("#second-secret").value };
    await sign(line, second.dataset.act, who);
  });

  async function sign(line, what, who) {
    const id = line.alert_id;
    const answer = await post(`/api/alerts/${id}/second`, { decision: line.proposed, agree: what === "agree", ...who });
    if (!answer.ok && second.open && answer.status !== 409 && answer.status !== 0) {
      one("#second-problem").textContent = wrong(answer);
      one("#second-secret").value = "";
      one("#second-secret").focus();
      return;
    }
    second.close();
    if (!answer.ok) return notStored(line, answer);
    if (what === "agree") offerUndo(id, `${DONE[line.proposed]} by two: ${line.title}`);
    changed(answer.data);
  }

  function wrong({ data }) {
    if (data?.reason === "not_allowed") return "It takes another person who may decide, with a secret of their own.";
    return data?.what ? `${data.what[0].toUpperCase()}${data.what.slice(1)}. ${data.advice}` : "That was not understood: try again.";
  }

  // --- taking back ----------------------------------------------------------------------------------------------------

  function offerUndo(id, words) {
    undoing = { alert: id, until: Date.now() + UNDO_MS };
    one("#undo span").textContent = words;
    one("#undo").hidden = false;
  }

  function noUndo() {
    undoing = null;
    one("#undo").hidden = true;
  }

  async function undo() {
    if (!undoing) return;
    const id = undoing.alert;
    noUndo();
    const answer = await post(`/api/alerts/${id}/decision`, { decision: "reopen" });
    await open(id);
    if (!answer.ok && one("#problem")) one("#problem").textContent = "Could not be undone.";
  }

  /** Called often: how long it can still be undone. */
  function tick() {
    if (!undoing) return;
    const left = undoing.until - Date.now();
    one("#undo i").style.inlineSize = `${Math.max(0, (100 * left) / UNDO_MS)}%`;
    if (left > 0) return;
    const done = undoing.alert;
    noUndo();
    leave(done);
  }

  dismissals.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reason]");
    if (!button) return;
    dismissals.close();
    decide(Number(dismissals.dataset.of), "dismiss", button.dataset.reason, one("#note").value.trim());
  });
  one("#undo button").addEventListener("click", undo);

  /** Reasons are picked by their number. */
  function pick(event) {
    const button = document.querySelectorAll("[data-reason]")[Number(event.key) - 1];
    if (!button || event.target.id === "note") return;
    event.preventDefault();
    button.click();
  }

  return { act, allowed, undo, tick, pick, undoable: () => undoing?.alert ?? null };
}
