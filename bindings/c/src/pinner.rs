//! Pinners: `zp_pinner`.

use std::{
    ffi::{c_char, c_int, c_void},
    time::Duration,
};

use zenoh_pinned::Pinner;

use crate::{
    arguments::{Place, check_reserved, invalid, options},
    guard,
    handles::{Handle, Kind, Table},
    status::Status,
    text,
};

static PINNERS: Table<Pinner> = Table::new(1);

impl Kind for Pinner {
    const NAME: &'static str = "pinner";
    const CLOSED_BY: &'static str = "zp_pinner_close()";
    fn table() -> &'static Table<Self> {
        &PINNERS
    }
}

/// `zp_pinner_options`.
#[derive(Debug)]
#[repr(C)]
pub struct Options {
    target: u32,
    device: u32,
    context: *mut c_void,
    max_bytes: u64,
    max_host_bytes: u64,
    staging_slots: u32,
    staging_bytes: usize,
    time_to_live_ms: u64,
    reserved: [u64; 4],
}

/// `zp_pinner_statistics`.
#[derive(Debug)]
#[repr(C)]
pub struct Statistics {
    registered_bytes: u64,
    copies_in_flight: u64,
    holds_leaked: u64,
}

/// # Safety
/// A context that is named stays as long as anything that is made of the pinner.
unsafe fn build(options: &Options) -> Result<Pinner, Status> {
    check_reserved(options.reserved)?;
    let builder = Pinner::builder();
    let mut builder = match options.target {
        0 => builder,
        1 => builder.device(options.device as usize),
        2 if options.context.is_null() => {
            return Err(invalid(
                "the context of the pinner's options is NULL: set it to a CUcontext, or choose another target",
            ));
        }
        // SAFETY: as this function demands.
        2 => unsafe { builder.context_handle(options.context.cast()) },
        other => return Err(invalid(&format!("{other} is no zp_target"))),
    };
    if options.max_bytes > 0 {
        builder = builder.max_bytes(options.max_bytes);
    }
    if options.max_host_bytes > 0 {
        builder = builder.max_host_bytes(options.max_host_bytes);
    }
    if options.time_to_live_ms > 0 {
        builder = builder.time_to_live(Duration::from_millis(options.time_to_live_ms));
    }
    let or = |given: usize, otherwise| if given == 0 { otherwise } else { given };
    let slots = or(options.staging_slots as usize, 3);
    Ok(builder
        .staging(slots, or(options.staging_bytes, 8 << 20))
        .build())
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_pinner_open(
    given: *const Options,
    pinner: *mut Handle<Pinner>,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, three times.
        let (place, made) = unsafe {
            let place = Place::needed(pinner, "the place for the pinner")?;
            (place, options(given).map(|options| build(options)))
        };
        let pinner = made.unwrap_or_else(|| Ok(Pinner::host_only()))?;
        place.store(Handle::open(pinner)?);
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_pinner_reason(
    pinner: Handle<Pinner>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || {
        let pinner = pinner.get()?;
        let reason = pinner.reason().cloned().or_else(|| pinner.lost());
        Ok(reason.map_or_else(String::new, |reason| reason.to_string()))
    };
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_pinner_device_name(
    pinner: Handle<Pinner>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || Ok(pinner.get()?.device_name().unwrap_or_default());
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_pinner_get_statistics(
    pinner: Handle<Pinner>,
    statistics: *mut Statistics,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(statistics, "the place for the statistics")? };
        let now = pinner.get()?.statistics();
        place.store(Statistics {
            registered_bytes: now.registered_bytes,
            copies_in_flight: now.copies_in_flight as u64,
            holds_leaked: now.holds_leaked as u64,
        });
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_pinner_close(pinner: Handle<Pinner>) -> c_int {
    guard::done(|| pinner.close().map(drop))
}
