// Why frames did not go direct: what processes say about it in their own words, those who say the same together.

import { element, folded, table } from "../elements.js";
import { count, plain, process, said, several } from "../words.js";

const SHOWN = 20;
const NAMED = 3;
const COLUMNS = [{ title: "Reason" }, { title: "In words" }, { title: "Processes" }, { title: "Frames", number: true }];

export default {
  id: "reasons",
  title: "Why frames did not go direct",
  source: "processes",

  draw(processes) {
    const reasons = together(processes);
    return reasons.length > 0
      ? folded("reasons", reasons, SHOWN, (some) => table("Reasons", COLUMNS, some.map(row)))
      : processes.length > 0 &&
          element("p", { class: "empty" }, "Every frame that was received went direct, or none was received.");
  },
};

function together(processes) {
  const found = new Map();
  for (const one of processes) {
    for (const { kind, frames, latest } of one.figures?.reasons ?? []) {
      const key = `${kind}\n${latest}`;
      const same = found.get(key) ?? { key, kind, latest, frames: 0, by: [] };
      same.frames += frames;
      same.by.push(one);
      found.set(key, same);
    }
  }
  return [...found.values()].sort((one, other) => other.frames - one.frames);
}

function row({ key, kind, latest, frames, by }) {
  const named = by.slice(0, NAMED).map((one, at) => [at > 0 && ", ", process(one)]);
  const rest = by.length - NAMED;
  return {
    key,
    cells: [said(plain(kind)), said(latest), [named, rest > 0 && ` and ${several(rest, "other")}`], count(frames)],
  };
}
