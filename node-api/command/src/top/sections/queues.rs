//! Subscribers' inboxes, a row for each publisher. Pure.

use zenoh_pinned::bindings::{
    line::Overflow,
    observation::{Observation, ObservedQueue},
};

use super::section::{Section, left, named, right};
use crate::{
    top::table::{Column, Row, Table},
    words,
};

pub(super) fn queues(seen: &Observation) -> Section {
    const COLUMNS: &[Column] = &[
        left("SUBSCRIBER", 19),
        left("KEY", 12),
        left("PUBLISHER", 19),
        right("UNREAD", 8),
        right("DROPPED", 8),
        right("WRITTEN", 9),
    ];
    let mut queues: Vec<_> = seen.queues.iter().collect();
    let key = |queue: &ObservedQueue| queue.lanes.first().map(|lane| lane.key.clone());
    queues.sort_by_cached_key(|queue| (queue.subscriber.pid, key(queue), queue.id));
    Section {
        title: "Queues",
        count: seen.queues.len(),
        table: Table {
            columns: COLUMNS,
            wide: 1,
            rows: queues.into_iter().flat_map(queue_rows).collect(),
        },
    }
}

fn queue_rows(queue: &ObservedQueue) -> Vec<Row> {
    let rows = queue.lanes.iter().map(|lane| {
        Row::Cells(vec![
            named(&queue.subscriber),
            words::tame(&lane.key),
            named(&lane.publisher),
            format!("{}/{}", lane.unread, queue.capacity),
            match queue.overflow {
                Overflow::Refuse => String::from("refuses"),
                _ => lane.dropped.to_string(),
            },
            lane.written.to_string(),
        ])
    });
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        let cells = [named(&queue.subscriber), String::from("no publisher")];
        let nothing = std::iter::repeat_n(String::from("-"), 4);
        rows.push(Row::Cells(cells.into_iter().chain(nothing).collect()));
    }
    rows
}
