// Tasks: how many wait, run and are done, how long they take, and which failed last.

import { element, table } from "../../elements.js";
import { histogram } from "../../plots.js";
import { count, duration, said } from "../../words.js";
import { clock } from "./log.js";

const MINUTE = 60;
const MICROSECONDS = 1e6;
const COLUMNS = [
  { title: "Task" },
  { title: "Waiting", number: true },
  { title: "Running", number: true },
  { title: "Done", number: true },
  { title: "Failed", number: true },
  { title: "Mean", number: true },
  { title: "99 of 100 with the wait", number: true },
];
const FAILURES = [{ title: "Matrix" }, { title: "Task" }, { title: "Why" }, { title: "At", number: true }];

const tasks = {
  id: "tasks",
  title: "Tasks",
  source: "task_stats",

  *counters({ tasks: all }) {
    for (const { task, seconds } of all) {
      yield ["task took", task, seconds.buckets];
    }
  },

  draw({ tasks: all, latest_failures: failures }, history) {
    return [
      table("Tasks", COLUMNS, all.map(row)),
      element(
        "div",
        { class: "plots took" },
        all.map((one) => took(one, history)),
      ),
      failures.length > 0 && [
        element("h3", {}, "Latest failures"),
        table("Latest failures", FAILURES, failures.map(failure)),
      ],
    ];
  },
};

export const cards = [tasks];

function row({ task, waiting, running, done, failed, mean_seconds: mean, p99_seconds: p99 }) {
  const isBad = failed > 0 && "bad";
  return {
    key: task,
    cells: [
      said(task),
      count(waiting),
      count(running),
      count(done),
      isBad ? element("span", { class: isBad }, count(failed)) : count(failed),
      duration(mean ?? Number.NaN),
      duration(p99 ?? Number.NaN),
    ],
  };
}

function took({ task, seconds: { bounds } }, history) {
  const microseconds = bounds.map((bound) => bound * MICROSECONDS);
  const buckets = history.grown(MINUTE, "task took", task) ?? [...bounds.map(() => 0), 0];
  return histogram(said(`Time to ${task}, last minute`), buckets, microseconds, "task");
}

function failure({ matrix, task, why, at_seconds: at }, index) {
  return { key: String(index), cells: [`matrix ${count(matrix)}`, said(task), said(why), clock(at)] };
}
