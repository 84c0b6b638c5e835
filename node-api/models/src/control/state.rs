//! The states that a model can be in.

/// Whether a model can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModelState {
    /// It was not loaded, or could not be.
    Unavailable,
    /// It will be ready.
    Loading,
    /// It can be asked.
    Ready,
    /// It is about to go.
    Unloading,
}

impl ModelState {
    /// As the protocol has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "UNAVAILABLE",
            Self::Loading => "LOADING",
            Self::Ready => "READY",
            Self::Unloading => "UNLOADING",
        }
    }
}
