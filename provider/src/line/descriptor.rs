//! The one place that touches zenoh's crates for its own use: descriptors of buffers, out of payloads and into them.
//!
//! `zenoh-shm` and `zenoh-buffers` are public and called internal there, so they are bound to zenoh's version. Used:
//! `ShmBufInner::info`, by downcast from a payload's only slice, and `ShmReader::read_shmbuf`.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};

use zenoh::{
    bytes::ZBytes,
    shm::{ShmClientStorage, ZShm},
};
use zenoh_buffers::ZBuf;
use zenoh_shm::{
    ShmBufInfo, ShmBufInner, metadata::descriptor::MetadataDescriptor, reader::ShmReader,
};

use super::entry::Descriptor;
use crate::{
    os::mutex,
    reclaim::{ForeignHeaders, Refused},
};

/// How many producers' headers stay mapped; those of dead ones are not told from others.
const KNOWN_HEADERS: usize = 64;

impl Descriptor {
    /// Of a payload that is one whole buffer in shared memory; `None` for any other.
    pub fn of(payload: &ZBytes) -> Option<Self> {
        let buffer = ZBuf::from(payload.clone());
        let mut slices = buffer.zslices();
        let (Some(slice), None) = (slices.next(), slices.next()) else {
            return None;
        };
        let inner = slice.downcast_ref::<ShmBufInner>()?;
        if slice.len() != inner.info.data_len.get() {
            return None;
        }
        Some(Self {
            bytes: slice.len() as u64,
            metadata: inner.info.metadata.id,
            index: inner.info.metadata.index,
            generation: inner.info.generation,
        })
    }
}

/// Why a descriptor gave no buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Its producer has ended or has given it up.
    Gone,
    /// The producer's memory could not be attached.
    NotAttached(String),
    /// Nobody honest has written it.
    Nonsense,
}

/// Turns descriptors into buffers.
#[derive(Debug)]
pub(super) struct Reader {
    reader: ShmReader,
    headers: Mutex<HashMap<u16, Arc<ForeignHeaders>>>,
}

impl Reader {
    /// With the clients that attach data segments.
    pub(super) fn new(clients: Arc<ShmClientStorage>) -> Self {
        Self {
            reader: ShmReader::new(clients),
            headers: Mutex::default(),
        }
    }

    /// The buffer, with a reference of this process. Somebody else has to hold it until this returns.
    pub(super) fn read(&self, descriptor: Descriptor) -> Result<ZShm, Unreadable> {
        let Descriptor {
            metadata,
            index,
            generation,
            ..
        } = descriptor;
        let bytes = usize::try_from(descriptor.bytes).ok();
        let bytes = bytes.and_then(NonZeroUsize::new);
        let bytes = bytes.ok_or(Unreadable::Nonsense)?;
        let headers = self.headers(metadata)?;
        headers
            .take(index, generation, bytes.get())
            .map_err(|refused| match refused {
                Refused::Gone => Unreadable::Gone,
                Refused::Nonsense => Unreadable::Nonsense,
            })?;
        let descriptor = MetadataDescriptor {
            id: metadata,
            index,
        };
        let info = ShmBufInfo::new(bytes, descriptor, generation);
        match self.reader.read_shmbuf(info) {
            // Nobody else has it, so there is always a value in it; a clone would do as well.
            Ok(buffer) => Ok(Arc::try_unwrap(buffer)
                .unwrap_or_else(|buffer| (*buffer).clone())
                .into()),
            Err(error) => {
                headers.give_back_refused(index, generation);
                Err(Unreadable::NotAttached(error.to_string()))
            }
        }
    }

    fn headers(&self, metadata: u16) -> Result<Arc<ForeignHeaders>, Unreadable> {
        let mut known = mutex::lock(&self.headers);
        if let Some(headers) = known.get(&metadata) {
            return Ok(headers.clone());
        }
        let headers = ForeignHeaders::open(metadata)
            .map_err(|error| Unreadable::NotAttached(format!("zenoh's metadata: {error}")))?;
        if known.len() >= KNOWN_HEADERS {
            known.clear();
        }
        let headers = Arc::new(headers);
        known.insert(metadata, headers.clone());
        Ok(headers)
    }
}
