//! A camera: each frame is decoded straight into the memory that the other nodes read.

mod clock;

use std::env;
use std::io::{Write as _, stderr, stdout};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use camera::clock::Pace;
use camera::input::Input;
use camera::rows;
use camera::stop::Stop;
use dora_node_api::dora_core::config::DataId;
use dora_node_api::{DoraNode, Event, EventStream, MetadataParameters, Parameter};
use tracing_subscriber::filter::LevelFilter;
use zenoh_pinned_node::dora::{ElementType, OutputPath, PinnedOutputs, Report, SendError};

use crate::clock::monotonic_ns;

/// How long a frame may wait for a slot.
const PATIENCE: Duration = Duration::from_secs(1);
const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;
/// Rows, columns, and the channels red, green, blue and alpha.
const SHAPE: [usize; 3] = [HEIGHT as usize, WIDTH as usize, 4];

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_writer(stderr)
        .with_ansi(false)
        .init();
    let rate: u32 = setting("CAMERA_RATE", 30)?;
    let frames: u32 = setting("CAMERA_FRAMES", 300)?;
    let source = env::var("CAMERA_INPUT").ok();
    let mut input = Input::open(source.as_deref(), WIDTH, HEIGHT)?;

    let (mut node, mut events) = DoraNode::init_from_env()?;
    let mut outputs = PinnedOutputs::attach(&node);
    let image = DataId::from("image".to_owned());
    // Never requested: this node looks for a stop between two frames.
    let stop = Stop::default();
    let mut pace = Pace::new(rate.into());
    let mut sent = 0;
    for number in (0..u32::MAX).take_while(|number| frames == 0 || *number < frames) {
        if is_stopped(&mut events) {
            break;
        }
        let mut slot = match outputs.alloc_timeout(&image, &SHAPE, ElementType::Uint8, PATIENCE) {
            Ok(slot) => slot,
            // Consumers have held every slot for a second: this frame is skipped.
            Err(error @ SendError::Full { .. }) => {
                tracing::warn!("frame {number} is skipped: {error}");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        input.fill(&mut slot, &stop)?;
        let checksum = crc32fast::hash(&slot);
        pace.wait(&stop);
        outputs.send(&mut node, parameters(number, checksum), slot)?;
        sent += 1;
    }
    // Waits until the consumers have every frame. Before the node ends, because then its outputs close.
    let report = outputs.close();
    stdout().write_all(table(sent, &report).as_bytes())?;
    Ok(())
}

/// What a consumer is told about a frame; dora's `shape` is added to it.
fn parameters(number: u32, checksum: u32) -> MetadataParameters {
    MetadataParameters::from([
        ("frame".to_owned(), Parameter::Integer(number.into())),
        ("width".to_owned(), Parameter::Integer(WIDTH.into())),
        ("height".to_owned(), Parameter::Integer(HEIGHT.into())),
        ("encoding".to_owned(), Parameter::String("rgba8".to_owned())),
        ("crc32".to_owned(), Parameter::Integer(checksum.into())),
        ("sent_ns".to_owned(), Parameter::Integer(monotonic_ns())),
    ])
}

/// Whether the dataflow is being stopped, for example by Ctrl-C. A node without inputs is told little else.
fn is_stopped(events: &mut EventStream) -> bool {
    while let Ok(event) = events.try_recv() {
        if let Event::Stop(_) = event {
            return true;
        }
    }
    false
}

/// A number from the node's `env:` in the dataflow.
fn setting<T: FromStr>(name: &str, default: T) -> anyhow::Result<T> {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .ok()
            .with_context(|| format!("{name} is {text:?}; give a number")),
        Err(_) => Ok(default),
    }
}

fn table(sent: u64, report: &Report) -> String {
    let mut rows = vec![("Frames sent", sent.to_string())];
    for output in &report.outputs {
        let path = match &output.path {
            OutputPath::Pinned => "pinned shared memory".to_owned(),
            OutputPath::Dora(reason) => format!("dora's own, because {reason}"),
            OutputPath::Unsettled => "none, nothing was sent".to_owned(),
        };
        rows.push(("Path", path));
    }
    for pool in &report.pools {
        let size = format!("{} slots x {} bytes", pool.slots, pool.slot_bytes);
        let waits = format!("{}, of which timed out: {}", pool.waits, pool.timeouts);
        rows.extend([("Pool", size), ("Waits for a slot", waits)]);
    }
    rows::lined_up(&rows)
}
