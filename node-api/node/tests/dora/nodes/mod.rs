//! The nodes of the dataflows: cameras of ours, unmodified sinks, and a consumer of ours.

mod array_nodes;
mod camera;
mod device;
mod sink;

use std::{str::FromStr, time::Duration};

use dora_node_api::{DoraNode, EventStream, dora_core::config::NodeId};

/// The id of a dynamic node, which a test starts by hand.
pub const DYNAMIC: &str = "DYNAMIC";

/// An order that the dataflow has for this node.
pub fn order(key: &str) -> String {
    let order = std::env::var(key);
    order.unwrap_or_else(|_| panic!("{key} is not set: this is a node of another test's dataflow"))
}

/// An order that may be missing.
pub fn order_or<T: FromStr>(key: &str, default: T) -> T {
    let order = std::env::var(key).ok();
    order
        .and_then(|order| order.parse().ok())
        .unwrap_or(default)
}

/// The node as the dataflow started it, or as the dynamic one that a test started by hand.
pub fn join() -> (DoraNode, EventStream) {
    match std::env::var(DYNAMIC) {
        Ok(id) => join_as(&id),
        Err(_) => DoraNode::init_from_env().unwrap(),
    }
}

/// The daemon may still be starting.
fn join_as(id: &str) -> (DoraNode, EventStream) {
    let mut attempts = 0;
    loop {
        match DoraNode::init_from_node_id(NodeId::from(id.to_owned())) {
            Ok(joined) => return joined,
            Err(error) => assert!(attempts < 200, "{error:?}"),
        }
        attempts += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A pause in milliseconds, none by default.
pub fn pause(key: &str) {
    std::thread::sleep(Duration::from_millis(order_or(key, 0)));
}

/// Ends the process as a crash does: at once, with nothing dropped.
pub fn crash() -> ! {
    // SAFETY: raises a signal, which touches no memory.
    unsafe { libc::raise(libc::SIGKILL) };
    unreachable!("SIGKILL cannot be caught")
}

/// Shows the library's log on stderr.
pub fn show_log() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
}
