//! Device memory: mapped blocks of ordinary memory, poisoned when they go.

use std::collections::BTreeMap;
use std::ffi::c_uchar;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::call::{Out, exports};
use crate::copy::Fill;
use crate::device::TOTAL_MEMORY;
use crate::range::{Range, page_size};
use crate::state::{Double, State};
use crate::status::{INVALID_VALUE, OUT_OF_MEMORY, Status};
use crate::stream::Work;

/// What fresh memory holds, so that no test passes because memory happens to be zero.
const FRESH: u8 = 0xCD;
const POISON: u8 = 0xDD;

pub(crate) struct Block {
    pub(crate) range: Range,
    pub(crate) context: usize,
    /// Allocated in the order of a stream.
    is_pooled: bool,
    /// A free was asked for: no new work may use the block.
    doomed: AtomicBool,
    /// The free took place: not even work asked for earlier may use the block.
    freed: AtomicBool,
}

impl Block {
    fn map(bytes: usize, context: usize, is_pooled: bool) -> Result<Self, Status> {
        let length = bytes
            .checked_next_multiple_of(page_size())
            .ok_or(OUT_OF_MEMORY)?;
        // SAFETY: a fresh private mapping at an address that the kernel picks touches nothing else.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(OUT_OF_MEMORY);
        }
        let block = Self {
            range: Range::new(address.expose_provenance(), bytes)?,
            context,
            is_pooled,
            doomed: AtomicBool::new(false),
            freed: AtomicBool::new(false),
        };
        block.fill(FRESH);
        Ok(block)
    }

    fn fill(&self, value: u8) {
        // SAFETY: the block owns its mapping, and work on it is only running while it is shared;
        // this runs before it is shared and after it was.
        unsafe { self.range.pointer().write_bytes(value, self.range.bytes) };
    }

    pub(crate) fn is_freed(&self) -> bool {
        self.freed.load(Ordering::SeqCst)
    }

    fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::SeqCst)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.fill(POISON);
        let length = self.range.bytes.next_multiple_of(page_size());
        // SAFETY: the mapping is the block's own, and nobody shares the block any more.
        unsafe { libc::munmap(self.range.pointer().cast(), length) };
    }
}

#[derive(Default)]
pub(crate) struct DeviceMemory {
    blocks: BTreeMap<usize, Arc<Block>>,
}

impl DeviceMemory {
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.values().map(|block| block.range.bytes).sum()
    }

    /// The block that the range touches, when there is one.
    pub(crate) fn touched_by(&self, range: Range) -> Option<&Arc<Block>> {
        let (_, block) = self.blocks.range(..range.end()).next_back()?;
        block.range.overlaps(range).then_some(block)
    }

    /// Takes the block away; the last of those who still hold it unmaps it.
    pub(crate) fn free(&mut self, start: usize) -> Option<Arc<Block>> {
        let block = self.blocks.remove(&start)?;
        block.freed.store(true, Ordering::SeqCst);
        Some(block)
    }
}

impl State {
    /// The live block that contains the whole range; None where the range is no device memory.
    pub(crate) fn block_at(&mut self, range: Range) -> Result<Option<Arc<Block>>, Status> {
        let Some(block) = self.memory.touched_by(range) else {
            return Ok(None);
        };
        let what = if block.is_doomed() {
            "use_after_free"
        } else if !block.range.contains(range) {
            "out_of_range"
        } else {
            return Ok(Some(Arc::clone(block)));
        };
        let place = block.range;
        self.ledger
            .violation(format!("{what}: {range:x?} in device block {place:x?}"));
        Err(INVALID_VALUE)
    }

    /// Marks the block that starts here as no longer to be used.
    fn doom(&mut self, start: usize) -> Result<(), Status> {
        match self.memory.blocks.get(&start) {
            Some(block) if !block.doomed.swap(true, Ordering::SeqCst) => Ok(()),
            _ => {
                self.ledger
                    .violation(format!("bad_free: {start:#x} is no device block"));
                Err(INVALID_VALUE)
            }
        }
    }
}

impl Double {
    fn allocate(&'static self, bytes: usize, is_pooled: bool) -> Result<usize, Status> {
        let context = {
            let state = self.lock();
            if bytes == 0 {
                return Err(INVALID_VALUE);
            }
            if bytes > TOTAL_MEMORY - state.memory.bytes().min(TOTAL_MEMORY) {
                return Err(OUT_OF_MEMORY);
            }
            state.contexts.current()?
        };
        // Filling takes time, so it happens without the lock.
        let block = Block::map(bytes, context, is_pooled)?;
        let start = block.range.start;
        self.lock().memory.blocks.insert(start, Arc::new(block));
        Ok(start)
    }

    /// Waits for all work of the context first, as the driver does, but not for memory of a pool.
    fn free(&'static self, start: usize) -> Result<(), Status> {
        let mut state = self.lock();
        state.doom(start)?;
        let context = state.contexts.current()?;
        let block = state.memory.blocks.get(&start);
        let pending = match block.is_some_and(|block| block.is_pooled) {
            true => Vec::new(),
            false => state.streams.pending_in(context),
        };
        let mut state = self.wait_while(state, |state| !state.streams.have_reached(&pending));
        let failure = state.failure(context);
        let freed = state.memory.free(start);
        drop(state);
        drop(freed);
        failure.map_or(Ok(()), Err)
    }

    fn free_in_order(&'static self, start: usize, stream: usize) -> Result<(), Status> {
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, stream)?;
        state.admit_outside("cuMemFreeAsync", stream)?;
        state.doom(start)?;
        self.enqueue(&mut state, stream, Vec::new(), Work::Free(start))?;
        Ok(())
    }

    fn fill(
        &'static self,
        start: usize,
        value: u8,
        bytes: usize,
        stream: usize,
    ) -> Result<(), Status> {
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, stream)?;
        if bytes == 0 {
            return Ok(());
        }
        let to = state.device_place(Range::new(start, bytes)?)?;
        self.enqueue(
            &mut state,
            stream,
            Vec::new(),
            Work::Fill(Fill { to, value }),
        )?;
        Ok(())
    }
}

exports! {
    [Context, bytes] fn cuMemAlloc_v2(address: Out<usize>, bytes: usize) |double| {
        address.set(double.allocate(bytes, false)?)
    };
    [Context, bytes] fn cuMemAllocAsync(address: Out<usize>, bytes: usize, stream: usize) |double| {
        let mut state = double.lock();
        let stream = double.stream_of(&mut state, stream)?;
        state.admit_outside("cuMemAllocAsync", stream)?;
        drop(state);
        address.set(double.allocate(bytes, true)?)
    };
    [Context] fn cuMemFree_v2(address: usize) |double| double.free(address);
    [Context] fn cuMemFreeAsync(address: usize, stream: usize) |double| double.free_in_order(address, stream);
    [Context, bytes] fn cuMemsetD8_v2(address: usize, value: c_uchar, bytes: usize) |double| {
        double.fill(address, value, bytes, 0)
    };
    [Context, bytes] fn cuMemsetD8Async(address: usize, value: c_uchar, bytes: usize, stream: usize) |double| {
        double.fill(address, value, bytes, stream)
    };
    [Context] fn cuMemGetInfo_v2(free: Out<usize>, total: Out<usize>) |double| {
        free.set(TOTAL_MEMORY.saturating_sub(double.lock().memory.bytes()))?;
        total.set(TOTAL_MEMORY)
    };
}
