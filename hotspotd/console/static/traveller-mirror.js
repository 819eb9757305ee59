// The mirror: one picture after the other, for as long as it is wanted. Nothing of it is kept.

const EVERY_MS = 125;

let mirroring = false;

/** Show the pictures of `lane` in `place` while `wanted()`; then clear it. Does nothing where it runs already. */
export async function mirror(lane, place, wanted) {
  if (mirroring) return;
  mirroring = true;
  const canvas = place.querySelector("canvas");
  while (wanted()) {
    const began = performance.now();
    const frame = await newest(lane);
    if (frame) draw(canvas, frame);
    place.toggleAttribute("data-live", frame !== null);
    const wait = (frame ? EVERY_MS : 4 * EVERY_MS) - (performance.now() - began);
    await new Promise((done) => setTimeout(done, Math.max(10, wait)));
  }
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  place.removeAttribute("data-live");
  mirroring = false;
}

async function newest(lane) {
  try {
    const answer = await fetch(`/traveller/${lane}/mirror.jpg`);
    return answer.status === 200 ? await createImageBitmap(await answer.blob()) : null;
  } catch (error) {
    if (error instanceof TypeError || error.name === "InvalidStateError") return null;
    throw error;
  }
}

function draw(canvas, frame) {
  const scale = Math.max(canvas.width / frame.width, canvas.height / frame.height);
  const [width, height] = [frame.width * scale, frame.height * scale];
  canvas.getContext("2d").drawImage(frame, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  frame.close();
}
