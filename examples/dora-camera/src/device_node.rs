//! Copies each frame to the GPU straight from where the camera wrote it.

mod clock;
mod tally;

use std::io::{Write as _, stderr, stdout};
use std::sync::Arc;

use anyhow::Context as _;
use dora_node_api::{DoraArray, DoraNode, Event, Metadata, get_integer_param};
use tracing_subscriber::filter::LevelFilter;
use zenoh_pinned::cudarc::driver::{CudaContext, CudaStream};
use zenoh_pinned::{Frame, Pinner, install_shm_clients};
use zenoh_pinned_node::dora::FromArrow as _;

use crate::clock::monotonic_ns;
use crate::tally::Tally;

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_writer(stderr)
        .with_ansi(false)
        .init();
    let pinner = Pinner::builder().device(0).build();
    // Before the node opens its session: what it then receives is registered in the background.
    install_shm_clients(&pinner);
    let context = pinner.context();
    let stream = context.map(CudaContext::new_stream).transpose()?;

    let (_node, mut events) = DoraNode::init_from_env()?;
    let mut tally = Tally::default();
    while let Some(event) = events.recv() {
        match event {
            Event::Input { metadata, data, .. } => {
                receive(&metadata, data, &pinner, stream.as_ref(), &mut tally)?;
            }
            Event::Error(error) => tracing::warn!("{error}"),
            // Goes on after a stop: frames that arrived before are still to come.
            _ => {}
        }
    }
    let is_good = tally.is_good();
    stdout().write_all(tally.table(&pinner).as_bytes())?;
    anyhow::ensure!(is_good, "the frames did not arrive as they were sent");
    Ok(())
}

fn receive(
    metadata: &Metadata,
    data: DoraArray,
    pinner: &Pinner,
    stream: Option<&Arc<CudaStream>>,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let sent_ns = integer(metadata, "sent_ns")?;
    let checksum = integer(metadata, "crc32")?;
    tally.received(integer(metadata, "frame")?);

    let frame = Frame::from_arrow(&data, pinner)?;
    // The frame keeps the slot from here on. Its end, and nothing later, wakes a camera that waits.
    drop(data);
    tally.to_frame.record(sent_ns, monotonic_ns());

    let Some(stream) = stream else {
        tally.path(&frame);
        tally.checksum(checksum, crc32fast::hash(&frame));
        return Ok(());
    };
    let on_device = frame.copy_to_device(stream)?;
    tally.path(&frame);
    // The copy itself holds the slot until it has been executed.
    drop(frame);
    stream.synchronize()?;
    tally.to_device.record(sent_ns, monotonic_ns());
    // A model would be given `on_device` here. This node reads it back, to see that it arrived whole.
    let bytes = stream.clone_dtoh(&on_device)?;
    tally.checksum(checksum, crc32fast::hash(&bytes));
    Ok(())
}

fn integer(metadata: &Metadata, name: &str) -> anyhow::Result<i64> {
    get_integer_param(&metadata.parameters, name)
        .with_context(|| format!("the frame's metadata has no {name}"))
}
