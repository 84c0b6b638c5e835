// Processes: what they hold, and which way their frames came.

import { element, folded, table, UNKNOWN } from "../elements.js";
import { bar, quantile } from "../plots.js";
import { bytes, count, process, processKey, rate, several } from "../words.js";

/// The ways of a frame to the device, best first.
export const PATHS = ["direct", "staged", "pageable", "host"];

const SHOWN = 60;
const NOW = 5;
const MINUTE = 60;
const COLUMNS = [
  { title: "Process" },
  { title: "Paths" },
  { title: "Put to hand" },
  { title: "Frames/s", number: true },
  { title: "Pools", number: true },
  { title: "Registered", number: true },
  { title: "Staging", number: true },
  { title: "In flight", number: true },
];

export default {
  id: "processes",
  title: "Processes",
  source: "processes",

  *counters(processes) {
    for (const one of processes.filter(({ figures }) => figures)) {
      const key = processKey(one);
      const { frames, copied_bytes: copied, hand_over: handOver } = one.figures;
      for (const path of PATHS) {
        yield [`frames ${path}`, key, frames[path]];
      }
      yield ["frames", key, received(frames)];
      yield ["copied bytes", key, copied];
      yield ["hand-over", key, handOver.buckets];
      yield ["hand-over frames", key, handOver.buckets.reduce((sum, bucket) => sum + bucket, 0)];
      yield ["hand-over seconds", key, handOver.sum_seconds];
    }
  },

  notes(processes) {
    return processes.flatMap((one) => [
      one.lives === false && [process(one), " and left something behind; whoever shares it takes it back."],
      one.figures?.holds_leaked > 0 && [
        process(one),
        ` keeps ${several(one.figures.holds_leaked, "slot")} until it ends, because the end of their copies cannot be known: look at its device's errors, then start it anew.`,
      ],
    ]);
  },

  count: (processes) => processes.length,

  draw(processes, history) {
    return processes.length === 0
      ? element(
          "p",
          { class: "empty" },
          "No process of this user makes or receives frames here. Start one, such as ",
          element("code", {}, "make demo"),
          " in a clone, or a publisher and a subscriber of your own.",
        )
      : [
          folded("processes", processes, SHOWN, (some) =>
            table(
              "Processes",
              COLUMNS,
              some.map((one) => row(one, history)),
            ),
          ),
          element(
            "p",
            { class: "legend" },
            "Paths: frames received since the process began. Put to hand: in the last minute. In flight: copies whose source is still held.",
          ),
        ];
  },
};

function received(frames) {
  return PATHS.reduce((sum, path) => sum + frames[path], 0);
}

function row(one, history) {
  const key = processKey(one);
  const { figures } = one;
  return {
    key,
    cells: [
      process(one),
      figures ? paths(figures.frames) : element("span", { class: "of" }, "not told"),
      figures ? handOver(history.grown(MINUTE, "hand-over", key), figures.hand_over.bounds_us) : UNKNOWN,
      figures && received(figures.frames) > 0 ? rate(history.rate(NOW, "frames", key)) : UNKNOWN,
      bytes(one.segment_bytes),
      one.registrations > 0
        ? [bytes(one.registered_bytes), element("span", { class: "of" }, ` in ${count(one.registrations)}`)]
        : bytes(one.registered_bytes),
      bytes(one.staging_bytes),
      figures ? count(figures.copies_in_flight) : UNKNOWN,
    ],
  };
}

function paths(frames) {
  const all = received(frames);
  if (all === 0) {
    return element("span", { class: "of" }, "none received");
  }
  const words = PATHS.filter((path) => frames[path] > 0).map((path) => `${path} ${count(frames[path])}`);
  return [
    bar(
      PATHS.map((path) => ({ kind: path, value: frames[path] })),
      all,
    ),
    element("span", { class: "of" }, words.join(", ")),
  ];
}

function handOver(buckets, bounds) {
  const all = (buckets ?? []).reduce((sum, bucket) => sum + bucket, 0);
  return all > 0 ? `half ${quantile(buckets, bounds, 0.5)}, 99 % ${quantile(buckets, bounds, 0.99)}` : UNKNOWN;
}
