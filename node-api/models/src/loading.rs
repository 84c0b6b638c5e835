//! From files into shared memory: each tensor is read from disk straight into the slot that it stays in.
//!
//! Holds: what a load needs while it goes on. One thread loads a model; whoever wants to know how far it is looks at
//! [`Progress`].
//!
//! Invariants:
//! - A checksum is of the bytes as they were written into the slot, before anybody else has the memory.
//! - When a load has failed nothing of it is left.

use std::{
    collections::BTreeMap,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use zenoh_pinned::{AllocError, Frame, PinnedPool, Pinner, PoolError, SegmentError, Slot};

use crate::{
    error::{Changed, LoadError},
    formats::{self, ModelFiles},
    manifest::{Manifest, Place, Port, ShardRecord, TensorInfo},
    shards::{self, Shard},
    weights::Contents,
};

/// Read at a time, so that a checksum finds its bytes in the cache.
const PIECE_BYTES: usize = 1 << 20;

/// How far a load is. Usable from any thread.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    total: AtomicU64,
    is_given_up: AtomicBool,
}

impl Progress {
    /// Bytes that have been read, of how many; nothing of nothing before the files have been opened.
    pub fn bytes(&self) -> (u64, u64) {
        // Relaxed: numbers for whoever looks.
        let total = self.total.load(Ordering::Relaxed);
        (self.read.load(Ordering::Relaxed).min(total), total)
    }

    /// Memory was short, and it begins anew.
    pub(crate) fn begin_anew(&self) {
        self.read.store(0, Ordering::Relaxed);
    }

    /// The load is to end, because its registry does.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }
}

/// A model as it is kept.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) contents: Arc<Contents>,
    /// The manifest in shared memory, and its checksum.
    pub(crate) manifest: (Frame, u32),
    // Behind the frames in it.
    _pool: PinnedPool,
}

impl Loaded {
    /// What is not what was loaded any more, if anything: a shard, or the table of what lies where.
    pub(crate) fn first_changed(&self) -> Option<Changed> {
        let (manifest, checksum) = &self.manifest;
        if crc32c::crc32c(manifest) != *checksum {
            return Some(Changed::Table);
        }
        self.contents.first_changed().map(Changed::Shard)
    }
}

/// Why memory was not given: there is none, which making room may help against, or another reason.
pub(crate) enum NotLoaded {
    NoRoom(String),
    Other(LoadError),
}

/// What a load will need, known before anything is read.
pub(crate) struct Plan {
    model: String,
    source: Arc<Path>,
    files: ModelFiles,
    shards: Vec<Shard>,
    manifest_bytes: usize,
}

impl Plan {
    /// Opens the files and looks at what is in them.
    pub(crate) fn of(model: &str, source: &Path, shard_bytes: u64) -> Result<Self, LoadError> {
        let wrong = |why: String| LoadError::Format {
            model: model.to_owned(),
            why,
        };
        let files = formats::open(source, &formats::Limits::default());
        let files = files.map_err(|error| wrong(error.to_string()))?;
        let tensors = files.tensors.iter().map(|tensor| tensor.source.bytes);
        let graph = files.graph.iter().map(|graph| graph.len() as u64);
        let pieces: Vec<_> = tensors.chain(graph).collect();
        let limits = shards::ShardLimits {
            shard_bytes,
            ..shards::ShardLimits::default()
        };
        let shards = shards::plan(&pieces, &limits).map_err(|error| wrong(error.to_string()))?;
        if shards.iter().all(|shard| shard.bytes == 0) {
            return Err(wrong(format!(
                "no tensor in {} has a byte",
                source.display()
            )));
        }
        let mut plan = Self {
            model: model.to_owned(),
            source: source.into(),
            files,
            shards,
            manifest_bytes: 0,
        };
        // Checksums have not been computed; each has as many bytes as any other.
        let none = vec![0; plan.shards.len()];
        plan.manifest_bytes = plan.manifest_bytes_of(&none)?.len();
        Ok(plan)
    }

    /// Bytes of shared memory, in whole pages, with a page of each segment's own.
    pub(crate) fn bytes(&self) -> u64 {
        let segments = self.segments();
        let bytes = segments.map(|bytes| bytes + pages(1));
        bytes.sum()
    }

    /// Bytes of each segment's one slot: the shards, and the manifest.
    fn segments(&self) -> impl Iterator<Item = u64> {
        let shards = self.shards.iter().map(|shard| shard.bytes);
        shards.chain([self.manifest_bytes as u64]).map(pages)
    }

    /// Reads everything.
    pub(crate) fn load(&self, progress: &Progress) -> Result<Loaded, NotLoaded> {
        let total = self.shards.iter().map(|shard| shard.bytes).sum();
        progress.total.store(total, Ordering::Relaxed);
        let pool = self.pool()?;
        let pinner = Pinner::host_only();
        let mut shards = Vec::with_capacity(self.shards.len());
        let mut checksums = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let mut slot = slot(&pool, shard.bytes as usize)?;
            checksums.push(self.read(shard, &mut slot, progress)?);
            shards.push(self.frame(slot, &pinner)?);
        }
        self.check_unchanged()?;
        let bytes = self.manifest_bytes_of(&checksums)?;
        let mut manifest_slot = slot(&pool, bytes.len())?;
        manifest_slot.copy_from_slice(&bytes);
        let manifest_frame = self.frame(manifest_slot, &pinner)?;
        // SAFETY: every slot is written, none is allocated any more, and the pool is this value's alone.
        if !unsafe { pool.seal() } {
            tracing::debug!(
                model = self.model,
                "its weights stay writable in this process"
            );
        }
        let manifest = self.manifest(&checksums)?;
        let whose = (self.model.clone(), self.source.clone());
        let contents = Contents::new(whose, manifest, shards);
        let contents = contents.ok_or_else(|| self.wrong("its shards have other lengths"))?;
        Ok(Loaded {
            contents: Arc::new(contents),
            manifest: (manifest_frame, crc32c::crc32c(&bytes)),
            _pool: pool,
        })
    }

    /// A pool with a segment for each shard, so that each can be registered by itself.
    fn pool(&self) -> Result<PinnedPool, NotLoaded> {
        let mut sizes = BTreeMap::<u64, u32>::new();
        for bytes in self.segments() {
            *sizes.entry(bytes).or_default() += 1;
        }
        let Some((bytes, slots)) = sizes.pop_first() else {
            return Err(self.wrong("it has no bytes"));
        };
        let mut builder = PinnedPool::builder()
            .name(&self.model)
            .slots(slots)
            .slot_bytes(bytes as usize)
            .slots_per_segment(1)
            .wait(Duration::ZERO);
        for (bytes, slots) in sizes {
            builder = builder.size_class(bytes as usize, slots);
        }
        builder.build().map_err(|error| match error {
            PoolError::Segment(
                SegmentError::System { .. } | SegmentError::TooManyOpenFiles { .. },
            )
            | PoolError::Empty
            | PoolError::SlotTooLarge { .. } => NotLoaded::Other(self.error(error.to_string())),
            error => NotLoaded::NoRoom(error.to_string()),
        })
    }

    /// Fills the slot of a shard, and gives its checksum.
    fn read(&self, shard: &Shard, slot: &mut Slot, progress: &Progress) -> Result<u32, LoadError> {
        let (mut checksum, mut summed) = (0, 0);
        for placed in &shard.tensors {
            let start = placed.offset as usize;
            let Some(tensor) = self.files.tensors.get(placed.tensor) else {
                // The graph comes behind all tensors.
                let graph = self.files.graph.as_deref().unwrap_or_default();
                slot[start..start + graph.len()].copy_from_slice(graph);
                continue;
            };
            let source = &tensor.source;
            let mut done = 0;
            while done < source.bytes as usize {
                if progress.is_given_up.load(Ordering::Relaxed) {
                    return Err(LoadError::Ending);
                }
                let piece = PIECE_BYTES.min(source.bytes as usize - done);
                let into = &mut slot[start + done..start + done + piece];
                self.read_piece(source.file, source.offset + done as u64, into)?;
                done += piece;
                // The gap before the tensor is zero, and is summed with it.
                checksum = crc32c::crc32c_append(checksum, &slot[summed..start + done]);
                summed = start + done;
                progress.read.fetch_add(piece as u64, Ordering::Relaxed);
            }
        }
        Ok(crc32c::crc32c_append(checksum, &slot[summed..]))
    }

    fn read_piece(&self, file: usize, offset: u64, into: &mut [u8]) -> Result<(), LoadError> {
        let opened = self.files.files.get(file);
        let opened = opened.ok_or_else(|| self.error(String::from("a tensor lies in no file")))?;
        opened
            .file()
            .read_exact_at(into, offset)
            .map_err(|error| LoadError::Read {
                path: opened.path().display().to_string(),
                offset,
                cause: error.to_string(),
            })
    }

    /// A file that somebody has written to meanwhile may be half of one model and half of another.
    fn check_unchanged(&self) -> Result<(), LoadError> {
        let is_changed = |file: &&formats::ModelFile| !file.unchanged().unwrap_or(false);
        match self.files.files.iter().find(is_changed) {
            None => Ok(()),
            Some(file) => Err(LoadError::FileChanged {
                path: file.path().display().to_string(),
            }),
        }
    }

    fn frame(&self, slot: Slot, pinner: &Pinner) -> Result<Frame, LoadError> {
        let frame = Frame::from_payload(&slot.into_shm(), pinner);
        frame.map_err(|error| self.error(error.to_string()))
    }

    fn manifest(&self, checksums: &[u32]) -> Result<Manifest, LoadError> {
        let records = self.shards.iter().zip(checksums);
        let records = records.map(|(shard, checksum)| ShardRecord {
            bytes: shard.bytes,
            checksum: checksum.to_le_bytes(),
        });
        let mut tensors = Vec::with_capacity(self.files.tensors.len());
        let mut graph = None;
        for (number, shard) in self.shards.iter().enumerate() {
            for placed in &shard.tensors {
                let Some(tensor) = self.files.tensors.get(placed.tensor) else {
                    let graph_bytes = self.files.graph.as_ref().map_or(0, Vec::len);
                    graph = Some(Place {
                        shard: number as u32,
                        offset: placed.offset,
                        bytes: graph_bytes as u64,
                    });
                    continue;
                };
                tensors.push(TensorInfo {
                    name: tensor.name.clone(),
                    element: tensor.element,
                    // Each has fewer bytes than a segment.
                    shape: tensor.shape.iter().map(|length| *length as usize).collect(),
                    place: Place {
                        shard: number as u32,
                        offset: placed.offset,
                        bytes: tensor.source.bytes,
                    },
                });
            }
        }
        let ports = |ports: &[formats::PortEntry]| -> Vec<Port> {
            let port = |port: &formats::PortEntry| Port {
                name: port.name.clone(),
                element: port.element.map(|element| element.name().to_owned()),
                shape: port
                    .shape
                    .as_ref()
                    .map(|shape| shape.iter().map(fixed).collect()),
            };
            ports.iter().map(port).collect()
        };
        let ports = (ports(&self.files.inputs), ports(&self.files.outputs));
        let metadata = self.files.metadata.clone();
        Manifest::new(records.collect(), tensors, graph, ports, metadata)
            .map_err(|error| self.error(error.to_string()))
    }

    fn manifest_bytes_of(&self, checksums: &[u32]) -> Result<Vec<u8>, LoadError> {
        let bytes = self.manifest(checksums)?.to_bytes();
        bytes.map_err(|error| self.error(error.to_string()))
    }

    fn error(&self, why: String) -> LoadError {
        LoadError::Format {
            model: self.model.clone(),
            why,
        }
    }

    fn wrong(&self, why: &str) -> NotLoaded {
        NotLoaded::Other(self.error(why.to_owned()))
    }
}

fn slot(pool: &PinnedPool, bytes: usize) -> Result<Slot, NotLoaded> {
    let slot = pool.try_alloc(bytes);
    slot.map_err(|error: AllocError| NotLoaded::NoRoom(error.to_string()))
}

fn fixed(dimension: &formats::Dimension) -> Option<u64> {
    match dimension {
        formats::Dimension::Fixed(length) => Some(*length),
        formats::Dimension::Named(_) | formats::Dimension::Unknown => None,
    }
}

fn pages(bytes: u64) -> u64 {
    let page = rustix::param::page_size() as u64;
    bytes.div_ceil(page) * page
}

impl From<LoadError> for NotLoaded {
    fn from(error: LoadError) -> Self {
        Self::Other(error)
    }
}
