//! One suite for everything that registers host memory, through the pinner that uses it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use zenoh_pinned::{
    FallbackReason, HostRegion, HostRegistration, NoRegistration, PinnedPool, Pinner,
    conformance::host_registration,
};

/// What tests need: it keeps account, and refuses what the driver would refuse.
#[derive(Debug, Default)]
struct Ledger {
    regions: Mutex<BTreeMap<usize, usize>>,
    log: Mutex<Vec<(&'static str, usize, String)>>,
}

impl HostRegistration for Ledger {
    unsafe fn register(&self, region: HostRegion) -> Result<(), FallbackReason> {
        let base = region.base.as_ptr() as usize;
        let mut regions = self.regions.lock().unwrap();
        let overlaps = regions
            .range(..base + region.bytes)
            .next_back()
            .is_some_and(|(start, length)| start + length > base);
        assert!(!overlaps, "registrations overlap");
        assert_eq!((base % 4096, region.bytes % 4096), (0, 0), "whole pages");
        regions.insert(base, region.bytes);
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.log
            .lock()
            .unwrap()
            .push(("register", region.bytes, thread));
        Ok(())
    }

    unsafe fn unregister(&self, region: HostRegion) -> Result<(), FallbackReason> {
        let removed = self
            .regions
            .lock()
            .unwrap()
            .remove(&(region.base.as_ptr() as usize));
        assert_eq!(
            removed,
            Some(region.bytes),
            "what was registered is unregistered, once"
        );
        Ok(())
    }
}

fn pages(slots: u32) -> (PinnedPool, HostRegion) {
    let pool = PinnedPool::builder()
        .slots(slots)
        .slot_bytes(4096)
        .build()
        .unwrap();
    let slot = pool.alloc(4096).unwrap();
    let base = std::ptr::NonNull::new(slot.as_ptr().cast_mut()).unwrap();
    (pool, HostRegion { base, bytes: 4096 })
}

#[test]
fn a_ledger_conforms() {
    let ledger = Ledger::default();
    host_registration(&ledger);
    assert!(ledger.regions.lock().unwrap().is_empty());
    assert!(ledger.log.lock().unwrap().len() > 6);
}

/// The suite sees what it is there to see.
#[test]
#[should_panic(expected = "what was registered can be unregistered")]
fn one_that_cannot_unregister_does_not_conform() {
    #[derive(Debug)]
    struct Keeps;
    impl HostRegistration for Keeps {
        unsafe fn register(&self, _region: HostRegion) -> Result<(), FallbackReason> {
            Ok(())
        }
        unsafe fn unregister(&self, _region: HostRegion) -> Result<(), FallbackReason> {
            Err(FallbackReason::Unsupported)
        }
    }
    host_registration(&Keeps);
}

#[test]
fn no_registration_conforms_and_gives_its_reason_every_time() {
    let none = NoRegistration::because(FallbackReason::NoDriver);
    host_registration(&none);
    let (_pool, region) = pages(1);
    // SAFETY: nothing is ever registered by it.
    let refused = unsafe { none.register(region) };
    assert_eq!(refused, Err(FallbackReason::NoDriver));
}

#[test]
fn a_pinner_registers_each_segment_once_on_its_own_thread_and_undoes_it() {
    harness::driver::with_driver("", || {
        let ledger = Arc::new(Ledger::default());
        let pinner = Pinner::builder()
            .device(0)
            .registration(ledger.clone())
            .staging(2, 1 << 20)
            .build();
        let pool = PinnedPool::builder()
            .slots(4)
            .slot_bytes(4096)
            .slots_per_segment(2)
            .build()
            .unwrap();
        let _held: Vec<_> = (0..4).map(|_| pool.alloc(1).unwrap()).collect();
        for _ in 0..5 {
            pinner.register_pool(&pool);
        }
        harness::eventually("two segments, two staging slots", || {
            ledger.regions.lock().unwrap().len() == 4
        });
        assert_eq!(
            pinner.statistics().registered_bytes,
            2 * 3 * 4096 + 2 * (1 << 20)
        );
        let log = ledger.log.lock().unwrap().clone();
        assert_eq!(log.len(), 4);
        assert!(
            log.iter().all(|(_, _, thread)| thread == "zpin-registrar"),
            "{log:?}"
        );
        drop(pinner);
        assert!(ledger.regions.lock().unwrap().is_empty());
    })
    .assert_clean();
}

#[test]
fn the_drivers_registration_conforms() {
    let report = harness::driver::with_driver("", || {
        let pinner = Pinner::builder().device(0).staging(0, 0).build();
        let pool = PinnedPool::builder()
            .slots(4)
            .slot_bytes(4096)
            .build()
            .unwrap();
        for _ in 0..3 {
            pinner.register_pool(&pool);
        }
        harness::eventually("the segment", || {
            pinner.statistics().registered_bytes == 5 * 4096
        });
    });
    report.assert_clean();
    if let Some(made) = report.registrations() {
        assert_eq!(made, [(5 * 4096, String::from("zpin-registrar"))]);
    }
}

#[test]
fn the_budget_bounds_what_is_ever_registered() {
    let report = harness::driver::with_driver("", || {
        let pinner = Pinner::builder()
            .device(0)
            .staging(1, 1 << 20)
            .max_bytes((1 << 20) + 3 * 4096)
            .build();
        let fits = PinnedPool::builder()
            .slots(2)
            .slot_bytes(4096)
            .build()
            .unwrap();
        let does_not = PinnedPool::builder()
            .slots(1)
            .slot_bytes(4096)
            .build()
            .unwrap();
        pinner.register_pool(&fits);
        pinner.register_pool(&does_not);
        harness::eventually("the first", || {
            pinner.statistics().registered_bytes == (1 << 20) + 3 * 4096
        });
        // One thread registers, in order: a third request that was answered means the second was too.
        drop(fits);
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(pinner.statistics().registered_bytes, (1 << 20) + 3 * 4096);
    });
    report.assert_clean();
    if let Some(peak) = report.peak_registered_bytes() {
        assert_eq!(peak, (1 << 20) + 3 * 4096);
    }
}
