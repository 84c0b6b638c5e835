// All cards in the order of the page. A room that brings a source of its own adds a file beside this one and a line
// here; an application brings its cards along, see `own.js`. Until then a source is shown by `generic.js`.
//
// A card: `id` and `title`; `source`, the key of the server's JSON (none: the card lives of what others count);
// `draw(value, history, stats)`, what it looks like, or nothing where it is not to be shown; and where it has them
// `count(value)`, a figure beside the title, `notes(value, history)`, what needs attention and what to do about it, and
// `counters(value)`, what `History.note` takes.

import flow from "./flow.js";
import host from "./host.js";
import models from "./models.js";
import { own } from "./own.js";
import pools from "./pools.js";
import processes from "./processes.js";
import queues from "./queues.js";
import reasons from "./reasons.js";
import unreadable from "./unreadable.js";
import workers from "./workers.js";

export { generic } from "./generic.js";

export const cards = [...own, host, flow, pools, workers, models, processes, reasons, queues, unreadable];

/// Keys of the JSON that are no source.
export const FACTS = new Set(["at", "version"]);
