// Pools of workers, as their supervisors say they are: what is asked of them, and each worker by its place.

import { element, figure, folded, warning } from "../elements.js";
import { bar, course, histogram } from "../plots.js";
import { count, duration, name, plain, process, processKey, rate, said, several } from "../words.js";

const NOW = 5;
const MINUTE = 60;
const TILES = 24;
const MICROSECONDS = 1e6;
/// What its supervisor says of a pool each second.
const SILENT = 10;
/// Marks of states, by what they mean: it serves, it comes, it goes, it is not there.
export const MARKS = new Map([
  ["ready", "direct"],
  ["processing", "used"],
  ["idle", "free"],
  ["spawning", "staged"],
  ["loading", "staged"],
  ["evicting", "pageable"],
  ["dead", "host"],
  ["failed", "unconfirmed"],
]);
const SERVE = new Set(["ready", "processing", "idle"]);
const PRESSED = new Set(["high", "critical"]);

export default {
  id: "workers",
  title: "Workers",
  source: "workers",

  *counters(pools) {
    for (const pool of pools) {
      const key = poolKey(pool);
      yield ["answered", key, pool.answered];
      yield ["took", key, pool.request_seconds.buckets];
      yield ["poisoned", key, pool.failed.poisoned ?? 0];
    }
  },

  notes(pools, history) {
    return pools.flatMap((pool) => {
      const poisoned = history.grown(MINUTE, "poisoned", poolKey(pool));
      return [
        pool.not_ready && [name(pool.name), " does not do its work: ", said(pool.not_ready)],
        pool.breaker === "half open" && [
          name(pool.name),
          " has failed, and is tried with one request at a time; all others are refused until some of them succeed.",
        ],
        isFull(pool) && [
          name(pool.name),
          ` is full: ${count(taken(pool))} of ${several(pool.capacity, "request")} wait or are with workers, and more are refused. Send fewer, or let there be more workers or a longer queue.`,
        ],
        poisoned > 0 && [
          name(pool.name),
          ` gave up ${several(poisoned, "request")} in the last minute, with each of which two workers have died. See the workers' logs for what is wrong with them.`,
        ],
        ...pool.workers.filter(hasFailed).map((worker) => [
          `Worker ${count(worker.seat)} of `,
          name(pool.name),
          " is ",
          said(worker.state),
          ": ",
          said(worker.why_failed),
        ]),
      ];
    });
  },

  count: (pools) => pools.length,

  draw(pools, history) {
    return (
      pools.length !== 0 && [
        element(
          "div",
          { class: "supervised" },
          pools.map((pool) => draw(pool, history)),
        ),
        legend(),
      ]
    );
  },
};

function poolKey(pool) {
  return `${pool.name} ${processKey(pool.supervisor)}`;
}

function sum(counts) {
  return Object.values(counts).reduce((all, one) => all + one, 0);
}

function restarts(pool) {
  return pool.workers.reduce((all, worker) => all + worker.restarts, 0);
}

function taken(pool) {
  return pool.queued + pool.processing;
}

function isFull(pool) {
  return taken(pool) >= pool.capacity;
}

function hasFailed(worker) {
  return worker.why_failed && !SERVE.has(worker.state);
}

function draw(pool, history) {
  const key = poolKey(pool);
  const isSilent = pool.silent_seconds > SILENT;
  return element(
    "article",
    { class: "workers", "data-key": key },
    element("h3", {}, name(pool.name)),
    element(
      "p",
      { class: "of" },
      "supervised by ",
      process(pool.supervisor),
      pool.clients > 0 && ` · ${several(pool.clients, "client")}`,
      isSilent && ` · said ${duration(pool.silent_seconds)} ago`,
    ),
    pool.not_ready && warning(said(pool.not_ready)),
    element("div", { class: "plots" }, answered(history, key), took(history, key, pool.request_seconds)),
    asked(pool),
    element("h4", {}, "Workers"),
    workers(pool, key),
  );
}

function answered(history, key) {
  const now = rate(history.rate(NOW, "answered", key));
  return course("Answered", now, [{ kind: "used", rates: history.rates("answered", key) }], rate);
}

function took(history, key, { bounds }) {
  const microseconds = bounds.map((bound) => bound * MICROSECONDS);
  const buckets = history.grown(MINUTE, "took", key) ?? [...bounds.map(() => 0), 0];
  return histogram("Time to answer, last minute", buckets, microseconds, "request");
}

function asked(pool) {
  const kind = isFull(pool) ? "unconfirmed" : "used";
  return element(
    "dl",
    { class: "figures" },
    figure(
      "queue",
      `${count(taken(pool))} of ${count(pool.capacity)}`,
      element("span", { class: "of" }, ` ${count(pool.processing)} with workers`),
      bar([{ kind, value: taken(pool) }], pool.capacity),
    ),
    figure("longest wait", duration(pool.longest_wait)),
    figure("99 of 100 within", duration(pool.p99 ?? Number.NaN)),
    figure(
      "breaker",
      element("span", { class: pool.breaker !== "closed" && "bad" }, said(pool.breaker)),
      pool.breaker_opened > 0 && element("span", { class: "of" }, ` opened ${several(pool.breaker_opened, "time")}`),
    ),
    figure(
      "wanted",
      several(pool.wanted, "worker"),
      element("span", { class: "of" }, " ", said(pool.wanted_because)),
    ),
    figure(
      "arriving",
      rate(pool.arrivals_per_second),
      element("span", { class: "of" }, ` ${rate(pool.predicted_per_second)} expected`),
    ),
    figure("pressure", element("span", { class: PRESSED.has(pool.pressure) && "bad" }, said(pool.pressure))),
    figure("restarts", count(restarts(pool))),
    counted("not answered", pool.failed),
    counted("refused", pool.refused),
    counted("asked to end", pool.evicted),
  );
}

/// A count and what it is made of, where it is anything.
function counted(title, counts) {
  const parts = Object.entries(counts).filter(([, number]) => number > 0);
  const words = parts.map(([word, number]) => (parts.length > 1 ? `${count(number)} ${plain(word)}` : plain(word)));
  return (
    parts.length > 0 &&
    figure(title, count(sum(counts)), element("span", { class: "of" }, " ", said(words.join(", "))))
  );
}

function workers(pool, key) {
  const left = pool.workers_left_out;
  const tiles = (some) => element("ul", { class: "tiles" }, some.map(tile));
  return pool.workers.length === 0
    ? element("p", { class: "of" }, "none: the first request starts one, or one joins")
    : [
        folded(`workers of ${key}`, pool.workers, TILES, tiles),
        left > 0 && element("p", { class: "of" }, `and ${count(left)} that are not listed here`),
      ];
}

function tile(worker) {
  const { seat, state, pid, joined } = worker;
  const placement = Object.entries(worker.placement).map(([what, is]) => `${what} ${is}`);
  return element(
    "li",
    { class: "tile", "data-key": `${seat}`, "data-state": MARKS.has(state) ? state : "unknown" },
    element(
      "p",
      {},
      element("span", { class: `swatch ${MARKS.get(state) ?? "host"}`, "aria-hidden": "true" }),
      element("span", {}, said(state)),
      element("span", { class: "of" }, `worker ${count(seat)}`),
    ),
    element(
      "p",
      { class: "of" },
      pid ? `process ${pid}` : "no process",
      joined && " · joined",
      ` · for ${duration(worker.since)}`,
    ),
    element(
      "p",
      { class: "of" },
      `${several(worker.batches, "batch", "batches")} · ${count(worker.answered)} answered`,
      worker.restarts > 0 && ` · ${several(worker.restarts, "restart")}`,
      SERVE.has(state) && !worker.shares_memory && " · frames are copied to it",
    ),
    placement.length > 0 && element("p", { class: "of" }, said(placement.join(", "))),
    worker.why_failed && element("p", { class: "why" }, said(worker.why_failed)),
  );
}

export function legend() {
  const words = { ready: "ready or processing", spawning: "starting", evicting: "asked to end", dead: "ended", failed: "failed" };
  return element(
    "p",
    { class: "legend" },
    "Workers: ",
    Object.entries(words).map(([state, word]) =>
      element(
        "span",
        { class: "key" },
        element("span", { class: `swatch ${MARKS.get(state)}`, "aria-hidden": "true" }),
        state === "ready" && element("span", { class: `swatch ${MARKS.get("processing")}`, "aria-hidden": "true" }),
        word,
      ),
    ),
  );
}
