//! Slots: `zp_slot`, written by the CPU or by a device.
//!
//! Locks: one for each slot, taken by a call and never waited for: the header allows one thread at a time.
//!
//! Invariant: its address stays what it was told when it was allocated.

use std::{
    ffi::{c_int, c_void},
    sync::{Mutex, MutexGuard, TryLockError},
};

use zenoh_pinned::{CopyBack, Pinner};

use crate::{
    arguments::{Place, invalid},
    device_copy,
    failure::failed,
    guard,
    handles::{self, Handle, Kind, Table},
    last_error,
    status::Status,
};

/// A slot until it is put or dropped.
#[derive(Debug)]
pub struct Slot {
    address: usize,
    bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Written(zenoh_pinned::Slot),
    ByADevice(CopyBack),
    /// A copy could not be made, and the memory has gone back.
    Lost,
}

static SLOTS: Table<Slot> = Table::new(4);

impl Kind for Slot {
    const NAME: &'static str = "slot";
    const CLOSED_BY: &'static str = "zp_publisher_put() or zp_slot_drop()";
    fn table() -> &'static Table<Self> {
        &SLOTS
    }
}

impl Slot {
    pub(crate) fn new(mut slot: zenoh_pinned::Slot) -> Self {
        Self {
            // C writes through it later, when nothing here has a reference to the bytes.
            address: slot.as_mut_ptr().expose_provenance(),
            bytes: slot.len(),
            state: Mutex::new(State::Written(slot)),
        }
    }

    /// Where the bytes are.
    pub(crate) fn address(&self) -> *mut c_void {
        std::ptr::with_exposed_provenance_mut(self.address)
    }

    /// The slot with all its bytes there.
    pub(crate) fn into_written(self) -> Result<zenoh_pinned::Slot, Status> {
        let state = self.state.into_inner();
        match state.unwrap_or_else(|poisoned| poisoned.into_inner()) {
            State::Written(slot) => Ok(slot),
            State::ByADevice(copying) => copying.wait().map_err(failed),
            State::Lost => Err(lost()),
        }
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, Status> {
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(handles::busy::<Self>()),
        }
    }
}

#[cold]
fn lost() -> Status {
    last_error::keep(
        Status::Closed,
        &"a copy into this slot failed, so its memory went back to the pool: drop it and allocate another one",
    )
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_slot_data(
    slot: Handle<Slot>,
    data: *mut *mut c_void,
    bytes: *mut usize,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, twice.
        let (data, bytes) = unsafe { (Place::optional(data), Place::optional(bytes)) };
        let slot = slot.get()?;
        match &*slot.state()? {
            State::Written(_) => {}
            State::ByADevice(_) => {
                return Err(last_error::keep(
                    Status::Busy,
                    &"a device writes this slot: call zp_slot_wait() first",
                ));
            }
            State::Lost => return Err(lost()),
        }
        data.store(slot.address());
        bytes.store(slot.bytes);
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_slot_copy_from_device(
    slot: Handle<Slot>,
    pinner: Handle<Pinner>,
    address: u64,
    bytes: usize,
    stream: *mut c_void,
) -> c_int {
    guard::done(|| {
        let (slot, pinner) = (slot.get()?, pinner.get()?);
        let mut state = slot.state()?;
        if bytes != slot.bytes || address == 0 {
            return Err(invalid(&format!(
                "{bytes} bytes at device address {address:#x} do not fit a slot of {}: copy as many as it has",
                slot.bytes
            )));
        }
        // SAFETY: the header demands a stream of the pinner's context.
        let stream = unsafe { device_copy::stream(&pinner, stream)? };
        match std::mem::replace(&mut *state, State::Lost) {
            State::Written(written) => {
                let (stream, pinner) = (&stream, &pinner);
                // SAFETY: the header demands so many bytes there, that stay as they are.
                let copying = unsafe { written.copy_from_address(address, bytes, stream, pinner) };
                *state = State::ByADevice(copying.map_err(failed)?);
                Ok(())
            }
            State::Lost => Err(lost()),
            copying => {
                *state = copying;
                Err(last_error::keep(
                    Status::Busy,
                    &"a device writes this slot already: call zp_slot_wait() first",
                ))
            }
        }
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_slot_wait(slot: Handle<Slot>) -> c_int {
    guard::done(|| {
        let slot = slot.get()?;
        let mut state = slot.state()?;
        match std::mem::replace(&mut *state, State::Lost) {
            State::Lost => return Err(lost()),
            State::ByADevice(copying) => *state = State::Written(copying.wait().map_err(failed)?),
            written => *state = written,
        }
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_slot_drop(slot: Handle<Slot>) -> c_int {
    guard::done(|| slot.take_alone().map(drop))
}
