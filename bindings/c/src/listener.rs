//! Frames by callback: `zp_listener`.
//!
//! Locks: a mutex around what is closed, held for a few assignments; never while a callback is waited for.

use std::{
    ffi::{c_char, c_int, c_void},
    sync::{Mutex, MutexGuard, PoisonError},
};

use zenoh_pinned_node::pubsub::FrameListener;

use crate::{
    arguments::{Place, invalid, options, text},
    failure::{self, failed},
    frame::Frame,
    guard,
    handles::{Handle, Kind, Table},
    session::Session,
    status::Status,
    subscriber::{Options, builder},
};

/// A listener. Whoever closes it lets go of what is in here itself, so that no call goes on when that call has ended.
#[derive(Debug)]
pub struct Listener {
    listener: Mutex<Option<FrameListener>>,
}

impl Listener {
    fn lock(&self) -> MutexGuard<'_, Option<FrameListener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static LISTENERS: Table<Listener> = Table::new(8);

impl Kind for Listener {
    const NAME: &'static str = "listener";
    const CLOSED_BY: &'static str = "zp_listener_close()";
    fn table() -> &'static Table<Self> {
        &LISTENERS
    }
}

/// `zp_received`. The frame is a handle, or the number 0.
type Received = unsafe extern "C" fn(*mut c_void, c_int, Handle<Frame>);

/// A function of C's with what is to be handed to it.
struct Callback {
    received: Received,
    context: *mut c_void,
}

// SAFETY: the header says that it is called on a thread of the listener's.
unsafe impl Send for Callback {}

impl Callback {
    fn call(&self, outcome: Result<Handle<Frame>, Status>) {
        let (status, frame) = match outcome {
            Ok(frame) => (Status::Ok, frame),
            Err(status) => (status, Handle::NONE),
        };
        // SAFETY: the header demands a function that may be called so until the listener is closed, and that does not
        // unwind.
        unsafe { (self.received)(self.context, status as c_int, frame) };
    }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_listener_start(
    session: Handle<Session>,
    key: *const c_char,
    given: *const Options,
    received: Option<Received>,
    context: *mut c_void,
    listener: *mut Handle<Listener>,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, three times.
        let (place, key, given) = unsafe {
            let place = Place::needed(listener, "the place for the listener")?;
            (place, text(key, "the key")?, options(given))
        };
        let received = received.ok_or_else(|| {
            invalid("the function to be called with each frame is NULL: give one, or use zp_subscriber_declare()")
        })?;
        let session = session.get()?;
        let pinner = session.pinner.clone();
        let callback = Callback { received, context };
        let started =
            builder(&pinner.clone(), given)?.listen(&session.session, key, move |received| {
                let frame = received.map_err(failed);
                callback.call(
                    frame.and_then(|received| Handle::open(Frame::received(received, &pinner))),
                );
            });
        let started =
            started.map_err(|error| failure::zenoh("the listener could not be started", &error))?;
        place.store(Handle::open(Listener {
            listener: Mutex::new(Some(started)),
        })?);
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_listener_overrun(
    listener: Handle<Listener>,
    frames: *mut u64,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(frames, "the place for the number")? };
        let listener = listener.get()?;
        let open = listener.lock();
        place.store(open.as_ref().map_or(0, |open| open.subscriber().overrun()));
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_listener_close(listener: Handle<Listener>) -> c_int {
    guard::done(|| {
        let open = listener.close()?.lock().take();
        drop(open);
        Ok(())
    })
}
