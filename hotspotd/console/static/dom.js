// Makes elements. Text is always set as text, never read as markup.

/** An element: `make("p", { class: "x", data: { tone: "red" }, on: { click } }, "text", child)`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** One of the icons of the sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** 24 h time of an ISO time, with seconds. */
export function clock(iso, seconds = true) {
  if (!iso) return "";
  return new Date(iso).toLocaleTimeString("en-GB", {
    hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined,
  });
}

/** The day, month named, and the time with its zone. */
export function dated(date) {
  return date.toLocaleString("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  }).replace(",", "");
}

/** The time of an ISO time without seconds; with its day where that is not today. */
export function when(iso) {
  if (!iso) return "an unknown time";
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(iso, false) : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock(iso, false)}`;
}

/** How long ago an ISO time is, in words; the pages keep it up to date. */
export const ago = (iso) => iso && make("time", { datetime: iso, data: { ago: "" } }, agoWords(iso));

export function agoWords(iso) {
  const seconds = Math.max(0, (Date.now() - new Date(iso).getTime()) / 1000);
  return `${seconds < 172800 ? span(seconds) : `${Math.round(seconds / 86400)} days`} ago`;
}

/** Seconds as "12 s", "4 min", "3 h". */
export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
