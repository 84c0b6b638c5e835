// The page: takes what the server tells, has the cards draw it, and says how fresh it is.
//
// It only reads: nothing here changes anything on the server. A card that cannot draw what it is given says so in its
// place and disturbs no other.

import { title } from "./application.js";
import { cards, FACTS, generic } from "./cards/all.js";
import { element, folded, followFolds, show, warning } from "./elements.js";
import { History } from "./history.js";
import { listen } from "./live.js";
import { name, said } from "./words.js";

const NOTES_SHOWN = 6;
const STATES = {
  connecting: "",
  live: "",
  polling: "The socket to the server is dead: this page asks once a second until it is back.",
  offline:
    "Nothing comes from the server: WHY. Below is what it said last. Start it again, with zenoh-pinned serve or " +
    "as it was started; this page goes on by itself.",
};

const byId = (id) => document.getElementById(id);
const history = new History();
let stats = null;
let isPaused = false;

function told(message) {
  const at = Number.isFinite(message.at) ? message.at : Date.now();
  history.note(
    at,
    cardsOf(message).flatMap(({ card, value }) => attempt(() => [...(card.counters?.(value) ?? [])], [])),
  );
  if (!isPaused) {
    stats = message;
    drawIfSeen();
  }
}

function drawIfSeen() {
  if (stats && !document.hidden) {
    draw();
  }
}

function changed(state, why) {
  byId("state").dataset.state = state;
  byId("state-word").textContent = state;
  const says = STATES[state].replace("WHY", () => why);
  byId("state-says").textContent = says;
  byId("state-says").hidden = says === "";
  document.title = state === "offline" ? `offline: ${title}` : title;
}

/// The cards of a message with what they show; those of a source that failed, or that nobody knows, as well.
function cardsOf(message) {
  const known = cards.filter(({ source }) => source === undefined || Object.hasOwn(message, source));
  const sources = new Set(cards.map(({ source }) => source));
  const others = Object.entries(message)
    .filter(([key]) => !sources.has(key) && !FACTS.has(key))
    .map(([key, value]) => generic(key, value));
  const failed = new Set();
  return [...known, ...others].flatMap((card) => {
    const value = message[card.source];
    if (typeof value?.error !== "string") {
      return [{ card, value }];
    }
    // Two cards can have one source: the first says what is wrong with it.
    const isFirst = !failed.has(card.source);
    failed.add(card.source);
    return isFirst ? [{ card: { id: card.id, title: card.title, draw: () => warning(said(value.error)) }, value }] : [];
  });
}

function draw() {
  const shown = cardsOf(stats).map(({ card, value }) => ({ card, value, drawn: drawn(card, value) }));
  const sections = shown.filter(({ drawn }) => drawn);
  const notes = shown.flatMap(({ card, value }) =>
    attempt(() => (card.notes?.(value, history) ?? []).filter(Boolean).map((text) => ({ card, text })), []),
  );
  show(
    byId("cards"),
    attention(notes),
    sections.map(({ card, value, drawn }) => section(card, value, drawn)),
  );
  show(
    byId("contents"),
    sections.map(({ card }) =>
      element("li", { "data-key": card.id }, element("a", { href: `#${idOf(card)}` }, name(card.title))),
    ),
  );
  show(byId("version"), stats.version && ["zenoh-pinned ", name(stats.version), ". "]);
  byId("state-since").textContent = new Date(stats.at ?? Date.now()).toLocaleTimeString([], { hour12: false });
}

function drawn(card, value) {
  return attempt(
    () => card.draw(value, history, stats),
    (error) => [
      warning(
        `This page cannot show what the server says here (${error.message}): are both of one version? As it came:`,
      ),
      value !== undefined && generic(card.source, value).draw(),
    ],
  );
}

function section(card, value, drawn) {
  const number = attempt(() => card.count?.(value), undefined);
  const heading = element(
    "h2",
    { id: idOf(card) },
    name(card.title),
    number !== undefined && [" ", element("span", { class: "count" }, String(number))],
  );
  return element("section", { class: "card", "data-key": card.id, "aria-labelledby": idOf(card) }, heading, drawn);
}

function attention(notes) {
  const item = ({ card, text }) =>
    element("li", {}, element("a", { href: `#${idOf(card)}` }, name(card.title)), ": ", element("span", {}, text));
  const list = (some) => element("ul", {}, some.map(item));
  return element(
    "section",
    {
      class: notes.length > 0 ? "card attention" : "card well",
      "data-key": "attention",
      "aria-labelledby": "attention",
    },
    element(
      "h2",
      { id: "attention" },
      notes.length > 0 ? "Needs attention" : "Nothing needs attention",
      notes.length > 0 && [" ", element("span", { class: "count" }, String(notes.length))],
    ),
    notes.length > 0 && folded("attention", notes, NOTES_SHOWN, list),
  );
}

/// The id of a card's heading; without spaces, which an id may not have.
function idOf(card) {
  return `card-${encodeURIComponent(card.id)}`;
}

/// What a function gives, or what stands in for it where it fails: what comes from the server can be anything.
function attempt(act, otherwise) {
  try {
    return act();
  } catch (error) {
    return typeof otherwise === "function" ? otherwise(error) : otherwise;
  }
}

document.title = title;
byId("title").textContent = title;
byId("place").textContent = location.host;
byId("pause").addEventListener("click", ({ target }) => {
  isPaused = !isPaused;
  target.setAttribute("aria-pressed", String(isPaused));
  target.textContent = isPaused ? "Go on" : "Pause";
});
document.addEventListener("visibilitychange", drawIfSeen);
followFolds(byId("cards"), drawIfSeen);
listen(told, changed);
