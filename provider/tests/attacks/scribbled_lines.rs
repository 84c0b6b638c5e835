//! A reader and a publisher in processes of their own, while somebody writes noise over the inbox between them.

use std::time::{Duration, Instant};

use zenoh_pinned::{
    PinnedPool, Pinner,
    bindings::line::{Inbox, LaneOwner, LaneState, Line, Outgoing, Overflow, Peer, sleep_unless},
    shm_clients,
};

use crate::{
    harness::{
        attack, eventually,
        worker::{self, Worker},
    },
    inbox_words,
};

const BYTES: usize = 4096;

fn publisher(address: &str) -> Worker {
    let orders = worker::orders("scribbled_lines::worker_that_publishes_by_lines");
    let mut publisher = orders.with("ADDRESS", address).start();
    publisher.line("begins");
    publisher
}

#[test]
fn noise_in_an_inbox_costs_frames_and_neither_end_nor_a_slot() {
    let parts = ["bell", "entries", "rings", "lanes", "head", "everything"];
    for (part, seed) in parts.into_iter().zip(1..) {
        let orders = worker::orders("scribbled_lines::worker_that_reads_lines");
        let mut reader = orders.start();
        let address = reader.line("address ");
        let mut publishers = [publisher(&address), publisher(&address)];
        let path = inbox_words::path_of(address.parse().unwrap());
        let going = attack::start("scribble_inbox", &[&path, part, &seed.to_string()]);
        std::thread::sleep(Duration::from_millis(1500));
        drop(going);
        // Whoever still runs answers; a crash or a hang does not.
        reader.tell("how much");
        println!("{part}: {}", reader.line("took"));
        for publisher in &mut publishers {
            publisher.tell("how much");
            println!("{part}: {}", publisher.line("put"));
        }
        reader.end_without_report();
        for publisher in &mut publishers {
            publisher.line("free");
            publisher.end_without_report();
        }
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_reads_lines() {
    let pinner = Pinner::host_only();
    let inbox = Inbox::new(4, Overflow::DropOldest, shm_clients(&pinner)).unwrap();
    println!("address {}", inbox.address());
    let asked = std::thread::spawn(|| drop(worker::told().next()));
    let (mut frames, mut errors, mut ends) = (0u64, 0u64, 0u64);
    let mut met = [false; 16];
    while !asked.is_finished() {
        sleep_unless(&[inbox.bell()], Duration::from_millis(5), || false);
        inbox.release_left_behind();
        for lane in inbox.lanes() {
            match inbox.state(lane) {
                LaneState::Open | LaneState::Closed if !met[lane] => {
                    met[lane] = inbox.meet(lane).is_ok();
                    if !met[lane] {
                        ends += 1;
                        inbox.release(lane);
                    }
                }
                LaneState::Closed if !inbox.has_unread(lane) => {
                    met[lane] = false;
                    inbox.release(lane);
                }
                LaneState::Free | LaneState::Abandoned => met[lane] = false,
                _ => {}
            }
            // As many as can honestly be there.
            for _ in 0..4 {
                match inbox.take(lane, &pinner) {
                    Ok(Some(delivery)) => match delivery.frame {
                        Ok(frame) => {
                            frames += 1;
                            // Every byte can be read, whichever frame it is.
                            let _: u64 = frame.iter().map(|byte| u64::from(*byte)).sum();
                        }
                        Err(_) => errors += 1,
                    },
                    Ok(None) => break,
                    Err(_) => {
                        ends += 1;
                        break;
                    }
                }
            }
        }
    }
    println!("took {frames} frames, {errors} errors, {ends} ends");
    worker::wait_for_end();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_publishes_by_lines() {
    let address = worker::order("ADDRESS").parse().unwrap();
    let pool = PinnedPool::builder()
        .slots(16)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(20))
        .build()
        .unwrap();
    println!("begins");
    let asked = std::thread::spawn(|| drop(worker::told().next()));
    let owner = LaneOwner {
        process: Peer::this_process().unwrap(),
        source: (1, std::process::id()),
        key: String::from("camera"),
        alone: false,
        first: 0,
    };
    let (mut frames, mut ends, mut line) = (0u64, 0u64, None);
    while !asked.is_finished() {
        // A line that has ended is opened again, if it can be.
        let Some(open) = line.take().or_else(|| Line::open(address, &owner).ok()) else {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        let payload = pool.alloc(BYTES).unwrap().into_shm();
        let outgoing = Outgoing::new(&payload, None, None, false).unwrap();
        match open.put(&outgoing) {
            Ok(_) => {
                frames += 1;
                line = Some(open);
            }
            Err(_) => ends += 1,
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    println!("put {frames} frames, {ends} ends");
    let started = Instant::now();
    // The reader has gone.
    eventually("the slots", || pool.statistics().in_use == 0);
    println!("free after {:?}", started.elapsed());
    worker::wait_for_end();
}
