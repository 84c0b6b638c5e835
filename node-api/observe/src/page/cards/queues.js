// Subscribers' inboxes: a lane for each publisher, and what waits in it.

import { element, folded, table } from "../elements.js";
import { bar } from "../plots.js";
import { count, name, plain, process, processKey, several } from "../words.js";

const SHOWN = 24;
const MINUTE = 60;
const COLUMNS = [
  { title: "Subscriber" },
  { title: "Publisher" },
  { title: "Key" },
  { title: "Unread" },
  { title: "When full" },
  { title: "Dropped", number: true },
  { title: "Written", number: true },
];

export default {
  id: "queues",
  title: "Queues",
  source: "queues",

  *counters(queues) {
    for (const { key, lane } of lanes(queues)) {
      if (lane) {
        yield ["dropped", key, lane.dropped];
      }
    }
  },

  notes(queues, history) {
    return lanes(queues).map(({ key, queue, lane }) => {
      const dropped = history.grown(MINUTE, "dropped", key);
      return (
        dropped > 0 && [
          process(queue.subscriber),
          ` lost ${several(dropped, "frame")} of `,
          name(lane.key),
          " in the last minute: it reads more slowly than they come. Let it do less for each, or give its queue more room.",
        ]
      );
    });
  },

  count: (queues) => queues.length,

  draw(queues) {
    return queues.length === 0
      ? element(
          "p",
          { class: "empty" },
          "No subscriber of this library's own waits for frames here. Plain zenoh subscribers have no queue that could be seen.",
        )
      : folded("lanes", lanes(queues), SHOWN, (some) => table("Queues", COLUMNS, some.map(row)));
  },
};

/// All lanes of all queues, those that lose or are full first; a queue without any is one entry of its own.
function lanes(queues) {
  return queues
    .flatMap((queue) =>
      queue.lanes.length === 0
        ? [{ key: `${queue.id}`, queue, lane: null }]
        : queue.lanes.map((lane) => ({ key: `${queue.id} ${processKey(lane.publisher)} ${lane.key}`, queue, lane })),
    )
    .sort((one, other) => Number(isTroubled(other)) - Number(isTroubled(one)));
}

function isTroubled({ queue, lane }) {
  return lane !== null && (lane.dropped > 0 || lane.unread >= queue.capacity);
}

function row({ key, queue, lane }) {
  const full = plain(queue.overflow);
  if (!lane) {
    return { key, cells: [process(queue.subscriber), "none yet", "", `of ${count(queue.capacity)}`, full, "", ""] };
  }
  const kind = lane.unread >= queue.capacity ? "unconfirmed" : "used";
  return {
    key,
    cells: [
      process(queue.subscriber),
      process(lane.publisher),
      name(lane.key),
      [
        bar([{ kind, value: lane.unread }], queue.capacity),
        element("span", { class: "of" }, `${count(lane.unread)} of ${count(queue.capacity)}`),
      ],
      full,
      count(lane.dropped),
      count(lane.written),
    ],
  };
}
