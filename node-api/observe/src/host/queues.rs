//! Queues: subscribers' inboxes, and each publisher's lane in them.

use serde_json::{Value, json};
use zenoh_pinned::bindings::{
    line::Overflow,
    observation::{Observation, ObservedLane, ObservedQueue},
};

use super::{identified, listed};
use crate::{Families, Figures, families::cut};

/// Lanes in the JSON, of all queues together. The metrics have all of them.
const LANES: usize = 1000;
/// Of a key in the JSON, which has up to 512.
const KEY_BYTES: usize = 128;

pub(super) fn figures(observation: &Observation) -> Figures {
    let mut families = Families::default();
    for queue in &observation.queues {
        add_to(&mut families, queue);
    }
    let mut left = LANES;
    let states = listed(&observation.queues).iter();
    let states = states.map(|queue| state(queue, &mut left));
    Figures::new(states.collect()).with(families)
}

/// `left`: how many lanes may still be listed.
fn state(queue: &ObservedQueue, left: &mut usize) -> Value {
    let lanes = &queue.lanes[..queue.lanes.len().min(*left)];
    *left -= lanes.len();
    json!({
        "id": queue.id,
        "subscriber": identified(&queue.subscriber),
        "capacity": queue.capacity,
        "overflow": match queue.overflow {
            Overflow::DropOldest => "drop_oldest",
            Overflow::Refuse => "refuse",
        },
        "lanes": lanes.iter().map(lane).collect::<Vec<_>>(),
    })
}

fn lane(lane: &ObservedLane) -> Value {
    json!({
        "publisher": identified(&lane.publisher),
        "key": cut(&lane.key, KEY_BYTES),
        "written": lane.written,
        "unread": lane.unread,
        "dropped": lane.dropped,
    })
}

fn add_to(families: &mut Families, queue: &ObservedQueue) {
    let subscriber = &queue.subscriber;
    let (id, pid) = (queue.id.to_string(), subscriber.pid.to_string());
    let of_queue = [
        ("queue", &*id),
        ("process", &*subscriber.name),
        ("pid", &*pid),
    ];
    let capacity = "Unread frames that each lane of the queue has room for.";
    families
        .gauge("zenoh_pinned_queue_capacity_frames", capacity)
        .add(&of_queue, f64::from(queue.capacity));
    for lane in &queue.lanes {
        let [queue, process, pid] = of_queue;
        let publisher_pid = lane.publisher.pid.to_string();
        let labels = [
            queue,
            process,
            pid,
            ("key", &*lane.key),
            ("publisher", &*lane.publisher.name),
            ("publisher_pid", &*publisher_pid),
        ];
        families
            .gauge(
                "zenoh_pinned_queue_unread_frames",
                "Frames in the queue that were not read yet.",
            )
            .add(&labels, lane.unread as f64);
        families
            .counter(
                "zenoh_pinned_queue_written_frames_total",
                "Frames that a publisher has written into the queue.",
            )
            .add(&labels, lane.written as f64);
        families
            .counter(
                "zenoh_pinned_queue_dropped_frames_total",
                "Frames that were overwritten before they were read.",
            )
            .add(&labels, lane.dropped as f64);
    }
}
