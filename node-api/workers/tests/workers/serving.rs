//! Requests and their answers, while all is well and where engines fail.

use std::time::Duration;

use zenoh_pinned_workers::{Priority, RequestError};

use crate::pools::{SOON, pool, session};

#[test]
fn a_request_is_answered() {
    let session = session();
    let workers = pool("echo", "echo").range(1..=1).build(&session).unwrap();
    let answer = workers.request("hello").priority(Priority::High).send().wait();
    assert_eq!(&answer.unwrap()[..], b"hello");
}
