// One tone an urgency, repeated until somebody has the alert. Nothing is loaded: the tones are made here.

const PATTERNS = { 1: [880, 660, 880], 2: [660, 660], 3: [520], 4: [440] };
const EVERY_MS = { 1: 4000, 2: 8000, 3: 15000, 4: 30000 };

let context = null;
let timer = null;
let playing = null;

function play(urgency) {
  context ??= new AudioContext();
  if (context.state !== "running") return;
  PATTERNS[urgency].forEach((frequency, number) => {
    const oscillator = context.createOscillator();
    const volume = context.createGain();
    const at = context.currentTime + number * 0.22;
    oscillator.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.15, at + 0.02);
    volume.gain.linearRampToValueAtTime(0, at + 0.18);
    oscillator.connect(volume).connect(context.destination);
    oscillator.start(at);
    oscillator.stop(at + 0.2);
  });
}

/** Browsers let a page sound only after somebody has touched it: whether that is so now. */
export const held = () => context?.state === "suspended";

/** Somebody has touched the page. */
export async function wake() {
  if (held()) await context.resume();
}

/** Sound for `urgency` (1 to 4) from now on; null is silence. */
export function sound(urgency) {
  if (urgency === playing) return;
  clearInterval(timer);
  playing = urgency;
  if (urgency === null) return;
  play(urgency);
  timer = setInterval(() => play(urgency), EVERY_MS[urgency]);
}
