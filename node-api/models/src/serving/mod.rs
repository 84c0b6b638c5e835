//! A registry as a process of its own: other processes of this user attach its weights without a copy.
//!
//! Holds: the place that it is found at, and one thread, `zpin-serve`, that waits for whoever connects and for whoever hangs
//! up. A question is answered on a thread of its own: [`MAX_QUESTIONS`] may not have arrived yet, and who comes then waits in
//! the socket's queue; of those that are answered, most of which wait for a load, there are [`MAX_ANSWERS`]. A lease is the
//! connection that it was asked on: it costs a descriptor, and no thread.
//!
//! Locks: one mutex around the leases, held for list operations.
//!
//! Invariants:
//! - Whoever is told of a shard has a lease by then, which keeps the shard until he has taken a reference of his own.
//! - A lease ends when its connection does, whatever its process was doing.
//! - Nobody waits for whoever is silent: a question has to arrive within [`ASK_WITHIN`].

mod leases;

use std::{
    io,
    os::unix::net::{UnixListener, UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fd::OwnedFd,
};
use zenoh_pinned::{
    Frame,
    bindings::{MadeHere, descriptor::Descriptor},
};

use crate::{
    error::LoadError,
    loading::Progress,
    messages::{Answer, Ask, Lease, MAX_QUESTION_BYTES, Question, TELL_EVERY, VERSION},
    os::{
        place::{Place, Taken},
        stream::Stream,
    },
    registry::{Leased, Registry, Shared},
};
use leases::Leases;

const MAX_QUESTIONS: usize = 64;
const MAX_ANSWERS: usize = 1024;
/// At most, and half of the files that this process may have open.
const MAX_LEASES: usize = 4096;
const ASK_WITHIN: Duration = Duration::from_secs(1);
/// A thread that answers waits most of the time, and calls nothing deep.
const STACK_BYTES: usize = 256 << 10;
/// Sessions of processes that cannot be told apart here begin there, above every pid.
const UNKNOWN_SESSIONS: u32 = 1 << 31;
const TELL_WITHIN: Duration = Duration::from_secs(5);
/// How often the thread looks whether there is room for questions again.
const LOOK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};

/// Serves a registry to the other processes of this user, until it is dropped. What others have attached by then stays with
/// them, and does not count for the registry any more.
///
/// ```
/// use zenoh_pinned_models::{ModelServer, Registry};
///
/// let registry = Registry::builder().source("ocr", "models/ocr.onnx").build();
/// # let name = format!("doc-{}", std::process::id());
/// # let server = ModelServer::serve(&registry, &name)?;
/// # let _ =
/// // `default` is where `attach` looks.
/// # || ->  Result<(), Box<dyn std::error::Error>> {
/// let server = ModelServer::serve(&registry, "default")?;
/// # Ok(()) };
/// println!("at {}", server.place());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ModelServer {
    inner: Arc<Inner>,
    taken: Taken,
    thread: Option<JoinHandle<()>>,
    made_here: MadeHere,
}

#[derive(Debug)]
struct Inner {
    listener: UnixListener,
    wake: OwnedFd,
    leases: Leases,
    questions: AtomicUsize,
    answers: AtomicUsize,
    unknown: AtomicU32,
    is_ended: AtomicBool,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The place is taken, or cannot be had.
    #[error("models cannot be served at {place}: {cause}")]
    Place {
        /// The path of the socket.
        place: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A name with a character that no path has.
    #[error("{name:?} cannot name a place: use 1 to 32 letters, digits, '-' and '_'")]
    Name {
        /// What was given.
        name: String,
    },
    /// The system gave no thread, or no descriptor.
    #[error("models cannot be served: {0}")]
    System(io::Error),
}

impl ModelServer {
    /// Serves `registry` at the place of this name: 1 to 32 letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn serve(registry: &Registry, name: &str) -> Result<Self, ServeError> {
        let may_be = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !matches!(name.len(), 1..=32) || !name.bytes().all(may_be) {
            return Err(ServeError::Name {
                name: name.chars().take(80).collect(),
            });
        }
        let place = Place::named(name);
        let refused = |cause| ServeError::Place {
            place: place.socket().display().to_string(),
            cause,
        };
        let taken = place.take().map_err(refused)?;
        let listener = UnixListener::bind(taken.socket()).map_err(refused)?;
        listener.set_nonblocking(true).map_err(ServeError::System)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let inner = Arc::new(Inner {
            listener,
            wake: wake.map_err(|error| ServeError::System(error.into()))?,
            leases: Leases::default(),
            questions: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            unknown: AtomicU32::new(UNKNOWN_SESSIONS),
            is_ended: AtomicBool::new(false),
        });
        let (serving, shared) = (inner.clone(), registry.clone());
        let thread = std::thread::Builder::new().name(String::from("zpin-serve"));
        let thread = thread.spawn(move || serving.run(&shared));
        Ok(Self {
            inner,
            taken,
            thread: Some(thread.map_err(ServeError::System)?),
            made_here: MadeHere::now(),
        })
    }

    /// The path of the socket.
    pub fn place(&self) -> String {
        self.taken.socket().display().to_string()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        if !self.made_here.holds() {
            // A forked child has no thread to join, and its parent's connections are not its to close.
            std::mem::forget(self.thread.take());
            return;
        }
        self.inner.is_ended.store(true, Ordering::Relaxed);
        self.inner.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.inner.leases.end();
    }
}

impl Inner {
    fn wake(&self) {
        // A counter that is full wakes as well.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    fn run(self: &Arc<Self>, registry: &Registry) {
        let mut can_accept = true;
        while !self.is_ended.load(Ordering::Relaxed) {
            let watched = self.leases.watched();
            let has_room = can_accept && self.questions.load(Ordering::Relaxed) < MAX_QUESTIONS;
            can_accept = true;
            let mut polled = vec![PollFd::new(&self.wake, PollFlags::IN)];
            polled.extend(
                watched
                    .iter()
                    .map(|lease| PollFd::new(&**lease, PollFlags::IN | PollFlags::RDHUP)),
            );
            if has_room {
                polled.push(PollFd::new(&self.listener, PollFlags::IN));
            }
            let patience = (!has_room).then_some(&LOOK_EVERY);
            if poll(&mut polled, patience).is_err() {
                continue;
            }
            let has_come = has_room && !polled[polled.len() - 1].revents().is_empty();
            let ended = polled[1..].iter().zip(&watched);
            // Whoever has a lease says nothing more: what comes is its end.
            let ended = ended.filter(|(polled, _)| !polled.revents().is_empty());
            let ended: Vec<_> = ended.map(|(_, lease)| lease.clone()).collect();
            let _ = rustix::io::read(&self.wake, &mut [0; 8]);
            self.leases.remove(&ended);
            match has_come.then(|| self.listener.accept()) {
                Some(Ok((stream, _))) => self.answer(stream, registry),
                Some(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    // Out of descriptors, say: not asked again at once.
                    tracing::warn!(%error, "a process that asks for a model has to wait");
                    can_accept = false;
                }
                _ => {}
            }
        }
    }

    /// On a thread of its own.
    fn answer(self: &Arc<Self>, stream: UnixStream, registry: &Registry) {
        // Relaxed: only this thread adds.
        self.questions.fetch_add(1, Ordering::Relaxed);
        let (serving, shared) = (self.clone(), registry.shared().clone());
        let thread = std::thread::Builder::new().name(String::from("zpin-answer"));
        let thread = thread.stack_size(STACK_BYTES);
        let spawned = thread.spawn(move || {
            let work = std::panic::AssertUnwindSafe(|| {
                let asking = Counted(&serving.questions);
                let (stream, session, ask) = serving.asked(stream)?;
                drop(asking);
                serving.answers.fetch_add(1, Ordering::Relaxed);
                let _telling = Counted(&serving.answers);
                serving.tell(stream, session, ask, &shared)
            });
            match std::panic::catch_unwind(work) {
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a question about models was not answered")
                }
                Ok(Ok(())) => {}
                Err(_) => tracing::error!("answering a question about models panicked"),
            }
        });
        if let Err(error) = spawned {
            self.questions.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!(%error, "no thread answers a question about models");
        }
    }

    /// What somebody asks, and who he is.
    fn asked(&self, stream: UnixStream) -> io::Result<(Stream, u32, Ask)> {
        stream.set_nonblocking(false)?;
        let mut stream = Stream::new(stream, MAX_QUESTION_BYTES);
        // A process in another pid namespace is one of its own, whichever it is.
        let unknown = || self.unknown.fetch_add(1, Ordering::Relaxed);
        let session = stream.peer()?.unwrap_or_else(unknown);
        let question: Question = stream.receive(Instant::now() + ASK_WITHIN)?;
        if question.version != VERSION {
            stream.send(&Answer::Version(VERSION), tell_until())?;
            let words = "a process speaks another version";
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        Ok((stream, session, question.ask))
    }

    fn tell(
        &self,
        mut stream: Stream,
        session: u32,
        ask: Ask,
        registry: &Arc<Shared>,
    ) -> io::Result<()> {
        if self.answers.load(Ordering::Relaxed) > MAX_ANSWERS {
            let refused = Answer::Refused(LoadError::Busy { most: MAX_ANSWERS });
            return stream.send(&refused, tell_until());
        }
        let answer = match ask {
            Ask::Lease {
                model,
                source,
                patience,
            } => {
                let whose = (&*model, source);
                let leased = self.lease(&mut stream, registry, whose, session, patience);
                match leased {
                    Ok(leased) => return self.tell_lease(stream, leased),
                    Err(error) => Answer::Refused(error),
                }
            }
            Ask::Unload { model } => Answer::Unloaded(registry.unload(&model)),
            Ask::Statistics => Answer::Statistics(Box::new(registry.statistics())),
            Ask::Check { model } => Answer::Checked(registry.check(&model)),
        };
        stream.send(&answer, tell_until())
    }

    /// Waits for the model, and tells meanwhile how far it is.
    fn lease(
        &self,
        stream: &mut Stream,
        registry: &Arc<Shared>,
        (model, source): (&str, Option<std::path::PathBuf>),
        session: u32,
        patience: Duration,
    ) -> Result<Leased, LoadError> {
        let until = Instant::now() + patience.min(Duration::from_secs(1 << 20));
        let has_gone = |progress: &Progress| {
            let (read, total) = progress.bytes();
            let told = stream.send(&Answer::Progress(read, total), tell_until());
            told.is_err() || self.is_ended.load(Ordering::Relaxed)
        };
        let source = source.as_deref();
        let leased =
            registry.leased_unchecked(model, source, session, (until, TELL_EVERY), has_gone);
        match leased {
            Err(LoadError::Interrupted { .. }) => Err(LoadError::Ending),
            leased => leased,
        }
    }

    fn tell_lease(&self, mut stream: Stream, leased: Leased) -> io::Result<()> {
        let loaded = &leased.loaded;
        let described = |frame: &Frame| Descriptor::of_frame(frame).map(Descriptor::to_bytes);
        let shards = loaded.contents.shards.iter().map(described);
        let answer = match (described(&loaded.manifest.0), shards.collect()) {
            (Some(manifest), Some(shards)) => Answer::Leased(Lease {
                manifest,
                manifest_checksum: loaded.manifest.1,
                shards,
                source: loaded.contents.source.to_path_buf(),
            }),
            _ => Answer::Refused(LoadError::Attach {
                model: loaded.contents.model.clone(),
                cause: String::from(
                    "the server has them in ordinary memory, because zenoh cannot have shared memory there",
                ),
            }),
        };
        if self.leases.len() >= max_leases() {
            let cause = String::from(
                "as many leases are under way as files may be open in the server: raise its RLIMIT_NOFILE (ulimit -n)",
            );
            let model = loaded.contents.model.clone();
            let refused = Answer::Refused(LoadError::Attach { model, cause });
            return stream.send(&refused, tell_until());
        }
        stream.send(&answer, tell_until())?;
        if matches!(answer, Answer::Leased(_)) {
            self.leases.add(stream.into_inner(), leased);
            self.wake();
        }
        Ok(())
    }
}

/// One of a number, until it is dropped, also by a panic.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        // Relaxed: nothing is read by whoever sees it.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn max_leases() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let half = usize::try_from(limit.unwrap_or(u64::MAX) / 2);
    half.unwrap_or(usize::MAX).min(MAX_LEASES)
}

fn tell_until() -> Instant {
    Instant::now() + TELL_WITHIN
}
