//! A layer of `tracing` that makes spans of what is told of frames, and looks at nothing else.

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, filter_fn},
    layer::Context,
};
use zenoh_pinned::bindings::trace::TARGET;

use super::{
    sending::Queue,
    span::{Sampling, Told},
};

pub(super) struct FrameLayer {
    pub(super) queue: Queue,
    pub(super) sampling: Sampling,
}

/// Everything else stays as disabled as it was, so that other crates' events cost what they did before.
pub(super) fn only_frames() -> FilterFn {
    let is_ours =
        |metadata: &Metadata<'_>| metadata.target() == TARGET && *metadata.level() == Level::TRACE;
    let filter: FilterFn = filter_fn(is_ours);
    filter.with_max_level_hint(LevelFilter::TRACE)
}

impl<Whole: Subscriber> Layer<Whole> for FrameLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, Whole>) {
        let mut told = Told::default();
        event.record(&mut told);
        if self.sampling.wants(told.trace) {
            self.queue.add(told);
        }
    }
}

impl Visit for Told {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "span" => self.span = value,
            "parent" => self.parent = value,
            "began" => self.began = value,
            "ended" => self.ended = value,
            "bytes" => self.bytes = value,
            _ => {}
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if field.name() == "trace" {
            self.trace = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = match field.name() {
            "span_name" => &mut self.name,
            "key" => &mut self.key,
            "path" => &mut self.path,
            "reason" => &mut self.reason,
            _ => return,
        };
        value.clone_into(text);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
