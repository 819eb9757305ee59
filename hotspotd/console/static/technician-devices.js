// The devices of each lane as they are, and a bench on which they are tried.

import { bench } from "./device-test.js";
import { icon, make } from "./dom.js";

export const DEVICES = {
  camera: "Camera", scanner: "Scanner", document: "Document reader", chip: "Chip reader", signal: "Signal", records: "Storage", watchlist: "Watchlist",
};
const STATES = { absent: ["absent", "cross"], starting: ["starting", "clock"], ready: ["ready", "check"], faulted: ["not working", "cross"] };
const MEND = document.body.dataset.acts.split(" ").includes("mend");
const shown = new Map();

/** Draw every lane; a bench stays as it is while somebody works at it. */
export function lanes(all) {
  for (const each of all) {
    if (!shown.has(each.name)) {
      const list = make("ul", {});
      const element = make("li", { class: "panel lane", data: { lane: each.name } }, make("h3", {}, each.name), list, MEND && bench(each.name));
      shown.set(each.name, list);
      document.querySelector("#lanes").append(element);
    }
    const list = shown.get(each.name);
    list.replaceChildren(...each.devices.map(device), each.devices.length ? "" : make("li", { class: "quiet" }, "Not heard of yet."));
  }
}

function device(each) {
  const [word, sign] = STATES[each.state];
  return make(
    "li", { class: "device", data: { is: each.state } },
    make("p", {}, make("span", {}, DEVICES[each.device] ?? each.device), make("span", { class: "is" }, icon(sign), word)),
    (each.advice || each.reason) && make("p", { class: "error" }, each.advice || each.reason.replaceAll("_", " ")),
  );
}
