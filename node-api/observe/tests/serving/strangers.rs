//! Who gets no answer: other names, other origins, other verbs.

use crate::client::{Answer, ask, builder, counting, get, send, serve};

const PATHS: [&str; 8] = [
    "/",
    "/page.js",
    "/metrics",
    "/livez",
    "/readyz",
    "/api/stats",
    "/api/counting",
    "/ws",
];

fn is_protected(answer: &Answer) {
    for header in [
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(answer.has(header), "{header} is not in\n{}", answer.headers);
    }
    let policy = answer
        .headers
        .lines()
        .find(|line| line.starts_with("content-security-policy: "));
    let policy = policy.unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(
        !answer.headers.contains("access-control-"),
        "{}",
        answer.headers
    );
}

#[test]
fn every_answer_keeps_other_origins_out() {
    let (counting, _) = counting();
    let serving = serve([counting]);
    for path in PATHS.into_iter().chain(["/nowhere", "/api/nowhere"]) {
        is_protected(&get(serving.address(), path));
        is_protected(&ask(serving.address(), "POST", path, &[]));
        is_protected(&ask(
            serving.address(),
            "GET",
            path,
            &["Origin: http://evil.example"],
        ));
    }
}

#[test]
fn a_name_that_is_not_its_own_gets_no_answer_and_no_look() {
    let (counting, looks) = counting();
    let serving = serve([counting]);
    let port = serving.address().port();
    for host in [
        format!("evil.example:{port}"),
        "evil.example".into(),
        "169.254.169.254".into(),
    ] {
        for path in PATHS {
            let answer = send(
                serving.address(),
                &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
            );
            assert_eq!(answer.status, 421, "{host}{path}");
            assert!(
                answer.body.contains("open it as localhost"),
                "{}",
                answer.body
            );
            is_protected(&answer);
        }
    }
    let nameless = send(serving.address(), "GET / HTTP/1.0\r\n\r\n");
    assert_eq!(nameless.status, 400, "{}", nameless.body);
    assert_eq!(looks.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[test]
fn a_name_that_was_allowed_is_answered() {
    let serving = builder().allow_host("robot.example").serve().unwrap();
    for (host, status) in [
        ("robot.example:80", 200),
        ("other.example", 421),
        ("localhost:9", 200),
    ] {
        let text = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(send(serving.address(), &text).status, status, "{host}");
    }
}

#[test]
fn another_origin_gets_no_answer_and_its_own_does() {
    let (counting, looks) = counting();
    let serving = serve([counting]);
    for path in PATHS {
        for origin in ["http://evil.example", "null", "http://localhost:1"] {
            let answer = ask(
                serving.address(),
                "GET",
                path,
                &[&format!("Origin: {origin}")],
            );
            assert_eq!(answer.status, 403, "{origin} at {path}");
        }
        let embedded = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"];
        assert_eq!(
            ask(serving.address(), "GET", path, &embedded).status,
            403,
            "{path}"
        );
    }
    assert_eq!(looks.load(std::sync::atomic::Ordering::Relaxed), 0);
    let own = format!("Origin: http://{}", serving.address());
    assert_eq!(
        ask(serving.address(), "GET", "/api/stats", &[&own]).status,
        200
    );
}

#[test]
fn nothing_but_get_and_head_is_taken() {
    let (counting, _) = counting();
    let serving = serve([counting]);
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW",
    ] {
        for path in PATHS {
            // CONNECT names a host in the place of a path.
            let path = if method == "CONNECT" {
                "localhost:80"
            } else {
                path
            };
            let answer = ask(
                serving.address(),
                method,
                path,
                &["Access-Control-Request-Method: POST"],
            );
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(
                answer.has("allow: get, head"),
                "{method} {path}: {}",
                answer.headers
            );
        }
    }
}
