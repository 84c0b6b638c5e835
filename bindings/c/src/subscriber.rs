//! Subscribers: `zp_subscriber`.

use std::{
    ffi::{c_char, c_int},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zenoh_pinned::{Pinner, bindings::interruptible};
use zenoh_pinned_node::pubsub::{
    FrameSubscriber, FrameSubscriberBuilder, Overflow, ReceiveError, ReceivedFrame, recv_any,
};

use crate::{
    arguments::{Place, check_reserved, invalid, list, options, text},
    failure::{self, failed},
    frame::Frame,
    guard,
    handles::{Handle, Kind, Table},
    last_error,
    publisher::lines,
    session::Session,
    status::Status,
    text,
};

/// A subscriber, until it is closed.
#[derive(Debug)]
pub struct Subscriber {
    subscriber: FrameSubscriber,
    pinner: Pinner,
    /// Set when its handle is closed, for those that wait.
    ends: Arc<AtomicBool>,
}

static SUBSCRIBERS: Table<Subscriber> = Table::new(7);

impl Kind for Subscriber {
    const NAME: &'static str = "subscriber";
    const CLOSED_BY: &'static str = "zp_subscriber_close()";
    fn table() -> &'static Table<Self> {
        &SUBSCRIBERS
    }
}

/// `zp_subscriber_options`.
#[derive(Debug)]
#[repr(C)]
pub struct Options {
    capacity: usize,
    overflow: u32,
    no_line: u32,
    reserved: [u64; 4],
}

pub(crate) fn builder(
    pinner: &Pinner,
    options: Option<&Options>,
) -> Result<FrameSubscriberBuilder, Status> {
    let builder = FrameSubscriber::builder(pinner);
    let Some(options) = options else {
        return Ok(builder);
    };
    check_reserved(options.reserved)?;
    let overflow = match options.overflow {
        0 => Overflow::DropOldest,
        1 => Overflow::Refuse,
        other => return Err(invalid(&format!("{other} is no zp_overflow"))),
    };
    let builder = builder.overflow(overflow).line(options.no_line == 0);
    Ok(match options.capacity {
        0 => builder,
        frames => builder.capacity(frames),
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_subscriber_declare(
    session: Handle<Session>,
    key: *const c_char,
    given: *const Options,
    subscriber: *mut Handle<Subscriber>,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, three times.
        let (place, key, given) = unsafe {
            let place = Place::needed(subscriber, "the place for the subscriber")?;
            (place, text(key, "the key")?, options(given))
        };
        let session = session.get()?;
        let declared = builder(&session.pinner, given)?.declare(&session.session, key);
        let declared = declared
            .map_err(|error| failure::zenoh("the subscriber could not be declared", &error))?;
        place.store(Handle::open(Subscriber {
            subscriber: declared,
            pinner: session.pinner.clone(),
            ends: Arc::default(),
        })?);
        Ok(())
    })
}

/// Stores a frame, or says why there is none.
fn answer<T>(
    received: Result<T, ReceiveError>,
    store: impl FnOnce(T) -> Result<(), Status>,
) -> Result<Status, Status> {
    match received {
        Ok(received) => store(received).map(|()| Status::Ok),
        Err(ReceiveError::TimedOut(_)) => Ok(Status::Nothing),
        Err(ReceiveError::Interrupted) => Err(last_error::keep(
            Status::Closed,
            &"the subscriber was closed while this call waited: end the threads that use it before",
        )),
        Err(error) => Err(failed(error)),
    }
}

fn open(
    received: ReceivedFrame,
    pinner: &Pinner,
    place: Place<Handle<Frame>>,
) -> Result<(), Status> {
    place.store(Handle::open(Frame::received(received, pinner))?);
    Ok(())
}

/// Waits with `wait`, until one of these subscribers is closed.
fn while_open<T>(subscribers: &[Arc<Subscriber>], wait: impl FnOnce() -> T) -> T {
    let ends: Vec<_> = subscribers
        .iter()
        .map(|subscriber| subscriber.ends.clone())
        .collect();
    // Relaxed: a flag that orders nothing.
    interruptible(
        move || ends.iter().any(|ends| ends.load(Ordering::Relaxed)),
        wait,
    )
}

/// # Safety
/// The place as the header demands.
unsafe fn receive(
    subscriber: Handle<Subscriber>,
    timeout: Duration,
    frame: *mut Handle<Frame>,
) -> c_int {
    guard::guarded(|| {
        // SAFETY: as this function demands.
        let place = unsafe { Place::needed(frame, "the place for the frame")? };
        let subscriber = subscriber.get()?;
        let mut received = subscriber.subscriber.try_recv();
        if matches!(received, Err(ReceiveError::TimedOut(_))) && !timeout.is_zero() {
            received = while_open(std::slice::from_ref(&subscriber), || {
                subscriber.subscriber.recv_timeout(timeout)
            });
        }
        answer(received, |received| {
            open(received, &subscriber.pinner, place)
        })
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_subscriber_receive(
    subscriber: Handle<Subscriber>,
    timeout_ms: u64,
    frame: *mut Handle<Frame>,
) -> c_int {
    // SAFETY: as the header demands.
    unsafe { receive(subscriber, Duration::from_millis(timeout_ms), frame) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_subscriber_try_receive(
    subscriber: Handle<Subscriber>,
    frame: *mut Handle<Frame>,
) -> c_int {
    // SAFETY: as the header demands.
    unsafe { receive(subscriber, Duration::ZERO, frame) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_receive_any(
    subscribers: *const Handle<Subscriber>,
    count: usize,
    timeout_ms: u64,
    which: *mut usize,
    frame: *mut Handle<Frame>,
) -> c_int {
    guard::guarded(|| {
        // SAFETY: as the header demands, three times.
        let (handles, which, place) = unsafe {
            let handles = list(subscribers, count, "the list of subscribers")?;
            let place = Place::needed(frame, "the place for the frame")?;
            (handles, Place::optional(which), place)
        };
        if handles.is_empty() {
            return Err(invalid(
                "there is no subscriber to receive from: give it one at least",
            ));
        }
        let of_all: Result<Vec<_>, _> = handles.iter().map(|handle| handle.get()).collect();
        let of_all = of_all?;
        let all: Vec<_> = of_all.iter().map(|one| &one.subscriber).collect();
        let timeout = Duration::from_millis(timeout_ms);
        let received = while_open(&of_all, || recv_any(&all, timeout));
        let is_closed = |one: &Arc<Subscriber>| one.ends.load(Ordering::Relaxed);
        // It does not tell an end from a deadline.
        let received = match received {
            Err(ReceiveError::TimedOut(_)) if of_all.iter().any(is_closed) => {
                Err(ReceiveError::Interrupted)
            }
            other => other,
        };
        answer(received, |(index, received)| {
            open(received, &of_all[index].pinner, place)?;
            which.store(index);
            Ok(())
        })
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_subscriber_overrun(
    subscriber: Handle<Subscriber>,
    frames: *mut u64,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(frames, "the place for the number")? };
        place.store(subscriber.get()?.subscriber.overrun());
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_subscriber_lines(
    subscriber: Handle<Subscriber>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || {
        let subscriber = subscriber.get()?;
        if let Some(reason) = subscriber.subscriber.no_line() {
            return Ok(format!("none: {reason}"));
        }
        let open = subscriber.subscriber.lines();
        Ok(lines(open.iter().map(|line| {
            let alone = if line.alone {
                ", which is alone on it"
            } else {
                ""
            };
            format!(
                "{} from process {}{alone}, {} overwritten",
                line.key, line.pid, line.overwritten
            )
        })))
    };
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_subscriber_close(subscriber: Handle<Subscriber>) -> c_int {
    guard::done(|| {
        let closed = subscriber.close()?;
        // Relaxed: a flag that orders nothing.
        closed.ends.store(true, Ordering::Relaxed);
        Ok(())
    })
}
