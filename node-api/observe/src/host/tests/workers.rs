//! What is said of pools of workers, through the same look as everything else.

use super::*;
use crate::workers::{ObservedPool, SaidOfWorkers, UnreadableWorkers, tests::said};

fn pool(said: SaidOfWorkers) -> ObservedPool {
    ObservedPool {
        supervisor: Peer {
            pid: said.pid,
            started: u64::from(said.pid) * 10,
        },
        silent: Duration::from_millis(500),
        said,
    }
}

fn one() -> ObservedWorkers {
    ObservedWorkers {
        pools: vec![pool(said())],
        ..Default::default()
    }
}

/// Its supervisor is a process that shows itself.
fn look(workers: ObservedWorkers) -> Look {
    let mut supervised = observation();
    supervised.processes[2].process = process(7, "robot", true);
    look_at_both(&supervised, workers)
}

fn stats(look: &Look) -> Value {
    serde_json::from_slice(&look.stats).unwrap()
}

fn metrics(look: &Look) -> String {
    String::from_utf8(look.metrics.to_vec()).unwrap()
}

#[test]
fn the_state_is_what_the_supervisor_says_and_who_it_is() {
    let mut expected = serde_json::to_value(said()).unwrap();
    expected["supervisor"] = json!({ "pid": 7, "started": 70, "name": "robot", "lives": true });
    expected["silent_seconds"] = json!(0.5);
    expected["workers_left_out"] = json!(0);
    let stats = stats(&look(one()));
    assert_eq!(stats["workers"], json!([expected]), "{stats:#}");
}

#[test]
fn every_number_of_a_pool_is_a_metric() {
    let text = metrics(&look(one()));
    let pool = r#"pool="detector",process="robot",pid="7""#;
    for line in [
        format!(r#"zenoh_pinned_worker_requests_total{{{pool},outcome="answered"}} 91"#),
        format!(r#"zenoh_pinned_worker_requests_total{{{pool},outcome="expired"}} 1"#),
        format!(r#"zenoh_pinned_worker_requests_total{{{pool},outcome="poisoned"}} 1"#),
        format!(r#"zenoh_pinned_worker_refused_requests_total{{{pool},reason="full"}} 8"#),
        format!("zenoh_pinned_worker_accepted_requests_total{{{pool}}} 100"),
        format!(r#"zenoh_pinned_worker_queue_requests{{{pool},state="waiting"}} 5"#),
        format!(r#"zenoh_pinned_worker_queue_requests{{{pool},state="processing"}} 2"#),
        format!("zenoh_pinned_worker_queue_capacity_requests{{{pool}}} 64"),
        format!("zenoh_pinned_worker_longest_wait_seconds{{{pool}}} 0.25"),
        format!("zenoh_pinned_worker_batches_total{{{pool}}} 40"),
        format!("zenoh_pinned_worker_batched_requests_total{{{pool}}} 101"),
        format!(r#"zenoh_pinned_worker_request_seconds_bucket{{{pool},le="0.001"}} 90"#),
        format!(r#"zenoh_pinned_worker_queue_seconds_bucket{{{pool},le="10"}} 90"#),
        format!(r#"zenoh_pinned_worker_batch_seconds_bucket{{{pool},le="+Inf"}} 91"#),
        format!("zenoh_pinned_worker_request_seconds_sum{{{pool}}} 12.5"),
        format!("zenoh_pinned_worker_p99_seconds{{{pool}}} 0.01"),
        format!(r#"zenoh_pinned_workers{{{pool},state="processing"}} 1"#),
        format!(r#"zenoh_pinned_workers{{{pool},state="failed"}} 1"#),
        format!(r#"zenoh_pinned_workers{{{pool},state="idle"}} 0"#),
        format!("zenoh_pinned_workers_wanted{{{pool}}} 3"),
        format!("zenoh_pinned_worker_restarts_total{{{pool}}} 3"),
        format!("zenoh_pinned_worker_starts_total{{{pool}}} 5"),
        format!("zenoh_pinned_worker_ends_total{{{pool}}} 4"),
        format!(r#"zenoh_pinned_worker_evictions_total{{{pool},reason="wrong answer"}} 1"#),
        format!(r#"zenoh_pinned_worker_breaker{{{pool},state="closed"}} 1"#),
        format!(r#"zenoh_pinned_worker_breaker{{{pool},state="open"}} 0"#),
        format!("zenoh_pinned_worker_breaker_opened_total{{{pool}}} 2"),
        format!("zenoh_pinned_worker_arriving_requests_per_second{{{pool}}} 50.5"),
        format!("zenoh_pinned_worker_predicted_requests_per_second{{{pool}}} 60"),
        format!("zenoh_pinned_worker_clients{{{pool}}} 1"),
        format!("zenoh_pinned_worker_supervisor_silent_seconds{{{pool}}} 0.5"),
    ] {
        assert!(
            text.lines().any(|is| is == line),
            "{line} is not in\n{text}"
        );
    }
    promtool(&text);
}

#[test]
#[cfg(feature = "conformance")]
fn the_suite_for_sources_passes_it() {
    let seen = || Seen {
        observation: observation(),
        workers: Ok(one()),
    };
    for source in sources_of(Box::new(move || Ok(seen()))) {
        crate::conformance::source(source);
    }
}

#[test]
fn a_pool_that_does_not_do_its_work_is_named_with_its_reason() {
    let mut workers = one();
    assert!(look(workers.clone()).not_ready.is_empty());
    workers.pools[0].said.not_ready = Some("no worker can be started: no such file".into());
    let mut other = pool(said());
    other.said.name = "ocr".into();
    other.silent = Duration::from_secs(17);
    workers.pools.push(other);
    let look = look(workers);
    let told = &look.not_ready["workers"];
    assert!(
        told.starts_with("detector: no worker can be started: no such file; ocr: its supervisor has said nothing for 17 s"),
        "{told}"
    );
    let state = stats(&look);
    let told = state["workers"][1]["not_ready"].as_str().unwrap();
    assert!(told.contains("17 s"), "{told}");
}

#[test]
fn too_many_pools_are_left_out_and_counted() {
    let mut large = said();
    large.workers = vec![large.workers[0].clone(); 256];
    for worker in &mut large.workers {
        worker.why_failed = Some("\"".repeat(256));
    }
    large.not_ready = Some("\"".repeat(256));
    let mut crowd = ObservedWorkers::default();
    for number in 0..300 {
        large.pid = number;
        crowd.pools.push(pool(large.clone()));
    }
    crowd.pools.push(pool(said()));
    crowd.left_out = 10;
    let look = look(crowd);
    let state = stats(&look);
    let shown = state["workers"].as_array().unwrap();
    assert_eq!(shown[0]["workers"].as_array().unwrap().len(), 64);
    assert_eq!(shown[0]["workers_left_out"], 192);
    let left_out = state["host"]["left_out"]["workers"].as_u64().unwrap();
    assert_eq!(left_out as usize + shown.len(), 311);
    assert!(
        shown.iter().any(|pool| pool["workers_left_out"] == 0),
        "a small one has room"
    );
    assert!(look.not_ready["workers"].ends_with("; and 292 more"));
    promtool(&metrics(&look));
}

#[test]
fn what_cannot_be_read_is_in_the_list_of_such_files() {
    let mut workers = one();
    workers.unreadable.push(UnreadableWorkers {
        file: "/dev/shm/zenoh-pinned-workers-0/17".into(),
        why: "it is a link",
    });
    let look = look(workers);
    let state = stats(&look);
    let files = state["unreadable"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(files[1]["why"], "it is a link");
    assert!(metrics(&look).contains("\nzenoh_pinned_unreadable_files 2\n"));
    assert_eq!(state["workers"].as_array().unwrap().len(), 1);
}

#[test]
fn a_folder_of_somebody_else_is_an_error_of_this_source_alone() {
    let seen = || Seen {
        observation: observation(),
        workers: Err(io::Error::other("another user has made it")),
    };
    let sources = sources_of(Box::new(move || Ok(seen())));
    for source in sources {
        let look = source.look();
        assert_eq!(
            look.is_err(),
            source.name() == "workers",
            "{}",
            source.name()
        );
        if let Err(error) = look {
            assert!(
                error.to_string().contains("zenoh-pinned-workers"),
                "{error}"
            );
        }
    }
}
