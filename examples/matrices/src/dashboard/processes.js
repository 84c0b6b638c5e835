// The pipeline's processes, a tile each: what they do, and what they take of the machine.

import { element, figure, folded } from "../../elements.js";
import { bar } from "../../plots.js";
import { bytes, count, duration, percent, plain, said, several } from "../../words.js";
import { legend, MARKS } from "../workers.js";
import { clock } from "./log.js";

const TILES = 24;
/// The pipeline's own process has no worker's state.
const OWN = new Map([
  ["running", "direct"],
  ["ending", "pageable"],
  ["done", "used"],
]);

const processes = {
  id: "pipeline-processes",
  title: "Pipeline processes",
  source: "process_stats",

  notes: (all) =>
    all
      .filter((one) => one.why_failed && markOf(one) === "unconfirmed")
      .map((one) => [said(called(one)), " has failed: ", said(one.why_failed)]),

  count: (all) => all.length,

  draw: (all) => [
    element(
      "dl",
      { class: "figures" },
      figure("processors in use", sum(all, "cpu_share").toFixed(1)),
      figure("memory of all", bytes(sum(all, "memory_bytes"))),
      figure("processor time", duration(sum(all, "cpu_seconds"))),
    ),
    folded("pipeline processes", all, TILES, (some) => element("ul", { class: "tiles loads" }, some.map(tile))),
    legend(),
  ],
};

export const cards = [processes];

function sum(all, key) {
  return all.reduce((total, one) => total + (one[key] ?? 0), 0);
}

function markOf({ state }) {
  return MARKS.get(state) ?? OWN.get(state) ?? "host";
}

/// The pipeline's own process is the only one of its role.
function called({ role, seat }) {
  return role === "pipeline" ? role : `${role} ${seat}`;
}

function tile(one) {
  const isWorker = one.role !== "pipeline";
  return element(
    "li",
    { class: "tile", "data-key": `${one.role} ${one.seat}`, "data-state": one.state },
    element(
      "p",
      {},
      element("span", { class: `swatch ${markOf(one)}`, "aria-hidden": "true" }),
      element("span", {}, said(plain(one.state))),
      element("span", { class: "of" }, said(called(one))),
    ),
    element(
      "p",
      { class: "of" },
      one.pid ? ["process ", said(one.pid)] : "no process",
      one.since_seconds >= 1 && ` · for ${clock(one.since_seconds)}`,
    ),
    element("p", { class: "of" }, `${percent(one.cpu_share, 1)} of a processor · ${bytes(one.memory_bytes)}`),
    bar([{ kind: "used", value: one.cpu_share ?? 0 }], 1),
    isWorker && element("p", { class: "of" }, `${count(one.processing)} at work · ${count(one.queued)} waiting for its role`),
    isWorker &&
      element(
        "p",
        { class: "of" },
        `${count(one.answered)} answered`,
        one.restarts > 0 && ` · ${several(one.restarts, "restart")}`,
      ),
    one.why_failed && element("p", { class: "why" }, said(one.why_failed)),
  );
}
