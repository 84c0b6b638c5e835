// Models of a server: which are there, what memory they have, and which processes have leases on them.
//
// A session is only a number; what a process is called is for other sources to say, where they know it.

import { element, figure, folded, table } from "../elements.js";
import { SPAN_SECONDS } from "../history.js";
import { bar, course } from "../plots.js";
import { bytes, count, duration, name, NO_LIMIT, percent, process, rate, said, several } from "../words.js";

const SHOWN = 40;
const PROCESSES_SHOWN = 6;
const NOW = 5;
const LATELY = `in the last ${SPAN_SECONDS / 60} minutes`;
/// The share of all memory from which on a further model is likely to find no room.
const NEARLY = 0.9;
/// Marks of conditions, in the order of the bar; one that nobody knows looks like the last.
const MARKS = new Map([
  ["ready", "direct"],
  ["loading", "staged"],
  ["leaving", "pageable"],
  ["idle", "host"],
]);
const COLUMNS = [
  { title: "Model" },
  { title: "State" },
  { title: "Memory" },
  { title: "Leases", number: true },
  { title: "Used by" },
];

export default {
  id: "models",
  title: "Models",
  source: "models",

  *counters(served) {
    if (served.server !== null) {
      yield ["model loads", served.server, served.loads];
      yield ["model leases", served.server, served.leases];
      yield ["model failures", served.server, served.failures];
      yield ["models changed", served.server, served.changed];
    }
  },

  notes(served, history) {
    if (served.server === null) {
      return [];
    }
    const grown = (group) => history.grown(SPAN_SECONDS, group, served.server);
    const [changed, failures] = [grown("models changed"), grown("model failures")];
    return [
      changed > 0 && [
        `A program wrote into the weights of ${several(changed, "model")} ${LATELY}: given up, and loaded anew for whoever asks next. The server's log says which; look for what writes to /dev/shm.`,
      ],
      failures > 0 && [
        `${several(failures, "load")} failed ${LATELY}: whoever asked was told why, and finds it in his log.`,
      ],
      isNearlyFull(served) && [
        `Models that are in use have ${bytes(stays(served))} of ${bytes(served.max_bytes)}, so a further one may find no room. End processes that need none of them, or serve with more (--max-bytes).`,
      ],
    ];
  },

  count: (served) => served.models.length,

  draw(served, history, stats) {
    return (
      served.server !== null &&
      element(
        "div",
        { class: "models" },
        element("p", { class: "of" }, "Server: ", said(served.server)),
        memory(served),
        element(
          "div",
          { class: "plots" },
          plot("Loads", history, "model loads", served),
          plot("Leases that begin", history, "model leases", served),
        ),
        rows(served, called(stats)),
        counted(served),
        legend(),
      )
    );
  },
};

/// Where a model is on its way, and whether anybody uses it.
function condition({ state, leases }) {
  return state === "ready" && leases === 0 ? "idle" : state;
}

function markOf(is) {
  return MARKS.get(is) ?? MARKS.get("idle");
}

function sum(models) {
  return models.reduce((all, model) => all + model.bytes, 0);
}

/// Bytes of what does not go when room is needed.
function stays({ models }) {
  return sum(models.filter((model) => condition(model) !== "idle"));
}

function isBounded(served) {
  return served.max_bytes < NO_LIMIT;
}

function isNearlyFull(served) {
  return isBounded(served) && stays(served) >= NEARLY * served.max_bytes;
}

function plot(title, history, group, { server }) {
  const now = rate(history.rate(NOW, group, server));
  return course(title, now, [{ kind: "used", rates: history.rates(group, server) }], rate);
}

function memory(served) {
  const { models, max_bytes: most } = served;
  const all = sum(models);
  const sessions = new Set(models.flatMap((model) => model.sessions));
  const parts = [...MARKS.values()].map((kind) => ({
    kind,
    value: sum(models.filter((model) => markOf(condition(model)) === kind)),
  }));
  return element(
    "dl",
    { class: "figures wide" },
    figure(
      "Memory",
      element("span", { class: isNearlyFull(served) && "bad" }, bytes(all)),
      element("span", { class: "of" }, isBounded(served) ? `${percent(all, most)} of ${bytes(most)}` : "no limit"),
      bar(parts, isBounded(served) ? most : all),
    ),
    figure(
      "Leases",
      count(models.reduce((number, model) => number + model.leases, 0)),
      element("span", { class: "of" }, `of ${several(sessions.size, "process", "processes")}`),
    ),
    figure("Loads", count(served.loads), element("span", { class: "of" }, `${bytes(served.read_bytes)} read`)),
    figure("Loads that failed", element("span", { class: served.failures > 0 && "bad" }, count(served.failures))),
  );
}

function rows(served, names) {
  const { models, known } = served;
  const seen = new Map();
  const loaded = models.map((model) => {
    // One that leaves while it is loaded anew is there twice.
    const before = seen.get(model.model) ?? 0;
    seen.set(model.model, before + 1);
    return row(`${before} ${model.model}`, model, served, names);
  });
  const others = known
    .filter((model) => !seen.has(model))
    .map((model) => ({ key: `0 ${model}`, cells: [name(model), "not loaded", "", "", ""] }));
  const all = [...loaded, ...others];
  return all.length === 0
    ? element("p", { class: "empty" }, "No model: nobody has asked for one, or none was used for long.")
    : folded("models", all, SHOWN, (some) => table("Models", COLUMNS, some));
}

function row(key, model, served, names) {
  const whole = isBounded(served) ? served.max_bytes : sum(served.models);
  const sessions = (some) =>
    element(
      "ul",
      { class: "processes" },
      some.map((pid) => element("li", {}, process(names.get(pid) ?? { pid }))),
    );
  return {
    key,
    cells: [
      [name(model.model), model.source && element("div", { class: "of" }, said(model.source))],
      state(model),
      [
        bar([{ kind: markOf(condition(model)), value: model.bytes }], whole),
        element("span", { class: "of" }, bytes(model.bytes), isBounded(served) && `, ${percent(model.bytes, whole)}`),
      ],
      count(model.leases),
      model.sessions.length > 0 ? folded(`sessions of ${key}`, model.sessions, PROCESSES_SHOWN, sessions) : "",
    ],
  };
}

function state(model) {
  const { bytes: all, read_bytes: read, idle_seconds: idle } = model;
  const is = condition(model);
  return [
    mark(is, is === "idle" ? `idle for ${duration(Math.round(idle))}` : said(is)),
    is === "loading" && [
      bar([{ kind: markOf(is), value: read }], all),
      element("span", { class: "of" }, `${percent(read, all)} read`),
    ],
  ];
}

function mark(is, words) {
  return element(
    "span",
    { class: "key" },
    element("span", { class: `swatch ${markOf(is)}`, "aria-hidden": "true" }),
    words,
  );
}

function counted(served) {
  return element(
    "dl",
    { class: "figures" },
    figure("leases begun", count(served.leases)),
    figure("had already", count(served.hits)),
    figure("went for others", count(served.evictions)),
    figure("went unused", count(served.expired)),
    figure("written into", element("span", { class: served.changed > 0 && "bad" }, count(served.changed))),
  );
}

/// Processes by their numbers, as other sources call those that live.
function called({ pools, processes }) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const attached = list(pools).flatMap((pool) => [pool?.producer, ...list(pool?.attached)]);
  const all = [...attached, ...list(processes)];
  return new Map(all.filter((one) => one?.pid && one.lives !== false).map((one) => [one.pid, one]));
}

function legend() {
  const words = {
    ready: "ready: somebody has a lease",
    loading: "loading",
    leaving: "leaving: goes with its last lease",
    idle: "idle: goes when room is needed, or with time",
  };
  return element(
    "p",
    { class: "legend" },
    Object.entries(words).map(([is, word]) => mark(is, word)),
  );
}
