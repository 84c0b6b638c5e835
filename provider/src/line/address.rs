//! Where an inbox is, as its reader tells publishers by way of zenoh.

use super::NoLine;
use crate::os::{host::Whereabouts, peers::Peer};

/// The version of everything in this folder, and of zenoh's shared memory.
pub const PROTOCOL: &str = "1-2";

/// Where an inbox is, and whose. It is only believed as far as the kernel confirms it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxAddress {
    pub(super) whereabouts: Whereabouts,
    pub(super) reader: Peer,
    /// zenoh's number of the segment.
    pub(super) segment: u32,
    /// As it stands in the inbox.
    pub(super) nonce: u64,
}

impl InboxAddress {
    /// Whether a process here could map it, as far as the address tells.
    ///
    /// # Errors
    /// Why not.
    pub fn reachable_from(&self, here: &Whereabouts) -> Result<(), NoLine> {
        let there = self.whereabouts;
        if there.boot != here.boot {
            return Err(NoLine::OtherHost);
        }
        if there.user != here.user {
            return Err(NoLine::OtherUser { user: there.user });
        }
        if there.shared_memory != here.shared_memory {
            return Err(NoLine::OtherSharedMemory);
        }
        if there.pid_namespace != here.pid_namespace {
            return Err(NoLine::OtherPidNamespace);
        }
        Ok(())
    }

    /// The process that reads.
    pub fn reader(&self) -> Peer {
        self.reader
    }
}

impl std::fmt::Display for InboxAddress {
    /// Hexadecimal numbers with dashes between, which fit into one chunk of a key expression.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            whereabouts,
            reader,
            segment,
            nonce,
        } = self;
        write!(
            formatter,
            "{:x}-{:x}-{:x}-{:x}-{:x}-{:x}-{segment:x}-{nonce:x}",
            whereabouts.boot,
            whereabouts.shared_memory,
            whereabouts.pid_namespace,
            whereabouts.user,
            reader.pid,
            reader.started,
        )
    }
}

impl std::str::FromStr for InboxAddress {
    type Err = NoLine;

    fn from_str(text: &str) -> Result<Self, NoLine> {
        let parts: Vec<_> = text.split('-').collect();
        let Ok(
            [
                boot,
                shared_memory,
                pid_namespace,
                user,
                pid,
                started,
                segment,
                nonce,
            ],
        ) = <[&str; 8]>::try_from(parts)
        else {
            return Err(NoLine::OtherVersion);
        };
        let number = |text: &str| u64::from_str_radix(text, 16).map_err(|_| NoLine::OtherVersion);
        let short = |text: &str| u32::from_str_radix(text, 16).map_err(|_| NoLine::OtherVersion);
        Ok(Self {
            whereabouts: Whereabouts {
                boot: u128::from_str_radix(boot, 16).map_err(|_| NoLine::OtherVersion)?,
                shared_memory: number(shared_memory)?,
                pid_namespace: number(pid_namespace)?,
                user: short(user)?,
            },
            reader: Peer {
                pid: short(pid)?,
                started: number(started)?,
            },
            segment: short(segment)?,
            nonce: number(nonce)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> InboxAddress {
        InboxAddress {
            whereabouts: Whereabouts {
                boot: u128::MAX / 3,
                shared_memory: 26,
                pid_namespace: 4_026_531_836,
                user: 1000,
            },
            reader: Peer {
                pid: 4711,
                started: 99,
            },
            segment: u32::MAX,
            nonce: u64::MAX,
        }
    }

    #[test]
    fn an_address_is_one_chunk_of_a_key_expression_and_reads_back() {
        let text = address().to_string();
        assert!(!text.contains(['/', '*', '$', '?', '#']), "{text}");
        assert_eq!(text.parse(), Ok(address()));
    }

    #[test]
    fn other_text_is_another_version() {
        let good = address().to_string();
        for text in [
            "",
            "-",
            &good[1..].replace('-', ""),
            &format!("{good}-0"),
            &good.replace('-', "-x"),
        ] {
            assert_eq!(
                text.parse::<InboxAddress>(),
                Err(NoLine::OtherVersion),
                "{text}"
            );
        }
    }

    #[test]
    fn the_reason_names_what_the_two_do_not_share() {
        let here = address().whereabouts;
        let from = |change: &dyn Fn(&mut Whereabouts)| {
            let mut there = address();
            change(&mut there.whereabouts);
            there.reachable_from(&here)
        };
        assert_eq!(from(&|_| ()), Ok(()));
        assert_eq!(from(&|there| there.boot = 1), Err(NoLine::OtherHost));
        assert_eq!(
            from(&|there| there.user = 1),
            Err(NoLine::OtherUser { user: 1 })
        );
        assert_eq!(
            from(&|there| there.shared_memory = 1),
            Err(NoLine::OtherSharedMemory)
        );
        assert_eq!(
            from(&|there| there.pid_namespace = 1),
            Err(NoLine::OtherPidNamespace)
        );
    }
}
