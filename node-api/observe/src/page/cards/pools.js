// Pools, their slots one by one, and who can hold them.

import { element, figure, folded, warning } from "../elements.js";
import { slotMap } from "../plots.js";
import { bytes, count, duration, name, process, processKey, rate, said, several } from "../words.js";

const ATTACHED_SHOWN = 12;
const NOW = 5;

export default {
  id: "pools",
  title: "Pools",
  source: "pools",

  *counters(pools) {
    for (const pool of pools) {
      if (pool.figures) {
        yield ["allocations", poolKey(pool), pool.figures.allocations];
      }
    }
  },

  notes(pools) {
    return [
      ...pools.flatMap((pool) => [
        pool.waiting > 0 && [
          name(pool.name),
          ` is full: ${waiting(pool)} for one of ${several(pool.slots, "slot")}. Give it more, or look at what its consumers hold.`,
        ],
        pool.producer.lives === false && [
          name(pool.name),
          " outlives its producer, ",
          process(pool.producer),
          `: ${bytes(pool.bytes)} stay until those that are attached let go.`,
        ],
        inQuarantine(pool) > 0 && [name(pool.name), " has ", quarantine(pool)],
      ]),
      ...ended(pools).map(({ who, where }) => [
        process(who),
        " with ",
        where.length === 1 ? name(where[0].name) : several(where.length, "pool"),
        " attached: its slots come back when the producers have proof of its end.",
      ]),
    ];
  },

  count: (pools) => pools.length,

  draw(pools, history) {
    return pools.length === 0
      ? element(
          "p",
          { class: "empty" },
          "No pools. One appears when a process declares a publisher or makes a PinnedPool. If one runs and is missing here: start this server as the same user, and where it has the same /dev/shm (docker run --ipc=host).",
        )
      : [
          element(
            "div",
            { class: "pools" },
            pools.map((pool) => draw(pool, history)),
          ),
          legend(),
        ];
  },
};

function poolKey(pool) {
  return `${pool.name} ${processKey(pool.producer)}`;
}

function waiting(pool) {
  return several(pool.waiting, "allocation waits", "allocations wait");
}

function inQuarantine(pool) {
  return Math.max(pool.unconfirmed, pool.figures?.quarantined ?? 0);
}

function quarantine(pool) {
  const reason = pool.figures?.quarantine_reason;
  return [
    `${several(inQuarantine(pool), "slot")} in quarantine: `,
    reason ? said(reason) : "nobody confirms them, as their holder has died or stands still. Let it go on, or end it.",
  ];
}

/// Those that have ended with pools attached, each once.
function ended(pools) {
  const found = new Map();
  for (const pool of pools) {
    for (const who of pool.attached.filter(({ lives }) => lives === false)) {
      const one = found.get(processKey(who)) ?? { who, where: [] };
      one.where.push(pool);
      found.set(processKey(who), one);
    }
  }
  return [...found.values()];
}

function draw(pool, history) {
  return element(
    "article",
    { class: "pool", "data-key": poolKey(pool) },
    element("h3", {}, name(pool.name)),
    element("p", { class: "of" }, "made by ", process(pool.producer), ` · ${bytes(pool.bytes)}`),
    element(
      "p",
      { class: "slots" },
      `${several(pool.slots, "slot")}: `,
      key("held", pool.held),
      key("free", pool.free),
      pool.unconfirmed > 0 && key("unconfirmed", pool.unconfirmed),
    ),
    classes(pool).map(({ slotBytes, ids, map }) =>
      element(
        "figure",
        { class: "class", "data-key": slotBytes },
        slotMap(map),
        element(
          "figcaption",
          { class: "of" },
          `${several(map.length, "slot")} of ${bytes(slotBytes)}, segment ${ids.join(", ")}`,
        ),
      ),
    ),
    pool.waiting > 0 && warning(`${waiting(pool)} for a free slot`),
    inQuarantine(pool) > 0 && warning(quarantine(pool)),
    element("h4", {}, "Who can hold slots"),
    holders(pool),
    counted(pool, history),
  );
}

/// Segments with slots of one size, as one map.
function classes(pool) {
  const found = new Map();
  for (const { id, slot_bytes: slotBytes, map } of pool.segments) {
    const one = found.get(slotBytes) ?? { slotBytes, ids: [], map: "" };
    one.ids.push(id);
    one.map += map;
    found.set(slotBytes, one);
  }
  return [...found.values()];
}

function holders(pool) {
  const others = [...pool.attached].sort((one, other) => Number(one.lives) - Number(other.lives));
  const list = (some) =>
    element(
      "ul",
      { class: "processes" },
      some.map((one) => element("li", {}, process(one))),
    );
  return others.length === 0
    ? element("p", { class: "of" }, "only its producer: nobody else has it attached")
    : folded(`attached to ${poolKey(pool)}`, others, ATTACHED_SHOWN, list);
}

function counted(pool, history) {
  const figures = pool.figures;
  if (!figures) {
    return element(
      "p",
      { class: "of" },
      "Its producer counts nothing that can be read: it has ended, or is of another version.",
    );
  }
  return element(
    "dl",
    { class: "figures" },
    figure("handed out", rate(history.rate(NOW, "allocations", poolKey(pool)))),
    figure(
      "waited",
      count(figures.waits),
      figures.waits > 0 && element("span", { class: "of" }, ` ${duration(figures.waited_seconds)}`),
    ),
    figure("timed out", count(figures.timeouts)),
    figure("taken back", count(figures.reclaimed)),
    figures.rejected_releases > 0 && figure("false releases", count(figures.rejected_releases)),
  );
}

function key(state, slots) {
  return element(
    "span",
    { class: "key" },
    element("span", { class: `swatch ${state}`, "aria-hidden": "true" }),
    `${count(slots)} ${state}`,
  );
}

function legend() {
  return element(
    "p",
    { class: "legend" },
    "Held: being written, on its way, or with its producer or one of those attached; zenoh does not say with which. Unconfirmed: with a holder that died or stands still.",
  );
}
