//! Writing the Arrow IPC stream around a 1920x1080 RGBA frame of bytes.
//!
//! In place is what a node pays that writes its pixels into a slot: the two messages in front of them, to the page
//! where they begin, and the end marker. The others copy the elements too, by this project's writer and by Arrow's
//! own; all destinations are there before, and touched.

use criterion::Criterion;
use zenoh_pinned_micro_bench::arrow_head::ArrowFrame;

use crate::{FRAME_BYTES, Outcome, or_end, sampling};

pub(crate) fn measure(criterion: &mut Criterion) -> Outcome {
    let frame = ArrowFrame::zeroed(FRAME_BYTES)?;
    let mut destination = vec![1; frame.stream_bytes()?];
    let mut growing = Vec::new();
    frame.write_by_arrow(&mut growing)?;
    let mut group = sampling::many_calls(criterion, "Arrow head of a 1920x1080 RGBA frame");
    group.bench_function("head for elements written in place", |bencher| {
        bencher.iter(|| or_end(frame.write_in_place(&mut destination)));
    });
    group.bench_function("head, and a copy of the elements", |bencher| {
        bencher.iter(|| or_end(frame.write(&mut destination)));
    });
    group.bench_function("Arrow's own writer", |bencher| {
        bencher.iter(|| {
            growing.clear();
            or_end(frame.write_by_arrow(&mut growing));
        });
    });
    group.finish();
    Ok(())
}
