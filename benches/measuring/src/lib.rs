//! What several measurements need and none of them is about.

pub mod clock;
pub mod mappings;
pub mod session;
