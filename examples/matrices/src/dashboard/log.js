// What has happened, the latest first.

import { element, folded, UNKNOWN } from "../../elements.js";
import { several, said } from "../../words.js";

const SHOWN = 12;

const log = {
  id: "log",
  title: "Log",
  source: "log",

  draw: ({ events, left_out: left }) => [
    events.length === 0 && element("p", { class: "empty" }, "Nothing has happened yet."),
    folded("log", events.toReversed(), SHOWN, (some) => element("ul", { class: "events" }, some.map(event))),
    left > 0 && element("p", { class: "of" }, `${several(left, "event")} before these are left out.`),
    element(
      "p",
      { class: "legend" },
      element("a", { href: "api/log", download: "matrices-log.json" }, "Export the log as JSON"),
    ),
  ],
};

export const cards = [log];

/// Time since the pipeline began: 0:07, 1:02:03.
export function clock(seconds) {
  if (!Number.isFinite(seconds)) {
    return UNKNOWN;
  }
  const whole = Math.floor(seconds);
  const two = (part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

function event({ at_seconds: at, what, level }) {
  const isWarning = level === "warning";
  return element(
    "li",
    {},
    element("span", { class: "of" }, clock(at)),
    element(
      "span",
      {},
      isWarning && [
        element("span", { class: "sign", "aria-hidden": "true" }, "! "),
        element("span", { class: "unseen" }, "Warning: "),
      ],
      said(what),
    ),
  );
}
