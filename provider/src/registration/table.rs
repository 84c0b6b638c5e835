//! The segments that frames of this process lie in, and whether each is registered.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    ptr::NonNull,
    sync::{Arc, Mutex, OnceLock, RwLock},
    time::{Duration, Instant},
};

use super::SegmentRegistration;
use crate::{
    budget::{Idle, Purpose},
    os::{
        clock::LastUse,
        file::Identity,
        mappings::{self, Placement},
        mutex,
    },
    reason::FallbackReason,
    segment::{Segment, registry},
};

/// How long a registration that failed for a passing reason is not tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One segment.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The mapping that our own client or pool made; `None` where only somebody else's is known.
    attached: Option<Arc<Segment>>,
    identity: Identity,
    outcome: OnceLock<Outcome>,
    last_use: LastUse,
}

#[derive(Debug)]
struct Outcome {
    registration: Result<SegmentRegistration, FallbackReason>,
    at: Instant,
}

impl Entry {
    fn new(identity: Identity, attached: Option<Arc<Segment>>) -> Arc<Self> {
        Arc::new(Self {
            attached,
            identity,
            outcome: OnceLock::new(),
            last_use: LastUse::now(),
        })
    }

    /// The segment to register, where it is mapped already.
    pub(crate) fn attached(&self) -> Option<&Arc<Segment>> {
        self.attached.as_ref()
    }

    /// The segment's file.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// A mapping of the segment by this library, for announcing releases.
    pub(crate) fn segment(&self) -> Option<&Arc<Segment>> {
        self.attached
            .as_ref()
            .or_else(|| Some(self.registration().ok()?.memory()))
    }

    /// Settles the entry. Only the registrar calls this, once.
    pub(crate) fn settle(&self, registration: Result<SegmentRegistration, FallbackReason>) {
        let at = Instant::now();
        // A second outcome would be dropped here, and with it a registration it might hold.
        let _ = self.outcome.set(Outcome { registration, at });
        self.last_use.note();
    }

    pub(crate) fn registration(&self) -> Result<&SegmentRegistration, FallbackReason> {
        match self.outcome.get() {
            None => Err(FallbackReason::RegistrationPending),
            Some(outcome) => outcome.registration.as_ref().map_err(Clone::clone),
        }
    }

    fn should_be_retried(&self) -> bool {
        self.outcome.get().is_some_and(|outcome| {
            let passing = match &outcome.registration {
                Ok(registration) => registration.lost().is_some(),
                Err(reason) => reason.is_transient(),
            };
            passing && outcome.at.elapsed() >= RETRY_AFTER
        })
    }
}

/// Where a frame's bytes were found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entry: Arc<Entry>,
    /// Offset of the frame's first byte in its segment.
    pub(crate) offset: usize,
    /// The entry is new: somebody has to ask the registrar.
    pub(crate) is_new: bool,
}

impl Found {
    fn at(entry: Arc<Entry>, offset: usize, is_new: bool) -> Self {
        Self {
            entry,
            offset,
            is_new,
        }
    }

    /// The same, `bytes` further on.
    pub(crate) fn further(&self, bytes: usize) -> Self {
        Self::at(self.entry.clone(), self.offset + bytes, false)
    }

    /// The frame's first byte inside the registration, where there is one.
    pub(crate) fn registered_address(&self, bytes: usize) -> Result<NonNull<u8>, FallbackReason> {
        let registration = self.entry.registration()?;
        if let Some(reason) = registration.lost() {
            return Err(reason);
        }
        let end = self.offset.checked_add(bytes);
        if end.is_none_or(|end| end > registration.memory().bytes()) {
            return Err(FallbackReason::NotAttachable {
                detail: String::from("the frame reaches beyond its segment"),
            });
        }
        // SAFETY: the offset was just found to lie inside the registered mapping.
        Ok(unsafe { registration.base().add(self.offset) })
    }
}

#[derive(Debug, Default)]
struct Index {
    by_identity: HashMap<Identity, Arc<Entry>>,
    /// Our own mappings, by first address. Their entries keep them mapped, so an address here never
    /// comes to mean something else.
    by_address: BTreeMap<usize, (Arc<Entry>, usize)>,
}

impl Index {
    fn add_mapping(&mut self, entry: &Arc<Entry>, segment: &Segment) {
        let base = segment.base().as_ptr() as usize;
        let place = (entry.clone(), segment.bytes());
        self.by_address.insert(base, place);
    }

    /// Whether nobody but the table has the entry: no frame, no copy, no registrar. While the index is
    /// locked for writing nobody can come by it.
    fn has_alone(&self, entry: &Arc<Entry>) -> bool {
        let own = |found: &&(Arc<Entry>, usize)| Arc::ptr_eq(&found.0, entry);
        Arc::strong_count(entry) == 1 + self.by_address.values().filter(own).count()
    }
}

/// See the module's note.
#[derive(Debug, Default)]
pub(crate) struct Table {
    index: RwLock<Index>,
    /// Held while something idle is given back: clearing the table waits for it.
    giving_back: Mutex<()>,
}

impl Table {
    /// Adds a mapping of ours; `Some` if its segment is new and has to be registered.
    pub(crate) fn add_attached(&self, segment: &Arc<Segment>) -> Option<Arc<Entry>> {
        let mut index = mutex::write(&self.index);
        let known = index.by_identity.get(&segment.identity()).cloned();
        let is_new = known.is_none();
        let entry = known.unwrap_or_else(|| Entry::new(segment.identity(), Some(segment.clone())));
        if is_new {
            index.by_identity.insert(segment.identity(), entry.clone());
        }
        // A segment of ours that is mapped twice is found by its file like a foreign one.
        if entry
            .attached()
            .is_some_and(|attached| Arc::ptr_eq(attached, segment))
        {
            index.add_mapping(&entry, segment);
        }
        is_new.then_some(entry)
    }

    /// The entry of the segment that `bytes` at `address` lie in; `None` where they lie in no single
    /// file mapping of this process, so that they are not all there.
    ///
    /// # Errors
    /// The kernel could not be asked.
    pub(crate) fn find(&self, address: NonNull<u8>, bytes: usize) -> io::Result<Option<Found>> {
        let address = address.as_ptr() as usize;
        if let Some((entry, offset)) = self.find_by_address(address, bytes) {
            return Ok(Some(self.found(entry, offset)));
        }
        // Somebody else's mapping can be replaced by another at any time, so the kernel is asked about
        // every frame; the answer is keyed by the file.
        match mappings::placement_of(address, bytes)? {
            Placement::Inside { identity, offset } => Ok(self.find_by_file(identity, offset)),
            Placement::NoFile | Placement::Beyond => Ok(None),
        }
    }

    fn find_by_file(&self, identity: Identity, offset: usize) -> Option<Found> {
        if let Some(entry) = self.entry_of(identity) {
            return Some(self.found(entry, offset));
        }
        // A mapping that a pool or another client of this process made needs no second one.
        if let Some(segment) = registry::find(identity) {
            let entry = self.add_attached(&segment);
            let is_new = entry.is_some();
            let entry = entry.or_else(|| self.entry_of(identity))?;
            return Some(Found::at(entry, offset, is_new));
        }
        Some(self.insert(identity, offset, None))
    }

    fn entry_of(&self, identity: Identity) -> Option<Arc<Entry>> {
        let index = mutex::read(&self.index);
        index.by_identity.get(&identity).cloned()
    }

    fn find_by_address(&self, address: usize, bytes: usize) -> Option<(Arc<Entry>, usize)> {
        let index = mutex::read(&self.index);
        let (base, (entry, length)) = index.by_address.range(..=address).next_back()?;
        let offset = address - base;
        let end = offset.checked_add(bytes)?;
        (end <= *length).then(|| (entry.clone(), offset))
    }

    fn found(&self, entry: Arc<Entry>, offset: usize) -> Found {
        entry.last_use.note();
        if entry.should_be_retried() {
            return self.insert(entry.identity(), offset, Some(&entry));
        }
        Found::at(entry, offset, false)
    }

    /// Puts a fresh entry in place of `stale`, or in an empty place; another thread may have been faster.
    fn insert(&self, identity: Identity, offset: usize, stale: Option<&Arc<Entry>>) -> Found {
        let mut index = mutex::write(&self.index);
        if let Some(present) = index.by_identity.get(&identity)
            && !stale.is_some_and(|stale| Arc::ptr_eq(stale, present))
        {
            return Found::at(present.clone(), offset, false);
        }
        let entry = Entry::new(identity, stale.and_then(|stale| stale.attached().cloned()));
        index.by_identity.insert(identity, entry.clone());
        if let Some(segment) = entry.attached() {
            index.add_mapping(&entry, segment);
        }
        Found::at(entry, offset, true)
    }

    /// The registrations that nothing uses; those in use are noted as used now.
    pub(super) fn idle(&self) -> Vec<Idle> {
        let index = mutex::write(&self.index);
        let mut idle = Vec::new();
        for (identity, entry) in &index.by_identity {
            let Ok(registration) = entry.registration() else {
                continue;
            };
            if index.has_alone(entry) {
                idle.push(Idle {
                    identity: *identity,
                    purpose: Purpose::Registration,
                    bytes: registration.memory().bytes() as u64,
                    last_used: entry.last_use.moment(),
                });
            } else {
                entry.last_use.note();
            }
        }
        idle
    }

    /// Forgets a segment that nothing uses; it is unregistered unless another pinner shares it.
    pub(super) fn give_back(&self, identity: Identity) -> bool {
        let _giving_back = mutex::lock(&self.giving_back);
        let mut index = mutex::write(&self.index);
        let alone = index
            .by_identity
            .get(&identity)
            .is_some_and(|entry| index.has_alone(entry));
        if !alone {
            return false;
        }
        let entry = index.by_identity.remove(&identity);
        if let Some(segment) = entry.as_ref().and_then(|entry| entry.attached()) {
            let base = segment.base().as_ptr() as usize;
            index.by_address.remove(&base);
        }
        drop(index);
        // Unregistering is the driver's work, so not under the index's lock.
        drop(entry);
        true
    }

    /// As [`Table::give_back`]; `true` also where the segment is not known.
    pub(crate) fn let_go(&self, identity: Identity) -> bool {
        self.entry_of(identity).is_none() || self.give_back(identity)
    }

    /// Forgets every segment; what no frame or copy uses is unregistered here.
    pub(crate) fn clear(&self) {
        let index = {
            let mut index = mutex::write(&self.index);
            std::mem::take(&mut *index)
        };
        drop(index);
        drop(self.giving_back.lock());
    }
}
