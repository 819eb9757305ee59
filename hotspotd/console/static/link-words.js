// The links to the gateway in words, for officers and technicians: one sentence about all, one line about each.

import { icon, make, span, when } from "./dom.js";

const RANKS = { live: "live checks", decision: "decisions", backlog: "stored checks", statistics: "statistics", log: "logs" };

/** Numbers of things: "1 message", "3 messages". */
export const counted = (number, one, several = `${one}s`) => `${number} ${number === 1 ? one : several}`;

/** Bytes as "812 B", "24 kB", "1.3 MB". */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 9.95e6 ? 1 : 0)} MB`;
}

/** What a link carries, in words. */
export const carries = (route) =>
  route.carries.length === Object.keys(RANKS).length ? "everything" : Object.keys(RANKS).filter((rank) => route.carries.includes(rank)).map((rank) => RANKS[rank]).join(", ");

/** By name where there are several: one alone needs no telling which. */
const by = (view) => (view.active && view.routes.length > 1 ? ` by ${view.active}` : "");

/** All links in one sentence: how it stands, what that means, and how much it matters (good, quiet, care). */
export function sentence(view) {
  if (!view) return { tone: "quiet", sign: "link-off", heading: "Gateway not heard of yet", means: [] };
  const { routes } = view;
  const ended = endedIdentity(view);
  if (ended) return ended;
  if (!view.up) {
    if (routes.length && routes.every((route) => state(route) === "untried")) {
      return { tone: "quiet", sign: "link-off", heading: "Connecting to the gateway", means: [] };
    }
    const since = view.since ? ` since ${when(view.since)}` : "";
    return {
      tone: "care", sign: "link-off", heading: `No connection${since}`,
      means: ["Travellers are checked with the list here. Checks are stored and sent later."],
    };
  }
  const active = routes.find((route) => route.name === view.active);
  if (!active && routes.length) return { tone: "quiet", sign: "link", heading: "Changing to another link", means: [] };
  const at = routes.indexOf(active);
  // Only what is preferred and would carry the same is missed.
  const missed = routes.filter((route, place) => state(route) === "down" && route.carries.includes("live") && place < at);
  const spare = routes.filter((route) => state(route) === "down" && !missed.includes(route));
  const means = [...missed.map((route) => `${route.name} is down${route.since ? ` since ${when(route.since)}` : ""}.`)];
  if (active && !active.carries.includes("live")) {
    return {
      tone: "care", sign: "link-off", heading: `Live checks wait${by(view)}`,
      means: [...means, `Only ${active.name} is up, which carries ${carries(active)}. Travellers are checked with the list here.`],
    };
  }
  means.push(...spare.map((route) => `In reserve, but down: ${route.name}.`));
  const without = missed.map((route) => `, ${route.name} is down`).join("");
  if (view.identity === "expires") {
    means.push(`This kiosk's certificate ends ${when(view.identity_until)} and was not renewed. Call a technician.`);
  }
  const care = missed.length || view.identity;
  return { tone: care ? "care" : "good", sign: "link", heading: `Connected${by(view)}`, without, means };
}

/** What to say where the gateway no longer takes this kiosk for what it is; nothing otherwise. */
function endedIdentity(view) {
  const goesOn = "Travellers are checked with the list here, and checks are stored. Call a technician: the kiosk has to be enrolled again.";
  if (view.identity === "revoked") {
    return { tone: "care", sign: "link-off", heading: "This kiosk is revoked", means: [goesOn] };
  }
  if (view.identity === "expired" && !view.up) {
    return { tone: "care", sign: "link-off", heading: `Certificate expired ${when(view.identity_until)}`, means: [goesOn] };
  }
  return null;
}

/** up, down, or not tried yet. */
const state = (route) => (route.up ? "up" : route.last_error ? "down" : "untried");

const STATES = { up: ["Up", "check"], down: ["Down", "cross"], untried: ["In reserve", "ring"] };

/** How long the oldest of what waits has waited; empty for nothing. */
export const oldest = (view) => (view.queued && view.oldest_at ? span(Math.max(0, (Date.now() - new Date(view.oldest_at)) / 1000)) : "");

/** Each link with what it carries and how it has been. */
export function routes(view) {
  return view.routes.map((route) => {
    const is = state(route);
    const [word, sign] = STATES[is];
    const since = is !== "untried" && route.since ? ` since ${when(route.since)}` : "";
    return make(
      "li", { class: "route", data: { is } },
      make(
        "p", { class: "name" }, make("b", {}, route.name),
        route.name === view.active && make("span", { class: "mark" }, "in use"),
        make("span", { class: "is" }, icon(sign), `${word}${since}`),
      ),
      make("p", { class: "carries" }, `Carries ${carries(route)}${route.metered ? "; metered" : ""}`),
      make(
        "p", { class: "bytes" }, make("span", {}, `${size(route.sent_bytes)} sent`), make("span", {}, `${size(route.received_bytes)} received`),
        route.under_way > 0 && make("span", {}, `${route.under_way} under way`),
      ),
      route.last_error && make("p", { class: "error" }, route.last_error),
    );
  });
}

/** What came and was not the gateway's; empty where nothing did. */
export function refused(view) {
  const number = Object.values(view.refused).reduce((all, each) => all + each, 0);
  if (!number) return "";
  const why = Object.entries(view.refused).map(([reason, count]) => `${reason.replaceAll("_", " ")} ${count}`).join(", ");
  return `${counted(number, "message")} refused: not the gateway's, or not whole (${why}).`;
}
