//! A stand-in for the CUDA driver library, for tests on machines without a GPU.
//!
//! Linked as `libcuda.so.1` (callers may look for `libcuda.so` first, so link both) in a folder on
//! `LD_LIBRARY_PATH`, it serves the driver functions that cudarc uses for contexts, streams,
//! events, memory, copies and launches. Device memory is memory of the process; each stream has a worker.
//!
//! It proves ordering and lifetime: copies run late and in stream order, read registered source
//! memory only then, and refuse freed, unknown or partly registered memory; what a caller must not
//! do is on record as a violation. It runs no device code: it knows one kernel by its name, a sum of
//! words that it computes itself in the stream's order, so that a test sees which bytes a kernel would
//! read. It proves nothing about speed, about device code, or about any rule of the driver that its
//! documentation leaves open. Of the driver's own rules it leaves out: releasing a context frees nothing that
//! was made in it; a registration holds for all contexts; a reset (`cuDevicePrimaryCtxReset`) takes a context's
//! streams, events, modules and registrations away, but what is queued still runs, late, and device memory
//! stays; write access of a registered range is not checked; a forked child can do nothing with it, and
//! is on record for each try.
//!
//! The legacy stream and the blocking and per-thread streams of a context wait for each other as
//! the driver documents it. A capture forbids what the driver forbids, and one that is disturbed is on record.
//!
//! # Control
//! `CUDA_DOUBLE`, read at the first call, and `cuda_double_control(text)`, a comma-separated list:
//! - `copy_delay_us=N`: copies and kernels run no earlier than this long after they were asked for;
//! - `devices=N` (as `CUDA_DOUBLE_DEVICES`);
//! - `fail=FUNCTION:CODE[:TIMES[:SKIP]]`: fail calls, without effect, for ever or so many times;
//! - `delay=FUNCTION:MICROSECONDS[:LENGTH]`: delay calls for at least so many bytes;
//! - `fail_context`: every later call but `cuInit` and the queries for version and error texts
//!   fails with 700, while queued copies still run, late; host functions do not;
//! - `lose_context=DEVICE:CODE`: the same for one device's primary context, with a code of its own, until
//!   its last release or its reset;
//! - `attribute=NUMBER:VALUE`: override a device attribute;
//! - `reset`: undo all of the above but `devices`.
//!
//! `cuda_double_count(text)` gives one number, `cuda_double_report(buffer, capacity)` all of them
//! as JSON, and `CUDA_DOUBLE_REPORT=PATH` writes that at exit, `%p` in it being the process id.
//! Violations after that, and calls of forked children, go to `PATH.late`, one a line.
//!
//! # Locking
//! One mutex guards everything, and one condition variable tells of every change. The lock is
//! never held while bytes are copied or filled, while a delay passes, or while a caller's function
//! runs. Operations only wait for operations that were queued before them, so no cycle can form.

mod call;
mod capture;
mod context;
mod control;
mod copy;
mod device;
mod event;
mod exit;
mod graph;
mod kernel;
mod ledger;
mod memory;
mod pointer;
mod range;
mod registration;
mod report;
mod state;
mod status;
mod stream;
mod stream_calls;
mod worker;

#[cfg(test)]
mod tests;
