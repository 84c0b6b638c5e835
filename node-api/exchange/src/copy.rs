//! Copies between shared words and a record of this process, while others may touch the words.
//!
//! Each byte is moved once, in no promised order, as if by relaxed atomic operations. The compiler neither leaves a move
//! out nor takes it past the fences around it: to it an assembly block may touch any memory. The processors with AVX
//! keep loads among loads and stores among stores in order, whatever their width, which is what acquire and release
//! fences ask of them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Eight bytes of a record, aligned as they happen to be.
pub(crate) type Bytes = [u8; size_of::<u64>()];

/// Copies a record to shared words, as many as both have.
#[inline]
pub(crate) fn to_shared(words: &[AtomicU64], record: &[Bytes]) {
    let count = words.len().min(record.len());
    // SAFETY: both are `count` words long; whoever has the words may store to them.
    let moved = unsafe {
        wide::copy(
            words.as_ptr().cast_mut().cast(),
            record.as_ptr().cast(),
            count,
        )
    };
    for (word, bytes) in words.iter().zip(record).skip(moved) {
        word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
    }
}

/// Copies shared words to a record, as many as both have.
#[inline]
pub(crate) fn from_shared(words: &[AtomicU64], record: &mut [Bytes]) {
    let count = words.len().min(record.len());
    // SAFETY: both are `count` words long, and the record belongs to the caller alone.
    let moved = unsafe { wide::copy(record.as_mut_ptr().cast(), words.as_ptr().cast(), count) };
    for (word, bytes) in words.iter().zip(record).skip(moved) {
        *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod wide {
    use std::arch::asm;

    /// Words in a step: two registers of 32 bytes.
    const STEP: usize = 8;

    /// Moves as many whole steps of `words` words as there are; how many words that was.
    ///
    /// # Safety
    /// `words` words can be read at `from` and written at `to`, and the two do not overlap.
    #[inline]
    pub(super) unsafe fn copy(to: *mut u64, from: *const u64, words: usize) -> usize {
        let steps = words / STEP;
        if steps == 0 || !std::arch::is_x86_feature_detected!("avx") {
            return 0;
        }
        // SAFETY: AVX is there, and no byte outside the whole steps is touched. Moves may be unaligned.
        unsafe {
            asm!(
                "2:",
                "vmovups ymm0, [{from}]",
                "vmovups ymm1, [{from} + 32]",
                "vmovups [{to}], ymm0",
                "vmovups [{to} + 32], ymm1",
                "add {from}, 64",
                "add {to}, 64",
                "dec {steps}",
                "jnz 2b",
                "vzeroupper",
                from = inout(reg) from => _,
                to = inout(reg) to => _,
                steps = inout(reg) steps => _,
                out("ymm0") _,
                out("ymm1") _,
                options(nostack),
            );
        }
        steps * STEP
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
mod wide {
    /// Nothing is moved: all of it is the caller's.
    ///
    /// # Safety
    /// Nothing is asked for.
    pub(super) unsafe fn copy(_to: *mut u64, _from: *const u64, _words: usize) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_at_every_alignment_arrives_whole_and_nothing_beside_it_is_touched() {
        for length in 0..40 {
            for offset in 0..9 {
                let shared: Vec<AtomicU64> = (0..64).map(|_| AtomicU64::new(u64::MAX)).collect();
                let mut sent = vec![0xa5_u8; 64 * 8 + 9];
                for (index, byte) in sent.iter_mut().enumerate() {
                    *byte = (index * 7 + length) as u8;
                }
                let record: &[Bytes] = bytemuck::cast_slice(&sent[offset..][..length * 8]);
                to_shared(&shared[offset..][..length + 3], record);
                let mut arrived = vec![0xee_u8; 64 * 8 + 9];
                let into: &mut [Bytes] =
                    bytemuck::cast_slice_mut(&mut arrived[offset..][..length * 8]);
                from_shared(&shared[offset..], into);
                assert_eq!(
                    arrived[offset..][..length * 8],
                    sent[offset..][..length * 8]
                );
                assert!(arrived[..offset].iter().all(|byte| *byte == 0xee));
                assert!(
                    arrived[offset + length * 8..]
                        .iter()
                        .all(|byte| *byte == 0xee)
                );
                for (index, word) in shared.iter().enumerate() {
                    let is_written = (offset..offset + length).contains(&index);
                    assert!(is_written || word.load(Ordering::Relaxed) == u64::MAX);
                }
            }
        }
    }
}
