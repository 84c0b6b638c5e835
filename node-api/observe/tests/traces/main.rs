//! A frame's trace, whole from put to device, as a collector has it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../../provider/tests/harness/mod.rs"]
mod harness;

mod collector;

use std::time::Duration;

use collector::{Collected, Collector};
use harness::{eventually, peer, worker};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, PinnedPublisher};
use zenoh_pinned_observe::{TraceError, Traces};

const BYTES: usize = 300_000;
const FRAMES: usize = 12;

/// Traces of frames from a camera's process to the device of a detector's process, by the way `line`.
fn traces(line: &str, ratio: &str) -> Vec<Vec<Collected>> {
    let collector = Collector::begin();
    let endpoint = peer::endpoint();
    let orders = |name: &str| {
        let orders = worker::orders(name).with("ENDPOINT", &endpoint);
        let orders = orders
            .with("COLLECTOR", collector.endpoint())
            .with("RATIO", ratio);
        orders.with("ZENOH_PINNED_LINE", line)
    };
    let mut detector = orders("worker_that_detects").with_driver("").start();
    detector.line("listening");
    let mut camera = orders("worker_that_films").start();
    detector.line("all are copied");
    camera.end_without_report();
    detector.end().assert_clean();
    // Whatever is sampled has been sent when both have ended.
    collector.until("spans come", |spans| {
        ratio == "0.5" || spans.len() == 3 * FRAMES
    })
}

/// Fails unless this is a frame's whole way.
fn assert_whole(trace: &[Collected]) {
    let one = |name: &str| {
        let named: Vec<_> = trace
            .iter()
            .filter(|found| found.span.name.starts_with(name))
            .collect();
        assert_eq!(named.len(), 1, "{trace:#?}");
        named[0].clone()
    };
    let (put, received, copied) = (one("put"), one("receive"), one("copy_to_device"));
    assert_eq!(trace.len(), 3);
    assert_eq!(
        (put.service.as_str(), received.service.as_str()),
        ("camera", "detector")
    );
    assert_eq!(copied.service, "detector");
    assert_eq!(put.span.kind(), SpanKind::Producer);
    assert_eq!(received.span.kind(), SpanKind::Consumer);
    assert!(put.span.parent_span_id.is_empty());
    assert_eq!(received.span.parent_span_id, put.span.span_id);
    assert_eq!(copied.span.parent_span_id, received.span.span_id);
    for one in [&put, &received, &copied] {
        assert!(one.span.start_time_unix_nano <= one.span.end_time_unix_nano);
        assert_eq!(
            one.text("messaging.message.body.size"),
            Some(BYTES.to_string())
        );
    }
    assert!(put.span.start_time_unix_nano <= received.span.end_time_unix_nano);
    assert!(received.span.start_time_unix_nano <= copied.span.start_time_unix_nano);
    let key = Some(String::from("camera"));
    assert_eq!(
        (
            put.text("messaging.destination.name"),
            put.text("messaging.system")
        ),
        (key, Some("zenoh".to_owned()))
    );
    // The first may be copied before its segment is registered.
    match copied.text("zenoh_pinned.path").unwrap().as_str() {
        "direct" => assert_eq!(copied.text("zenoh_pinned.reason"), None),
        _ => assert!(copied.text("zenoh_pinned.reason").is_some()),
    }
}

#[test]
fn a_frame_by_the_line_has_one_trace_from_put_to_device_in_two_processes() {
    let traces = traces("on", "1");
    assert_eq!(traces.len(), FRAMES);
    traces.iter().for_each(|trace| assert_whole(trace));
    let direct = traces.iter().flatten();
    let direct =
        direct.filter(|found| found.text("zenoh_pinned.path").as_deref() == Some("direct"));
    assert!(direct.count() > 0);
}

#[test]
fn a_frame_by_zenoh_has_one_too() {
    let traces = traces("off", "1");
    assert_eq!(traces.len(), FRAMES);
    traces.iter().for_each(|trace| assert_whole(trace));
}

#[test]
fn a_trace_that_is_sampled_is_whole_and_others_are_absent() {
    let traces = traces("on", "0.5");
    // One in a thousand runs has all or none of twelve.
    assert!(traces.len() < FRAMES, "{}", traces.len());
    traces.iter().for_each(|trace| assert_whole(trace));
}

#[test]
fn a_message_that_carries_its_senders_trace_goes_on_in_it() {
    use zenoh_pinned::bindings::trace::{TraceContext, begin, tell_put_within};

    let collector = Collector::begin();
    let (traces, layer) = Traces::builder()
        .endpoint(collector.endpoint())
        .layer()
        .unwrap();
    let subscriber =
        tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), layer);
    // As dora writes it into a message.
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let given = TraceContext::of_traceparent(given).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tell_put_within(begin().unwrap(), given, "image", 7);
    });
    // What waits is sent at the end.
    drop(traces);
    let sent = collector.until("the span comes", |spans| spans.len() == 1);
    let put = &sent[0][0].span;
    assert_eq!(put.trace_id, given.trace.to_be_bytes());
    assert_eq!(put.parent_span_id, given.span.to_be_bytes());
    assert_ne!(put.span_id, given.span.to_be_bytes());
}

#[test]
fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let endpoint = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", free.local_addr().unwrap())
    };
    let (traces, layer) = Traces::builder().endpoint(endpoint).layer().unwrap();
    let subscriber =
        tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), layer);
    tracing::subscriber::with_default(subscriber, || {
        let began = zenoh_pinned::bindings::trace::begin().expect("somebody wants it");
        let of = zenoh_pinned::bindings::trace::TraceContext::of_frame(1, 2, 3);
        for _ in 0..10_000 {
            zenoh_pinned::bindings::trace::tell_put(began, of, "camera", 1);
        }
    });
    eventually("they are counted", || traces.left_out() > 0);
}

#[test]
fn an_endpoint_that_is_none_is_an_error_that_says_how_to_write_one() {
    for wrong in ["localhost:4318", "https://collector", "", "http://"] {
        let begun = Traces::builder()
            .endpoint(wrong)
            .layer::<tracing_subscriber::Registry>();
        let error = begun.err().unwrap();
        assert!(matches!(error, TraceError::Endpoint { .. }), "{wrong}");
        assert!(
            error.to_string().contains("http://127.0.0.1:4318"),
            "{error}"
        );
    }
}

fn traces_of(service: &str) -> Traces {
    let builder = Traces::builder()
        .endpoint(worker::order("COLLECTOR"))
        .service(service);
    builder
        .ratio(worker::order("RATIO").parse().unwrap())
        .install()
        .unwrap()
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_films() {
    let traces = traces_of("camera");
    let endpoint = worker::order("ENDPOINT");
    let session = pubsub::open(peer::connecting(&endpoint), &Pinner::host_only()).unwrap();
    let publisher = PinnedPublisher::builder(BYTES)
        .slots(4)
        .declare(&session, "camera")
        .unwrap();
    peer::publisher(&session, "camera"); // until the subscription has reached this session
    for number in 0..FRAMES {
        let mut slot = publisher.alloc(BYTES).unwrap();
        slot.fill(number as u8);
        publisher.put(slot).unwrap();
        std::thread::sleep(Duration::from_millis(30));
    }
    publisher.drain(Duration::from_secs(10)).unwrap();
    worker::wait_for_end();
    drop(traces);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_detects() {
    let traces = traces_of("detector");
    let pinner = Pinner::builder().device(0).build();
    let session = pubsub::open(peer::listening(&worker::order("ENDPOINT")), &pinner).unwrap();
    let subscriber = FrameSubscriber::builder(&pinner)
        .declare(&session, "camera")
        .unwrap();
    println!("listening");
    let stream = pinner.new_stream().unwrap();
    for _ in 0..FRAMES {
        let received = subscriber.recv_timeout(Duration::from_secs(20)).unwrap();
        drop(received.frame.copy_to_device(&stream).unwrap());
    }
    eventually("the copies have executed", || {
        pinner.statistics().copies_in_flight == 0
    });
    println!("all are copied");
    worker::wait_for_end();
    drop(traces);
}
