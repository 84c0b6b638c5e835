//! What implementations of this crate's traits promise, for whoever writes one: call these in a test of yours.
//!
//! ```toml
//! [dev-dependencies]
//! zenoh-pinned = { version = "0.1", features = ["conformance"] }
//! ```

use crate::{
    os::{self, memory::MappedRange},
    registration::{HostRegion, HostRegistration},
};

/// Regions of a test, in pages.
const PAGES: [usize; 3] = [1, 2, 16];

/// Registers regions of several sizes, one after the other and beside each other, each more than once, and unregisters
/// them in another order and from other threads. A registration that refuses is asked again: it may refuse all of them,
/// with a reason in words. The memory is private to this process and present.
///
/// # Panics
/// The registration does not do what [`HostRegistration`] says, or this process has no memory left.
pub fn host_registration(registration: &dyn HostRegistration) {
    let memory: Vec<_> = PAGES.into_iter().filter_map(memory_of).collect();
    assert_eq!(
        memory.len(),
        PAGES.len(),
        "a few pages of memory can be had"
    );
    let regions: Vec<_> = memory.iter().map(region_of).collect();
    let sharing = registration.sharing();
    for region in &regions {
        for _ in 0..3 {
            if register(registration, *region) {
                unregister(registration, *region);
            }
        }
    }
    let beside_each_other: Vec<_> = regions
        .iter()
        .filter(|region| register(registration, **region))
        .collect();
    std::thread::scope(|scope| {
        for region in beside_each_other.into_iter().rev() {
            scope.spawn(move || unregister(registration, *region));
        }
    });
    assert_eq!(
        registration.sharing(),
        sharing,
        "what it shares with does not change"
    );
    assert_eq!(
        registration.lost(),
        None,
        "nothing has happened that could lose it"
    );
}

fn memory_of(pages: usize) -> Option<MappedRange> {
    let memory = MappedRange::anonymous(pages * os::page_bytes()).ok()?;
    memory.populate().ok()?;
    Some(memory)
}

fn region_of(memory: &MappedRange) -> HostRegion {
    HostRegion {
        base: memory.base(),
        bytes: memory.bytes(),
    }
}

/// Whether the region was registered.
fn register(registration: &dyn HostRegistration, region: HostRegion) -> bool {
    // SAFETY: the caller keeps the memory mapped, and registers it by nothing else and not twice.
    match unsafe { registration.register(region) } {
        Ok(()) => true,
        Err(reason) => {
            assert!(!reason.to_string().is_empty(), "a reason has words");
            false
        }
    }
}

fn unregister(registration: &dyn HostRegistration, region: HostRegion) {
    // SAFETY: registered by the caller with this value, once, and nothing copies from it.
    let undone = unsafe { registration.unregister(region) };
    assert_eq!(
        undone,
        Ok(()),
        "what was registered can be unregistered, from any thread"
    );
}
