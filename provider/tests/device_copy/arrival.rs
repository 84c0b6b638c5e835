//! Frames of another process, copied late, arrive whole.

use super::*;

#[test]
fn a_thousand_frames_dropped_at_once_arrive_whole_though_they_are_copied_late() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("arrival::worker_consumer_of_a_thousand")
        .with("ENDPOINT", &endpoint)
        .with_driver("copy_delay_us=5000")
        .start();
    consumer.line("listening");
    let session = peer::open(peer::connecting(&endpoint), None);
    let publisher = peer::publisher(&session, "frames");
    let pool = pool(8);
    for sequence in 0..1000 {
        publisher.put(payload(&pool, sequence)).wait().unwrap();
    }
    println!("{:?}", pool.statistics());
    assert_eq!(consumer.line("whole"), "1000");
    let report = consumer.end();
    report.assert_clean();
    if let Some(made) = report.registrations() {
        let segment = (8 * BYTES + 4096) as u64;
        let of_segment = made.iter().filter(|(bytes, _)| *bytes == segment).count();
        assert_eq!(of_segment, 1, "one registration a segment: {made:?}");
        assert!(
            made.iter().all(|(_, thread)| thread == "zpin-registrar"),
            "{made:?}"
        );
    }
    pool.drain(Duration::from_secs(30)).unwrap();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_of_a_thousand() {
    let (pinner, stream) = device();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    let mut paths = [0; 4];
    let copies: Vec<_> = (0..1000)
        .map(|_| {
            let sample = subscriber.recv().unwrap();
            let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
            drop(sample);
            let device = frame.copy_to_device(&stream).unwrap();
            paths[frame.path() as usize] += 1;
            device
        })
        .collect();
    let whole = (0..)
        .zip(&copies)
        .filter(|(sequence, device)| frames::is_on_device(&stream, *device, *sequence))
        .count();
    println!("paths {paths:?}");
    assert!(paths[DevicePath::Direct as usize] > 900, "{paths:?}");
    println!("whole {whole}");
    worker::wait_for_end();
    drop((copies, subscriber));
    session.close().wait().unwrap();
}
