// What the traveller hears, where sound is wanted: the words on the screen, read aloud by a voice of this device; where
// it has none for the language, a chime. It is one chime for everything: no sound tells what comes of a check.

const NOTES = [523, 659];
const LOUDNESS = 0.12;

const synthesis = window.speechSynthesis;
let on = false;
let context = null;
let current = null;
let next = null;

synthesis?.getVoices(); // Browsers begin to look for voices when they are first asked.

/** Whether this browser can sound at all. */
export const canSound = Boolean(synthesis || window.AudioContext);

export const isOn = () => on;

/** Sound from now on, or silence at once. */
export function turn(wanted) {
  on = wanted;
  if (!on) hush();
}

/** Say `text` in the language `code`. `now`: what is being said is broken off; else it is finished first. */
export function say(text, code, now) {
  if (!on) return;
  const voice = voiceOf(code);
  if (!voice) {
    hush();
    chime();
  } else if (current && !now) {
    next = [text, voice]; // The newest only: what came between is no longer on the screen.
  } else {
    hush();
    speak(text, voice);
  }
}

function voiceOf(code) {
  // Only voices of the device itself: others send what they read to whoever made them.
  const own = (each) => each.localService && each.lang.split(/[-_]/)[0].toLowerCase() === code;
  return synthesis?.getVoices().find(own) ?? null;
}

function speak(text, voice) {
  const said = new SpeechSynthesisUtterance(text);
  said.voice = voice;
  said.lang = voice.lang;
  said.rate = 0.9;
  const ended = () => {
    if (current !== said) return; // It was broken off.
    current = null;
    if (next) {
      const [text, voice] = next;
      next = null;
      speak(text, voice);
    }
  };
  said.addEventListener("end", ended);
  said.addEventListener("error", ended);
  current = said;
  synthesis.speak(said);
}

function hush() {
  current = null;
  next = null;
  synthesis?.cancel();
}

function chime() {
  if (!window.AudioContext) return;
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume(); // Waits for the first touch.
  NOTES.forEach((frequency, number) => {
    const [oscillator, volume] = [context.createOscillator(), context.createGain()];
    const at = context.currentTime + number * 0.18;
    oscillator.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.03);
    volume.gain.linearRampToValueAtTime(0, at + 0.3);
    oscillator.connect(volume).connect(context.destination);
    oscillator.start(at);
    oscillator.stop(at + 0.32);
  });
}
