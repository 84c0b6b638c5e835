// Rates and latencies of the last minutes, over all processes: what the other cards have counted.

import { element, UNKNOWN } from "../elements.js";
import { course, histogram } from "../plots.js";
import { bytes, duration, rate } from "../words.js";
import { PATHS } from "./processes.js";

/// What "now" is taken over, in seconds.
const NOW = 5;
const MINUTE = 60;
const MIB = 2 ** 20;

export default {
  id: "flow",
  title: "Rates and latencies",

  draw(_, history, stats) {
    if (!Object.hasOwn(stats, "processes")) {
      return null; // an application shows only its own sources
    }
    const bytesRate = (value) => (Number.isFinite(value) ? `${bytes(value)}/s` : UNKNOWN);
    const frames = PATHS.map((path) => ({ kind: path, rates: history.rates(`frames ${path}`) }));
    const framesNow = PATHS.reduce((sum, path) => sum + history.rate(NOW, `frames ${path}`), 0);
    return [
      element(
        "div",
        { class: "plots" },
        course("Frames received", rate(framesNow), frames, rate),
        ofOne(history, "Slots handed out", "allocations", rate),
        ofOne(history, "Frames dropped", "dropped", rate),
        ofOne(history, "Copied to devices", "copied bytes", bytesRate, MIB),
        handOverMean(history),
        handOver(history, stats),
      ),
      legend(),
    ];
  },
};

function ofOne(history, title, group, format, unit) {
  return course(title, format(history.rate(NOW, group)), [{ kind: "used", rates: history.rates(group) }], format, unit);
}

function handOverMean(history) {
  const seconds = history.rates("hand-over seconds");
  const frames = history.rates("hand-over frames");
  const means = seconds
    .map(({ ago, rate: spent }, at) => ({ ago, rate: spent / frames[at].rate }))
    .filter(({ rate: mean }) => Number.isFinite(mean)); // seconds without a frame have none
  const now = history.grown(NOW, "hand-over seconds") / history.grown(NOW, "hand-over frames");
  return course("From put to hand, mean", duration(now), [{ kind: "used", rates: means }], duration, 1e-6);
}

function handOver(history, { processes }) {
  const told = Array.isArray(processes) && processes.find(({ figures }) => figures)?.figures.hand_over;
  const bounds = told ? told.bounds_us : [20, 1000, 1_000_000];
  const buckets = history.grown(MINUTE, "hand-over") ?? [...bounds.map(() => 0), 0];
  return histogram("From put to hand, last minute", buckets, bounds);
}

function legend() {
  return element(
    "p",
    { class: "legend" },
    "Frames by their path: ",
    PATHS.map((path) =>
      element("span", { class: "key" }, element("span", { class: `swatch ${path}`, "aria-hidden": "true" }), path),
    ),
  );
}
