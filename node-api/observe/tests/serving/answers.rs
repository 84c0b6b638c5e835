//! What is answered at which path.

use serde_json::json;
use zenoh_pinned::PinnedPool;
use zenoh_pinned_observe::{Families, Figures};

use crate::client::{Answer, ask, counting, get, given, serve};

#[test]
fn the_page_and_its_files_have_their_types() {
    let serving = serve([]);
    for (path, kind, begins) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page.css", "text/css; charset=utf-8", ""),
        ("/page.js", "text/javascript; charset=utf-8", ""),
    ] {
        let answer = get(serving.address(), path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.has(&format!("content-type: {kind}")),
            "{path}: {}",
            answer.headers
        );
        assert!(answer.body.to_lowercase().starts_with(begins), "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_nothing_inline() {
    let page = get(serve([]).address(), "/").body;
    for attribute in ["src=\"", "href=\""] {
        for named in page.split(attribute).skip(1) {
            assert!(
                !named.starts_with("http") && !named.starts_with("//"),
                "{named}"
            );
        }
    }
    for inline in ["<style", " style=", " onclick=", "<script>"] {
        assert!(!page.contains(inline), "{inline} in {page}");
    }
}

#[test]
fn every_source_is_a_key_of_the_stats_and_a_path() {
    let (counting, _) = counting();
    let list = given("list", |_| Ok(Figures::new(json!([1, 2]))));
    let serving = serve([counting, list]);
    let stats = get(serving.address(), "/api/stats");
    assert_eq!(stats.status, 200);
    assert!(
        stats.has("content-type: application/json"),
        "{}",
        stats.headers
    );
    let mut stats = stats.json();
    assert!(stats["at"].take().as_u64().unwrap() > 1_700_000_000_000);
    let expected = json!({ "at": null, "version": env!("CARGO_PKG_VERSION"), "counting": { "looks": 0 }, "list": [1, 2] });
    assert_eq!(stats, expected);
    let list = get(serving.address(), "/api/list");
    assert_eq!((list.status, list.json()), (200, json!([1, 2])));
}

#[test]
fn what_is_not_there_says_what_is() {
    let (counting, _) = counting();
    let serving = serve([counting]);
    let source = get(serving.address(), "/api/workers");
    assert_eq!(source.status, 404);
    assert!(
        source.body.contains("there are: counting"),
        "{}",
        source.body
    );
    for path in ["/index.html", "/api", "/../Cargo.toml", "//", "/ws/"] {
        let file = get(serving.address(), path);
        assert_eq!(file.status, 404, "{path}");
        assert!(file.body.contains("/api/stats"), "{path}: {}", file.body);
    }
}

#[test]
fn metrics_are_in_prometheus_text_format() {
    let source = given("frames", |_| {
        let mut families = Families::default();
        families
            .counter("zenoh_pinned_frames_total", "Frames.")
            .add(&[("key", "a\"b\\c\nd")], 7.0);
        Ok(Figures::new(json!({})).with(families))
    });
    let serving = serve([source]);
    let metrics = get(serving.address(), "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.has("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        metrics.headers
    );
    let begins = "# HELP zenoh_pinned_frames_total Frames.\n# TYPE zenoh_pinned_frames_total counter\n\
                  zenoh_pinned_frames_total{key=\"a\\\"b\\\\c\\nd\"} 7\n# HELP";
    assert!(metrics.body.starts_with(begins), "{}", metrics.body);
    assert!(
        metrics
            .body
            .contains("\nzenoh_pinned_source_up{source=\"frames\"} 1\n"),
        "{}",
        metrics.body
    );
}

#[test]
fn what_this_host_shows_is_served() {
    let serving = serve(zenoh_pinned_observe::host());
    let stats = get(serving.address(), "/api/stats").json();
    assert!(
        stats["host"]["limit_bytes"].as_u64().unwrap() > 0,
        "{stats}"
    );
    for list in ["pools", "workers", "processes", "queues", "unreadable"] {
        assert!(stats[list].is_array(), "{list} in {stats}");
    }
    let metrics = get(serving.address(), "/metrics").body;
    assert!(metrics.contains("\nzenoh_pinned_limit_bytes "), "{metrics}");
}

#[test]
fn a_head_is_an_answer_without_its_body() {
    let serving = serve([]);
    for path in ["/", "/metrics", "/livez", "/api/stats"] {
        let Answer {
            status,
            headers,
            body,
        } = ask(serving.address(), "HEAD", path, &[]);
        assert_eq!((status, &*body), (200, ""), "{path}");
        assert!(headers.contains("content-length: "), "{path}: {headers}");
    }
}

#[test]
fn a_pool_of_this_machine_is_shown_slot_by_slot() {
    let name = format!("observed-{}", std::process::id());
    let pool = PinnedPool::builder()
        .name(&name)
        .slots(4)
        .slot_bytes(4096)
        .build();
    let pool = pool.unwrap();
    let slot = pool.alloc(4096).unwrap();
    let serving = serve(zenoh_pinned_observe::host());
    let pools = get(serving.address(), "/api/pools").json();
    let shown = pools
        .as_array()
        .unwrap()
        .iter()
        .find(|pool| pool["name"] == name);
    let shown = shown.unwrap_or_else(|| panic!("{name} is not in {pools:#}"));
    assert_eq!(shown["producer"]["pid"], std::process::id());
    assert_eq!(shown["producer"]["lives"], true);
    assert_eq!(
        (&shown["slots"], &shown["free"], &shown["held"]),
        (&json!(4), &json!(3), &json!(1))
    );
    let map = shown["segments"][0]["map"].as_str().unwrap();
    assert_eq!(map.matches('#').count(), 1, "{map}");
    let metrics = get(serving.address(), "/metrics").body;
    let held = format!("zenoh_pinned_pool_slots{{pool=\"{name}\"");
    let held = metrics
        .lines()
        .find(|line| line.starts_with(&held) && line.contains("state=\"held\""));
    assert!(held.unwrap().ends_with(" 1"), "{metrics}");
    drop(slot);
}
