//! A pipeline of processes over matrices in shared memory: produced in place, compressed from slot to slot, stored as chunks
//! of a Zarr array. See the README for the program; the modules are public for its tests and benchmarks.
//!
//! From bottom to top: `matrix`; `input`, `encoding`; `store`; `roles`; `pipeline`; `dashboard`, `report`.

pub mod dashboard;
pub mod encoding;
pub mod input;
pub mod matrix;
pub mod pipeline;
pub mod report;
pub mod roles;
pub mod store;
