//! What is compared where bytes go to another process.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    /// This library, at both ends.
    Pinned,
    /// zenoh's own shared memory, at both ends.
    Stock,
    /// zenoh without shared memory.
    Plain,
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::Pinned, Self::Stock, Self::Plain];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pinned => "zenoh-pinned",
            Self::Stock => "stock zenoh",
            Self::Plain => "zenoh without shared memory",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.name() == name)
    }
}
