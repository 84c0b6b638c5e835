// What all processes hold together, and how near it is to the limit.

import { element, figure } from "../elements.js";
import { bar } from "../plots.js";
import { bytes, percent, said, several } from "../words.js";

const PRESSED = new Set(["high", "critical"]);

export default {
  id: "host",
  title: "Host",
  source: "host",

  notes({ pressure, unreadable_accounts: unreadable, left_out: leftOut = {} }) {
    return [
      ...Object.entries(leftOut).map(
        ([list, count]) => count > 0 && `${list}: ${count} more are not listed here. The metrics count them too.`,
      ),
      PRESSED.has(pressure) &&
        `Memory pressure is ${pressure}: idle segments and registrations are given back early. End what is not needed, or raise the limit (ZENOH_PINNED_HOST_BYTES) or /dev/shm.`,
      unreadable > 0 &&
        `${several(unreadable, "account")} cannot be read, so all memory of its process counts. Start that process with the version of the others.`,
    ];
  },

  draw(host) {
    const { memory_bytes: memory, registered_bytes: registered, limit_bytes: limit, shared_memory: shared } = host;
    return element(
      "dl",
      { class: "figures wide" },
      share("Pools and staging", memory, limit),
      share("Registered with a device", registered, limit),
      shared
        ? share("In use of /dev/shm", shared.total_bytes - shared.free_bytes, shared.total_bytes)
        : figure("/dev/shm", "none", element("span", { class: "of" }, "mount a tmpfs there")),
      figure(
        "Pressure",
        element("span", { class: PRESSED.has(host.pressure) && "bad" }, said(host.pressure)),
        element("span", { class: "of" }, "of memory, registrations, /dev/shm"),
      ),
    );
  },
};

function share(title, used, limit) {
  return figure(
    title,
    bytes(used),
    element("span", { class: "of" }, `${percent(used, limit)} of ${bytes(limit)}`),
    bar([{ kind: "used", value: used }], limit),
  );
}
