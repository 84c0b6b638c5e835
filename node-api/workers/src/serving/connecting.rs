//! How a worker finds its supervisor, and the two greet each other.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use zenoh::{Session, Wait, sample::SampleKind};
use zenoh_pinned::{
    Pinner,
    bindings::{MadeHere, descriptor::DescriptorReader},
};
use zenoh_pinned_node::pubsub::{DeclareError, PutError, ReceiveError};

use super::Worker;
use crate::{
    assignment::Assignment,
    hub::{self, HubError},
    link::{self, Envelopes, Link, LinkError, Received, SendError},
    os::placement::Placement,
    protocol::{Keys, Message, Role, may_be_a_name},
};

/// How often a greeting is repeated.
const GREET_EVERY: Duration = Duration::from_millis(20);
/// How long it is repeated.
const GREET_FOR: Duration = Duration::from_secs(10);

/// Why a worker does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The process was not started by a supervisor.
    #[error("this process was not started by a supervisor ({variable} is not set): give its command to Workers::builder(), or join a pool with Worker::join()", variable = crate::assignment::VARIABLE)]
    NotStartedBySupervisor,
    /// What a supervisor has said to it makes no sense here.
    #[error("{variable} says {value:?}, which this version does not understand: use the same version of zenoh-pinned-workers everywhere", variable = crate::assignment::VARIABLE)]
    OtherVersion {
        /// What it says.
        value: String,
    },
    /// The name cannot be a pool's.
    #[error("{name:?} cannot be a pool's name: use up to 64 letters, digits, '-', '_' and '.'")]
    Name {
        /// The name.
        name: String,
    },
    /// The session.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// zenoh refused a declaration.
    #[error("zenoh refused a declaration of the worker: {0}")]
    Zenoh(zenoh::Error),
    /// A publisher or its slots.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// No shared memory for its messages.
    #[error(transparent)]
    Pool(#[from] zenoh_pinned::PoolError),
    /// Nobody answers.
    #[error(
        "no supervisor of {pool:?} has answered within {waited:?}: see that one runs with this name, and that the two sessions connect"
    )]
    NoSupervisor {
        /// Whose.
        pool: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The supervisor has gone.
    #[error("the supervisor has gone")]
    SupervisorGone,
    /// Nothing can be received any more.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// Nothing can be sent to the supervisor any more.
    #[error("the supervisor takes no message: {why}")]
    Send {
        /// Why.
        why: String,
    },
    /// The signals that ask it to end cannot be expected.
    #[error("signals cannot be expected: {0}")]
    Signals(#[source] std::io::Error),
}

impl From<SendError> for WorkerError {
    fn from(error: SendError) -> Self {
        Self::Send {
            why: error.to_string(),
        }
    }
}

impl From<LinkError> for WorkerError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Declare(error) => Self::Declare(error),
            LinkError::Listen(error) => Self::Zenoh(error),
        }
    }
}

impl Worker {
    /// Connects to the supervisor that has started this process, with frames for the host. Load the model afterwards: the
    /// supervisor knows meanwhile that it is loading.
    ///
    /// # Errors
    /// [`WorkerError`].
    ///
    /// ```no_run
    /// use zenoh_pinned_workers::{Payload, Worker};
    ///
    /// let worker = Worker::connect()?;
    /// worker.serve(|batch| batch.iter().map(|request| Ok(Payload::from(&request.payload[..1]))).collect())?;
    /// # Ok::<(), zenoh_pinned_workers::WorkerError>(())
    /// ```
    pub fn connect() -> Result<Self, WorkerError> {
        Self::connect_for(&Pinner::host_only())
    }

    /// As [`connect`](Self::connect), with frames for `pinner`'s device.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub fn connect_for(pinner: &Pinner) -> Result<Self, WorkerError> {
        let value = std::env::var(crate::assignment::VARIABLE);
        let value = value.map_err(|_| WorkerError::NotStartedBySupervisor)?;
        let assignment = Assignment::read(&value).ok_or(WorkerError::OtherVersion { value })?;
        let session = hub::connect(&assignment.endpoint, pinner)?;
        Self::greet(session, pinner, assignment, false)
    }

    /// Joins a pool that a supervisor of this or another host has, by a session that reaches it: for workers that the
    /// supervisor does not start. Where memory is not shared, frames are copied through the network.
    ///
    /// # Errors
    /// [`WorkerError`].
    ///
    /// ```no_run
    /// use zenoh_pinned::Pinner;
    /// use zenoh_pinned_workers::{Payload, Worker};
    ///
    /// let pinner = Pinner::host_only();
    /// let session = zenoh_pinned_node::pubsub::open(zenoh::Config::default(), &pinner)?;
    /// let worker = Worker::join(&session, "ocr", &pinner)?;
    /// worker.serve(|batch| batch.iter().map(|_| Ok(Payload::from("seen"))).collect())?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn join(session: &Session, pool: &str, pinner: &Pinner) -> Result<Self, WorkerError> {
        if !may_be_a_name(pool) {
            return Err(WorkerError::Name {
                name: pool.to_owned(),
            });
        }
        let keys = Keys::of_pool(pool);
        let instance = super::connecting::find_supervisor(session, &keys, GREET_FOR)?;
        let instance = instance.ok_or_else(|| WorkerError::NoSupervisor {
            pool: pool.to_owned(),
            waited: GREET_FOR,
        })?;
        static JOINED: AtomicU64 = AtomicU64::new(1);
        let assignment = Assignment {
            endpoint: String::new(),
            pool: pool.to_owned(),
            instance,
            worker: format!(
                "{}-{}",
                session.zid(),
                JOINED.fetch_add(1, Ordering::Relaxed)
            ),
            placement: Placement::default(),
        };
        Self::greet(session.clone(), pinner, assignment, true)
    }

    fn greet(
        session: Session,
        pinner: &Pinner,
        assignment: Assignment,
        is_joining: bool,
    ) -> Result<Self, WorkerError> {
        let Assignment {
            pool,
            instance,
            worker,
            placement,
            ..
        } = assignment;
        let keys = Keys::of_pool(&pool);
        let link_keys = keys.link(&instance, &worker);
        let envelopes = Envelopes::new(&format!("{pool} worker"))?;
        let batches = link::subscriber(pinner).declare(&session, &link_keys.down);
        let batches = batches.map_err(WorkerError::Zenoh)?;
        let link = Arc::new(Link::declare(&session, &envelopes, &link_keys.up)?);
        let ping = session.declare_queryable(keys.ping(&instance, &worker));
        let ping = ping.callback(|query| {
            let _ = query.reply(query.key_expr().clone(), "here").wait();
        });
        let ping = ping.wait().map_err(WorkerError::Zenoh)?;
        let supervisor_gone = Arc::new(AtomicBool::new(false));
        let gone = supervisor_gone.clone();
        let watching = session
            .liveliness()
            .declare_subscriber(keys.supervisor(&instance));
        let watching = watching.callback(move |sample| {
            // Relaxed: a flag.
            if sample.kind() == SampleKind::Delete {
                gone.store(true, Ordering::Relaxed);
            }
        });
        let token = match is_joining {
            true => {
                let token =
                    session
                        .liveliness()
                        .declare_token(keys.peer(Role::Worker, &instance, &worker));
                Some(token.wait().map_err(WorkerError::Zenoh)?)
            }
            false => None,
        };
        let mut this = Self {
            name: pool,
            link,
            batches,
            reader: Arc::new(DescriptorReader::new(pinner)),
            envelopes,
            kept: HashMap::new(),
            shares_memory: false,
            placement,
            supervisor_gone,
            pinner: pinner.clone(),
            // A supervisor's own workers end with it by the kernel's doing.
            _watching: is_joining
                .then(|| watching.wait())
                .transpose()
                .map_err(WorkerError::Zenoh)?,
            _token: token,
            _ping: ping,
            session,
            made_here: MadeHere::now(),
        };
        this.wait_for_welcome()?;
        Ok(this)
    }

    fn wait_for_welcome(&mut self) -> Result<(), WorkerError> {
        let begun = Instant::now();
        while begun.elapsed() < GREET_FOR {
            // In a slot, so that the supervisor sees whether it shares memory with this process.
            match self.link.send_shared(&Message::Hello {
                pid: std::process::id(),
            }) {
                // A supervisor that stands still has not read the earlier ones.
                Ok(()) | Err(SendError::Put(PutError::Full { .. })) => {}
                Err(error) => return Err(error.into()),
            }
            match self.batches.recv_timeout(GREET_EVERY) {
                Ok(frame) => {
                    let received = Received::of(&frame);
                    if let Ok(Message::Welcome { shares_memory, .. }) =
                        Message::read(&received.message)
                    {
                        self.shares_memory = shares_memory && received.is_shared;
                        return Ok(());
                    }
                }
                Err(ReceiveError::TimedOut(_) | ReceiveError::Frame(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if zenoh_pinned::bindings::is_interrupted() {
                break;
            }
        }
        Err(WorkerError::NoSupervisor {
            pool: self.name.clone(),
            waited: GREET_FOR,
        })
    }
}

/// The instance of a supervisor of this pool, waiting for one.
pub(crate) fn find_supervisor(
    session: &Session,
    keys: &Keys,
    patience: Duration,
) -> Result<Option<String>, WorkerError> {
    let begun = Instant::now();
    loop {
        let tokens = session
            .liveliness()
            .get(keys.all_supervisors())
            .timeout(patience.clamp(Duration::from_millis(50), Duration::from_secs(1)));
        let tokens = tokens.wait().map_err(WorkerError::Zenoh)?;
        let replies = tokens.iter();
        let found = replies.filter_map(|reply| {
            let sample = reply.result().ok()?;
            Some(sample.key_expr().as_str().rsplit('/').next()?.to_owned())
        });
        if let Some(instance) = found.min() {
            return Ok(Some(instance));
        }
        if begun.elapsed() >= patience || zenoh_pinned::bindings::is_interrupted() {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
