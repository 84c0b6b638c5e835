// Figures and names in words.

import { element, UNKNOWN } from "./elements.js";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];
/// From here on a limit in bytes is none.
export const NO_LIMIT = 2 ** 60;
/// Letters of a name.
const NAME = 120;

export function bytes(value) {
  if (!Number.isFinite(value)) {
    return UNKNOWN;
  }
  if (value === 0) {
    return "0";
  }
  if (value >= NO_LIMIT) {
    return "no limit";
  }
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${(value < 100 && unit > 0 ? exact : whole).format(value)} ${UNITS[unit]}`;
}

export function count(value) {
  return Number.isFinite(value) ? whole.format(value) : UNKNOWN;
}

export function rate(value) {
  return Number.isFinite(value) ? `${(value < 100 ? exact : whole).format(value)}/s` : UNKNOWN;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) {
    return UNKNOWN;
  }
  if (seconds === 0) {
    return "0 s";
  }
  for (const [unit, one] of [
    ["µs", 1e-6],
    ["ms", 1e-3],
    ["s", 1],
  ]) {
    if (seconds < one * 1000) {
      return `${exact.format(seconds / one)} ${unit}`;
    }
  }
  return `${whole.format(seconds)} s`;
}

export function percent(part, all) {
  return all > 0 ? `${whole.format((100 * part) / all)} %` : UNKNOWN;
}

/// One of them or several.
export function several(number, one, more = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : more}`;
}

/// A kind such as `over_budget`, or a key of JSON.
export function plain(kind) {
  return String(kind).replaceAll("_", " ");
}

/// Text that somebody else has chosen: it changes neither the direction nor the order of what stands around it.
export function said(text) {
  return element("bdi", {}, String(text));
}

/// The same for a name, cut where it is long.
export function name(text) {
  const letters = [...String(text)];
  return element(
    "bdi",
    { class: "name" },
    letters.length > NAME ? `${letters.slice(0, NAME).join("")}…` : String(text),
  );
}

/// A process by its name and number; whether it has ended is said.
export function process(identified) {
  const { pid, name: called, lives } = identified ?? {};
  return element(
    "span",
    { class: "process" },
    called ? [name(called), " "] : "process ",
    element("span", { class: "pid" }, pid > 0 ? String(pid) : "of unknown number"),
    lives === false && [" ", element("span", { class: "ended" }, "ended")],
  );
}

/// What tells a process from all others.
export function processKey(identified) {
  const { pid, started, name: called } = identified ?? {};
  return `${pid} ${started ?? ""} ${called}`;
}
