//! What processes register, beside what they have in memory.

use zenoh_pinned::{FallbackReason, Frame, HostUsage, Pinner};

use crate::{
    MEBIBYTE,
    harness::{eventually, host, worker},
    pool_of,
};

#[test]
fn registrations_of_all_processes_count_each_where_it_is_made() {
    host::alone(256, || {
        // Each wants 16 MiB registered; the third is refused, with the numbers of all.
        let start = |said: &str| {
            let mut worker = worker::orders("registrations::worker_registering")
                .with_driver("")
                .start();
            assert_eq!(worker.line("registered"), said);
            worker
        };
        let mut first = start("16777216, None");
        let mut second = start("16777216, None");
        let mut third = start(
            "0, Some(OverBudget { scope: Host, needed_bytes: 16777216, used_bytes: 33554432, \
             limit_bytes: 41943040 })",
        );
        let usage = HostUsage::now().unwrap();
        assert_eq!(usage.registered_bytes, 32 * MEBIBYTE);
        assert_eq!(usage.memory_bytes, 48 * MEBIBYTE);
        assert_eq!(usage.processes.len(), 3, "{usage:?}");
        first.end().assert_clean();
        third.line("direct at last");
        second.end().assert_clean();
        third.end().assert_clean();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_registering() {
    let pinner = Pinner::builder()
        .device(0)
        .staging(0, 0)
        .max_host_bytes(40 * MEBIBYTE)
        .build();
    let pool = pool_of(16, 256 * MEBIBYTE).unwrap();
    let payload = pool.alloc(1000).unwrap().into_shm();
    let reason = || Frame::from_payload(&payload, &pinner).unwrap().reason();
    eventually("an answer", || {
        reason() != Some(FallbackReason::RegistrationPending)
    });
    let registered_bytes = pinner.statistics().registered_bytes;
    println!("registered {registered_bytes}, {:?}", reason());
    eventually("registration", || reason().is_none());
    println!("direct at last");
    worker::wait_for_end();
}
