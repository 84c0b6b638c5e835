//! What all processes hold together, and how near that is to the limit.

use serde_json::json;
use zenoh_pinned::Pressure;

use super::{LISTED, Seen, left_out, pools, unreadable};
use crate::{Families, Figures, workers};

const LEVELS: [Pressure; 4] = [
    Pressure::Low,
    Pressure::Normal,
    Pressure::High,
    Pressure::Critical,
];

pub(super) fn figures(seen: &Seen) -> Figures {
    let observation = &seen.observation;
    let workers = seen.workers.as_ref().map_or(0, |workers| {
        workers::left_out(workers, LISTED, &|peer| seen.name_of(peer))
    });
    let usage = &observation.usage;
    let space = observation.shared_memory;
    let state = json!({
        "memory_bytes": usage.memory_bytes,
        "registered_bytes": usage.registered_bytes,
        "limit_bytes": usage.limit_bytes,
        "pressure": usage.pressure.to_string(),
        "unreadable_accounts": usage.unreadable_accounts,
        "left_out": {
            "pools": pools::pools_left_out(observation),
            "workers": workers,
            "processes": left_out(&observation.processes),
            "queues": left_out(&observation.queues),
            "unreadable": left_out(&unreadable::files(seen)),
        },
        "shared_memory": space.map(|(free, total)| json!({ "free_bytes": free, "total_bytes": total })),
    });
    let mut families = Families::default();
    let mut gauge = |name, help, value| families.gauge(name, help).add(&[], value);
    gauge(
        "zenoh_pinned_memory_bytes",
        "Segments and staging slots of all processes of this user.",
        usage.memory_bytes as f64,
    );
    gauge(
        "zenoh_pinned_registered_bytes",
        "Bytes registered with a device's driver, over all processes of this user.",
        usage.registered_bytes as f64,
    );
    gauge(
        "zenoh_pinned_limit_bytes",
        "What neither memory nor registered bytes may exceed.",
        usage.limit_bytes as f64,
    );
    gauge(
        "zenoh_pinned_unreadable_accounts",
        "Accounts of processes that cannot be read; they count with all that their process could hold.",
        f64::from(usage.unreadable_accounts),
    );
    if let Some((free, total)) = space {
        gauge(
            "zenoh_pinned_shared_memory_free_bytes",
            "Free bytes of /dev/shm.",
            free as f64,
        );
        gauge(
            "zenoh_pinned_shared_memory_size_bytes",
            "Bytes that /dev/shm may hold.",
            total as f64,
        );
    }
    for level in LEVELS {
        let here = f64::from(u8::from(level == usage.pressure));
        let help = "How near the host is to its limit: 1 at its level, 0 at the others.";
        let pressure = families.gauge("zenoh_pinned_pressure", help);
        pressure.add(&[("level", &level.to_string())], here);
    }
    Figures::new(state).with(families)
}
