//! Who has the slots of a pool, as far as it can be known, in numbers and in words.

use std::fmt::{Display, Formatter, Result};

use crate::segment::uses::Use;

/// How many of the other processes are named.
const NAMED: usize = 4;

/// Who has slots of a pool at a moment.
///
/// What this process itself has is counted. zenoh does not say which consumer holds a slot, so of the others it is
/// known how many slots they have together, and which processes have the pool's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holders {
    /// Slots that this process has and has not sent.
    pub unsent: u32,
    /// Slots that this process has sent and still reads: by a frame that it received, or by a view of what it wrote.
    pub read_here: u32,
    /// All others: with consumers, on their way, or in payloads that this process keeps.
    pub sent: u32,
    /// The other processes that have memory of the pool attached, by pid, with their names. `None` where nobody looked: a
    /// call that does not wait does not read the list of all locks either.
    pub attached: Option<Vec<(u32, String)>>,
}

impl Holders {
    pub(super) fn count(&mut self, what: Option<Use>) {
        let counter = match what {
            Some(Use::Writing) => &mut self.unsent,
            Some(Use::Reading) => &mut self.read_here,
            None => &mut self.sent,
        };
        *counter += 1;
    }

    /// Slots altogether.
    pub(super) fn slots(&self) -> u32 {
        self.unsent + self.read_here + self.sent
    }
}

impl Display for Holders {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let mut parts = Vec::new();
        if self.unsent > 0 {
            parts.push(format!(
                "{} unsent in this process (send or drop what it writes)",
                self.unsent
            ));
        }
        if self.read_here > 0 {
            parts.push(format!(
                "{} sent and still read in this process (drop its frames, and views of what it wrote)",
                self.read_here
            ));
        }
        if self.sent > 0 {
            parts.push(match self.attached.as_deref() {
                None => format!(
                    "{} sent and held by consumers, on their way, or kept as payloads in this process",
                    self.sent
                ),
                Some([]) => format!(
                    "{} sent and on their way, or kept as payloads in this process (no other process has the pool's memory)",
                    self.sent
                ),
                Some(attached) => format!(
                    "{} with consumers or on their way to them (the pool's memory is attached in {})",
                    self.sent,
                    Named(attached)
                ),
            });
        }
        match parts.is_empty() {
            true => formatter.write_str("all have come back since"),
            false => formatter.write_str(&parts.join(", ")),
        }
    }
}

struct Named<'a>(&'a [(u32, String)]);

impl Display for Named<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        for (index, (pid, name)) in self.0.iter().take(NAMED).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{name} (pid {pid})")?;
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_holder_is_named_with_what_to_do_and_no_other() {
        let text = |unsent, read_here, sent, attached: &[u32]| {
            let attached = attached.iter().map(|pid| (*pid, format!("node-{pid}")));
            let holders = Holders {
                unsent,
                read_here,
                sent,
                attached: Some(attached.collect()),
            };
            holders.to_string()
        };
        let own = text(4, 0, 0, &[]);
        assert!(
            own.starts_with("4 unsent in this process") && !own.contains("consumer"),
            "{own}"
        );
        let views = text(0, 2, 0, &[]);
        assert!(
            views.contains("2 sent and still read") && !views.contains("consumer"),
            "{views}"
        );
        let on_their_way = text(0, 0, 3, &[]);
        assert!(on_their_way.contains("no other process"), "{on_their_way}");
        let mixed = text(1, 0, 3, &[7, 8]);
        for part in [
            "1 unsent",
            "3 with consumers",
            "node-7 (pid 7), node-8 (pid 8)",
        ] {
            assert!(mixed.contains(part), "{mixed}");
        }
        assert!(text(0, 0, 1, &[1, 2, 3, 4, 5, 6]).contains("(pid 4) and 2 more"));
        assert_eq!(text(0, 0, 0, &[]), "all have come back since");
        let unnamed = Holders {
            sent: 2,
            ..Holders::default()
        };
        assert!(
            unnamed
                .to_string()
                .starts_with("2 sent and held by consumers, on")
        );
    }
}
