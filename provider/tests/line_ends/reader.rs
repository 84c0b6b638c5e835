//! A reader in a process of its own.

use crate::harness::worker::{self, Worker};

use super::*;

/// Starts one whose lanes have room for `capacity` frames.
pub fn start(capacity: usize) -> (Worker, InboxAddress) {
    let mut reader = worker::orders("reader::worker_that_reads")
        .with("CAPACITY", capacity.to_string())
        .start();
    let address = reader.line("address ").parse().unwrap();
    (reader, address)
}

pub fn ask(reader: &mut Worker, what: &str) -> String {
    reader.tell(what);
    reader.line("answer ")
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_reads() {
    let capacity = worker::order("CAPACITY").parse().unwrap();
    let (inbox, pinner) = inbox(capacity, Overflow::DropOldest);
    println!("address {}", inbox.address());
    let mut held = Vec::new();
    for order in worker::told() {
        let answer = match order.as_str() {
            "meet" => format!("{:?}", inbox.meet(0).is_ok()),
            "take" => format!("{:?}", take(&inbox, 0, &pinner)),
            "hold" => {
                held.push(inbox.take(0, &pinner).unwrap().unwrap().frame.unwrap());
                String::from("held")
            }
            "fork" => {
                // SAFETY: the child sleeps and ends; it runs nothing of this process's.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    std::thread::sleep(PATIENCE);
                    // SAFETY: ends the child.
                    unsafe { libc::_exit(0) };
                }
                child.to_string()
            }
            other => panic!("{other}"),
        };
        println!("answer {answer}");
    }
}
