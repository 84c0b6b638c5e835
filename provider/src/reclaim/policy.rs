//! What the application allows.

/// When a pool takes slots back whose consumers have died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReclaimPolicy {
    /// Where the kernel proves that no live process can read the slot. The producer has to see every
    /// process of the machine for that, so not in a container with a pid namespace of its own.
    #[default]
    Proven,
    /// As [`ReclaimPolicy::Proven`], in a pid namespace of its own too: says that every process that shares
    /// this `/dev/shm` is in the producer's pid namespace, as in a container with its own `/dev/shm`, and that
    /// no consumer forks children that go on reading its frames after it has died.
    ProvenInNamespace,
    /// Never: what a killed consumer held is lost until the pool goes.
    Never,
}

/// What pools take that are not told otherwise: `proven`, `namespace` or `never`.
const VARIABLE: &str = "ZENOH_PINNED_RECLAIM";

impl ReclaimPolicy {
    /// What the environment variable `ZENOH_PINNED_RECLAIM` says (`proven`, `namespace` or `never`), and
    /// [`ReclaimPolicy::Proven`] without it. Anything else is reported and ignored.
    pub fn from_environment() -> Self {
        match std::env::var(VARIABLE).as_deref().map(str::trim) {
            Ok("namespace") => Self::ProvenInNamespace,
            Ok("never") => Self::Never,
            Ok("proven") | Err(_) => Self::Proven,
            Ok(value) => {
                tracing::warn!(
                    value,
                    "{VARIABLE} is ignored: it is none of proven, namespace, never"
                );
                Self::Proven
            }
        }
    }
}
