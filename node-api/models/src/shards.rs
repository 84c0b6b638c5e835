//! Which tensor goes into which slot of shared memory, and where: a function of the tensors' lengths.
//!
//! A shard is what one slot holds. Shards are cut between tensors, never inside one, and tensors keep their order, so
//! that a file is read from its beginning to its end.
//!
//! A tensor begins at a multiple of 256 bytes, as device memory does when it is allocated: so a shard can be copied to
//! a device in one DMA, and each tensor lies there as kernels expect it. One of less than 8 KiB begins at a multiple of
//! 64 bytes, which is a cache line and the widest vector of a CPU: what it costs to begin it is then less than 1/32 of
//! any tensor of 2 KiB and more, and less than 64 bytes for a smaller one.
//!
//! Knowingly weak: tensors of a few bytes cost a cache line each.

/// Tensors of fewer bytes have [`SMALL_ALIGNMENT`].
const SMALL_BELOW: u64 = 8 << 10;
const SMALL_ALIGNMENT: u64 = 64;
const ALIGNMENT: u64 = 256;

/// How large shards become.
///
/// ```
/// use zenoh_pinned_models::shards::ShardLimits;
///
/// let small = ShardLimits { shard_bytes: 1 << 20, ..ShardLimits::default() };
/// assert_eq!(small.slot_bytes, (4 << 30) - 4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardLimits {
    /// Bytes of a shard, unless one tensor alone is larger. 256 MiB.
    pub shard_bytes: u64,
    /// Bytes of the largest slot, which nothing exceeds. 4 GiB less a page.
    pub slot_bytes: u64,
}

impl Default for ShardLimits {
    fn default() -> Self {
        Self {
            shard_bytes: 256 << 20,
            slot_bytes: (4 << 30) - 4096,
        }
    }
}

/// What one slot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shard {
    /// Bytes from its beginning to the end of its last tensor. Zero only where no tensor of the model has a byte.
    pub bytes: u64,
    /// Its tensors, in the order of their numbers.
    pub tensors: Vec<Placed>,
}

/// A tensor in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its number among those that were given.
    pub tensor: usize,
    /// Where it begins in the shard. Zero for a tensor without bytes.
    pub offset: u64,
}

/// Why no shards are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// A tensor that no slot can hold.
    #[error(
        "Tensor number {tensor} has {bytes} bytes, and a slot at most {slot_bytes}. Split it, or quantise the model."
    )]
    TooLarge {
        /// Its number among those that were given.
        tensor: usize,
        /// Its bytes.
        bytes: u64,
        /// [`ShardLimits::slot_bytes`].
        slot_bytes: u64,
    },
}

/// Cuts tensors of these lengths into shards.
///
/// # Errors
/// A tensor is larger than a slot.
///
/// ```
/// use zenoh_pinned_models::shards::{ShardLimits, plan};
///
/// let shards = plan(&[200 << 20, 100, 100 << 20], &ShardLimits::default()).unwrap();
/// assert_eq!(shards.len(), 2);
/// assert_eq!(shards[0].tensors.len(), 2);
/// ```
pub fn plan(bytes_of_tensors: &[u64], limits: &ShardLimits) -> Result<Vec<Shard>, ShardError> {
    let slot_bytes = limits.slot_bytes;
    let shard_bytes = limits.shard_bytes.min(slot_bytes);
    let mut shards = Vec::new();
    let mut shard = Shard::default();
    for (tensor, &bytes) in bytes_of_tensors.iter().enumerate() {
        if bytes > slot_bytes {
            return Err(ShardError::TooLarge {
                tensor,
                bytes,
                slot_bytes,
            });
        }
        if bytes == 0 {
            shard.tensors.push(Placed { tensor, offset: 0 });
            continue;
        }
        let place = shard.bytes.checked_next_multiple_of(alignment(bytes));
        let end = place.and_then(|place| place.checked_add(bytes));
        let offset = match (place, end) {
            (Some(place), Some(end)) if end <= shard_bytes || shard.bytes == 0 => place,
            _ => {
                shards.push(std::mem::take(&mut shard));
                0
            }
        };
        shard.bytes = offset + bytes;
        shard.tensors.push(Placed { tensor, offset });
    }
    if !shard.tensors.is_empty() {
        shards.push(shard);
    }
    Ok(shards)
}

/// What a tensor's offset is a multiple of.
fn alignment(bytes: u64) -> u64 {
    if bytes < SMALL_BELOW {
        SMALL_ALIGNMENT
    } else {
        ALIGNMENT
    }
}

#[cfg(test)]
mod tests;
