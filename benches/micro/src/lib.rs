//! What the measurement (`benches/`) and its tables (`src/tables/`) share.

pub mod arrow_head;
pub mod results;
