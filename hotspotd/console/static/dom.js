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

const drawn = new WeakMap(); // what was drawn into a place: by key, what was told and its element

/**
 * Make the children of `place` those that `parts` tell of: each [key, told, build]. Where the same was told of the same
 * key before, its element stays as it is, with its focus and a press that has begun; `build` makes the others.
 */
export function draw(place, parts) {
  const before = drawn.get(place) ?? new Map();
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  let heir = focused; // what has the focus then
  const now = new Map();
  for (const [key, told, build] of parts) {
    const words = JSON.stringify(told);
    const old = before.get(key);
    const element = old?.words === words ? old.element : build();
    if (old && old.element !== element && old.element.contains(focused)) heir = element.querySelector("button");
    now.set(key, { words, element });
  }
  for (const [key, { element }] of before) if (now.get(key)?.element !== element) element.remove();
  let at = place.firstElementChild;
  for (const { element } of now.values()) {
    if (element === at) at = at.nextElementSibling;
    else place.insertBefore(element, at);
  }
  drawn.set(place, now);
  if (heir?.isConnected && heir !== document.activeElement) heir.focus({ preventScroll: true });
}

/** Set the text of `element` where it is another. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
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

// Made once: making one takes longer than all else of a line in a list.
const formatted = (parts) => new Intl.DateTimeFormat("en-GB", parts);
const TO_THE_MINUTE = formatted({ hour: "2-digit", minute: "2-digit" });
const TO_THE_SECOND = formatted({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = formatted({ day: "numeric", month: "short" });
const WHOLE = formatted({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

/** 24 h time of an ISO time, with seconds. */
export function clock(iso, seconds = true) {
  if (!iso) return "";
  return (seconds ? TO_THE_SECOND : TO_THE_MINUTE).format(new Date(iso));
}

/** The day, month named, and the time with its zone. */
export function dated(date) {
  return WHOLE.format(date).replace(",", "");
}

/** The time of an ISO time without seconds; with its day where that is not today. */
export function when(iso) {
  if (!iso) return "an unknown time";
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(iso, false) : `${DAY.format(date)}, ${clock(iso, false)}`;
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
