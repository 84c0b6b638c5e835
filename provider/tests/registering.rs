//! Registration from several processes at once: one at a time for each segment, whoever stops or dies.
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
    time::Duration,
};

use harness::{frames, host, peer, worker};
use zenoh::{Session, Wait};
use zenoh_pinned::{
    DevicePath, FallbackReason, Frame, HostRegion, HostRegistration, PinnedPool, Pinner,
};

const BYTES: [usize; 2] = [64 << 10, 128 << 10];

/// Takes a while to register, and notes when it did what.
#[derive(Debug, Default)]
struct Probe {
    /// Bytes of the region, and when its registration began and ended.
    log: Mutex<Vec<(usize, u64, u64)>>,
}

impl HostRegistration for Probe {
    unsafe fn register(&self, region: HostRegion) -> Result<(), FallbackReason> {
        let began = monotonic_microseconds();
        println!("registering {}", region.bytes);
        let time: u64 = worker::order("TAKES_MS").parse().unwrap();
        std::thread::sleep(Duration::from_millis(time));
        let entry = (region.bytes, began, monotonic_microseconds());
        self.log.lock().unwrap().push(entry);
        Ok(())
    }

    unsafe fn unregister(&self, _region: HostRegion) -> Result<(), FallbackReason> {
        Ok(())
    }
}

/// The clock that all processes share.
fn monotonic_microseconds() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: fills the structure above.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

/// Publishes one frame of each pool again and again, until told otherwise.
struct Producer {
    session: Session,
    endpoint: String,
    pools: Vec<PinnedPool>,
}

impl Producer {
    fn new(pools: usize) -> Self {
        let endpoint = peer::endpoint();
        let pool = |bytes: &usize| {
            let builder = PinnedPool::builder().slots(24).slot_bytes(*bytes);
            builder.wait(Duration::from_secs(30)).build().unwrap()
        };
        Self {
            session: peer::open(peer::listening(&endpoint), None),
            endpoint,
            pools: BYTES[..pools].iter().map(pool).collect(),
        }
    }

    fn consumer(&self, name: &str, key: &str, takes_ms: u64) -> worker::Worker {
        worker::orders(name)
            .with("KEY", key)
            .with("ENDPOINT", &self.endpoint)
            .with("TAKES_MS", takes_ms.to_string())
            .with_driver("")
            .start()
    }

    /// Sends frames until all of `consumers` have said `line`.
    fn send_until(
        &self,
        key: &'static str,
        consumers: Vec<&mut worker::Worker>,
        line: &str,
    ) -> Vec<String> {
        let publisher = self.session.declare_publisher(key).wait().unwrap();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = consumers
                .into_iter()
                .map(|consumer| scope.spawn(move || consumer.line(line)))
                .collect();
            let mut sequence = 0;
            while !waiting.iter().all(|waiting| waiting.is_finished()) {
                for (pool, bytes) in self.pools.iter().zip(BYTES) {
                    // Consumers that have seen enough keep what they have not read.
                    let Ok(mut slot) = pool.try_alloc(bytes) else {
                        continue;
                    };
                    frames::fill(&mut slot, sequence);
                    let put = publisher.put(slot.into_shm());
                    put.attachment(sequence.to_le_bytes()).wait().unwrap();
                    sequence += 1;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let said = waiting.into_iter().map(|waiting| waiting.join().unwrap());
            said.collect()
        })
    }

    fn end(self) {
        self.session.close().wait().unwrap();
        let _ = std::fs::remove_file(peer::socket_file(&self.endpoint));
        drop(self.pools);
        host::sweep_as_zenoh();
    }
}

/// A consumer: gives each frame, checked, to `look` until that says that it has seen enough.
fn consume(
    pinner: &Pinner,
    mut look: impl FnMut(usize, DevicePath, Option<FallbackReason>) -> bool,
) {
    let stream = pinner.context().unwrap().new_stream().unwrap();
    let clients = zenoh_pinned::shm_clients(pinner);
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session
        .declare_subscriber(worker::order("KEY"))
        .wait()
        .unwrap();
    println!("listening");
    loop {
        let sample = subscriber.recv().unwrap();
        let attachment = sample.attachment().unwrap().to_bytes();
        let sequence = u64::from_le_bytes(attachment.as_ref().try_into().unwrap());
        let frame = Frame::from_payload(sample.payload(), pinner).unwrap();
        let device = frame.copy_to_device(&stream).unwrap();
        let arrived = stream.clone_dtoh(&device).unwrap();
        assert!(frames::is_frame(&arrived, sequence), "frame {sequence}");
        if look(frame.len(), frame.path(), frame.reason()) {
            break;
        }
    }
    drop(subscriber);
    session.close().wait().unwrap();
}

#[test]
fn four_processes_register_the_same_segments_once_each_and_never_at_the_same_time() {
    host::alone(64, || {
        let producer = Producer::new(2);
        let name = "worker_that_probes";
        let mut consumers: Vec<_> = (0..4).map(|_| producer.consumer(name, "all", 50)).collect();
        let logs = producer.send_until("all", consumers.iter_mut().collect(), "log");
        let mut of_segment: BTreeMap<usize, Vec<(u64, u64)>> = BTreeMap::new();
        for log in &logs {
            let mut numbers = log
                .split_ascii_whitespace()
                .map(|word| word.parse().unwrap());
            let mut segments = Vec::new();
            while let Some(bytes) = numbers.next() {
                segments.push(bytes);
                let interval = (numbers.next().unwrap(), numbers.next().unwrap());
                of_segment.entry(bytes as usize).or_default().push(interval);
            }
            segments.sort_unstable();
            let whole = BYTES.map(|bytes| (24 * bytes + 4096) as u64);
            assert_eq!(segments, whole, "each process registers each segment once");
        }
        for intervals in of_segment.values_mut() {
            intervals.sort_unstable();
            assert_eq!(intervals.len(), 4);
            for pair in intervals.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "at the same time: {intervals:?}");
            }
        }
        for consumer in &mut consumers {
            consumer.end_without_report();
        }
        producer.end();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_probes() {
    let probe = Arc::new(Probe::default());
    let pinner = Pinner::builder()
        .device(0)
        .staging(0, 0)
        .registration(probe.clone())
        .build();
    let mut direct = [false; 2];
    consume(&pinner, |bytes, path, _| {
        let segment = BYTES.iter().position(|known| *known == bytes).unwrap();
        direct[segment] |= path == DevicePath::Direct;
        direct == [true; 2]
    });
    let log = probe.log.lock().unwrap();
    let words: Vec<_> = log
        .iter()
        .map(|(bytes, began, ended)| format!("{bytes} {began} {ended}"))
        .collect();
    println!("log {}", words.join(" "));
    drop(log);
    worker::wait_for_end();
}

#[test]
fn a_process_that_stops_or_dies_while_it_registers_keeps_nobody_from_its_frames() {
    host::alone(64, || {
        let producer = Producer::new(1);
        let mut holder = producer.consumer("worker_that_probes", "one", 3_600_000);
        // It has the segment's registration lock from here on.
        producer.send_until("one", vec![&mut holder], "registering");
        host::stop(&holder);
        // Frames of its own: what was sent to a stopped process would use up the pool.
        let mut other = producer.consumer("worker_behind_another", "other", 0);
        let contended = producer.send_until("other", vec![&mut other], "contended");
        assert_eq!(contended, ["Staged"]);
        holder.kill();
        producer.send_until("other", vec![&mut other], "direct");
        other.end().assert_clean();
        producer.end();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_behind_another() {
    let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
    let mut said = false;
    consume(&pinner, |_, path, reason| {
        let contended = reason == Some(FallbackReason::RegistrationContended);
        if contended && !said {
            println!("contended {path:?}");
            said = true;
        }
        said && path == DevicePath::Direct
    });
    println!("direct");
    worker::wait_for_end();
}

#[test]
fn four_processes_register_one_pool_with_the_driver_at_once_and_all_copy_directly() {
    host::alone(256, || {
        let producer = Producer::new(2);
        let name = "worker_that_registers";
        // One after the other, because zenoh processes that start at once sweep away each other's memory. The
        // first frame finds all four ready to register.
        let mut consumers: Vec<_> = (0..4)
            .map(|_| {
                let mut consumer = producer.consumer(name, "all", 0);
                consumer.line("listening");
                consumer
            })
            .collect();
        let said = producer.send_until("all", consumers.iter_mut().collect(), "registered");
        let whole: usize = BYTES.iter().map(|bytes| 24 * bytes + 4096).sum();
        assert_eq!(said, vec![whole.to_string(); 4]);
        for consumer in &mut consumers {
            let report = consumer.end();
            report.assert_clean();
            if let Some(made) = report.registrations() {
                assert_eq!(made.len(), 2, "each segment once: {made:?}");
            }
        }
        producer.end();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_registers() {
    let pinner = Pinner::builder().device(0).staging(0, 0).build();
    let mut direct = [0; 2];
    consume(&pinner, |bytes, path, reason| {
        let segment = BYTES.iter().position(|known| *known == bytes).unwrap();
        let refused = matches!(reason, Some(FallbackReason::Driver { .. }));
        assert!(!refused, "{reason:?}");
        direct[segment] += u32::from(path == DevicePath::Direct);
        direct.iter().all(|copies| *copies >= 10)
    });
    println!("registered {}", pinner.statistics().registered_bytes);
    worker::wait_for_end();
}
