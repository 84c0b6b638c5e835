//! The end of outputs: their consumers have what was sent, then the session closes.

use dora_message::id::DataId;

use super::state::Sending;
use crate::dora::{DoraPathReason, OutputPath, route::Ending};

impl Sending {
    /// Waits until the consumers of `outputs` have what was sent; for all outputs at the same time.
    pub(crate) fn flush(&mut self, outputs: &[DataId]) {
        let Ok(link) = &mut self.link else {
            return;
        };
        // The node closes its outputs over another connection, which must not overtake this one.
        let by_daemon = |output: &DataId| {
            let path = self.outputs.get(output).map(|output| &output.path);
            matches!(path, Some(OutputPath::Dora(reason)) if reason.is_about_memory_of_consumers())
        };
        if outputs.iter().any(by_daemon)
            && let Err(error) = link.daemon.flush()
        {
            tracing::warn!(%error, "the daemon may not have everything");
        }
        let (node, patience) = (&link.node, self.settings.close_patience);
        let ending = |output, kept_here| Ending {
            node,
            pools: self.pools.of(output),
            kept_here,
            patience,
        };
        std::thread::scope(|scope| {
            for output in outputs {
                let Some(entry) = self.outputs.get(output) else {
                    continue;
                };
                let Some(route) = &entry.route else {
                    continue;
                };
                let ending = ending(output, entry.kept());
                let flush = move || route.flush(&ending);
                let flushing = std::thread::Builder::new().name(String::from("zpin-flush"));
                if let Err(error) = flushing.spawn_scoped(scope, flush) {
                    tracing::warn!(%error, "the last messages may not have been received");
                }
            }
        });
    }

    /// As [`Sending::flush`] for every output, and closes the link.
    pub(crate) fn end(&mut self) {
        let outputs: Vec<_> = self.outputs.keys().cloned().collect();
        self.flush(&outputs);
        let routes = self.outputs.values_mut();
        let routes: Vec<_> = routes.filter_map(|output| output.route.take()).collect();
        let closed = DoraPathReason::NotStartedByDaemon;
        if let Ok(link) = std::mem::replace(&mut self.link, Err(closed)) {
            link.close(routes);
        }
    }
}
