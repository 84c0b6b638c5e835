//! A node's pinned outputs, without its dora node.
//!
//! Holds: the outputs and their mutex (here), waiting for a message's destination (`waiting`), arrays that are copied
//! into it (`copying`), and messages that are written in place (`in_place`). `PinnedOutputs` adds dora's node, bindings
//! to other languages theirs.
//!
//! Who may write what: any thread that sends; the outputs that the node declares change only by `&mut`.
//!
//! Locks: one mutex around the state of the outputs, not held while a message waits for a slot or is copied.
//!
//! Invariants: what is to take dora's own path is given back to the caller unsent; a message that found no slot is
//! counted once.
//!
//! Knowingly weak: two threads that send on one output at the same time may be published in either order.

mod copying;
mod in_place;
mod waiting;

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use dora_message::{config::NodeRunConfig, id::DataId, metadata::MetadataParameters};

use super::{
    Delivery, DoraPathReason, Report, SendError, Settings,
    link::{Link, description::NodeDescription},
    message::type_check::TypeCheck,
    sending::state::Sending,
};
pub(super) use in_place::{Placed, SlotSent};

/// What [`PinnedOutputs`](crate::dora::PinnedOutputs) is made of, for bindings to other languages. It has no dora node:
/// what is to take dora's own path is given back to the caller, whose own `send_output` sends it then.
///
/// Describes the node by the environment that the daemon gave this process. Close it, or drop it, before that
/// node. Usable from several threads: one that waits for a slot does not hold up the others.
///
/// ```no_run
/// use zenoh_pinned_node::bindings::DetachedOutputs;
///
/// let outputs = DetachedOutputs::attach("1.1.0"); // the version of the dora API that made the node
/// println!("{:?}", outputs.close());
/// ```
pub struct DetachedOutputs {
    sending: Mutex<Sending>,
    type_check: Option<TypeCheck>,
    /// `None` where they are not known.
    declared: Option<BTreeSet<DataId>>,
}

/// What became of a message that was offered to [`DetachedOutputs`].
#[derive(Debug)]
pub enum Offered {
    /// It is on its way, or was dropped as the caller had chosen.
    Sent(Delivery),
    /// The output takes dora's own path: the caller's own `send_output` has to send it, with these
    /// parameters.
    Refused(MetadataParameters),
}

impl DetachedOutputs {
    /// Pinned outputs for the dora node of this process, whose API has the version `dora`, with the settings
    /// that its environment asks for.
    ///
    /// Always succeeds; where something is missing, outputs take dora's own path.
    pub fn attach(dora: &str) -> Self {
        let description = NodeDescription::from_environment(dora);
        let (id, config) = match &description {
            Ok(found) => (found.node_id.to_string(), Some(found.run_config.clone())),
            Err(_) => (String::from("node"), None),
        };
        let settings = Settings::from_environment();
        Self::of(&id, description, config.as_ref(), settings)
    }

    pub(super) fn of(
        id: &str,
        description: Result<NodeDescription, DoraPathReason>,
        config: Option<&NodeRunConfig>,
        settings: Settings,
    ) -> Self {
        let link = description.and_then(Link::open);
        // An interactive node has whatever output is asked for.
        let declared = config.map(|config| config.outputs.clone());
        let declared = declared.filter(|outputs| link.is_ok() || !outputs.is_empty());
        Self {
            type_check: config.and_then(TypeCheck::from_environment),
            declared,
            sending: Mutex::new(Sending::new(format!("dora/{id}"), link, settings)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sending> {
        // After a panic the state is still right, but for one message that may not be counted.
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an output that is about to be used by the caller's own `send_output` to dora.
    ///
    /// # Errors
    /// [`SendError::Pinned`]: its messages go through pinned memory already, and others would overtake them.
    pub fn leave_to_dora(&self, output: &DataId) -> Result<(), SendError> {
        self.lock().leave_to_dora(output)
    }

    /// Waits until the consumers of `outputs` have what was sent.
    pub(super) fn flush(&self, outputs: &[DataId]) {
        self.lock().flush(outputs);
    }

    /// Takes note that the node has closed `outputs`.
    pub(super) fn forget(&mut self, outputs: &[DataId]) {
        if let Some(declared) = &mut self.declared {
            declared.retain(|output| !outputs.contains(output));
        }
        let mut sending = self.lock();
        for output in outputs {
            sending.pools.close(output);
        }
    }

    /// The most bytes that a message may have anywhere.
    pub(super) fn max_bytes(&self) -> u64 {
        self.lock().settings.max_bytes
    }

    /// What was sent, which way, and why.
    pub fn report(&self) -> Report {
        self.lock().report()
    }

    /// Waits until the consumers have everything, closes the session, and says what was done. Dropping
    /// does the same.
    pub fn close(self) -> Report {
        let report = self.report();
        self.lock().end();
        report
    }
}

impl Drop for DetachedOutputs {
    fn drop(&mut self) {
        self.lock().end();
    }
}

impl std::fmt::Debug for DetachedOutputs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DetachedOutputs")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}
