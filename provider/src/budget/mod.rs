//! The hard bound on bytes that this library has in shared memory and has registered: of a pinner, of a
//! process, and of all processes of a user on a host. Stands on `os`, `environment` and `figures`, which it shows in the rest
//! of the account page, and tells refusals as a `reason`.
//!
//! Holds: the budgets within a process (`bound`); this process's account and the page that shows it to
//! the others (`account`, `record`, and the file in `os::account_file`); the reading of the others'
//! (`census`); what they hold together, and how near that is to the limit (`usage`, [`Pressure`]); the room that
//! memory cgroups leave (`cgroup`); the thread that gives back what is idle (`keeper`); taking bytes from the host
//! (`host`); and the words of a refusal (`refusal`).
//!
//! What counts (`sums`). Two sums are held to one limit, because two things run out. *Memory*: segments,
//! counted once at the process that made them, and staging slots. *Registered*: each registration at the
//! process that made it. A page that two processes register is one page of memory, but pinned twice: it
//! stays in memory until the last of them lets go, also when the producer and its count have gone. So
//! neither sum alone bounds what cannot be taken back, and adding them up would count one page twice.
//!
//! Who may write what: a process writes its own page, and nobody else's. The truth is in its memory: the
//! page is written from it and never read back. Everybody of the same user reads.
//!
//! Why the sums never exceed the limit, without a lock over processes: a process that asks first
//! *announces* the bytes in its page, then, behind a fence, reads all pages, and takes the bytes only if
//! what everybody holds and everybody else has announced leaves room for them. Of two that ask at
//! once, the one whose announcement came second reads the first one's, as announced or, if it has been
//! granted meanwhile, as held, because one write turns the one into the other. So what the last one to
//! be granted has read covers all that were granted before. Two that see only each other's
//! announcements in their way both withdraw, and ask again after a random pause. A stopped process holds
//! up nobody: if it was stopped between announcing and deciding (some microseconds) its announcement
//! counts until it goes on or ends. With a lock over processes a stopped holder would have stopped all.
//!
//! Life and death: a page counts while its owner's lock on it stands, which the kernel drops with the
//! process, however that ends. A stopped process keeps its share. A forked child that was not replaced by
//! `exec` keeps its parent's lock, as it keeps the mappings, so the share counts until both have gone.
//!
//! Locks: the account has a mutex, held while the pages are read, so that the threads of a process ask in
//! turn; the keeper's list has one, held for list operations. Budgets within the process are atomic sums.
//! Nothing idle is given back under any of them.
//!
//! Invariants:
//! - Bytes are taken before the kernel or the driver is asked for them, and given back after they have
//!   gone. A request that does not fit is refused and changes nothing.
//! - Memory that a memory cgroup above this process has no room for is refused before the kernel kills for it.
//! - What a page says is copied once, checked and never looked at again. A page that makes no sense counts
//!   with all that the kernel says its process could hold: the segments that it has open and its private
//!   memory. So nonsense neither hides a share nor claims more than there is.
//! - A page is put right within a second by its owner, whoever scribbled on it, cut it or unlinked it. It is
//!   unlinked when nothing is left to say and at exit; that of a killed process by whoever reads next, or
//!   by zenoh's sweep.
//! - What is in use is never given back: a registration that a frame or a copy holds, a segment with a slot
//!   that is not free, the last segment of a size class.
//!
//! Knowingly weak: a process of the same user can write a well-formed lie into a page, or unlink it again and
//! again, and so hide a share until the owner has put it right; it could as well take the memory itself.
//! Sums are those of one `/dev/shm`: containers that have their own are hosts of their own, and so are other
//! users. Segments that their producer has given up and consumers still have mapped are counted by
//! nobody unless they are registered; a pool discards their pages where it can (`pool::idle`). A child that
//! is forked while another thread is in here finds a lock that nobody opens: it may not make pools or pinners.
//! Every process is held to its own limit: one that was given a larger one leaves less to the others.

mod account;
mod bound;
mod census;
mod cgroup;
mod host;
mod keeper;
mod pressure;
mod record;
mod refusal;
mod sums;
mod usage;

pub(crate) use account::HostShare;
pub(crate) use bound::{Budget, Reservation};
pub(crate) use cgroup::{OverCgroup, PIECE_BYTES as CGROUP_PIECE_BYTES, check as check_cgroup};
pub(crate) use host::reserve as take_from_host;
pub(crate) use keeper::{GivesBack, Idle, ensure_running as ensure_keeper, watch};
pub use pressure::Pressure;
pub(crate) use refusal::{Readable, Refused};
pub(crate) use sums::{Purpose, Sums};
pub use usage::{HostUsage, ProcessUsage};
pub(crate) use usage::{SeenProcess, Shown};
pub(crate) use usage::{limit as host_limit, pressure};
