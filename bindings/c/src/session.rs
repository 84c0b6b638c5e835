//! Sessions: `zp_session`.

use std::{
    ffi::{c_char, c_int},
    time::Duration,
};

use zenoh::{Config, Wait};
use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::{self, OPEN_TIMEOUT};

use crate::{
    arguments::{Place, invalid, text},
    failure::{self, failed},
    guard,
    handles::{Handle, Kind, Table},
    status::Status,
};

/// A session and where its frames go.
#[derive(Debug)]
pub struct Session {
    pub(crate) session: zenoh::Session,
    pub(crate) pinner: Pinner,
}

static SESSIONS: Table<Session> = Table::new(2);

impl Kind for Session {
    const NAME: &'static str = "session";
    const CLOSED_BY: &'static str = "zp_session_close()";
    fn table() -> &'static Table<Self> {
        &SESSIONS
    }
}

/// # Safety
/// `json5` and `place` as the header demands.
unsafe fn open(
    json5: *const c_char,
    pinner: Handle<Pinner>,
    timeout: Duration,
    place: *mut Handle<Session>,
) -> Result<(), Status> {
    // SAFETY: as this function demands.
    let place = unsafe { Place::needed(place, "the place for the session")? };
    let config = match json5.is_null() {
        true => Config::default(),
        false => {
            // SAFETY: as this function demands.
            let json5 = unsafe { text(json5, "the configuration")? };
            Config::from_json5(json5).map_err(|error| {
                invalid(&format!("this is no configuration of zenoh's: {error}"))
            })?
        }
    };
    let pinner = match pinner.is_null() {
        true => Pinner::host_only(),
        false => Pinner::clone(&*pinner.get()?),
    };
    let session = pubsub::open_within(config, &pinner, timeout).map_err(failed)?;
    place.store(Handle::open(Session { session, pinner })?);
    Ok(())
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_session_open(
    json5: *const c_char,
    pinner: Handle<Pinner>,
    session: *mut Handle<Session>,
) -> c_int {
    // SAFETY: as the header demands.
    guard::done(|| unsafe { open(json5, pinner, OPEN_TIMEOUT, session) })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_session_open_within(
    json5: *const c_char,
    pinner: Handle<Pinner>,
    timeout_ms: u64,
    session: *mut Handle<Session>,
) -> c_int {
    let timeout = Duration::from_millis(timeout_ms);
    // SAFETY: as the header demands.
    guard::done(|| unsafe { open(json5, pinner, timeout, session) })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_session_close(session: Handle<Session>) -> c_int {
    guard::done(|| {
        let closing = session.close()?;
        let closed = closing.session.close().wait();
        closed.map_err(|error| failure::zenoh("the session did not close in order", &error))
    })
}
