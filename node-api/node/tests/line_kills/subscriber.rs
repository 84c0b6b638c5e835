//! Subscribers in processes of their own: ours, and one of zenoh's that knows nothing of this library.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use zenoh::Wait;
use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, Overflow, ReceiveError};

use crate::{
    checked::{Came, name_of},
    worker::{config, end_of_input, order},
};

fn endpoints() -> Vec<String> {
    order("ENDPOINTS")
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_subscribes() {
    let pinner = Pinner::host_only();
    let session = pubsub::open(config(&[], &endpoints()), &pinner).unwrap();
    let refuses = order("OVERFLOW") == "refuse";
    let overflow = match refuses {
        true => Overflow::Refuse,
        false => Overflow::DropOldest,
    };
    let frames = FrameSubscriber::builder(&pinner)
        .capacity(order("CAPACITY").parse().unwrap())
        .overflow(overflow)
        .declare(&session, &order("KEY"))
        .unwrap();
    assert_eq!(frames.no_line(), None);
    println!("declared");
    let ended = end_of_input();
    let (mut came, mut errors, mut held) = (Came::default(), 0u64, None);
    let leaves = order("LEAVES") == "true";
    while !leaves || !ended.load(Ordering::Relaxed) {
        match frames.recv_timeout(Duration::from_millis(100)) {
            Ok(received) => {
                came.comes(name_of(&received.frame));
                // The one before is let go of now.
                held = Some(received);
            }
            // Of a publisher that was killed.
            Err(ReceiveError::Frame(error)) => {
                println!("{error}");
                errors += 1;
            }
            Err(ReceiveError::TimedOut(_)) if ended.load(Ordering::Relaxed) => break,
            Err(ReceiveError::TimedOut(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    drop(held);
    let overrun = frames.overrun();
    println!(
        "summary overrun={overrun} errors={errors} {}",
        came.summary()
    );
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_is_unmodified() {
    let session = zenoh::open(config(&[], &endpoints())).wait().unwrap();
    let came = Arc::new(Mutex::new(Came::default()));
    let into = came.clone();
    let _subscriber = session
        .declare_subscriber(order("KEY"))
        .callback(move |sample| {
            let name = name_of(&sample.payload().to_bytes());
            into.lock().unwrap().comes(name);
        })
        .wait()
        .unwrap();
    println!("declared");
    let ended = end_of_input();
    while !ended.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("summary {}", came.lock().unwrap().summary());
}
