// The way to the server: its socket, which tells once a second; while that is dead, a question each second.
//
// States: "live", "polling", "offline". A socket that says nothing for SILENCE is as dead as one that was closed. A new
// one is tried all the while; the first message over it ends the polling. All times in milliseconds.

const SILENCE = 2000;
const PATIENCE = 1500;
const BETWEEN_QUESTIONS = 1000;
const UNTIL_NEXT_SOCKET = [500, 1000, 2000, 4000];

/// Calls `told(object)` for each message and `changed(state, why)` for each change of state, for as long as the page
/// is open.
export function listen(told, changed) {
  let state = "connecting";
  let because = "";
  let socket = null;
  let failures = 0;
  let heard = 0;
  let poller = null;

  function become(next, why = "") {
    if (state !== next || because !== why) {
      state = next;
      because = why;
      changed(next, why);
    }
  }

  function open() {
    const opened = new WebSocket(new URL("ws", document.baseURI).href.replace(/^http/, "ws"));
    socket = opened;
    heard = performance.now();
    opened.onclose = () => lost(opened);
    opened.onmessage = ({ data }) => {
      const message = parsed(data);
      if (socket === opened && message) {
        heard = performance.now();
        failures = 0;
        poller = null;
        become("live");
        told(message);
      }
    };
  }

  function lost(dead) {
    if (socket !== dead) {
      return; // given up already
    }
    socket = null;
    dead.close();
    setTimeout(open, UNTIL_NEXT_SOCKET[Math.min(failures, UNTIL_NEXT_SOCKET.length - 1)]);
    failures += 1;
    if (poller === null) {
      poll();
    }
  }

  async function poll() {
    const mine = {};
    poller = mine;
    while (poller === mine) {
      const { message, why } = await ask();
      if (poller !== mine) {
        return; // the socket is back
      }
      become(message ? "polling" : "offline", message ? "" : why);
      if (message) {
        told(message);
      }
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_QUESTIONS));
    }
  }

  setInterval(() => {
    if (socket && performance.now() - heard > SILENCE) {
      lost(socket);
    }
  }, 250);
  open();
}

async function ask() {
  try {
    const response = await fetch("api/stats", { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    const message = parsed(await response.text());
    if (!response.ok) {
      return { message: null, why: `it answers ${[response.status, message?.error].filter(Boolean).join(", ")}` };
    }
    return { message, why: "it answers something else than figures" };
  } catch (error) {
    return { message: null, why: error.name === "TimeoutError" ? "it does not answer" : "it cannot be reached" };
  }
}

/// The object that a text is; null for anything else.
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
