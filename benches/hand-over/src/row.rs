//! One row: its arms by turns.

use zenoh_pinned_measuring::room;

use crate::{arms, group::Group, orders::Orders, plan::Row, samples::Figures};

/// The figures of each arm. One that fails is left out, and so is a row that there is no room for; both are said.
pub fn measure(number: usize, row: &Row) -> Vec<(String, Figures)> {
    // iceoryx2 reserves a few more samples than slots.
    let bytes = row.arms.len() as u64 * u64::from(row.slots() + 4) * row.bytes as u64;
    if let Err(why) = room::for_shared_memory(bytes) {
        eprintln!("left out: {}: {why}", row.name());
        return Vec::new();
    }
    let mut groups = Vec::new();
    for (arm, taking) in &row.arms {
        let name = arms::name(*arm, *taking);
        let orders = Orders {
            arm: *arm,
            taking: *taking,
            bytes: row.bytes,
            slots: row.slots(),
            consumers: row.consumers,
            pace: row.pace,
            milliseconds: row.turn.as_millis() as u64,
            name: format!("hand-over-{}-{number}-{}", std::process::id(), groups.len()),
            index: 0,
        };
        groups.push((name, Group::start(&orders)));
    }
    for turn in 1..=row.turns {
        for (_, group) in &mut groups {
            if let Ok(running) = group
                && let Err(error) = running.turn(turn)
            {
                *group = Err(error);
            }
        }
    }
    let mut figures = Vec::new();
    for (name, group) in groups {
        match group.and_then(Group::end) {
            Ok(taken) => figures.push((name, Figures::of(taken))),
            Err(error) => eprintln!("left out: {}, {name}: {error}", row.name()),
        }
    }
    figures
}
