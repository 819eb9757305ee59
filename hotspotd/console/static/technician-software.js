// The software: its versions, another one looked for, put in force or gone back to; asked twice, for lanes stand still.

import { icon, make, when } from "./dom.js";
import { post } from "./stream.js";

const LOOK_MS = 2000;
const may = (document.body.dataset.acts ?? "").split(" ").includes("update");
const one = (selector) => document.querySelector(selector);
const pair = (name, value) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
const line = (text, kind = "reason") => make("p", { class: kind }, text);

let told = null; // what the kiosk has said last
let asking = ""; // the act that is asked about
let pressed = ""; // the act that the kiosk was just asked for
let refused = "";
let timer;
let drawn = "";

const AGAIN = "Then the kiosk starts anew: its lanes stand still until it is ready, three minutes at most, and whoever is signed in signs in again.";
const FINISH = "A traveller in a lane may finish first, for up to 15 seconds.";
const ACTS = {
  check: () => ({ button: "Look for a newer version", doing: "Looking for a newer version. It is fetched too, which can take long on a thin line; lanes work on." }),
  apply: () => ({
    button: `Put ${told.ready} in force`,
    question: `Put ${told.ready} in force in place of ${told.running}?`,
    means: [`It is built first, which takes minutes; lanes work on. ${FINISH} ${AGAIN}`, `If ${told.ready} does not become ready, ${told.running} is put back by itself.`],
    doing: `Putting ${told.ready || "another version"} in force. It is built first. ${FINISH} ${AGAIN}`,
  }),
  "roll-back": () => ({
    button: `Go back to ${told.before}`,
    question: `Go back from ${told.running} to ${told.before}?`,
    means: [`${FINISH} ${AGAIN}`, `If ${told.before} does not become ready, for instance because ${told.running} has changed the database, ${told.running} is put back by itself.`],
    doing: `Going back to the version before. ${FINISH} ${AGAIN}`,
  }),
};

/** Show what the kiosk says of its software, and follow what is under way. */
export function software(now) {
  told = now;
  if (told.doing || !offered().includes(asking)) asking = "";
  draw();
  clearTimeout(timer);
  if (told.doing) timer = setTimeout(follow, LOOK_MS);
}

async function follow() {
  try {
    const answer = await fetch("/technician/version");
    if (answer.ok) return software(await answer.json());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // no connection: the kiosk starts anew
  }
  timer = setTimeout(follow, LOOK_MS);
}

const offered = () => (told.command || !may || told.doing ? [] : ["check", ...(told.ready ? ["apply"] : []), ...(told.before ? ["roll-back"] : [])]);

function draw() {
  // A button that is replaced while it is pressed gets no click.
  const now = JSON.stringify([told, asking, pressed, refused]);
  if (now === drawn) return;
  drawn = now;
  one("#versions").replaceChildren(
    ...[["hotspotd", told.running], ["Pages", document.body.dataset.build], ["Before", told.before], ["Ready", told.ready]].filter(([, value]) => value).map(([name, value]) => pair(name, value)),
  );
  const doing = told.doing || pressed;
  one("#updates").replaceChildren(
    ...[
      told.said && line(told.at ? `${when(told.at)}: ${told.said}` : told.said),
      refused && make("p", { class: "note" }, icon("alert"), make("span", {}, refused)),
      told.command && make("p", { class: "command" }, "Another version, or the one before: ", make("code", {}, told.command)),
      doing ? make("p", { class: "note doing" }, icon("clock"), make("span", {}, ACTS[doing]().doing)) : asking ? question() : buttons(),
    ].filter(Boolean),
  );
}

function buttons() {
  const acts = offered();
  return acts.length > 0 && make(
    "p", { class: "buttons" },
    ...acts.map((act) => make("button", { class: act === "apply" ? "action" : "small", type: "button", on: { click: () => press(act) } }, ACTS[act]().button)),
  );
}

function question() {
  const { question: asked, means, button } = ACTS[asking]();
  return make(
    "div", { class: "question", role: "group", "aria-label": asked },
    line(asked, "helps"), ...means.map((text) => line(text)),
    make("p", { class: "buttons" },
      make("button", { class: "small", type: "button", on: { click: () => ask("") } }, "Leave it as it is"),
      make("button", { class: "action", type: "button", on: { click: () => act(asking) } }, button)),
  );
}

const press = (which) => (which === "check" ? act(which) : ask(which));

function ask(which) {
  asking = which;
  refused = "";
  draw();
  one("#updates button")?.focus(); // The one that changes nothing.
}

async function act(which) {
  [asking, pressed, refused] = ["", which, ""];
  draw();
  const answer = await post(`/api/software/${which}`);
  pressed = "";
  if (!answer.ok) refused = answer.status === 0 ? "The kiosk does not answer." : `${sentence(answer.data.what ?? "It was refused")} ${answer.data.advice ?? ""}`;
  if (answer.ok) software(answer.data);
  else draw();
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
