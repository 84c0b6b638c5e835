// The pipeline as a whole: how far it is and how fast, what its buffers hold, and who does what in which order.

import { element, figure, warning } from "../../elements.js";
import { bar, course } from "../../plots.js";
import { bytes, count, percent, rate, said, several } from "../../words.js";
import { clock } from "./log.js";

const MINUTE = 60;
/// What "now" is taken over, in seconds.
const NOW = 5;
const MIB = 2 ** 20;
const MARKS = new Map([
  ["running", "direct"],
  ["ending", "pageable"],
  ["done", "used"],
  ["failed", "unconfirmed"],
]);

const pipeline = {
  id: "pipeline",
  title: "Pipeline",
  source: "pipeline_stats",

  *counters({ matrices, raw_bytes: raw, stored_bytes: stored }) {
    yield ["matrices stored", "", matrices.stored];
    yield ["matrices failed", "", matrices.failed];
    yield ["matrices raw bytes", "", raw];
    yield ["matrices stored bytes", "", stored];
  },

  notes({ state, why }, history) {
    const failed = history.grown(MINUTE, "matrices failed");
    return [
      state === "failed" && ["The pipeline has failed: ", said(why ?? "nobody knows why")],
      failed > 0 && `${several(failed, "matrix", "matrices")} failed in the last minute; Tasks names the latest.`,
    ];
  },

  draw(stats, history, { process_stats: processes }) {
    return [
      element("p", { class: "of" }, said(stats.form), " into ", said(stats.output)),
      stats.why && (stats.state === "failed" ? warning(said(stats.why)) : element("p", {}, said(stats.why))),
      figures(stats),
      element(
        "div",
        { class: "plots" },
        plot(history, "Matrices stored", "matrices stored", rate),
        plot(history, "Raw bytes", "matrices raw bytes", byteRate, MIB),
        plot(history, "Bytes stored", "matrices stored bytes", byteRate, MIB),
      ),
      element("h3", { class: "unseen" }, "Roles"),
      element("ol", { class: "stages" }, stats.roles.map((role) => stage(role, of(processes, role)))),
    ];
  },
};

export const cards = [pipeline];

function byteRate(value) {
  return `${bytes(value)}/s`;
}

/// Beside the course stands the rate of now: that of the server is the mean since the run began.
function plot(history, title, group, format, unit) {
  const now = history.rate(NOW, group);
  return course(title, format(now), [{ kind: "used", rates: history.rates(group) }], format, unit);
}

function figures(stats) {
  const quiet = (...text) => element("span", { class: "of" }, text);
  const mark = MARKS.get(stats.state) ?? "host";
  const { matrices, buffers } = stats;
  return element(
    "dl",
    { class: "figures wide whole" },
    figure(
      "State",
      element("span", { class: "key" }, element("span", { class: `swatch ${mark}`, "aria-hidden": "true" }), said(stats.state)),
      quiet(`for ${clock(stats.since_seconds)}`, stats.restarts > 0 && `, ${several(stats.restarts, "restart")}`),
    ),
    figure("Stored", count(matrices.stored), ...progress(stats).map((part) => (typeof part === "string" ? quiet(part) : part))),
    figure(
      "Compressed",
      Number.isFinite(stats.ratio) ? `${stats.ratio.toFixed(1)} : 1` : "–",
      quiet(`${bytes(stats.raw_bytes)} to ${bytes(stats.stored_bytes)}`),
    ),
    figure("Failed", element("span", { class: matrices.failed > 0 && "bad" }, count(matrices.failed)), quiet(matrices.failed === 1 ? "matrix" : "matrices")),
    figure(
      "Buffers in use",
      `${count(buffers.used)} of ${count(buffers.most)}`,
      quiet(`at most ${count(buffers.peak)} so far, ${bytes(buffers.buffer_bytes)} each`),
      bar(
        [
          { kind: "used", value: buffers.used },
          { kind: "host", value: buffers.peak - buffers.used },
        ],
        buffers.most,
      ),
    ),
    figure(
      "Buffers handed out",
      count(buffers.handed_out),
      quiet(`${percent(buffers.reused, buffers.handed_out)} of them used before`),
    ),
  );
}

/// What is behind the count of matrices that are stored, and below it.
function progress({ matrices, matrices_per_second: speed }) {
  const { wanted, stored, produced, compressed } = matrices;
  if (!Number.isFinite(wanted)) {
    return [`${count(produced)} produced, ${count(compressed)} compressed`];
  }
  const left = (wanted - stored) / speed;
  const rest = left > 0 && Number.isFinite(left) ? `, ${clock(left)} to go` : "";
  return [`${percent(stored, wanted)} of ${count(wanted)}${rest}`, bar([{ kind: "used", value: stored }], wanted)];
}

/// What its processes say of a role's queue; undefined where they say nothing.
function of(processes, { role }) {
  const own = Array.isArray(processes) ? processes.filter((one) => one?.role === role) : [];
  return own.length > 0 && { queued: own[0].queued, processing: own.reduce((all, one) => all + one.processing, 0) };
}

function stage({ role, wanted, serving, restarts }, queue) {
  const mark = serving >= wanted ? "direct" : serving > 0 ? "staged" : "unconfirmed";
  return element(
    "li",
    { class: "tile", "data-key": role },
    element(
      "p",
      {},
      element("span", { class: `swatch ${mark}`, "aria-hidden": "true" }),
      element("span", {}, said(role)),
      element("span", { class: "of" }, `${count(serving)} of ${count(wanted)} serve`),
    ),
    element(
      "p",
      { class: "of" },
      queue && `${count(queue.queued)} waiting · ${count(queue.processing)} at work`,
      restarts > 0 && `${queue ? " · " : ""}${several(restarts, "restart")}`,
    ),
  );
}
