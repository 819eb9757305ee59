// The row of steps at the top, and which try of a step it is.

const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

const STEP = { idle: "document", document: "document", face: "face", finger: "fingers", checking: "done", go: "" };

/** A whole number in the language's own digits. */
const digits = (own, number) => [...String(number)].map((digit) => own.digits[digit]).join("");

/** `text` with what stands in braces filled in. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Where the traveller is; steps in `skips` are not asked of this one. */
export function showSteps(now, skips) {
  const list = one(".steps");
  list.toggleAttribute("data-quiet", !(now in STEP));
  for (const item of all(".steps li")) item.hidden = skips.includes(item.dataset.step);
  const items = all(".steps li:not([hidden])");
  const at = now === "go" ? items.length : items.findIndex((item) => item.dataset.step === STEP[now]);
  items.forEach((item, number) => {
    item.dataset.is = number < at ? "done" : number === at ? "now" : "later";
    if (number === at) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  });
}

/** Which try it is, from the second on. */
export function showAttempt(own, now, state) {
  const place = one("#attempt");
  const counts = ["document", "face", "finger"].includes(now) && state.attempt > 1 && state.attempts > 1;
  place.replaceChildren();
  if (!counts) return;
  for (let number = 1; number <= state.attempts; number += 1) {
    const mark = document.createElement("i");
    mark.className = number <= state.attempt ? "used" : "";
    place.append(mark);
  }
  place.append(fill(own.labels.attempt, { n: digits(own, state.attempt), of: digits(own, state.attempts) }));
}
