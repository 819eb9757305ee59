// Security keys: asking one, and registering one's own on the page /key.

import { post } from "./stream.js";

/** Whether the page was opened at an address of numbers, which browsers make no keys for. */
export const numbered = /^[\d.]+$|^\[/.test(location.hostname);

/** Whether keys work here. */
export const usable = () => isSecureContext && !numbered && Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

/** At the kiosk itself, where keys do not work at this address: say at which they do. */
export function elsewhere(note) {
  const isHere = /^127\.|^\[::1\]$/.test(location.hostname);
  note.hidden = !isHere;
  if (!isHere) return;
  const link = note.querySelector("a");
  link.href = `http://localhost:${location.port || 80}${location.pathname}`;
  link.textContent = link.href;
}

/** Ask what to ask the key, ask it, and hand in its answer with `more`. Gives what `post` gives, or a `problem`. */
export async function answered(url, body, more = {}) {
  const asked = await post(`${url}/begin`, body);
  if (!asked.ok) return asked;
  const options = asked.data.publicKey;
  let key;
  try {
    key = options.user
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return { ok: false, problem: "No key of this badge answered. Put the key in, then try again." };
  }
  return post(`${url}/complete`, { answer: key.toJSON(), ...more });
}
