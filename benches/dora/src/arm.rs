//! What is compared.

/// How the camera sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// zenoh's shared memory without dora: a `put` out of a stock pool of 64 MiB, to a callback.
    BareCallback,
    /// The same to a thread that waits in `recv()`, as a dora node does: one wake-up more.
    BareReceive,
    /// dora's `send_output` with its default pool.
    StockDefault,
    /// dora's `send_output` with a pool of 64 MiB.
    Stock64,
    /// Pinned, copied from an array.
    Copy,
    /// Pinned, written in place.
    InPlace,
}

/// What a node is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Python,
}

/// Who sends and who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nodes {
    pub(crate) camera: Language,
    pub(crate) sink: Language,
}

impl Arm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BareCallback => "zenoh `put`, no dora, to a callback",
            Self::BareReceive => "zenoh `put`, no dora, to `recv()`",
            Self::StockDefault => "dora, default pool",
            Self::Stock64 => "dora, 64 MiB pool",
            Self::Copy => "pinned, by copy",
            Self::InPlace => "pinned, in place",
        }
    }

    /// How a camera node is told.
    pub(crate) fn order(self) -> &'static str {
        match self {
            Self::BareCallback | Self::BareReceive | Self::StockDefault | Self::Stock64 => "stock",
            Self::Copy => "copy",
            Self::InPlace => "in place",
        }
    }
}
