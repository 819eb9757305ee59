// Probe and reference side by side: same size and crop, zoomed and moved together, laid over each other while a key is
// held; of two prints the minutiae that belong together, marked and joined.

import { icon, make } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const SIDE = 490; // of a picture of a print, in units of the drawing that spans two
const GAP = 20;
const MARK = 6;
const LABELLED = 12; // more numbers and lines than that hide the ridges
const MOST_ZOOM = 6;

const found = new Map(); // address of paired minutiae: what came of asking for it
let wanted = localStorage.getItem("minutiae") !== "off";
let inHand = 0; // number of the pair that keys act on

// --- drawing --------------------------------------------------------------------------------------------------------

export function pair(pair, number) {
  const joins = pair.minutiae ? drawing("joins", 2 * SIDE + GAP, SIDE) : null;
  const both = make(
    "div", { class: "both", tabindex: "0", role: "group", "aria-label": `${pair.label}: taken here and on the list`, data: { pair: number } },
    picture(pair.probe, "Taken here", pair), picture(pair.reference, "On the list", pair), joins,
  );
  const told = pair.minutiae || pair.unpaired ? make("p", { class: "paired" }, pair.unpaired) : null;
  if (pair.minutiae) ask(pair.minutiae, (answer) => draw(both, told, answer));
  return make(
    "div", { class: "pair", data: { modality: pair.modality } },
    make("h2", {}, icon(pair.modality === "face" ? "face" : "fingers"), pair.label),
    both,
    make("p", { class: "strength" }, pair.strength ? [pair.strength.words, make("small", {}, pair.strength.exact)] : uncompared(pair)),
    told,
  );
}

function uncompared(pair) {
  if (pair.reference && pair.probe) return "Compare by eye";
  return pair.probe ? "No picture on the list to compare with" : "Not taken here";
}

export function picture(address, caption, { label, modality }) {
  if (!address) {
    return make("figure", { data: { none: "" } }, make("div", {}, icon(modality === "face" ? "person" : "fingers"), make("p", {}, "No picture")), make("figcaption", {}, caption));
  }
  const image = make("img", { src: address, alt: `${label}, ${caption.toLowerCase()}`, draggable: "false" });
  return make("figure", {}, make("div", { class: "view" }, image), make("figcaption", {}, caption));
}

// --- minutiae -------------------------------------------------------------------------------------------------------

/** Read `address` once for as long as the page shows this alert. */
async function ask(address, then) {
  if (!found.has(address)) {
    if (found.size > 40) found.clear();
    found.set(address, read(address));
  }
  const answer = await found.get(address);
  if (answer === null) found.delete(address);
  then(answer);
}

async function read(address) {
  try {
    const answer = await fetch(address);
    return answer.status === 200 ? await answer.json() : null;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
}

function draw(both, told, answer) {
  if (answer === null) {
    told.textContent = "Which minutiae agree cannot be shown: the prints that were compared are not here any more";
    return;
  }
  const { probe, reference, seen } = answer;
  const count = probe.points.length;
  told.replaceChildren(`${count} minutiae agree, of ${seen[0]} and ${seen[1]} `, make("kbd", {}, "J"));
  both.querySelectorAll(".view").forEach((view, side) => view.append(marks([probe, reference][side])));
  both.points = [probe, reference].map((print) => print.points.map(([x, y]) => inSquare(x, y, print)));
  both.style.setProperty("--laid", laid(both.points[1], both.points[0]));
  join(both);
}

/** How the picture with the places `from` is to be turned and shifted to lie on that with `to`: least squares, rigid. */
function laid(from, to) {
  if (from.length < 3) return "none";
  const middle = (places) => [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
  const [a, b] = [middle(from), middle(to)];
  let along = 0;
  let across = 0;
  from.forEach(([x, y], number) => {
    const [u, v] = [to[number][0] - b[0], to[number][1] - b[1]];
    along += (x - a[0]) * u + (y - a[1]) * v;
    across += (x - a[0]) * v - (y - a[1]) * u;
  });
  const turn = Math.atan2(across, along);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const shift = [b[0] - cos * a[0] + sin * a[1], b[1] - sin * a[0] - cos * a[1]].map((one) => `${(100 * one) / SIDE}%`);
  return `translate(${shift}) rotate(${turn}rad)`;
}

/** The marks on one print: where each paired minutia is and which way it points, in the picture's own pixels. */
function marks(print) {
  const layer = drawing("marks", print.width, print.height);
  const unit = Math.max(print.width, print.height) / SIDE;
  print.points.forEach(([x, y, angle], number) => {
    const reach = 2.6 * MARK * unit;
    layer.append(
      shape("circle", { cx: x, cy: y, r: MARK * unit }),
      shape("path", { d: `M${x} ${y}l${Math.cos(angle) * reach} ${Math.sin(angle) * reach}` }),
    );
    if (number >= LABELLED) return;
    const words = shape("text", { x: x + 1.3 * MARK * unit, y: y - 1.1 * MARK * unit, "font-size": 17 * unit });
    words.textContent = number + 1;
    layer.append(words);
  });
  return layer;
}

/** Lines from print to print, where both ends are in sight. */
function join(both) {
  const layer = both.querySelector(".joins");
  if (!layer || !both.points) return;
  const { zoom, x, y } = seenThrough(both);
  const at = ([left, top]) => [(x / 100) * SIDE * (1 - zoom) + left * zoom, (y / 100) * SIDE * (1 - zoom) + top * zoom];
  const inside = (place) => place.every((one) => one >= 0 && one <= SIDE);
  layer.replaceChildren();
  for (let number = 0; number < Math.min(LABELLED, both.points[0].length); number += 1) {
    const [from, to] = [at(both.points[0][number]), at(both.points[1][number])];
    if (inside(from) && inside(to)) layer.append(shape("path", { d: `M${from[0]} ${from[1]}L${to[0] + SIDE + GAP} ${to[1]}` }));
  }
}

/** Where a place in a picture is in the square that it is shown in, whole and in the middle. */
function inSquare(x, y, { width, height }) {
  const scale = SIDE / Math.max(width, height);
  return [(SIDE - width * scale) / 2 + x * scale, (SIDE - height * scale) / 2 + y * scale];
}

function drawing(name, width, height) {
  return shape("svg", { class: name, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// --- looking closer -------------------------------------------------------------------------------------------------

const pairs = () => [...document.querySelectorAll("#detail .both")];

/** The pair that keys act on: the one with the focus, or the one that had it last. */
function held() {
  const all = pairs();
  const focused = all.indexOf(document.activeElement?.closest?.(".both"));
  if (focused >= 0) inHand = focused;
  return all[inHand] ?? all[0] ?? null;
}

const seenThrough = (both) => ({ zoom: Number(both.dataset.zoom ?? 1), x: Number(both.dataset.x ?? 50), y: Number(both.dataset.y ?? 50) });

function look(both, { zoom, x, y }) {
  const within = (least, most, value) => Math.min(most, Math.max(least, value));
  Object.assign(both.dataset, { zoom: within(1, MOST_ZOOM, zoom), x: within(0, 100, x), y: within(0, 100, y) });
  both.style.setProperty("--zoom", both.dataset.zoom);
  both.style.setProperty("--at", `${both.dataset.x}% ${both.dataset.y}%`);
  join(both);
}

/** Nearer by `factor`, or back to the whole picture with 0. */
export function nearer(factor) {
  const both = held();
  if (!both) return;
  const now = seenThrough(both);
  look(both, factor ? { ...now, zoom: now.zoom * factor } : { zoom: 1, x: 50, y: 50 });
}

/** Move what is seen by so many tenths of the picture, as far as it is enlarged. */
export function move(across, down) {
  const both = held();
  if (!both) return;
  const now = seenThrough(both);
  const step = now.zoom > 1 ? 10 / (now.zoom - 1) : 0;
  look(both, { ...now, x: now.x + across * step, y: now.y + down * step });
}

/** Take the next pair in hand. */
export function nextPair() {
  const all = pairs();
  if (!all.length) return;
  const now = all.indexOf(held());
  all[document.activeElement === all[now] ? (now + 1) % all.length : now].focus();
}

export function flicker(on) {
  document.querySelector("#detail").classList.toggle("flicker", on);
}

/** Minutiae drawn or not: the bare prints are looked at too. */
export function minutiae() {
  wanted = !wanted;
  localStorage.setItem("minutiae", wanted ? "on" : "off");
  document.body.toggleAttribute("data-bare", !wanted);
}

export function watchPictures() {
  document.body.toggleAttribute("data-bare", !wanted);
  document.querySelector("#detail").addEventListener("wheel", (event) => {
    const figure = event.target.closest(".both figure");
    if (!figure) return;
    event.preventDefault();
    const both = figure.parentElement;
    const box = figure.getBoundingClientRect();
    const now = seenThrough(both);
    const place = now.zoom > 1 ? now : { x: (100 * (event.clientX - box.x)) / box.width, y: (100 * (event.clientY - box.y)) / box.height };
    look(both, { ...place, zoom: now.zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2) });
  }, { passive: false });
}
