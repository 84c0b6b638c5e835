//! `camera publish`: the publishing half alone.

use camera::stop::Stop;
use zenoh::Wait as _;
use zenoh_pinned::Pinner;

use crate::arguments::PublishArguments;
use crate::frame_publisher::FramePublisher;
use crate::report::{Outcome, Report};
use crate::session::{self, Endpoint, OpenSession};
use crate::stream::{self, Stream};

pub(crate) fn publish(arguments: &PublishArguments, stop: &Stop) -> anyhow::Result<Outcome> {
    let source = &arguments.source;
    let input = stream::open_input(source)?;
    let pool = stream::make_pool(source)?;
    let endpoint = &arguments.endpoint;
    let OpenSession { session, reason } =
        session::open(Endpoint::Listen(endpoint), &Pinner::host_only())?;
    let publisher = FramePublisher::declare(&session)?;

    eprintln!("Waiting for a subscriber at {endpoint}; Ctrl-C ends it.");
    let mut problems = Vec::new();
    let mut report = Report {
        bytes_per_frame: Some(u64::try_from(stream::frame_bytes(source)?)?),
        reason,
        ..Report::default()
    };
    let mut frames_per_second = None;
    if publisher.wait_for_subscriber(&|| stop.requested()) {
        let stream = Stream {
            publisher: &publisher,
            pool: &pool,
            source,
            input,
            deserted: &|| false,
            stop,
        };
        let sent = stream.send();
        if sent.deserted {
            problems.push(format!(
                "The subscriber went away after {} frames had been sent.",
                sent.frames
            ));
        }
        problems.extend(sent.problems);
        report.frames_sent = Some(sent.frames);
        frames_per_second = sent.frames_per_second;
    } else {
        report.frames_sent = Some(0);
    }
    report.pool = pool.statistics().into();
    drop(publisher);
    session.close().wait().map_err(session::plain)?;
    Ok(Outcome {
        report,
        frames_per_second,
        problems,
    })
}
