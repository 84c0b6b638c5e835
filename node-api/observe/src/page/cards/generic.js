// A source that no card knows: its JSON as tables. Keys that end in `_bytes` and `_seconds` are written with units.

import { element, folded, table } from "../elements.js";
import { bytes, count, duration, name, plain, said } from "../words.js";

const SHOWN = 60;
const DEPTH = 3;

export function generic(key, value) {
  return { id: `other ${key}`, title: titled(key), source: key, draw: () => drawn(key, key, value, DEPTH) };
}

/// What a key holds; `way` is all keys up to it.
function drawn(way, key, value, depth) {
  if (typeof value !== "object" || value === null) {
    return scalar(key, value);
  }
  if (depth === 0) {
    return element("code", {}, said(JSON.stringify(value)));
  }
  const inner = (within, item) => drawn(`${way} ${within}`, within, item, depth - 1);
  if (!Array.isArray(value)) {
    const columns = [{ title: "Name" }, { title: "Value" }];
    const row = ([within, item]) => ({ key: within, cells: [name(plain(within)), inner(within, item)] });
    return Object.keys(value).length === 0
      ? "nothing"
      : folded(way, Object.entries(value), SHOWN, (some) => table(plain(key), columns, some.map(row)));
  }
  if (value.length === 0) {
    return "none";
  }
  if (!value.every((item) => typeof item === "object" && item !== null && !Array.isArray(item))) {
    const rest = value.length - SHOWN;
    return [
      value.slice(0, SHOWN).map((item, at) => [at > 0 && ", ", drawn(way, key, item, depth - 1)]),
      rest > 0 && `, and ${count(rest)} more`,
    ];
  }
  const keys = [...new Set(value.flatMap(Object.keys))];
  const columns = keys.map((column) => ({
    title: plain(column),
    number: value.every((item) => typeof (item[column] ?? 0) === "number"),
  }));
  const row = ([at, item]) => ({
    key: String(at),
    cells: keys.map((column) => (Object.hasOwn(item, column) ? inner(column, item[column]) : "")),
  });
  return folded(way, [...value.entries()], SHOWN, (some) => table(plain(key), columns, some.map(row)));
}

function titled(key) {
  return plain(key).charAt(0).toUpperCase() + plain(key).slice(1);
}

function scalar(key, value) {
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  if (typeof value !== "number") {
    return value === null ? "none" : said(value);
  }
  if (key.endsWith("_bytes")) {
    return bytes(value);
  }
  if (key.endsWith("_seconds")) {
    return duration(value);
  }
  return Number.isInteger(value) ? count(value) : String(value);
}
