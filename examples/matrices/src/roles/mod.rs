//! What the worker processes do: produce a matrix, compress one, store one.
//!
//! Each is a program of its own (`matrices work ROLE OUTPUT`), which the pipeline starts, and starts anew where it dies. What
//! it has to know stands in the store's own metadata, so that nothing is told twice.
//!
//! Invariants:
//! - A matrix is written once, by its producer, into a slot of the pipeline's; a compressor reads it there, and writes its
//!   result into another slot. The bytes are nowhere else before they are compressed, but for those of 4 KiB and less, which
//!   go in messages.
//! - Everything a role does may be done again: the same number gives the same bytes, in the same chunk.

mod compressor;
mod place;
mod plan;
mod producer;
mod task;
mod writer;

use std::{fmt, path::Path, str::FromStr};

use zenoh_pinned_workers::{Answer, Batch, Worker};

pub use plan::Plan;
pub use task::{Compression, Task};

use crate::store::Store;

/// A kind of worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Writes matrices into slots.
    Producer,
    /// Compresses them into other slots.
    Compressor,
    /// Stores the results.
    Writer,
}

impl Role {
    /// All of them, in the order in which a matrix meets them.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Compressor, Self::Writer];

    /// Its name: of the pool, of its processes, in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Compressor => "compressor",
            Self::Writer => "writer",
        }
    }

    /// What it does with a matrix.
    pub fn task(self) -> &'static str {
        match self {
            Self::Producer => "produce",
            Self::Compressor => "compress",
            Self::Writer => "store",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.name() == name)
            .ok_or_else(|| format!("{name:?} is no role: producer, compressor, writer"))
    }
}

/// Works in this role for the pipeline that has started this process, until that asks it to end.
pub fn work(role: Role, output: &Path) -> anyhow::Result<()> {
    let worker = Worker::connect()?;
    let opened = Store::open(output).map_err(anyhow::Error::new);
    let opened = opened.and_then(|store| Ok((Plan::of(&store)?, store)));
    let (plan, store) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            worker.fail(format!("{error:#}"));
            return Ok(());
        }
    };
    match role {
        Role::Producer => producer::serve(worker, &plan.input),
        Role::Compressor => compressor::serve(worker, &plan),
        Role::Writer => writer::serve(worker, &store),
    }
}

/// Serves each request of a batch by itself.
fn serve_each(
    worker: Worker,
    mut serve: impl FnMut(&zenoh_pinned_workers::BatchRequest) -> Answer,
) -> anyhow::Result<()> {
    Ok(worker.serve(|batch: &Batch| batch.iter().map(&mut serve).collect())?)
}
