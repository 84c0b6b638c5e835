// Small plots, drawn as SVG. Each says in words what it shows: a picture alone is nothing to a screen reader.

import { element } from "./elements.js";
import { SPAN_SECONDS } from "./history.js";
import { duration, several } from "./words.js";

const HEIGHT = 48;
const CELLS_DRAWN = 4096;

/// Rates over the last minutes, as areas on top of each other. Layers are `{kind, rates}`, as `History.rates` gives them;
/// `now` is the newest in words; `format` writes a rate; `unit` is what the scale is round in.
export function course(title, now, layers, format, unit = 1) {
  const sums = layers[0].rates.map((_, at) => layers.reduce((sum, { rates }) => sum + (rates[at]?.rate ?? 0), 0));
  const most = Math.max(0, ...sums);
  const top = rounded(most / unit) * unit;
  const below = sums.map(() => 0);
  const x = ({ ago }) => (SPAN_SECONDS - ago).toFixed(1);
  const y = (value) => (HEIGHT - (value / top) * (HEIGHT - 2)).toFixed(1);
  const areas = layers.map(({ kind, rates }) => {
    const floor = rates.map((point, at) => `L${x(point)} ${y(below[at])}`).reverse();
    const line = rates.map((point, at) => {
      below[at] += point.rate;
      return `${at === 0 ? "M" : "L"}${x(point)} ${y(below[at])}`;
    });
    return element("path", { class: `area ${kind}`, d: `${line.join("")}${floor.join("")}` });
  });
  return plot(
    title,
    now,
    `${title} in the last ${SPAN_SECONDS / 60} minutes: now ${now}, at most ${format(most)}`,
    element(
      "svg",
      { viewBox: `0 0 ${SPAN_SECONDS} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      areas,
    ),
    [`${SPAN_SECONDS / 60} min ago`, `full height ${format(top)}`, "now"],
  );
}

/// How many took how long: `bounds` in microseconds, and one bucket more than bounds; `what` is counted.
export function histogram(title, buckets, bounds, what = "frame") {
  const all = buckets.reduce((sum, bucket) => sum + bucket, 0);
  const most = Math.max(1, ...buckets);
  const bars = buckets.map((bucket, at) =>
    element("rect", {
      class: "bar",
      x: at * 10 + 1,
      width: 8,
      y: HEIGHT - (bucket / most) * HEIGHT,
      height: (bucket / most) * HEIGHT,
    }),
  );
  const middle = bounds[Math.ceil(bounds.length / 2) - 1];
  const now = all > 0 ? `half ${quantile(buckets, bounds, 0.5)}` : "none";
  return plot(
    title,
    now,
    all > 0
      ? `${several(all, what)}: half ${quantile(buckets, bounds, 0.5)}, 99 of 100 ${quantile(buckets, bounds, 0.99)}`
      : `no ${what}s`,
    element(
      "svg",
      { viewBox: `0 0 ${buckets.length * 10} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      bars,
    ),
    ["0", duration(middle / 1e6), `> ${duration(bounds.at(-1) / 1e6)}`],
    true,
  );
}

function plot(title, now, words, picture, marks, isSeen) {
  return element(
    "figure",
    { class: "plot" },
    element("figcaption", {}, element("span", { class: "title" }, title), " ", element("span", { class: "now" }, now)),
    picture,
    element(
      "p",
      { class: "marks", "aria-hidden": "true" },
      marks.map((mark) => element("span", {}, mark)),
    ),
    element("p", { class: isSeen ? "words" : "unseen" }, words),
  );
}

/// The bound that this share stays within.
export function quantile(buckets, bounds, share) {
  const all = buckets.reduce((sum, bucket) => sum + bucket, 0);
  let below = 0;
  for (const [at, bound] of bounds.entries()) {
    below += buckets[at];
    if (below >= share * all) {
      return `≤ ${duration(bound / 1e6)}`;
    }
  }
  return `> ${duration(bounds.at(-1) / 1e6)}`;
}

/// The next 1, 2 or 5 with zeros.
function rounded(value) {
  if (!(value > 0)) {
    return 1;
  }
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * ten).find((step) => step >= value * 0.999);
}

/// Parts of a whole beside each other; parts are `{kind, value}`. Its words stand beside it.
export function bar(parts, whole) {
  let x = 0;
  const drawn = parts.map(({ kind, value }) => {
    const width = whole > 0 ? Math.max(0, Math.min(100 - x, (100 * value) / whole)) : 0;
    x += width;
    return element("rect", { class: kind, x: x - width, width, y: 0, height: 1 });
  });
  return element(
    "svg",
    { class: "share", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn,
  );
}

/// A cell for each slot: `.` free, `#` held, `?` unconfirmed, each with a shape of its own. Few slots are drawn large.
export function slotMap(map) {
  const cells = [...map.slice(0, CELLS_DRAWN)];
  const across = cells.length <= 32 ? 16 : 32;
  const size = 320 / across;
  const gap = size / 10;
  const inner = size - 2 * gap;
  const paths = { ".": "", "#": "", "?": "" };
  for (const [at, state] of cells.entries()) {
    const x = (at % across) * size + gap;
    const y = Math.floor(at / across) * size + gap;
    if (state === "?") {
      paths["?"] +=
        `M${x + inner / 2} ${y}l${inner / 2} ${inner / 2}l${-inner / 2} ${inner / 2}l${-inner / 2} ${-inner / 2}z`;
    } else if (state === ".") {
      paths["."] += `M${x + 0.5} ${y + 0.5}h${inner - 1}v${inner - 1}h${1 - inner}z`;
    } else if (state === "#") {
      paths["#"] += `M${x} ${y}h${inner}v${inner}h${-inner}z`;
    }
  }
  const width = Math.min(cells.length, across) * size;
  const height = Math.ceil(cells.length / across) * size;
  return element(
    "svg",
    { class: "map", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    element("path", { class: "free", d: paths["."] }),
    element("path", { class: "held", d: paths["#"] }),
    element("path", { class: "unconfirmed", d: paths["?"] }),
  );
}
