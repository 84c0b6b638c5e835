//! Beginning and ending.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    time::Instant,
};

use serde_json::json;
use zenoh_pinned_observe::{Figures, Observer, ServeError};

use crate::client::{WATCHDOG, builder, connect, counting, get, given, serve};

#[test]
fn it_listens_on_this_machine_only_unless_told_otherwise() {
    // The port may be in use here; then the error names the address.
    let address = match Observer::builder().serve() {
        Ok(serving) => serving.address(),
        Err(ServeError::Address { address, .. }) => address,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(address.to_string(), "127.0.0.1:7448");
}

#[test]
fn nothing_listens_after_it_was_dropped() {
    let (counting, _) = counting();
    let serving = serve([counting]);
    let address = serving.address();
    assert_eq!(get(address, "/api/stats").status, 200);
    let mut idle = connect(address);
    drop(serving);
    assert!(TcpStream::connect(address).is_err());
    let mut byte = [0];
    let ended = idle.read(&mut byte);
    assert!(matches!(ended, Ok(0) | Err(_)), "connections end with it");
    // The port can be had again at once.
    assert_eq!(
        builder().address(address).serve().unwrap().address(),
        address
    );
}

#[test]
fn a_source_that_stands_still_does_not_hold_up_the_end() {
    let (_let_go, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let (looks, looking) = mpsc::channel();
    let stands = given("stands", move |_| {
        looks.send(()).unwrap();
        let _ = held.lock().unwrap().recv();
        Ok(Figures::new(json!({})))
    });
    let serving = serve([stands]);
    let address = serving.address();
    let mut asking = connect(address);
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    asking.write_all(request.as_bytes()).unwrap();
    looking.recv_timeout(WATCHDOG).unwrap();
    let began = Instant::now();
    drop(serving);
    assert!(began.elapsed() < WATCHDOG);
}

#[test]
fn an_address_in_use_is_an_error_that_names_it() {
    let serving = serve([]);
    let error = builder().address(serving.address()).serve().unwrap_err();
    assert!(matches!(error, ServeError::Address { address, .. } if address == serving.address()));
    assert!(error.to_string().contains("or port 0"), "{error}");
}

#[test]
fn names_that_cannot_be_told_apart_or_served_are_errors() {
    let source = |name| given(name, |_| Ok(Figures::new(json!({}))));
    let twice = builder().source(source("a")).source(source("a")).serve();
    assert!(matches!(twice, Err(ServeError::SourceTwice { name }) if name == "a"));
    for bad in ["stats", "A", "a\"b", ""] {
        let named = builder().source(source(bad)).serve();
        assert!(
            matches!(named, Err(ServeError::SourceName { name }) if name == bad),
            "{bad}"
        );
    }
    for bad in ["http://a", "a:80", "a/b", ""] {
        let allowed = builder().allow_host(bad).serve();
        assert!(
            matches!(allowed, Err(ServeError::HostName { name }) if name == bad),
            "{bad}"
        );
    }
}

#[test]
fn it_can_be_made_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let serving = runtime.block_on(async { builder().serve() }).unwrap();
    assert_eq!(get(serving.address(), "/livez").status, 200);
    runtime.block_on(async { drop(serving) });
}
