//! Publishers: `zp_publisher`.

use std::{
    ffi::{c_char, c_int, c_void},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zenoh_pinned::{AllocError, Pinner, bindings::interruptible};
use zenoh_pinned_node::pubsub::PinnedPublisher;

use crate::{
    arguments::{Place, check_reserved, invalid, list, options, text},
    failure::failed,
    guard,
    handles::{Handle, Kind, Table},
    last_error,
    session::Session,
    slot::Slot,
    status::Status,
    text,
};

/// A publisher, until it is closed.
#[derive(Debug)]
pub struct Publisher {
    publisher: PinnedPublisher,
    session: zenoh::Session,
    wait: Duration,
    /// Set when its handle is closed, for those that wait.
    ends: Arc<AtomicBool>,
}

static PUBLISHERS: Table<Publisher> = Table::new(3);

impl Kind for Publisher {
    const NAME: &'static str = "publisher";
    const CLOSED_BY: &'static str = "zp_publisher_close()";
    fn table() -> &'static Table<Self> {
        &PUBLISHERS
    }
}

impl Publisher {
    fn check_session(&self) -> Result<(), Status> {
        match self.session.is_closed() {
            false => Ok(()),
            true => Err(last_error::keep(
                Status::Closed,
                &"the publisher's session is closed: open another one and declare a publisher of it",
            )),
        }
    }

    fn allocate(&self, bytes: usize, wait: Duration) -> Result<zenoh_pinned::Slot, Status> {
        let ends = self.ends.clone();
        // Relaxed: a flag that orders nothing.
        let is_wanted = move || ends.load(Ordering::Relaxed);
        let slot = interruptible(is_wanted, || {
            self.publisher.pool().alloc_timeout(bytes, wait)
        });
        slot.map_err(|error| match error {
            AllocError::Interrupted => closed_meanwhile(),
            other => failed(other),
        })
    }
}

#[cold]
fn closed_meanwhile() -> Status {
    last_error::keep(
        Status::Closed,
        &"the publisher was closed while this call waited: end the threads that use it before",
    )
}

/// `zp_publisher_options`.
#[derive(Debug)]
#[repr(C)]
pub struct Options {
    frame_bytes: usize,
    slots: u32,
    alone: u32,
    no_line: u32,
    max_bytes: u64,
    wait_ms: u64,
    reserved: [u64; 4],
}

/// `zp_pool_statistics`.
#[derive(Debug)]
#[repr(C)]
pub struct Statistics {
    slots: u64,
    slot_bytes: u64,
    in_use: u64,
    segments: u64,
    bytes: u64,
    allocations: u64,
    waits: u64,
    timeouts: u64,
    waited_ns: u64,
    rejected_releases: u64,
    reclaimed: u64,
    quarantined: u64,
    tombstones: u64,
    segments_given_back: u64,
}

fn declare(session: &Session, key: &str, options: &Options) -> Result<Publisher, Status> {
    check_reserved(options.reserved)?;
    if options.frame_bytes == 0 {
        return Err(invalid(
            "frame_bytes of the publisher's options is 0: set it to the bytes of the largest frame",
        ));
    }
    let wait = match options.wait_ms {
        0 => Duration::from_secs(1),
        wait => Duration::from_millis(wait),
    };
    let builder = PinnedPublisher::builder(options.frame_bytes).wait(wait);
    let mut builder = builder.line(options.no_line == 0);
    if options.slots > 0 {
        builder = builder.slots(options.slots);
    }
    if options.max_bytes > 0 {
        builder = builder.max_bytes(options.max_bytes);
    }
    if options.alone != 0 {
        builder = builder.alone();
    }
    let session = session.session.clone();
    let publisher = builder.declare(&session, key).map_err(failed)?;
    Ok(Publisher {
        publisher,
        session,
        wait,
        ends: Arc::default(),
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_declare(
    session: Handle<Session>,
    key: *const c_char,
    given: *const Options,
    publisher: *mut Handle<Publisher>,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, three times.
        let (place, key, given) = unsafe {
            let place = Place::needed(publisher, "the place for the publisher")?;
            (place, text(key, "the key")?, options(given))
        };
        let given = given.ok_or_else(|| {
            invalid("the publisher's options are NULL: they have to say frame_bytes at least")
        })?;
        let declared = declare(&*session.get()?, key, given)?;
        place.store(Handle::open(declared)?);
        Ok(())
    })
}

/// # Safety
/// The places as the header demands.
unsafe fn allocate(
    publisher: Handle<Publisher>,
    bytes: usize,
    timeout: Option<Duration>,
    slot: *mut Handle<Slot>,
    data: *mut *mut c_void,
) -> c_int {
    guard::done(|| {
        // SAFETY: as this function demands, twice.
        let (place, data) = unsafe {
            let place = Place::needed(slot, "the place for the slot")?;
            (place, Place::optional(data))
        };
        let publisher = publisher.get()?;
        let allocated = publisher.allocate(bytes, timeout.unwrap_or(publisher.wait))?;
        let slot = Slot::new(allocated);
        let address = slot.address();
        place.store(Handle::open(slot)?);
        data.store(address);
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_allocate(
    publisher: Handle<Publisher>,
    bytes: usize,
    slot: *mut Handle<Slot>,
    data: *mut *mut c_void,
) -> c_int {
    // SAFETY: as the header demands.
    unsafe { allocate(publisher, bytes, None, slot, data) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_allocate_within(
    publisher: Handle<Publisher>,
    bytes: usize,
    timeout_ms: u64,
    slot: *mut Handle<Slot>,
    data: *mut *mut c_void,
) -> c_int {
    let timeout = Duration::from_millis(timeout_ms);
    // SAFETY: as the header demands.
    unsafe { allocate(publisher, bytes, Some(timeout), slot, data) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_put(
    publisher: Handle<Publisher>,
    slot: Handle<Slot>,
    attachment: *const c_void,
    attachment_bytes: usize,
) -> c_int {
    guard::done(|| {
        // First of all, so that it is given away whatever follows.
        let slot = slot.take_alone()?;
        let publisher = publisher.get()?;
        let attachment = attachment.cast::<u8>();
        // SAFETY: as the header demands.
        let attachment = unsafe { list(attachment, attachment_bytes, "the attachment")? };
        publisher.check_session()?;
        let slot = slot.into_written()?;
        let put = match attachment {
            [] => publisher.publisher.put(slot),
            bytes => publisher.publisher.put_with(slot, bytes),
        };
        put.map_err(failed)
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_publisher_drain(publisher: Handle<Publisher>, timeout_ms: u64) -> c_int {
    guard::done(|| {
        let publisher = publisher.get()?;
        let ends = publisher.ends.clone();
        let wait = Duration::from_millis(timeout_ms);
        // Relaxed: a flag that orders nothing.
        let drained = interruptible(
            move || ends.load(Ordering::Relaxed),
            || publisher.publisher.drain(wait),
        );
        drained.map_err(|held| match publisher.ends.load(Ordering::Relaxed) {
            true => closed_meanwhile(),
            false => failed(held),
        })
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_get_statistics(
    publisher: Handle<Publisher>,
    statistics: *mut Statistics,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(statistics, "the place for the statistics")? };
        let now = publisher.get()?.publisher.statistics();
        place.store(Statistics {
            slots: now.slots.into(),
            slot_bytes: now.slot_bytes as u64,
            in_use: now.in_use.into(),
            segments: now.segments.into(),
            bytes: now.bytes,
            allocations: now.allocations,
            waits: now.waits,
            timeouts: now.timeouts,
            waited_ns: u64::try_from(now.waited.as_nanos()).unwrap_or(u64::MAX),
            rejected_releases: now.rejected_releases,
            reclaimed: now.reclaimed,
            quarantined: now.quarantined.into(),
            tombstones: now.tombstones.into(),
            segments_given_back: now.segments_given_back,
        });
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_holders(
    publisher: Handle<Publisher>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || Ok(publisher.get()?.publisher.pool().holders().to_string());
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_quarantine(
    publisher: Handle<Publisher>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || Ok(lines(publisher.get()?.publisher.pool().quarantine()));
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_lines(
    publisher: Handle<Publisher>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || {
        let subscribers = publisher.get()?.publisher.lines();
        Ok(lines(subscribers.iter().map(|to| {
            let whom = to.pid.map_or_else(
                || String::from("a process elsewhere"),
                |pid| format!("process {pid}"),
            );
            match &to.reason {
                None => format!(
                    "{whom} by a line, {} unread, {} overwritten",
                    to.unread, to.overwritten
                ),
                Some(reason) => format!("{whom} by zenoh: {reason}"),
            }
        })))
    };
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// One a line.
pub(crate) fn lines<T: std::fmt::Display>(all: impl IntoIterator<Item = T>) -> String {
    let lines: Vec<_> = all.into_iter().map(|one| one.to_string()).collect();
    lines.join("\n")
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_publisher_reason(
    publisher: Handle<Publisher>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || {
        let publisher = publisher.get()?;
        let reason = publisher.publisher.pool().reason();
        Ok(reason.map_or_else(String::new, ToString::to_string))
    };
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_publisher_register(
    publisher: Handle<Publisher>,
    pinner: Handle<Pinner>,
) -> c_int {
    guard::done(|| {
        pinner
            .get()?
            .register_pool(publisher.get()?.publisher.pool());
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_publisher_close(publisher: Handle<Publisher>) -> c_int {
    guard::done(|| {
        let closed = publisher.close()?;
        // Relaxed: a flag that orders nothing.
        closed.ends.store(true, Ordering::Relaxed);
        Ok(())
    })
}
