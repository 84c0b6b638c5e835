//! What several measurements need and none of them is about.

pub mod aim;
pub mod clock;
pub mod machine;
pub mod mappings;
pub mod memory;
pub mod placement;
pub mod process;
pub mod record;
pub mod room;
pub mod sample;
pub mod session;
