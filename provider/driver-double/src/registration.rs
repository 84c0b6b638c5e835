//! Page-locked host memory: registered by the caller or allocated here.

use std::collections::BTreeMap;
use std::ffi::c_uint;

use crate::call::{Out, exports};
use crate::ledger::Made;
use crate::range::{Range, page_size};
use crate::state::{Double, State};
use crate::status::{ALREADY_REGISTERED, INVALID_VALUE, NOT_REGISTERED, OUT_OF_MEMORY, Status};

const REGISTER_FLAGS: c_uint = 0x0F;
const ALLOCATE_FLAGS: c_uint = 0x07;

pub(crate) struct Registration {
    pub(crate) range: Range,
    pub(crate) flags: c_uint,
    context: usize,
    origin: Origin,
    /// Copies and fills that were asked for and have not ended.
    pending: usize,
    closing: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Registered,
    Allocated,
}

#[derive(Default)]
pub(crate) struct Registrations {
    by_start: BTreeMap<usize, Registration>,
}

impl Registrations {
    fn registered(&self) -> impl Iterator<Item = &Registration> {
        self.by_start
            .values()
            .filter(|registration| registration.origin == Origin::Registered)
    }

    pub(crate) fn count(&self) -> usize {
        self.registered().count()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.registered().map(|found| found.range.bytes).sum()
    }

    pub(crate) fn containing(&self, address: usize) -> Option<&Registration> {
        let (_, registration) = self.by_start.range(..=address).next_back()?;
        (address < registration.range.end()).then_some(registration)
    }

    /// The registration that holds the whole range, None for pageable memory, and an error for a
    /// range that is only partly in one registration.
    pub(crate) fn holding(&self, range: Range) -> Result<Option<usize>, Status> {
        let touched = self.by_start.range(..range.end()).next_back();
        match touched.map(|(_, found)| found.range) {
            Some(found) if found.contains(range) => Ok(Some(found.start)),
            Some(found) if found.overlaps(range) => Err(INVALID_VALUE),
            _ => Ok(None),
        }
    }

    pub(crate) fn begin(&mut self, start: usize) {
        if let Some(registration) = self.by_start.get_mut(&start) {
            registration.pending += 1;
        }
    }

    pub(crate) fn end(&mut self, start: usize) {
        if let Some(registration) = self.by_start.get_mut(&start) {
            registration.pending = registration.pending.saturating_sub(1);
        }
    }

    /// What was registered in the context has gone with it, also under copies that are still to run.
    pub(crate) fn lose(&mut self, context: usize) {
        self.by_start
            .retain(|_, found| found.context != context || found.origin == Origin::Allocated);
    }

    fn insert(
        &mut self,
        range: Range,
        flags: c_uint,
        origin: Origin,
        context: usize,
    ) -> Result<(), Status> {
        let last = self.by_start.range(..range.end()).next_back();
        if last.is_some_and(|(_, found)| found.range.overlaps(range)) {
            return Err(ALREADY_REGISTERED);
        }
        let registration = Registration {
            range,
            flags,
            context,
            origin,
            pending: 0,
            closing: false,
        };
        self.by_start.insert(range.start, registration);
        Ok(())
    }
}

/// The name of the calling thread, as the kernel knows it.
fn thread_name() -> String {
    std::fs::read_to_string("/proc/thread-self/comm")
        .map_or_else(|_| "?".to_owned(), |name| name.trim_end().to_owned())
}

impl State {
    fn register(&mut self, range: Range, flags: c_uint) -> Result<(), Status> {
        let context = self.contexts.current()?;
        self.registrations
            .insert(range, flags, Origin::Registered, context)?;
        let thread = thread_name();
        if !range.is_page_aligned() {
            self.ledger
                .violation(format!("unaligned_registration: {range:x?} by {thread}"));
        }
        let bytes = range.bytes;
        self.ledger.made.push(Made { bytes, thread });
        let registered = self.registrations.bytes();
        let peak = &mut self.ledger.peak_registered_bytes;
        *peak = registered.max(*peak);
        Ok(())
    }
}

impl Double {
    fn register(&'static self, start: usize, bytes: usize, flags: c_uint) -> Result<(), Status> {
        let range = Range::new(start, bytes)?;
        if bytes == 0 || flags & !REGISTER_FLAGS != 0 || !range.is_mapped() {
            return Err(INVALID_VALUE);
        }
        self.lock().register(range, flags)
    }

    /// Takes the registration away once no copy uses it; a copy that still does is a violation.
    fn unregister(
        &'static self,
        start: usize,
        origin: Origin,
        unknown: Status,
    ) -> Result<Range, Status> {
        let mut state = self.lock();
        let State {
            registrations,
            ledger,
            ..
        } = &mut *state;
        let Some(found) = registrations
            .by_start
            .get_mut(&start)
            .filter(|found| found.origin == origin && !found.closing)
        else {
            return Err(unknown);
        };
        let range = found.range;
        found.closing = true;
        if found.pending > 0 {
            let pending = found.pending;
            let what = match origin {
                Origin::Registered => "unregister_while_copying",
                Origin::Allocated => "free_host_while_copying",
            };
            ledger.violation(format!("{what}: {range:x?}, {pending} pending"));
        }
        let mut state = self.wait_while(state, |state| {
            let found = state.registrations.by_start.get(&start);
            found.is_some_and(|found| found.pending > 0)
        });
        state.registrations.by_start.remove(&start);
        let failure = state
            .contexts
            .current()
            .map(|current| state.failure(current));
        match failure? {
            Some(code) => Err(code),
            None => Ok(range),
        }
    }

    fn allocate_host(&'static self, bytes: usize, flags: c_uint) -> Result<usize, Status> {
        let length = bytes
            .checked_next_multiple_of(page_size())
            .ok_or(OUT_OF_MEMORY)?;
        if bytes == 0 || flags & !ALLOCATE_FLAGS != 0 {
            return Err(INVALID_VALUE);
        }
        // SAFETY: a fresh private mapping at an address that the kernel picks touches nothing else.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(OUT_OF_MEMORY);
        }
        let range = Range::new(address.expose_provenance(), bytes)?;
        let mut state = self.lock();
        let context = state.contexts.current()?;
        state
            .registrations
            .insert(range, flags, Origin::Allocated, context)?;
        Ok(range.start)
    }

    fn free_host(&'static self, start: usize) -> Result<(), Status> {
        let range = self.unregister(start, Origin::Allocated, INVALID_VALUE)?;
        let length = range.bytes.next_multiple_of(page_size());
        // SAFETY: the mapping was made by `allocate_host`, and this caller alone took it away.
        unsafe { libc::munmap(range.pointer().cast(), length) };
        Ok(())
    }
}

exports! {
    [Context, bytes] fn cuMemHostRegister_v2(start: usize, bytes: usize, flags: c_uint) |double| {
        double.register(start, bytes, flags)
    };
    [Context] fn cuMemHostUnregister(start: usize) |double| {
        double.unregister(start, Origin::Registered, NOT_REGISTERED).map(drop)
    };
    [Context, bytes] fn cuMemHostAlloc(address: Out<usize>, bytes: usize, flags: c_uint) |double| {
        address.set(double.allocate_host(bytes, flags)?)
    };
    [Context, bytes] fn cuMemAllocHost_v2(address: Out<usize>, bytes: usize) |double| {
        address.set(double.allocate_host(bytes, 0)?)
    };
    [Context] fn cuMemFreeHost(start: usize) |double| double.free_host(start);
    [Context] fn cuMemHostGetDevicePointer_v2(device: Out<usize>, host: usize, flags: c_uint) |double| {
        let known = double.lock().registrations.containing(host).is_some();
        if flags != 0 || !known {
            return Err(INVALID_VALUE);
        }
        device.set(host)
    };
    [Context] fn cuMemHostGetFlags(flags: Out<c_uint>, address: usize) |double| {
        let found = double.lock().registrations.containing(address).ok_or(INVALID_VALUE)?.flags;
        flags.set(found)
    };
}
