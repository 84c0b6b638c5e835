//! What dora's own sending adds to a message.

pub(crate) mod schema_once;
pub(crate) mod telemetry;
pub(crate) mod type_check;
