//! One property a file.

pub(crate) mod acknowledgement;
pub(crate) mod arrow_round_trip;
pub(crate) mod arrow_values;
pub(crate) mod daemon_message;
pub(crate) mod header;
pub(crate) mod inbox;
pub(crate) mod inbox_address;
pub(crate) mod layout;
pub(crate) mod model_file;
pub(crate) mod node_environment;
pub(crate) mod proc_locks;
pub(crate) mod proc_maps;
pub(crate) mod proc_stat;
pub(crate) mod python_shape;
