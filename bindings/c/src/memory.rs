//! Frames of memory that C has from elsewhere, and gives back when it is told.

use std::{
    ffi::{c_int, c_void},
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use zenoh_pinned::Pinner;

use crate::{
    arguments::{Place, invalid},
    failure::failed,
    frame::Frame,
    guard,
    handles::Handle,
};

/// `zp_release`.
type Release = unsafe extern "C" fn(*mut c_void);

/// Memory of C's, given back when it is dropped.
struct Lent {
    first: *const u8,
    bytes: usize,
    release: Option<Release>,
    context: *mut c_void,
    /// Until then it is still the caller's.
    is_taken: Arc<AtomicBool>,
}

// SAFETY: the header demands bytes that nobody writes, and a function that any thread may call.
unsafe impl Send for Lent {}
// SAFETY: as above; they are only read.
unsafe impl Sync for Lent {}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the header demands that they stay where and what they are until they are given back.
        unsafe { slice::from_raw_parts(self.first, self.bytes) }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Relaxed: stored before anybody else could have the frame.
        if let Some(release) = self.release
            && self.is_taken.load(Ordering::Relaxed)
        {
            // SAFETY: the header demands a function that may be called so, and that does not unwind.
            unsafe { release(self.context) };
        }
    }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_of_memory(
    pinner: Handle<Pinner>,
    data: *const c_void,
    bytes: usize,
    release: Option<Release>,
    context: *mut c_void,
    frame: *mut Handle<Frame>,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(frame, "the place for the frame")? };
        if data.is_null() || bytes == 0 {
            return Err(invalid(
                "there are no bytes to make a frame of: data is NULL, or bytes is 0",
            ));
        }
        let pinner = match pinner.is_null() {
            true => Pinner::host_only(),
            false => Pinner::clone(&*pinner.get()?),
        };
        let is_taken = Arc::new(AtomicBool::new(false));
        let lent = Lent {
            first: data.cast(),
            bytes,
            release,
            context,
            is_taken: is_taken.clone(),
        };
        let made = zenoh_pinned::Frame::from_owner(lent, &pinner).map_err(failed)?;
        let handle = Handle::open(Frame::of(made, &pinner))?;
        // Relaxed: the handle is not known to anybody yet.
        is_taken.store(true, Ordering::Relaxed);
        place.store(handle);
        Ok(())
    })
}
