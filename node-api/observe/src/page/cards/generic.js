// A source that no card knows: its JSON as tables. Keys that end in `_bytes` and `_seconds` are written with units.

import { element, folded, table } from "../elements.js";
import { bytes, count, duration, name, plain, said } from "../words.js";

const SHOWN = 60;
const DEPTH = 3;

export function generic(key, value) {
  return { id: `other ${key}`, title: titled(key), source: key, draw: () => drawn(plain(key), key, value, DEPTH) };
}

function drawn(caption, key, value, depth) {
  if (typeof value !== "object" || value === null) {
    return scalar(key, value);
  }
  if (depth === 0) {
    return element("code", {}, said(JSON.stringify(value)));
  }
  if (!Array.isArray(value)) {
    const cells = (entry) => [name(plain(entry[0])), drawn(plain(entry[0]), entry[0], entry[1], depth - 1)];
    return Object.keys(value).length === 0
      ? "nothing"
      : folded(Object.entries(value), SHOWN, (some) =>
          table(caption, [{ title: "Name" }, { title: "Value" }], some.map((entry) => ({ key: entry[0], cells: cells(entry) }))),
        );
  }
  if (value.length === 0) {
    return "none";
  }
  if (!value.every((item) => typeof item === "object" && item !== null && !Array.isArray(item))) {
    return value.flatMap((item, at) => [at > 0 && ", ", drawn(caption, key, item, depth - 1)]);
  }
  const columns = [...new Set(value.flatMap(Object.keys))];
  return folded([...value.entries()], SHOWN, (some) =>
    table(
      caption,
      columns.map((column) => ({ title: plain(column), number: value.every((item) => isNumber(item[column])) })),
      some.map(([at, item]) => ({
        key: String(at),
        cells: columns.map((column) => (column in item ? drawn(plain(column), column, item[column], depth - 1) : "")),
      })),
    ),
  );
}

function titled(key) {
  return plain(key).charAt(0).toUpperCase() + plain(key).slice(1);
}

function isNumber(value) {
  return typeof value === "number" || value === undefined;
}

function scalar(key, value) {
  if (typeof value === "number") {
    return key.endsWith("_bytes") ? bytes(value) : key.endsWith("_seconds") ? duration(value) : Number.isInteger(value) ? count(value) : String(value);
  }
  return typeof value === "boolean" ? (value ? "yes" : "no") : value === null ? "none" : said(value);
}
