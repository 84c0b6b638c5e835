// Elements made and kept: what every card is built of.
//
// A card says each second what it looks like, as elements that are all new; `show` changes those of the page into
// them, so that focus, selection, scroll positions and opened folds stay. Text becomes text nodes and nothing else:
// no string is ever read as HTML.

/// What is there in place of a figure that nobody knows.
export const UNKNOWN = "–";

const SVG = "http://www.w3.org/2000/svg";
const SVG_NAMES = new Set(["svg", "rect", "path"]);
/// Cells that say nothing.
const NOTHING = new Set(["", "0", UNKNOWN]);
/// What whoever reads has changed; the page leaves it alone.
const THEIRS = new Set(["open"]);

/// An element with attributes; those that are null, undefined or false are left out. Children may be nested arrays,
/// strings, numbers, and nothing.
export function element(name, attributes = {}, ...children) {
  const made = SVG_NAMES.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(attribute, value === true ? "" : value);
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) {
      made.append(child);
    }
  }
  return made;
}

/// Makes the children of an element look like these.
export function show(parent, ...children) {
  change(parent, element("div", {}, children).childNodes);
}

function change(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.children) {
    if (keyOf(child) !== undefined) {
      keyed.set(keyOf(child), child);
    }
  }
  let place = parent.firstChild;
  for (const fresh of [...wanted]) {
    const key = keyOf(fresh);
    const kept = key === undefined ? place : keyed.get(key);
    if (kept && kept.nodeName === fresh.nodeName && keyOf(kept) === key) {
      keyed.delete(key);
      if (kept === place) {
        place = place.nextSibling;
      } else {
        parent.insertBefore(kept, place);
      }
      become(kept, fresh);
    } else {
      parent.insertBefore(fresh, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function become(kept, fresh) {
  if (kept.nodeType === Node.TEXT_NODE) {
    if (kept.data !== fresh.data) {
      kept.data = fresh.data;
    }
    return;
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (!THEIRS.has(name) && kept.getAttribute(name) !== value) {
      kept.setAttribute(name, value);
    }
  }
  for (const { name } of [...kept.attributes]) {
    if (!THEIRS.has(name) && !fresh.hasAttribute(name)) {
      kept.removeAttribute(name);
    }
  }
  change(kept, fresh.childNodes);
}

function keyOf(node) {
  return node.dataset?.key;
}

/// A table. Columns are `{title, number}`; a row is `{key, cells}`. Roles are said as well as meant, because narrow
/// places show each row as a block, in which some browsers see no table any more; and leave out cells that say nothing.
export function table(caption, columns, rows) {
  return element(
    "table",
    { role: "table" },
    element("caption", { class: "unseen" }, caption),
    element(
      "thead",
      { role: "rowgroup" },
      element(
        "tr",
        { role: "row" },
        columns.map(({ title, number }) =>
          element("th", { role: "columnheader", scope: "col", class: number && "number" }, title),
        ),
      ),
    ),
    element(
      "tbody",
      { role: "rowgroup" },
      rows.map(({ key, cells }) =>
        element(
          "tr",
          { role: "row", "data-key": key },
          cells.map((cell, at) => {
            const { title, number } = columns[at];
            const kinds = [number && "number", NOTHING.has(cell) && "nothing"].filter(Boolean).join(" ");
            const attributes = { "data-title": title, class: kinds || null };
            const content = element("div", {}, cell);
            return at === 0
              ? element("th", { ...attributes, role: "rowheader", scope: "row" }, content)
              : element("td", { ...attributes, role: "cell" }, content);
          }),
        ),
      ),
    ),
  );
}

/// The first of many; the others behind a fold, which are drawn only while it is open. `of` tells it from other folds.
export function folded(of, items, most, draw) {
  const rest = items.slice(most);
  return [
    draw(items.slice(0, most)),
    rest.length > 0 &&
      element(
        "details",
        { "data-fold": of },
        element("summary", {}, `${rest.length} more`),
        opened.has(of) && draw(rest),
      ),
  ];
}

const opened = new Set();

/// Calls `changed` when somebody has opened or closed a fold inside of an element.
export function followFolds(within, changed) {
  const toggled = ({ target }) => {
    opened[target.open ? "add" : "delete"](target.dataset.fold);
    changed();
  };
  within.addEventListener("toggle", toggled, { capture: true }); // it does not bubble
}

/// A figure with its name.
export function figure(name, value, ...more) {
  return element("div", { class: "figure" }, element("dt", {}, name), element("dd", {}, value, more));
}

/// Text that warns: a sign beside the colour.
export function warning(...text) {
  return element(
    "p",
    { class: "warning" },
    element("span", { class: "sign", "aria-hidden": "true" }, "!"),
    element("span", {}, text),
  );
}
