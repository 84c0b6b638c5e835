//! The floor: frames in a mapped file, a ring that says which slot is next, and futexes in front of it.
//!
//! The producer alone writes `sent` and the entries behind it, each consumer alone its `taken`; a slot is the producer's
//! until `sent` has passed its entry, and again when every `taken` has. The slot that came back last is used first: it
//! may still be in a cache. Who is about to sleep says so first (`sleepers`, `wants_room`), so that nobody
//! makes a system call for somebody who is awake. The counts begin anew after 2^32 frames. Neither side trusts anybody
//! else here, and neither notices the other's death.

use std::{
    collections::VecDeque,
    fs::File,
    ops::ControlFlow,
    os::fd::AsFd,
    path::PathBuf,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use rustix::{
    io::Errno,
    mm::{MapFlags, ProtFlags},
    thread::futex,
};
use zenoh_pinned_measuring::clock::now;

use crate::{Outcome, orders::Orders};

/// The most that a row has.
const CONSUMERS: usize = 4;
const SLOTS: usize = 64;
const PAGE_BYTES: usize = 4096;

#[repr(C, align(64))]
struct Count(AtomicU32);

// Every order is SeqCst: who says that it sleeps and then looks, and who sends and then looks for sleepers, must not
// both miss each other.
#[repr(C)]
struct Head {
    sent: Count,
    sleepers: Count,
    wants_room: Count,
    taken: [Count; CONSUMERS],
    entries: [AtomicU32; SLOTS],
}

struct Ring {
    base: NonNull<u8>,
    bytes: usize,
    slots: u32,
    consumers: usize,
}

pub struct Outlet {
    ring: Ring,
    free: Vec<u32>,
    /// The slots that not everybody has taken yet, the oldest in front.
    sent: VecDeque<u32>,
    /// Where the file is, until all consumers have it.
    path: Option<PathBuf>,
}

pub struct Inlet {
    ring: Ring,
    index: usize,
}

fn path_of(orders: &Orders) -> PathBuf {
    PathBuf::from(format!("/dev/shm/{}.ring", orders.name))
}

impl Ring {
    fn map(file: &File, orders: &Orders) -> Outcome<Self> {
        let mut ring = Self {
            base: NonNull::dangling(),
            bytes: orders.bytes,
            slots: orders.slots,
            consumers: orders.consumers,
        };
        file.set_len(ring.mapped_bytes() as u64)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: the kernel chooses a free range.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                ring.mapped_bytes(),
                protection,
                flags,
                file.as_fd(),
                0,
            )?
        };
        ring.base = NonNull::new(base.cast()).ok_or("mapped at 0")?;
        Ok(ring)
    }

    fn slot_bytes(&self) -> usize {
        self.bytes.next_multiple_of(PAGE_BYTES)
    }

    fn mapped_bytes(&self) -> usize {
        PAGE_BYTES + self.slots as usize * self.slot_bytes()
    }

    fn head(&self) -> &Head {
        // SAFETY: the mapping begins with a page for it, is zeroed at first, and lives as long as this does; it is
        // nothing but atomics.
        unsafe { self.base.cast().as_ref() }
    }

    fn taken(&self) -> &[Count] {
        self.head().taken.get(..self.consumers).unwrap_or_default()
    }

    /// Where the slot of the frame of this number is noted.
    fn entry(&self, number: u32) -> &AtomicU32 {
        &self.head().entries[number as usize % SLOTS]
    }

    fn slot(&self, index: u32) -> NonNull<[u8]> {
        let offset = PAGE_BYTES + (index % self.slots) as usize * self.slot_bytes();
        // SAFETY: within the mapping, by the remainder.
        let slot = unsafe { self.base.add(offset) };
        NonNull::slice_from_raw_parts(slot, self.bytes)
    }
}

// SAFETY: a mapping is not bound to a thread, and what both sides write are atomics.
unsafe impl Send for Ring {}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`, and used no more.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.mapped_bytes()) };
    }
}

/// Sleeps while a count has this value, or less long.
fn wait(count: &Count, value: u32) -> Outcome {
    match futex::wait(&count.0, futex::Flags::empty(), value, None) {
        Ok(()) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn wake(count: &Count) -> Outcome {
    futex::wake(&count.0, futex::Flags::empty(), i32::MAX as u32)?;
    Ok(())
}

impl Outlet {
    pub fn create(orders: &Orders) -> Outcome<Self> {
        if orders.consumers > CONSUMERS || orders.slots as usize > SLOTS {
            return Err(format!("no more than {CONSUMERS} consumers and {SLOTS} slots").into());
        }
        let path = path_of(orders);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        let mut outlet = Self {
            ring: Ring::map(&file, orders)?,
            free: (0..orders.slots).collect(),
            sent: VecDeque::new(),
            path: None,
        };
        outlet.path = Some(path);
        Ok(outlet)
    }

    /// A slot that nobody reads.
    fn free_slot(&mut self, sent: u32) -> Outcome<u32> {
        self.wait_for_room(sent)?;
        let behind = self.ring.taken().iter();
        let behind = behind.map(|taken| sent.wrapping_sub(taken.0.load(SeqCst)));
        let behind = behind.max().unwrap_or(0) as usize;
        let taken = self.sent.len().saturating_sub(behind);
        self.free.extend(self.sent.drain(..taken));
        Ok(self.free.pop().ok_or("no slot is free")?)
    }

    fn wait_for_room(&self, sent: u32) -> Outcome {
        let head = self.ring.head();
        for taken in self.ring.taken() {
            loop {
                let seen = taken.0.load(SeqCst);
                if sent.wrapping_sub(seen) < self.ring.slots {
                    break;
                }
                head.wants_room.0.store(1, SeqCst);
                if taken.0.load(SeqCst) == seen {
                    wait(taken, seen)?;
                }
                head.wants_room.0.store(0, SeqCst);
            }
        }
        Ok(())
    }
}

impl super::Outlet for Outlet {
    fn stand(&mut self) -> Outcome {
        Ok(self.path.take().map_or(Ok(()), std::fs::remove_file)?)
    }

    fn send(&mut self, _bytes: usize, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let sent = self.ring.head().sent.0.load(SeqCst);
        let slot = self.free_slot(sent)?;
        // SAFETY: every consumer has taken what was in the slot, and reads it again only when `sent` has passed it.
        write(unsafe { self.ring.slot(slot).as_mut() });
        self.ring.entry(sent).store(slot, SeqCst);
        self.sent.push_back(slot);
        let head = self.ring.head();
        head.sent.0.store(sent.wrapping_add(1), SeqCst);
        if head.sleepers.0.load(SeqCst) > 0 {
            wake(&head.sent)?;
        }
        Ok(())
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let _ = super::Outlet::stand(self);
    }
}

impl Inlet {
    pub fn open(orders: &Orders) -> Outcome<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path_of(orders))?;
        Ok(Self {
            ring: Ring::map(&file, orders)?,
            index: orders.index,
        })
    }
}

impl super::Inlet for Inlet {
    fn next(&mut self, take: &dyn Fn(&[u8], u64) -> ControlFlow<()>) -> Outcome<ControlFlow<()>> {
        let head = self.ring.head();
        let taken = self
            .ring
            .taken()
            .get(self.index)
            .ok_or("no such consumer")?;
        let number = taken.0.load(SeqCst);
        if head.sent.0.load(SeqCst) == number {
            head.sleepers.0.fetch_add(1, SeqCst);
            while head.sent.0.load(SeqCst) == number {
                wait(&head.sent, number)?;
            }
            head.sleepers.0.fetch_sub(1, SeqCst);
        }
        let slot = self.ring.entry(number).load(SeqCst);
        // SAFETY: `sent` has passed the slot's entry, and the producer waits for this side's `taken` before it writes again.
        let bytes = unsafe { self.ring.slot(slot).as_ref() };
        let answer = take(bytes, now());
        taken.0.store(number.wrapping_add(1), SeqCst);
        if head.wants_room.0.load(SeqCst) > 0 {
            wake(taken)?;
        }
        Ok(answer)
    }
}
