//! Sources that fail, panic, are not ready, are too large, or stand still: each is named, and hides no other.

use std::{sync::mpsc, time::Duration};

use serde_json::json;
use zenoh_pinned_observe::{Families, Figures, LookError, SERIES, STATE_BYTES};

use crate::client::{counting, get, given, serve};

fn unreadable(_: u64) -> Result<Figures, LookError> {
    Err(LookError::Unreadable {
        what: "the pools".into(),
        cause: "no /dev/shm".into(),
        remedy: "mount one".into(),
    })
}

fn gauge(name: &'static str) -> Families {
    let mut families = Families::default();
    families.gauge(name, "Help.").add(&[], 1.0);
    families
}

#[test]
fn one_that_fails_is_an_error_in_its_own_place() {
    let (counting, _) = counting();
    let panics = given("panics", |_| panic!("on \"purpose\""));
    let serving = serve([given("fails", unreadable), panics, counting]);
    let why = "the pools cannot be read (no /dev/shm): mount one";
    let stats = get(serving.address(), "/api/stats");
    assert_eq!(stats.status, 200);
    let stats = stats.json();
    assert_eq!(stats["fails"], json!({ "error": why }));
    assert!(
        stats["panics"]["error"]
            .as_str()
            .unwrap()
            .contains("panicked (on \"purpose\")"),
        "{stats}"
    );
    assert!(stats["counting"]["looks"].is_u64(), "{stats}");

    let fails = get(serving.address(), "/api/fails");
    assert_eq!((fails.status, fails.json()), (503, json!({ "error": why })));
    assert_eq!(get(serving.address(), "/api/counting").status, 200);

    let metrics = get(serving.address(), "/metrics").body;
    for line in [
        r#"zenoh_pinned_source_up{source="fails"} 0"#,
        r#"zenoh_pinned_source_up{source="panics"} 0"#,
        r#"zenoh_pinned_source_up{source="counting"} 1"#,
    ] {
        assert!(
            metrics.lines().any(|is| is == line),
            "{line} is not in\n{metrics}"
        );
    }

    let ready = get(serving.address(), "/readyz");
    assert_eq!(ready.status, 503);
    let ready = ready.json();
    assert_eq!(
        (&ready["ready"], &ready["why"]["fails"]),
        (&json!(false), &json!(why))
    );
    assert!(
        ready["why"].get("panics").is_some() && ready["why"].get("counting").is_none(),
        "{ready}"
    );
    assert_eq!(get(serving.address(), "/livez").body, "live\n");
}

#[test]
fn one_that_is_not_ready_says_why_and_shows_all_the_same() {
    let why = "no worker lives: see its log";
    let workers = given("workers", move |_| {
        let figures = Figures::new(json!([])).with(gauge("zenoh_pinned_workers"));
        Ok(figures.not_ready(why))
    });
    let serving = serve([workers]);
    let ready = get(serving.address(), "/readyz");
    assert_eq!(
        (ready.status, ready.json()),
        (503, json!({ "ready": false, "why": { "workers": why } }))
    );
    assert_eq!(get(serving.address(), "/api/workers").status, 200);
    assert!(
        get(serving.address(), "/metrics")
            .body
            .contains("\nzenoh_pinned_workers 1\n")
    );
}

#[test]
fn all_that_can_be_looked_at_are_ready() {
    let (counting, _) = counting();
    let ready = get(serve([counting]).address(), "/readyz");
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({ "ready": true, "why": {} }))
    );
}

#[test]
fn a_state_too_large_is_left_out() {
    let large = given("large", |_| {
        Ok(Figures::new(json!(["x".repeat(STATE_BYTES)])))
    });
    let (counting, _) = counting();
    let stats = get(serve([large, counting]).address(), "/api/stats");
    assert!(stats.body.len() < 4096, "{} bytes", stats.body.len());
    let error = stats.json()["large"]["error"].take();
    assert!(
        error.as_str().unwrap().contains("it should sum up"),
        "{error}"
    );
}

#[test]
fn series_that_are_too_many_are_left_out_and_counted() {
    let many = given("many", |_| {
        let mut families = Families::default();
        for frame in 0..SERIES + 7 {
            let labels = [("frame", &*frame.to_string())];
            families.gauge("zenoh_pinned_x", "Help.").add(&labels, 1.0);
        }
        Ok(Figures::new(json!({})).with(families))
    });
    let metrics = get(serve([many]).address(), "/metrics").body;
    let series = metrics
        .lines()
        .filter(|line| line.starts_with("zenoh_pinned_x{"));
    assert_eq!(series.count(), SERIES);
    assert!(
        metrics.contains(r#"zenoh_pinned_source_left_out_series{source="many"} 7"#),
        "{metrics}"
    );
}

#[test]
fn a_name_that_another_source_has_is_its_error() {
    let one = given("one", |_| {
        Ok(Figures::new(json!({})).with(gauge("zenoh_pinned_x")))
    });
    let other = given("other", |_| {
        Ok(Figures::new(json!({})).with(gauge("zenoh_pinned_x")))
    });
    let serving = serve([one, other]);
    let metrics = get(serving.address(), "/metrics").body;
    assert_eq!(
        metrics.matches("# TYPE zenoh_pinned_x ").count(),
        1,
        "{metrics}"
    );
    let error = get(serving.address(), "/api/other").body;
    assert!(error.contains("zenoh_pinned_x already: rename"), "{error}");
    assert_eq!(get(serving.address(), "/api/one").status, 200);
}

#[test]
fn one_that_stands_still_is_named_and_the_server_turns() {
    let (let_go, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let stands = given("stands", move |_| {
        let _ = held.lock().unwrap().recv();
        Ok(Figures::new(json!({})))
    });
    let (counting, _) = counting();
    let serving = serve([counting, stands]);
    let address = serving.address();
    let asking = std::thread::spawn(move || get(address, "/api/stats"));
    assert_eq!(get(address, "/livez").status, 200);
    let stats = asking.join().unwrap();
    assert_eq!(stats.status, 503);
    assert!(
        stats.body.contains("the source stands does not come back"),
        "{}",
        stats.body
    );
    let ready = get(address, "/readyz").json();
    assert!(ready["why"].get("stands").is_some(), "{ready}");
    assert_eq!(get(address, "/").status, 200);

    drop(let_go);
    let deadline = std::time::Instant::now() + crate::client::WATCHDOG;
    while get(address, "/api/stats").status != 200 {
        assert!(
            std::time::Instant::now() < deadline,
            "it does not look again"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}
