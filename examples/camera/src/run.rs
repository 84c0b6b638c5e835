//! `camera run`: both halves, each in a process of its own.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use camera::stop::Stop;
use zenoh::Wait as _;
use zenoh_pinned::Pinner;

use crate::arguments::RunArguments;
use crate::frame_publisher::FramePublisher;
use crate::report::{Outcome, Report};
use crate::save_frame;
use crate::session::{self, Endpoint, OpenSession};
use crate::stream::{self, Stream};
use crate::subscriber_process::SubscriberProcess;

/// From the subscriber's readiness to its declaration having arrived here.
const MEET: Duration = Duration::from_secs(30);
/// What `sockaddr_un` holds, less the zero at the end and ".lock", which zenoh appends.
const SOCKET_PATH_BYTES: usize = 107 - 5;

pub(crate) fn run(arguments: &RunArguments, stop: &Stop) -> anyhow::Result<Outcome> {
    if let Some(path) = &arguments.consumer.save_frame {
        save_frame::check(path)?;
    }
    let source = &arguments.source;
    let input = stream::open_input(source)?;
    let pool = stream::make_pool(source)?;

    // Removed with everything in it at the end of this function.
    let directory = tempfile::Builder::new()
        .prefix("camera-")
        .tempdir()
        .context("No temporary directory could be made")?;
    let socket = directory.path().join("zenoh.sock");
    if socket.as_os_str().len() > SOCKET_PATH_BYTES {
        bail!(
            "The temporary directory has too long a name for a socket. Set TMPDIR to a shorter one."
        );
    }
    let endpoint = format!("unixsock-stream/{}", socket.display());
    let OpenSession { session, reason } =
        session::open(Endpoint::Listen(&endpoint), &Pinner::host_only())?;
    let publisher = FramePublisher::declare(&session)?;

    let mut subscriber = SubscriberProcess::start(arguments, &endpoint)?;
    let ready = subscriber.wait_until_ready(stop)?;
    let subscriber = RefCell::new(subscriber);
    let deserted = || subscriber.borrow_mut().has_ended();
    let deadline = Instant::now() + MEET;
    let give_up = || stop.requested() || deserted() || Instant::now() > deadline;
    if !ready || !publisher.wait_for_subscriber(&give_up) {
        if stop.requested() {
            bail!("Interrupted before the first frame.");
        }
        subscriber
            .into_inner()
            .finish()
            .context("The subscriber did not subscribe")?;
        bail!("The subscriber did not subscribe.");
    }

    let stream = Stream {
        publisher: &publisher,
        pool: &pool,
        source,
        input,
        deserted: &deserted,
        stop,
    };
    let sent = stream.send();
    let mut problems = sent.problems;
    if sent.deserted {
        problems.push(format!(
            "The subscriber process ended after {} frames had been sent.",
            sent.frames
        ));
    }
    let mut report = subscriber.into_inner().finish().unwrap_or_else(|error| {
        problems.push(format!("{error:#}"));
        Report::default()
    });
    report.frames_sent = Some(sent.frames);
    report.bytes_per_frame = Some(u64::try_from(stream::frame_bytes(source)?)?);
    report.reason = report.reason.or(reason);
    report.pool = pool.statistics().into();
    drop(publisher);
    session.close().wait().map_err(session::plain)?;
    Ok(Outcome {
        report,
        frames_per_second: sent.frames_per_second,
        problems,
    })
}
