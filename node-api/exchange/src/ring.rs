//! A region with one lane: the newest value of one kind, from one writer to any number of readers.

use std::marker::PhantomData;

use crate::{
    protocol::{ReadError, Stamp},
    record::{Record, words_of, words_of_mut},
    region::{AttachError, CreateError, Place, Region, RegionLayout, Role},
};

/// How often a reader tries to copy a message that is written over meanwhile.
pub(crate) const TRIES: usize = 4;

/// A ring of `N` records `T` below a name in `/dev/shm`.
///
/// The writer never waits and makes no system call; a reader gets the newest record, or the next one, whole or not at
/// all. More slots give readers more time to copy one, and let [`RingReader::next`] lag behind further.
///
/// ```
/// use zenoh_pinned_exchange::{Record, Ring};
///
/// # #[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
/// # #[repr(C)]
/// # struct Pose { position: [f64; 3] }
/// # impl Record for Pose { const NAME: &str = "pose"; }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = format!("pose-{}", std::process::id());
/// let mut writer = Ring::<Pose, 4>::create(&name, 0o600)?;
/// let mut reader = Ring::<Pose, 4>::attach(&name)?; // in another process, as a rule
///
/// writer.write(&Pose { position: [1.0, 2.0, 3.0] })?;
/// let message = reader.newest()?.expect("one was written");
/// assert_eq!((message.sequence, message.missed), (1, 0));
/// assert_eq!(message.record.position, [1.0, 2.0, 3.0]);
/// assert!(reader.newest()?.is_none()); // nothing new since
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Ring<T, const N: usize>(PhantomData<T>);

/// A message with its place in the order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<T> {
    /// 1 for the first message of the region, one more for each, also over a change of the writer.
    pub sequence: u64,
    /// How many messages this reader did not see between the one before and this one.
    pub missed: u64,
    /// What was written.
    pub record: T,
}

/// The writer did not write, because this process was forked after it had made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "made before this process was forked; a region has one writer: write there, or end that process and make it anew here"
)]
pub struct Forked;

impl<T: Record, const N: usize> Ring<T, N> {
    fn layout() -> (RegionLayout, Place) {
        const { assert!(N > 0, "a ring has at least one slot") };
        let mut layout = RegionLayout::new();
        let place = layout.add::<T>(Role::Owner, N);
        (layout, place)
    }

    /// Makes the ring, or goes on with the one that a writer before this one left.
    ///
    /// `mode` are the file's permissions: readers need to read, nobody but the writer needs to write.
    pub fn create(name: &str, mode: u32) -> Result<RingWriter<T, N>, CreateError> {
        let (layout, place) = Self::layout();
        let region = Region::create(name, mode, &layout)?;
        let lane = LaneWriter::of(&region, place, name)?;
        Ok(RingWriter {
            region,
            lane,
            record: PhantomData,
        })
    }

    /// Attaches the ring as a reader, which maps it read-only.
    pub fn attach(name: &str) -> Result<RingReader<T, N>, AttachError> {
        let (layout, place) = Self::layout();
        let region = Region::attach(name, None, &layout)?;
        Ok(RingReader {
            region,
            lane: LaneReader::of(place),
            record: PhantomData,
        })
    }
}

/// The one writer of a ring. It can be sent to another thread.
#[derive(Debug)]
pub struct RingWriter<T, const N: usize> {
    region: Region,
    lane: LaneWriter,
    record: PhantomData<T>,
}

impl<T: Record, const N: usize> RingWriter<T, N> {
    /// Writes a record; its number is given back. Never waits, makes no system call.
    pub fn write(&mut self, record: &T) -> Result<u64, Forked> {
        self.lane.write(&self.region, record)
    }
}

/// A reader of a ring, with its own place in the order. It can be sent to another thread.
#[derive(Debug)]
pub struct RingReader<T, const N: usize> {
    region: Region,
    lane: LaneReader,
    record: PhantomData<T>,
}

impl<T: Record, const N: usize> RingReader<T, N> {
    /// The newest message; `None` where this reader has it already. Never waits.
    pub fn newest(&mut self) -> Result<Option<Message<T>>, ReadError> {
        let mut record = T::zeroed();
        let stamp = self.newest_into(&mut record)?;
        Ok(stamp.map(|stamp| message(stamp, record)))
    }

    /// As [`newest`](Self::newest), into a record of the caller. It holds anything where there is an error.
    pub fn newest_into(&mut self, record: &mut T) -> Result<Option<Stamp>, ReadError> {
        self.lane.newest_into(&self.region, TRIES, record)
    }

    /// The message after the one that was read last, or the oldest that is still there. Never waits.
    #[allow(
        clippy::should_implement_trait,
        reason = "nothing new is not the end of an iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Message<T>>, ReadError> {
        let mut record = T::zeroed();
        let stamp = self.lane.next_into(&self.region, TRIES, &mut record)?;
        Ok(stamp.map(|stamp| message(stamp, record)))
    }

    /// The process that writes now; `None` where there is none, because it closed the ring or has ended, and in a forked
    /// child. A system call.
    pub fn writer(&self) -> Option<u32> {
        self.region.writer(Role::Owner)
    }

    /// How many writers the region has had. It rises when a new one has taken over. 0 in a forked child.
    pub fn incarnation(&self) -> u64 {
        self.region.incarnation(Role::Owner)
    }
}

pub(crate) fn message<T>(stamp: Stamp, record: T) -> Message<T> {
    Message {
        sequence: stamp.sequence,
        missed: stamp.missed,
        record,
    }
}

/// The writing end of one lane.
#[derive(Debug)]
pub(crate) struct LaneWriter {
    place: Place,
    next: u64,
}

impl LaneWriter {
    /// Goes on behind the lane's last writer. The caller holds the lock of the lane's role.
    pub(crate) fn of(region: &Region, place: Place, name: &str) -> Result<Self, CreateError> {
        let next = place.in_words(region.words()).resume();
        let next = next.ok_or_else(|| CreateError::NotARegion { name: name.into() })?;
        Ok(Self { place, next })
    }

    /// The number that the next message will have.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    #[inline]
    pub(crate) fn write<T: Record>(&mut self, region: &Region, record: &T) -> Result<u64, Forked> {
        if !region.is_of_this_process() {
            return Err(Forked);
        }
        let number = self.next;
        let lane = self.place.in_words(region.words());
        lane.write(number, words_of(record));
        self.next = number + 1;
        Ok(number)
    }
}

/// A reading end of one lane.
#[derive(Debug)]
pub(crate) struct LaneReader {
    place: Place,
    last: u64,
}

impl LaneReader {
    pub(crate) fn of(place: Place) -> Self {
        Self { place, last: 0 }
    }

    #[inline]
    pub(crate) fn newest_into<T: Record>(
        &mut self,
        region: &Region,
        tries: usize,
        record: &mut T,
    ) -> Result<Option<Stamp>, ReadError> {
        if !region.is_of_this_process() {
            return Err(ReadError::Forked);
        }
        let lane = self.place.in_words(region.words());
        let stamp = lane.read_newest(self.last, tries, words_of_mut(record))?;
        self.last = stamp.map_or(self.last, |stamp| stamp.sequence);
        Ok(stamp)
    }

    pub(crate) fn next_into<T: Record>(
        &mut self,
        region: &Region,
        tries: usize,
        record: &mut T,
    ) -> Result<Option<Stamp>, ReadError> {
        if !region.is_of_this_process() {
            return Err(ReadError::Forked);
        }
        let lane = self.place.in_words(region.words());
        let stamp = lane.read_next(self.last, tries, words_of_mut(record))?;
        self.last = stamp.map_or(self.last, |stamp| stamp.sequence);
        Ok(stamp)
    }
}
