//! A line of `/proc/locks` is a held `flock` or nothing, and says what the kernel wrote.
//!
//! Input: lines.

use zenoh_pinned::internals::{Identity, parse_lock};

use crate::{Seed, Target};

pub(crate) const TARGET: Target = Target {
    name: "proc_locks",
    check,
    seeds,
};

fn check(input: &[u8]) {
    for line in String::from_utf8_lossy(input).lines() {
        let Some((pid, identity)) = parse_lock(line) else {
            continue;
        };
        assert_ne!(pid, 0, "a process of another namespace");
        let Identity { device, inode } = identity;
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let again = format!("1: FLOCK  ADVISORY  READ {pid} {major:02x}:{minor:02x}:{inode} 0 EOF");
        assert_eq!(parse_lock(&again), Some((pid, identity)), "{line}");
    }
}

fn seeds() -> Vec<Seed> {
    let cases = [
        ("held", "7: FLOCK  ADVISORY  READ 11988 00:1a:5308464 0 EOF"),
        (
            "waiting",
            "7: -> FLOCK  ADVISORY  WRITE 11988 00:1a:5308464 0 EOF",
        ),
        (
            "other-kinds",
            "8: POSIX  ADVISORY  WRITE 22 00:1a:5 0 EOF\n9: OFDLCK ADVISORY  WRITE -1 00:1a:5 0 0",
        ),
        ("no-pid", "9: FLOCK  ADVISORY  READ 0 00:1a:5308464 0 EOF"),
        (
            "negative-pid",
            "9: FLOCK  ADVISORY  READ -1 00:1a:5308464 0 EOF",
        ),
        (
            "large-numbers",
            "9: FLOCK ADVISORY READ 4294967296 ffffffff1:ffffffff:18446744073709551616 0 EOF",
        ),
        (
            "largest-numbers",
            "9: FLOCK ADVISORY READ 4294967295 ffffffff:ffffffff:18446744073709551615 0 EOF",
        ),
        ("cut", "10: FLOCK ADVISORY"),
        ("signs", "9: FLOCK ADVISORY READ +7 +1:+2:+3 0 EOF"),
    ];
    cases
        .map(|(name, line)| (name.to_owned(), line.as_bytes().to_vec()))
        .to_vec()
}
