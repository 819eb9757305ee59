// Each link tried: round trip, certificate, clocks.

import { icon, make } from "./dom.js";
import { post } from "./stream.js";

const MEND = document.body.dataset.acts?.split(" ").includes("mend") ?? true;
const place = () => document.querySelector("#links-tried");
let drawn = "";

/** A button for each link, and what came of it. */
export function linkTests(routes, target = place()) {
  const names = routes.map((route) => route.name);
  // A button that is replaced while it is pressed gets no click.
  if (!MEND || drawn === names.join()) return;
  drawn = names.join();
  target.replaceChildren(...names.map(linkTest));
}

/** One link: the button, and what came of it. */
export function linkTest(name) {
  const outcome = make("div", { class: "outcome-of" });
  const button = make("button", { class: "small", type: "button", data: { link: name }, on: { click: run } }, icon("link"), `Try ${name}`);
  async function run() {
    button.disabled = true;
    outcome.replaceChildren(make("p", { class: "quiet" }, "Asking the gateway."));
    const answer = await post(`/api/links/${encodeURIComponent(name)}/test`);
    button.disabled = false;
    outcome.replaceChildren(...(answer.ok ? told(answer.data) : [make("p", {}, answer.data.what ?? "The kiosk does not answer.")]));
  }
  return make("div", { class: "tried" }, button, outcome);
}

function told(test) {
  const { certificate } = test;
  const rows = [
    ["Round trip", test.round_trip_ms === null ? "no answer" : `${test.round_trip_ms} ms`],
    ["Certificate", certificate ? `${certificate.subject}, ${certificate.days_left} days left` : "not seen"],
    ["Clocks apart", test.clock_s === null ? "not told" : Math.abs(test.clock_s) < 1 ? "less than 1 s" : `${Math.abs(test.clock_s)} s, the gateway's is ${test.clock_s > 0 ? "ahead" : "behind"}`],
  ];
  return [
    make("p", { class: "is", data: { is: test.ok ? "works" : "fails" } }, icon(test.ok ? "check" : "cross"), test.ok ? "Answers this device" : test.problem),
    test.advice && make("p", { class: "helps" }, test.advice),
    make("dl", { class: "facts" }, rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
    test.untold && make("p", { class: "quiet" }, test.untold),
  ].filter(Boolean);
}
