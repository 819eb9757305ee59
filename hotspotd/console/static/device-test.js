// A bench for the devices of one lane: the lane is closed for travellers, a preview runs, each device is tested.

import { icon, make } from "./dom.js";
import { post } from "./stream.js";

const NAMES = { camera: "Camera", scanner: "Scanner", document: "Document reader", chip: "Chip reader", signal: "Light" };
const TO_DO = {
  camera: "Look into the camera.",
  scanner: "Put a finger on the glass, and lift it when the picture has come.",
  document: "Present a specimen document.",
  chip: "Lay a document with a chip on the reader, then take it away.",
  signal: "Watch it: ready, busy, go, stop, off.",
};
const PREVIEW_MS = 250;
const LONGER_MS = 45000;

const number = (value) => (value < 0.001 ? `1 in ${Math.round(1 / value).toLocaleString("en-GB").replaceAll(",", "\u00a0")}` : `${(value * 100).toPrecision(2)} %`);
const said = (answer) => (answer.status === 0 ? "The kiosk does not answer." : `${answer.data.what ?? "It was refused."} ${answer.data.advice ?? ""}`);

/** The bench of `lane`. `done(kind, tried)` is told of each test. */
export function bench(lane, done = () => null) {
  const base = `/api/lanes/${encodeURIComponent(lane)}/trials`;
  const place = make("div", { class: "bench" });
  let timers = [];

  function closed(words = "") {
    timers.forEach(clearInterval);
    timers = [];
    removeEventListener("pagehide", letGo);
    place.replaceChildren(
      make("button", { class: "small", type: "button", data: { act: "hold" }, on: { click: hold } }, icon("camera"), "Close the lane and test its devices"),
      make("p", { class: "quiet", role: "status" }, words),
    );
  }

  const letGo = () => fetch(base, { method: "DELETE", keepalive: true });

  async function hold(event) {
    event.currentTarget.disabled = true;
    const answer = await post(base);
    if (!answer.ok) {
      closed(said(answer));
      return;
    }
    open(answer.data.devices);
  }

  async function longer() {
    const answer = await post(base);
    if (!answer.ok) closed(said(answer));
  }

  async function release(event) {
    event.currentTarget.disabled = true;
    // Nothing is asked of a lane that is open again.
    timers.forEach(clearInterval);
    await looking;
    await letGo().catch((error) => {
      if (!(error instanceof TypeError)) throw error; // no connection: the lane opens by itself
    });
    closed("Travellers are let in again.");
  }

  function open(kinds) {
    addEventListener("pagehide", letGo);
    const preview = kinds.includes("camera") && make("img", { class: "preview", alt: "What the camera sees now", hidden: true });
    place.replaceChildren(
      make("p", { class: "closed-for", role: "status" }, icon("alert"), "Closed for travellers. Opens by itself when nobody tests for two minutes."),
      make("div", { class: "bench-columns" }, preview, make("ul", { class: "tests" }, kinds.map((kind) => test(kind)))),
      make("button", { class: "small", type: "button", data: { act: "release" }, on: { click: release } }, icon("undo"), "Open the lane again"),
    );
    timers = [setInterval(longer, LONGER_MS)];
    if (preview) timers.push(setInterval(() => lookAgain(preview), PREVIEW_MS));
  }

  let asking = false;
  let looking = Promise.resolve();
  const lookAgain = (preview) => {
    if (!asking && document.visibilityState === "visible") looking = look(preview);
  };

  async function look(preview) {
    asking = true;
    const next = new Image();
    next.src = `${base}/preview.jpg?${Date.now()}`;
    // An answer without a picture is an error to an image: the camera gives none just now.
    const seen = await next.decode().then(() => true, () => false);
    preview.hidden = !seen;
    if (seen) preview.src = next.src;
    asking = false;
  }

  function test(kind) {
    const outcome = make("div", { class: "outcome-of", role: "status" });
    const button = make("button", { class: "small", type: "button", data: { test: kind }, on: { click: run } }, "Test");
    async function run() {
      const all = [...place.querySelectorAll("[data-test], [data-act]")];
      all.forEach((each) => (each.disabled = true));
      outcome.replaceChildren(make("p", { class: "to-do" }, icon("next"), TO_DO[kind] ?? "Wait."));
      const answer = await post(`${base}/${kind}`);
      all.forEach((each) => (each.disabled = false));
      outcome.replaceChildren(...(answer.ok ? told(kind, answer.data) : [make("p", {}, said(answer))]));
      if (answer.ok) done(kind, answer.data);
    }
    return make("li", { class: "test", data: { kind } }, make("p", {}, make("span", {}, NAMES[kind] ?? kind), button), outcome);
  }

  function told(kind, { trial, picture, likeness }) {
    const rows = [
      ["Came after", trial.first_s === null ? "" : `${trial.first_s} s`],
      ["Picture", [trial.width && `${trial.width} × ${trial.height}`, trial.dpi && `${trial.dpi} dpi`, trial.grey_levels && `${trial.grey_levels} grey levels`].filter(Boolean).join(", ")],
      ["Frames", trial.frames_per_s === null ? "" : `${trial.frames_per_s} a second`],
      ["Document", trial.document && `${trial.document}, ${trial.ok ? "every check digit matches" : "not all check digits match"}`],
      ["Quality", trial.quality === null ? "" : `${trial.quality} of 100`],
      ["Remarks", trial.remarks.join("; ")],
      ["As the capture before", likeness && (likeness.problem || `${likeness.matches ? "the same" : "not the same"}: ${number(likeness.rate)} of others would be as alike`)],
    ];
    return [
      make("p", { class: "is", data: { is: trial.ok ? "works" : "fails" } }, icon(trial.ok ? "check" : "cross"), trial.ok ? "Works" : trial.problem || "Does not work"),
      trial.advice && make("p", { class: "helps" }, trial.advice),
      make("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
      picture && make("img", { class: "seen", alt: `What the ${(NAMES[kind] ?? kind).toLowerCase()} saw`, src: `${base}/${kind}/picture.jpg?${Date.now()}` }),
    ].filter(Boolean);
  }

  closed();
  return place;
}
