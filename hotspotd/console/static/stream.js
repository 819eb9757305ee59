// A server event stream that says when it is lost and comes back by itself.
// The server sends the present state first on every connection, so nothing has to be remembered here.

const SILENCE_MS = 5000; // The server beats every 2 s: one beat may go missing, and another be late.
const AGAIN_MS = 1500;

/**
 * Follow `url`. `on` maps event names to functions of the parsed data. Calls `lost(since)` and `back()`, and `ended()`
 * when nobody is signed in any more, on pages where somebody has to be.
 */
export function follow(url, on, { lost, back, ended }) {
  let source;
  let heard = Date.now();
  let isLost = false;
  let timer;

  const alive = () => {
    heard = Date.now();
    if (isLost) {
      isLost = false;
      back();
    }
  };
  const gone = () => {
    if (!isLost) {
      isLost = true;
      lost(new Date(heard));
    }
  };
  const open = () => {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(url);
    source.addEventListener("beat", alive);
    for (const [name, act] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        alive();
        act(JSON.parse(event.data));
      });
    }
    if (ended) {
      source.addEventListener("signed_out", () => {
        source.close();
        ended();
      });
    }
    source.onerror = async () => {
      gone();
      // The browser retries a broken connection itself, but gives up on an answer that is no stream.
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(timer);
      timer = setTimeout(open, AGAIN_MS);
      if (ended && (await isSignedOut())) ended();
    };
  };

  open();
  setInterval(() => {
    if (Date.now() - heard > SILENCE_MS) {
      gone();
      heard = Date.now();
      open();
    }
  }, 1000);
}

/** Whether nobody is signed in; not while nobody can say. */
export async function isSignedOut() {
  try {
    return (await fetch("/api/session")).status === 204;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // no connection: nobody can say
    return false;
  }
}

/** Read JSON, trying until it is there. */
export async function insist(url) {
  for (;;) {
    try {
      const answer = await fetch(url);
      if (answer.ok) return await answer.json();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch says "no connection" with a TypeError
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

/** POST `body` as JSON. Gives {ok, status, data}; status 0 when the kiosk does not answer. */
export async function post(url, body = {}) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
    return { ok: answer.ok, status: answer.status, data: isJson ? JSON.parse(text) : text };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { ok: false, status: 0, data: "" };
  }
}

/** A new version of the pages is served: take it. */
export function reloadIfNew(build) {
  if (build !== document.body.dataset.build) location.reload();
}
