//! One frame, really sent: from a pool of one slot, through two zenoh sessions of this process that meet at a socket of
//! their own, to a subscriber; with a device, on to it and back.
//!
//! Every wait has a deadline, but that for the device, which is the driver's. Nothing is left behind.

use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use zenoh::{Config, Session};
use zenoh_pinned::{AllocError, DevicePath, FallbackReason, Frame, Pinner};
use zenoh_pinned_node::pubsub::{
    DeclareError, FrameSubscriber, NoLine, OpenError, PinnedPublisher, PutError, open_within,
};

/// Large enough for zenoh to share it, small enough for any machine.
pub(crate) const FRAME_BYTES: usize = 1 << 20;
/// How long a session may take to open.
const OPENING: Duration = Duration::from_secs(10);
/// How long until a frame arrives by the way that it will go on taking.
const SETTLING: Duration = Duration::from_secs(10);
/// How long an end that was shown once is waited for.
const PUTTING: Duration = Duration::from_millis(100);
const KEY: &str = "zenoh-pinned/doctor";

/// How the frame came.
#[derive(Debug)]
pub(crate) struct Received {
    /// Whether it lay in shared memory.
    pub(crate) is_shared: bool,
    /// Why the pool has no shared memory, if so.
    pub(crate) no_pool: Option<FallbackReason>,
    /// Why it did not go past zenoh's sockets; `None` where it did.
    pub(crate) no_line: Option<NoLine>,
    pub(crate) path: DevicePath,
    pub(crate) reason: Option<FallbackReason>,
    /// What became of the copy to the device; `None` where none was asked for or can be made.
    pub(crate) copied: Option<Result<(), String>>,
}

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrialError {
    /// A session.
    #[error("zenoh opens no session: {0}")]
    Opening(#[from] OpenError),
    /// What zenoh was told before.
    #[error(
        "zenoh refuses what it is told: {0}; this is a fault of this program, please report it"
    )]
    Zenoh(zenoh::Error),
    /// The pool or the publisher.
    #[error("no pool of one slot of 1 MiB can be made: {0}")]
    Declaring(#[from] DeclareError),
    /// The slot.
    #[error("the slot cannot be had: {0}")]
    Allocating(#[from] AllocError),
    /// zenoh or the line.
    #[error("the frame cannot be put: {0}")]
    Putting(#[from] PutError),
    /// It was put and did not come.
    #[error(
        "no frame came within {0:?}; if this machine is not just overloaded, run it again with RUST_LOG=debug and see \
         what zenoh says"
    )]
    NothingCame(Duration),
    /// It came, and is not what was sent.
    #[error(
        "what came is not what was sent; this is a fault of this program or of the machine's memory, please report it"
    )]
    Different,
}

/// A socket's file, which zenoh leaves behind.
struct Meeting(PathBuf);

impl Meeting {
    fn somewhere() -> Self {
        // Containers share folders, and each has a process of the same number: the time tells them apart.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        let name = format!("zenoh-pinned-doctor-{}-{now}.sock", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn endpoint(&self) -> String {
        format!("unixsock-stream/{}", self.0.display())
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_file(self.0.with_extension("sock.lock"));
    }
}

/// Sends it.
pub(crate) fn run(pinner: &Pinner) -> Result<Received, TrialError> {
    let meeting = Meeting::somewhere();
    let endpoint = [meeting.endpoint()];
    let receiving = session(&endpoint, &[], pinner)?;
    let sending = session(&[], &endpoint, pinner)?;
    let frames = FrameSubscriber::builder(pinner).capacity(1);
    let frames = frames.declare(&receiving, KEY).map_err(TrialError::Zenoh)?;
    let publisher = PinnedPublisher::builder(FRAME_BYTES).slots(1);
    let publisher = publisher.declare(&sending, KEY)?;
    send(&publisher, &frames, pinner)
}

fn session(listen: &[String], connect: &[String], pinner: &Pinner) -> Result<Session, TrialError> {
    let mut config = Config::default();
    for (setting, value) in [
        ("mode", String::from("\"peer\"")),
        ("scouting/multicast/enabled", String::from("false")),
        ("listen/endpoints", format!("{listen:?}")),
        ("connect/endpoints", format!("{connect:?}")),
    ] {
        let told = config.insert_json5(setting, &value);
        told.map_err(TrialError::Zenoh)?;
    }
    Ok(open_within(config, pinner, OPENING)?)
}

/// Sends until a frame comes by the way that later ones take too: by the line, and registered.
fn send(
    publisher: &PinnedPublisher,
    frames: &FrameSubscriber,
    pinner: &Pinner,
) -> Result<Received, TrialError> {
    let give_up_at = Instant::now() + SETTLING;
    let mut number = 0_u8;
    let mut last = None;
    while Instant::now() < give_up_at {
        number = number.wrapping_add(1);
        // There is only one slot.
        last = None;
        let mut slot = match publisher.alloc(FRAME_BYTES) {
            // The frame before is on its way still.
            Err(AllocError::TimedOut { .. }) => continue,
            slot => slot?,
        };
        slot.fill(number);
        publisher.put(slot)?;
        let Ok(received) = frames.recv_timeout(PUTTING) else {
            continue;
        };
        let frame = received.frame;
        let is_the_one = frame.len() == FRAME_BYTES && frame.iter().all(|byte| *byte == number);
        if !is_the_one {
            return Err(TrialError::Different);
        }
        let has_settled = has_settled(publisher, frames, &frame);
        last = Some((frame, number));
        if has_settled {
            break;
        }
    }
    let (frame, number) = last.ok_or(TrialError::NothingCame(SETTLING))?;
    let copied = pinner
        .context()
        .map(|_| there_and_back(&frame, number, pinner));
    Ok(Received {
        is_shared: frame.is_shared(),
        no_pool: publisher.pool().reason().cloned(),
        no_line: no_line(publisher, frames),
        path: frame.path(),
        reason: frame.reason(),
        copied,
    })
}

/// Whether the next frame would come the same way.
fn has_settled(publisher: &PinnedPublisher, frames: &FrameSubscriber, frame: &Frame) -> bool {
    let waits_for_line = frames.no_line().is_none()
        && publisher.pool().reason().is_none()
        && publisher.lines().is_empty();
    let waits_for_registration = matches!(
        frame.reason(),
        Some(FallbackReason::RegistrationPending | FallbackReason::StagingBusy { .. })
    );
    !waits_for_line && !waits_for_registration
}

fn no_line(publisher: &PinnedPublisher, frames: &FrameSubscriber) -> Option<NoLine> {
    let lines = publisher.lines();
    match (frames.no_line(), lines.first()) {
        (Some(reason), _) => Some(reason.clone()),
        (None, Some(line)) => line.reason.clone(),
        (None, None) => publisher
            .pool()
            .reason()
            .map(|reason| NoLine::NoSharedMemory(reason.clone())),
    }
}

fn there_and_back(frame: &Frame, number: u8, pinner: &Pinner) -> Result<(), String> {
    let stream = pinner.new_stream().map_err(|error| error.to_string())?;
    let on_device = frame
        .copy_to_device(&stream)
        .map_err(|error| error.to_string())?;
    let back = stream
        .clone_dtoh(&on_device)
        .map_err(|error| error.to_string())?;
    match back.iter().all(|byte| *byte == number) {
        true => Ok(()),
        false => Err(String::from("the device has other bytes than were sent")),
    }
}
