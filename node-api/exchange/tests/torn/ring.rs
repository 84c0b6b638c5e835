//! The ring: every record whole, in order, and what lies between them counted.

use super::*;
use harness::numbered::Numbered;
use zenoh_pinned_exchange::{Message, ReadError, Ring};

const SLOTS: usize = 4;

fn reads(what: &str, mut next: impl FnMut(&mut Reader) -> Read) {
    let name = Name::new();
    let mut worker = worker::orders("ring::worker_writer")
        .with("NAME", &*name)
        .start();
    worker.line("writes");
    let mut reader = Ring::<Numbered, SLOTS>::attach(&name).unwrap();
    let mut last = 0;
    let count = read(
        |count| count.reads > 0,
        |count| match next(&mut reader) {
            Ok(None) => std::hint::spin_loop(),
            Ok(Some(message)) => {
                count.reads += 1;
                count.missed += message.missed;
                count.torn += u64::from(!message.record.is_of(message.sequence));
                assert_eq!(message.sequence, last + message.missed + 1);
                last = message.sequence;
            }
            Err(ReadError::Overrun) => count.overrun += 1,
            Err(error) => panic!("{error}"),
        },
    );
    println!("{what}: {count:?}");
    assert_eq!(count.torn, 0);
    worker.end();
}

type Reader = zenoh_pinned_exchange::RingReader<Numbered, SLOTS>;
type Read = Result<Option<Message<Numbered>>, ReadError>;

#[test]
fn the_newest_record_is_never_torn() {
    reads("newest", Reader::newest);
}

#[test]
fn the_next_record_is_never_torn() {
    reads("next", Reader::next);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_writer() {
    let name = worker::order("NAME");
    let mut writer = Ring::<Numbered, SLOTS>::create(&name, 0o600).unwrap();
    let mut record = Numbered::of(0);
    write_at_full_speed(|number| {
        record.become_of(number);
        assert_eq!(writer.write(&record), Ok(number));
    });
}
