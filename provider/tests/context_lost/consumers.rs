//! One consumer loses its context, beside others.

use super::*;

#[test]
fn a_consumer_that_loses_its_context_reads_on_and_the_others_notice_nothing() {
    if driver::only_real_is_here("a real context does not fail to order") {
        return;
    }
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    let mut consumers = ["20", "never"].map(|lose_at| {
        worker::orders("consumers::worker_consumer")
            .with("ENDPOINT", &endpoint)
            .with("LOSE_AT", lose_at)
            .with_driver("copy_delay_us=5000")
            .start()
    });
    let ready = session.declare_subscriber("ready").wait().unwrap();
    consumers
        .iter_mut()
        .for_each(|consumer| drop(consumer.line("listening")));
    for _ in &consumers {
        ready.recv().unwrap();
    }
    let publisher = peer::publisher(&session, "frames");
    let pool = PinnedPool::builder()
        .slots(8)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap();
    for sequence in 0..200 {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    let [losing, other] = &mut consumers;
    let leaked: u32 = losing.line("leaked").parse().unwrap();
    assert_eq!(other.line("leaked"), "0");
    assert_eq!(
        (losing.line("host"), losing.line("device")),
        ("180".into(), "20".into())
    );
    assert_eq!(
        (other.line("host"), other.line("device")),
        ("0".into(), "200".into())
    );
    eventually("all but the lost slots", || {
        pool.statistics().in_use == leaked
    });
    losing.end().assert_no_violation();
    other.end().assert_clean();
    let _ = std::fs::remove_file(peer::socket_file(&endpoint));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer() {
    let pinner = Pinner::builder().device(0).build();
    let stream = pinner.context().unwrap().new_stream().unwrap();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    peer::publisher(&session, "ready").put("").wait().unwrap();
    let (mut host, mut copies) = (0, Vec::new());
    for sequence in 0..200 {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        drop(sample);
        if worker::order("LOSE_AT") == sequence.to_string() {
            driver::set("lose_context=0:719");
        }
        match frame.copy_to_device(&stream) {
            Ok(device) => copies.push((sequence, device)),
            Err(CopyError::ContextLost { code: 719, .. }) => {
                assert!(frames::is_frame(&frame, sequence));
                host += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    if pinner.lost().is_none() {
        let whole = |(sequence, device)| frames::is_on_device(&stream, device, sequence);
        assert!(
            copies
                .iter()
                .map(|(sequence, device)| (*sequence, device))
                .all(whole)
        );
    }
    eventually("what is in flight ends or is lost", || {
        let statistics = pinner.statistics();
        statistics.copies_in_flight == statistics.holds_leaked
    });
    println!("leaked {}", pinner.statistics().holds_leaked);
    println!("host {host}");
    println!("device {}", copies.len());
    worker::wait_for_end();
    drop(subscriber);
    session.close().wait().unwrap();
}
