//! The thread that registers: everything slow about a segment happens here.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    Entry, HostRegistration, Registration, SegmentRegistration, Staging, shared::get_or_make,
};
use crate::{
    budget::Budget,
    os::{self, file::Identity, mutex, registration_lock::RegistrationLock},
    reason::FallbackReason,
    segment::Segment,
};

/// How long another process may hold the registration lock of a segment.
const PATIENCE: Duration = Duration::from_secs(5);

enum Job {
    /// Register the segment of an entry; the address is one that its bytes were seen at.
    Segment(Arc<Entry>, AddressSeen),
    /// Make staging slots of at least this many bytes.
    Staging(Arc<Staging>, usize),
}

/// An address as a number: it is looked up, never read.
#[derive(Clone, Copy)]
struct AddressSeen(usize);

/// Owns the thread.
#[derive(Debug)]
pub(crate) struct Registrar {
    jobs: Mutex<Option<Sender<Job>>>,
    stopping: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Registrar {
    /// Starts the thread.
    pub(crate) fn start(
        registration: Arc<dyn HostRegistration>,
        budget: Arc<Budget>,
    ) -> Result<Self, std::io::Error> {
        let (sender, receiver) = mpsc::channel::<Job>();
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = stopping.clone();
        let thread = std::thread::Builder::new()
            .name(String::from("zpin-registrar"))
            .spawn(move || {
                os::waiting::never_here();
                for job in receiver {
                    // Relaxed: one job more does no harm.
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    job.run(&registration, &budget);
                }
            })?;
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            stopping,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Asks for the segment of a new entry to be registered; `seen` is an address of its bytes.
    pub(crate) fn register(&self, entry: Arc<Entry>, seen: NonNull<u8>) {
        self.send(Job::Segment(entry, AddressSeen(seen.as_ptr() as usize)));
    }

    /// Asks for staging slots of at least `bytes`.
    pub(crate) fn prepare_staging(&self, staging: &Arc<Staging>, bytes: usize) {
        self.send(Job::Staging(staging.clone(), bytes));
    }

    /// Lets the thread end its current job, forgets the others, and waits for it.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(mutex::lock(&self.jobs).take());
        let thread = mutex::lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn send(&self, job: Job) {
        let jobs = mutex::lock(&self.jobs);
        if let Some(jobs) = jobs.as_ref() {
            let _ = jobs.send(job);
        }
    }
}

impl Job {
    fn run(self, registration: &Arc<dyn HostRegistration>, budget: &Arc<Budget>) {
        match self {
            Self::Segment(entry, seen) => {
                let register = || register_segment(&entry, seen, registration, budget);
                let outcome = without_panic(register);
                match &outcome {
                    Ok(registered) => tracing::debug!(
                        segment = registered.memory().id(),
                        bytes = registered.memory().bytes(),
                        "segment registered"
                    ),
                    Err(reason) => tracing::info!(%reason, "segment not registered"),
                }
                entry.settle(outcome);
            }
            Self::Staging(staging, bytes) => {
                let make = || {
                    staging.make_slots(bytes, registration, budget);
                    Ok(())
                };
                if let Err(reason) = without_panic(make) {
                    staging.refused(bytes, reason);
                }
            }
        }
    }
}

/// A registration that panics must not leave its segment, and all after it, pending.
fn without_panic<T>(work: impl FnOnce() -> Result<T, FallbackReason>) -> Result<T, FallbackReason> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(FallbackReason::DriverUnusable {
            detail: String::from("registering panicked"),
        })
    })
}

fn register_segment(
    entry: &Entry,
    seen: AddressSeen,
    registration: &Arc<dyn HostRegistration>,
    budget: &Arc<Budget>,
) -> Result<SegmentRegistration, FallbackReason> {
    get_or_make(entry.identity(), registration, || {
        let segment = match entry.attached() {
            // Read-only here, and the driver pins for reading and writing.
            Some(segment) if segment.is_sealed() => alias_of(segment.id(), entry.identity())?,
            Some(segment) => segment.clone(),
            None => attach_alias(seen, entry.identity())?,
        };
        let file = segment.clone();
        let _one_process_at_a_time = RegistrationLock::acquire(file.file(), PATIENCE)
            .map_err(|_| FallbackReason::RegistrationContended)?;
        Registration::make(segment, budget, registration)
    })
}

/// Maps the file that somebody else's mapping shows once more, without touching that mapping.
fn attach_alias(seen: AddressSeen, file: Identity) -> Result<Arc<Segment>, FallbackReason> {
    let id = os::mappings::segment_at(seen.0).ok_or_else(|| FallbackReason::NotAttachable {
        detail: String::from("no zenoh segment is mapped there"),
    })?;
    alias_of(id, file)
}

/// One more mapping of the file, by its name.
fn alias_of(id: u32, file: Identity) -> Result<Arc<Segment>, FallbackReason> {
    let not_attachable = |detail: String| FallbackReason::NotAttachable { detail };
    let alias = Segment::attach_writable(id).map_err(|error| not_attachable(error.to_string()))?;
    // Mapping and name may both have come to mean another file since the frame was seen.
    if alias.identity() != file {
        return Err(not_attachable(String::from(
            "its name has come to mean another file",
        )));
    }
    Ok(alias)
}
