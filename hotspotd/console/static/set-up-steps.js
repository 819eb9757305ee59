// What each step of setting up shows beside its state: what is there, and what can be chosen or tried.

import { bench } from "./device-test.js";
import { icon, make } from "./dom.js";
import { post } from "./stream.js";
import { read } from "./technician-checks.js";
import { linkTest } from "./technician-links.js";

export const TITLES = {
  language: "Language", time: "Time", network: "Network", enrolment: "Enrolment", devices: "Devices", operation: "Operation", traveller: "Test traveller",
};

const facts = (pairs) => make("dl", { class: "facts" }, pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
const field = (words, input) => make("label", { class: "field" }, make("span", {}, words), input);
const small = (words, click) => make("button", { class: "small", type: "button", on: { click } }, words);
const action = (words, click) => make("button", { class: "action", type: "button", on: { click } }, words);

/** What was said about the last try, kept beside the button. */
function outcome() {
  const place = make("div", { class: "said commands", role: "status" });
  const say = (...words) => place.replaceChildren(...words.filter(Boolean));
  return { place, say };
}

const refusal = (answer) => make("p", { class: "helps" }, answer.status === 0 ? "The kiosk does not answer." : `${answer.data.what} ${answer.data.advice}`);

function language({ facts: known }, _, { changed }) {
  const choose = async (code) => {
    const answer = await post("/api/set-up/language", { language: code });
    if (answer.ok) changed(answer.data);
  };
  return [make("div", { class: "languages" }, Object.entries(known.languages).map(([code, name]) =>
    make("button", { type: "button", lang: code, "aria-pressed": String(code === known.language), data: { language: code }, on: { click: () => choose(code) } }, name)))];
}

function time({ facts: known }, _, { refresh }) {
  const { place, say } = outcome();
  const zone = make("select", {}, make("option", { value: known.zone }, known.zone || "not known"));
  const at = make("input", { placeholder: "2026-11-22 14:03", inputmode: "numeric", autocomplete: "off" });
  read("/set-up/zones").then((zones) => zones && zone.append(...zones.filter((each) => each !== known.zone).map((each) => make("option", { value: each }, each.replaceAll("_", " ")))));
  const ask = async (wish) => {
    const answer = await post("/api/set-up/time", wish);
    if (!answer.ok) return say(refusal(answer));
    if (!answer.data.done) return say(make("p", { class: "helps" }, `The system refused: ${answer.data.said}. An administrator types:`), make("code", {}, answer.data.command));
    say(make("p", {}, "Done."));
    refresh();
  };
  return [
    facts([["Now, by this kiosk", new Date(known.now).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long", timeZone: known.zone || "UTC" })], ["Zone", known.zone || "not known"], ["Set by the network", known.network_time === null ? "not known" : known.network_time ? "yes" : "no"]]),
    make(
      "div", { class: "fields" },
      make("div", { class: "both" }, field("Time zone", zone), small("Set the zone", () => ask({ zone: zone.value }))),
      make("div", { class: "both" }, field("Local date and time", at), small("Set the time", () => ask({ time: at.value.trim() }))),
      small(known.network_time ? "Do not let the network set it" : "Let the network set it", () => ask({ network_time: !known.network_time })),
    ),
    place,
  ];
}

function network({ facts: known }) {
  return [
    facts([
      ...known.interfaces.map((each) => [`${each.name}, ${each.kind}`, each.up ? each.addresses.join(", ") || "up, no address" : "down"]),
      ...known.hosts.map((each) => [`Gateway of ${each.link}: ${each.name}`, each.problem || each.addresses.join(", ")]),
    ]),
    known.problem && make("p", { class: "quiet" }, `Addresses are not known: ${known.problem}.`),
    make("p", { class: "quiet" }, "The network is set at the machine: a mistake here would cut the line that this page comes by."),
  ];
}

function enrolment({ facts: known }, _, { refresh }) {
  if (!known.here) return [make("p", { class: "quiet" }, `This device is called ${known.device}. The command asks for the gateway's address, the one-time code and the fingerprint.`)];
  const { place, say } = outcome();
  const url = make("input", { type: "url", value: known.url, required: true });
  const code = make("input", { autocomplete: "off", spellcheck: "false", required: true });
  const fingerprint = make("input", { autocomplete: "off", spellcheck: "false", required: true });
  const enrol = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    const answer = await post("/api/set-up/enrolment", { url: url.value, code: code.value, fingerprint: fingerprint.value });
    button.disabled = false;
    if (!answer.ok) return say(refusal(answer));
    code.value = "";
    say(make("p", { class: "helps" }, answer.data.said));
    refresh();
  };
  return [make("div", { class: "fields" }, field("Address of the gateway", url), field("One-time code", code), field("Fingerprint of its authority", fingerprint), action("Enrol this device", enrol)), place];
}

function devices(_, kiosk) {
  return Object.entries(kiosk.lanes).map(([lane, kinds]) => make("section", { data: { lane } }, make("h3", {}, lane), kinds.length ? bench(lane) : make("p", { class: "quiet" }, "Its devices cannot be tried here.")));
}

function operation({ facts: known }, _, { changed }) {
  const { place, say } = outcome();
  const choose = async (profile) => {
    const answer = await post("/api/set-up/operation", { profile });
    if (answer.ok) changed(answer.data);
    else say(refusal(answer));
  };
  const asks = (each) => [each.face && "face", each.fingers.length && `fingers: ${each.fingers.join(", ").replaceAll("_", " ")}`, `chip ${each.chip.replaceAll("_", " ")}`].filter(Boolean).join("; ");
  const profile = (each) => make(
    "li", { class: "check profile" },
    make("div", {}, make("p", {}, make("b", {}, each.name || each.file), each.name && ` ${each.file}`), make("p", { class: "reason" }, each.problem || asks(each))),
    !each.problem && (each.name === (known.chosen || known.name) ? make("span", { class: "grade" }, icon("check"), known.chosen === each.name ? "chosen" : "in force") : small(`Choose ${each.name}`, () => choose(each.file))),
  );
  return [
    facts(known.asked),
    known.profiles.length > 0 && make("h3", {}, "Profiles beside the configuration"),
    known.profiles.length > 0 && make("ul", {}, known.profiles.map(profile)),
    known.chosen && small("Take the configuration's own operation again", () => choose("")),
    place,
    make("p", { class: "quiet" }, "A choice is kept apart from the configuration, which is never written from here. It counts from the next start on."),
  ];
}

// What the test traveller does, in order; a second capture is compared with the first.
const TASKS = { document: ["Read a specimen document", 1], camera: ["Take the face, twice", 2], scanner: ["Take a finger, twice", 2], signal: ["Show the light", 1] };

function traveller({ facts: known }, kiosk) {
  return [
    ...Object.entries(kiosk.lanes).filter(([, kinds]) => kinds.length).map(([lane, kinds]) => round(lane, kinds)),
    make("h3", {}, "Ask the gateway"),
    ...known.links.map(linkTest),
  ];
}

function round(lane, kinds) {
  const left = new Map(kinds.filter((kind) => kind in TASKS).map((kind) => [kind, TASKS[kind][1]]));
  const list = make("ul", {});
  const show = () => list.replaceChildren(...[...left].map(([kind, times]) =>
    make("li", { class: "check", data: { is: times ? "not_checked" : "works", task: kind } }, make("p", { class: "is" }, icon(times ? "ring" : "check"), make("b", {}, TASKS[kind][0]), make("span", {}, times ? `${times} to go` : "done")))));
  const done = (kind, { trial, likeness }) => {
    if (!trial.ok || !left.has(kind)) return;
    // Twice means: and the second is found to be the first one's.
    const times = left.get(kind);
    left.set(kind, times === 2 ? 1 : TASKS[kind][1] === 2 && !likeness?.matches ? times : 0);
    show();
  };
  show();
  return make("section", { data: { lane } }, make("h3", {}, lane), list, bench(lane, done));
}

export const CONTENT = { language, time, network, enrolment, devices, operation, traveller };
