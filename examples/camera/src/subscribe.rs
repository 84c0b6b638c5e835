//! `camera subscribe`: receives frames until the publisher says that there are no more.

use std::io::{Read as _, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use camera::clock::unix_ns;
use camera::stop::Stop;
use zenoh::Wait as _;
use zenoh::sample::{Sample, SampleKind};
use zenoh_pinned::{Frame, Pinner};

use crate::arguments::SubscribeArguments;
use crate::consumer::{Consumer, Message};
use crate::frame_header::FrameHeader;
use crate::report::Outcome;
use crate::save_frame;
use crate::session::{self, Endpoint, KEY, OpenSession, PUBLISHER_TOKEN};
use crate::stream::SLOTS;

/// The line on stdout that the process that started this one waits for.
pub(crate) const READY: &str = "ready";
/// What is still on its way when the publisher goes arrives within this time.
const AFTER_PUBLISHER: Duration = Duration::from_secs(2);
const STOP_CHECK: Duration = Duration::from_millis(100);

enum Event {
    PublisherGone,
    ConsumerEnded,
}

pub(crate) fn subscribe(arguments: &SubscribeArguments, stop: &Stop) -> anyhow::Result<Outcome> {
    let options = &arguments.consumer;
    if let Some(path) = &options.save_frame {
        save_frame::check(path)?;
    }
    let pinner = match options.host {
        true => Pinner::host_only(),
        false => Pinner::builder().device(options.device).build(),
    };
    let device = pinner.device_name();
    let no_device = pinner.reason().map(ToString::to_string);
    let consumer = Consumer::new(pinner.context(), options.save_frame.is_some())?;

    let endpoint = &arguments.endpoint;
    let OpenSession {
        session,
        reason: no_shared_memory,
    } = session::open(Endpoint::Connect(endpoint), &pinner)?;

    let (events_in, events) = mpsc::channel();
    let (messages_in, messages) = mpsc::sync_channel(SLOTS as usize);
    let consumer_ended = events_in.clone();
    let worker = std::thread::Builder::new()
        .name("consumer".to_owned())
        .spawn(move || {
            let consumed = consumer.consume(messages);
            let _ = consumer_ended.send(Event::ConsumerEnded);
            consumed
        })
        .context("The consumer thread could not be started")?;

    let token = session
        .liveliness()
        .declare_subscriber(PUBLISHER_TOKEN)
        .callback(move |sample| {
            if sample.kind() == SampleKind::Delete {
                let _ = events_in.send(Event::PublisherGone);
            }
        })
        .wait()
        .map_err(session::plain)
        .context("The publisher cannot be watched")?;
    let subscriber = session
        .declare_subscriber(KEY)
        .callback(move |sample| {
            // Fails only where the consumer has ended and wants no more.
            let _ = messages_in.send(message(&sample, &pinner));
        })
        .wait()
        .map_err(session::plain)
        .with_context(|| format!("{KEY} cannot be subscribed to"))?;

    if arguments.supervised {
        announce(stop)?;
    } else {
        eprintln!("Waiting for frames from {endpoint}; Ctrl-C ends it.");
    }
    let early_end = wait(&events, stop, &|| worker.is_finished());

    // Without the subscriber nobody can send, and the consumer ends after what it already has.
    subscriber.undeclare().wait().map_err(session::plain)?;
    token.undeclare().wait().map_err(session::plain)?;
    let consumed = worker
        .join()
        .map_err(|_| anyhow!("The consumer thread failed."))??;
    session.close().wait().map_err(session::plain)?;

    if let (Some(path), Some(picture)) = (&options.save_frame, &consumed.picture) {
        save_frame::save(path, picture)?;
    }
    let mut tally = consumed.tally;
    for reason in no_device.into_iter().chain(no_shared_memory) {
        tally.reason(reason);
    }
    let mut outcome = tally.outcome(device);
    outcome.problems.extend(early_end);
    if options.save_frame.is_some() && consumed.picture.is_none() {
        outcome
            .problems
            .push("No frame was received, so none was saved.".to_owned());
    }
    Ok(outcome)
}

/// Runs in zenoh's thread: takes hold of the frame and leaves the rest to the consumer.
fn message(sample: &Sample, pinner: &Pinner) -> Message {
    let Some(attachment) = sample.attachment() else {
        return Message::Unreadable("it has no header".to_owned());
    };
    match FrameHeader::parse(&attachment.to_bytes(), sample.payload().len()) {
        Ok(FrameHeader::End { frames }) => Message::End { frames },
        Ok(FrameHeader::Frame(info)) => match Frame::from_payload(sample.payload(), pinner) {
            Ok(frame) => Message::Frame {
                frame,
                info,
                arrived_ns: unix_ns(),
            },
            Err(error) => Message::Unreadable(error.to_string()),
        },
        Err(error) => Message::Unreadable(error.to_string()),
    }
}

/// Waits for the last frame; returns what cut it short, unless that was the user.
fn wait(
    events: &Receiver<Event>,
    stop: &Stop,
    consumer_ended: &dyn Fn() -> bool,
) -> Option<String> {
    let mut publisher_gone: Option<Instant> = None;
    while !stop.requested() && publisher_gone.is_none_or(|since| since.elapsed() < AFTER_PUBLISHER)
    {
        match events.recv_timeout(STOP_CHECK) {
            Ok(Event::ConsumerEnded) => return None,
            Ok(Event::PublisherGone) => publisher_gone = Some(Instant::now()),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                if consumer_ended() {
                    return None;
                }
            }
        }
    }
    publisher_gone
        .map(|_| "The publisher went away without saying how many frames it had sent.".to_owned())
}

/// For the process that started this one; when it goes, its end of stdin closes.
fn announce(stop: &Stop) -> anyhow::Result<()> {
    let stop = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.request();
    });
    writeln!(std::io::stdout(), "{READY}").context("The starting process is not listening")
}
