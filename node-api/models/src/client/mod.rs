//! Weights of a server, as any other process of this user has them: attached, not copied.
//!
//! Holds: where the server is, the leases that this process has, and a registry of its own for when there is no server.
//!
//! Locks: one mutex around the leases and one around the registry, held for table operations; nothing is asked under them.
//!
//! Invariants:
//! - A lease lasts as long as its connection, which lasts as long as the weights are used here; also when the server has
//!   gone: what is attached stays.
//! - Bytes are compared with their checksums when a lease begins, unless whoever asks does without.
//! - Where no server answers, a model whose file is known is loaded here, and [`Weights::reason`] says so; the next who asks
//!   asks for the server again.

mod connection;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use zenoh_pinned::bindings::{MadeHere, PerProcess, is_interrupted};

use crate::{
    error::{Changed, LoadError, UnloadError},
    messages::Ask,
    os::place::Place,
    registry::{Registry, RegistryStatistics},
    weights::{self, InProcessReason, Weights},
};
use connection::{Connection, SILENCE, Trouble};

/// How long a look waits for the server.
const LOOK_WITHIN: Duration = Duration::from_millis(200);

/// The way to a server of models. Cheap to clone, usable from any thread.
///
/// ```no_run
/// use std::time::Duration;
/// use zenoh_pinned_models::Models;
///
/// let models = Models::builder().patience(Duration::from_secs(60)).build();
/// let ocr = models.attach_from("ocr", "models/ocr.onnx")?; // loaded by the server, or here where there is none
/// if let Some(reason) = ocr.reason() {
///     println!("a private copy: {reason}");
/// }
/// # Ok::<(), zenoh_pinned_models::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Models {
    shared: Arc<Shared>,
    terms: ModelsBuilder,
}

/// What all ways of this process to one place share, whatever their terms. Each lease keeps it, so that who asks next finds it.
#[derive(Debug)]
struct Shared {
    place: Place,
    held: Mutex<HashMap<String, Weak<weights::Inner>>>,
    sources: Mutex<HashMap<String, PathBuf>>,
    own: Mutex<Option<Registry>>,
    made_here: MadeHere,
}

/// How a process comes by weights.
///
/// ```
/// use std::time::Duration;
/// use zenoh_pinned_models::Models;
///
/// let models = Models::builder()
///     .server("default") // its name, as it was started with
///     .patience(Duration::from_secs(60)) // while the server reads a file
///     .compares(true) // bytes with their checksums when a lease begins
///     .falls_back(true) // to a registry of this process
///     .build();
/// # let _ = models;
/// ```
#[derive(Clone, Debug)]
pub struct ModelsBuilder {
    server: String,
    patience: Duration,
    compares: bool,
    falls_back: bool,
}

impl Default for ModelsBuilder {
    fn default() -> Self {
        Self {
            server: String::from("default"),
            patience: Duration::from_secs(600),
            compares: true,
            falls_back: true,
        }
    }
}

impl ModelsBuilder {
    /// The server's name, `default` by default.
    pub fn server(mut self, name: impl Into<String>) -> Self {
        self.server = name.into();
        self
    }

    /// How long to wait while the server loads a model; ten minutes by default. A server that says nothing for five seconds
    /// is taken for gone.
    pub fn patience(mut self, patience: Duration) -> Self {
        // A moment that can be computed.
        self.patience = patience.min(Duration::from_secs(1 << 20));
        self
    }

    /// Whether the bytes are compared with their checksums when a lease begins, which reads all of them once; so by default.
    /// Without it a lease takes the same time whatever the size, and what somebody has written there is not seen.
    pub fn compares(mut self, compares: bool) -> Self {
        self.compares = compares;
        self
    }

    /// Whether a model is loaded by this process itself where no server answers; so by default.
    pub fn falls_back(mut self, falls_back: bool) -> Self {
        self.falls_back = falls_back;
        self
    }

    /// The way to the server. Nothing is asked yet.
    pub fn build(self) -> Models {
        static KNOWN: PerProcess<Mutex<HashMap<String, Weak<Shared>>>> =
            PerProcess::new(Mutex::default);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, shared| shared.strong_count() > 0);
        let shared = known.get(&self.server).and_then(Weak::upgrade);
        let shared = shared.unwrap_or_else(|| {
            let shared = Arc::new(Shared {
                place: Place::named(&self.server),
                held: Mutex::default(),
                sources: Mutex::default(),
                own: Mutex::default(),
                made_here: MadeHere::now(),
            });
            known.insert(self.server.clone(), Arc::downgrade(&shared));
            shared
        });
        drop(known);
        Models {
            shared,
            terms: self,
        }
    }
}

impl Models {
    /// A builder with the defaults.
    pub fn builder() -> ModelsBuilder {
        ModelsBuilder::default()
    }

    /// A lease on a model that the server has, or whose file it knows. All who ask in this process share one lease, and who
    /// asks while it lasts gets what it is on, also after the server was told to unload it.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn attach(&self, model: &str) -> Result<Weights, LoadError> {
        self.shared.attach(model, None, &self.terms)
    }

    /// A lease on a model, which is loaded from `source` unless it is there already.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn attach_from(&self, model: &str, source: impl AsRef<Path>) -> Result<Weights, LoadError> {
        // The server has a folder of its own to begin a relative path at.
        let source = std::path::absolute(source.as_ref()).map_err(|error| LoadError::Format {
            model: model.to_owned(),
            why: format!("its path is none: {error}"),
        })?;
        self.shared.attach(model, Some(&source), &self.terms)
    }

    /// Has the server give up a model, at once or with its last lease: how many are left.
    ///
    /// # Errors
    /// [`UnloadError`].
    pub fn unload(&self, model: &str) -> Result<usize, UnloadError> {
        if !self.shared.made_here.holds() {
            return Err(UnloadError::Forked);
        }
        let mut connection = self
            .shared
            .connect()
            .map_err(|trouble| self.no_unload(trouble))?;
        let ask = Ask::Unload {
            model: model.to_owned(),
        };
        let unloaded = connection.unloaded(ask);
        self.shared.held().remove(model);
        unloaded.map_err(|trouble| self.no_unload(trouble))?
    }

    /// What the server has and has done.
    ///
    /// # Errors
    /// [`LoadError::Server`].
    pub fn statistics(&self) -> Result<RegistryStatistics, LoadError> {
        let asked = self
            .shared
            .connect()
            .and_then(|mut connection| connection.statistics());
        asked.map_err(|trouble| self.shared.server_error(trouble.to_string()))
    }

    /// As [`Models::statistics`], at once: `None` where nobody serves, an error where the server does not answer.
    pub(crate) fn look(&self) -> Result<Option<RegistryStatistics>, String> {
        let connection = Connection::open(&self.shared.place, LOOK_WITHIN);
        let asked = connection.and_then(|mut connection| connection.statistics());
        match asked {
            Ok(statistics) => Ok(Some(statistics)),
            Err(Trouble::Nobody) => Ok(None),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    /// Where the server is.
    pub(crate) fn place(&self) -> String {
        self.shared.place.socket().display().to_string()
    }

    fn no_unload(&self, trouble: Trouble) -> UnloadError {
        UnloadError::Server {
            place: self.shared.place.socket().display().to_string(),
            cause: trouble.to_string(),
        }
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, HashMap<String, Weak<weights::Inner>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<String, PathBuf>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attach(
        self: &Arc<Self>,
        model: &str,
        source: Option<&Path>,
        terms: &ModelsBuilder,
    ) -> Result<Weights, LoadError> {
        if !self.made_here.holds() {
            return Err(LoadError::Forked);
        }
        let held = self.held().get(model).and_then(Weak::upgrade);
        let held = held.map(Weights::of);
        if let (Some(held), Some(source)) = (&held, source) {
            held.contents().check_source(source)?;
        }
        // A private copy is used until a server is back, and has room for the model.
        if let Some(held) = held.as_ref().filter(|held| held.reason().is_none()) {
            return Ok(held.clone());
        }
        let weights = match self.of_server(model, source, terms) {
            Ok(weights) => weights,
            Err(refused) => match (held, refused) {
                (Some(held), _) => return Ok(held),
                (None, Refused::Final(error)) => return Err(error),
                (None, Refused::NoServer(reason)) => {
                    self.of_this_process(model, source, reason, terms)?
                }
            },
        };
        let inner = Arc::downgrade(weights.inner());
        let mut held = self.held();
        held.retain(|_, held| held.strong_count() > 0);
        held.insert(model.to_owned(), inner);
        drop(held);
        Ok(weights)
    }

    fn of_server(
        self: &Arc<Self>,
        model: &str,
        source: Option<&Path>,
        terms: &ModelsBuilder,
    ) -> Result<Weights, Refused> {
        let until = Instant::now() + terms.patience;
        // Once more where somebody had written into the weights: by then the server has loaded them anew.
        let mut is_anew = false;
        loop {
            match self.of_server_once(model, source, (until, terms.compares)) {
                Err(Refused::Final(LoadError::Changed { .. })) if !is_anew => is_anew = true,
                outcome => return outcome,
            }
        }
    }

    fn of_server_once(
        self: &Arc<Self>,
        model: &str,
        source: Option<&Path>,
        (until, compares): (Instant, bool),
    ) -> Result<Weights, Refused> {
        let connection = self.connect();
        let leased = connection.and_then(|connection| connection.lease(model, source, until));
        let found = leased.and_then(|(contents, lease)| match compares {
            true => match contents.first_changed() {
                Some(shard) => Err(Trouble::Changed(Changed::Shard(shard))),
                None => Ok((contents, lease)),
            },
            false => Ok((contents, lease)),
        });
        let (contents, lease) = found.map_err(|trouble| {
            if let Trouble::Changed(what) = trouble {
                let told = self
                    .connect()
                    .and_then(|mut connection| connection.check(model));
                tracing::error!(model, %what, ?told, "weights are not what was loaded any more");
            }
            self.refused(model, trouble)
        })?;
        let source = contents.source.to_path_buf();
        self.sources().insert(model.to_owned(), source);
        Ok(Weights::new(
            Arc::new(contents),
            (lease, self.clone()),
            None,
        ))
    }

    fn of_this_process(
        self: &Arc<Self>,
        model: &str,
        source: Option<&Path>,
        reason: InProcessReason,
        terms: &ModelsBuilder,
    ) -> Result<Weights, LoadError> {
        let known = source.map(Path::to_owned);
        let known = known.or_else(|| self.sources().get(model).cloned());
        let (true, Some(source)) = (terms.falls_back, known) else {
            return Err(self.server_error(reason.to_string()));
        };
        tracing::warn!(model, %reason, "the model is loaded by this process for itself");
        let registry = {
            let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            own.get_or_insert_with(|| Registry::builder().build())
                .clone()
        };
        let weights = registry.load_within(model, &source, terms.patience)?;
        Ok(Weights::new(
            weights.contents().clone(),
            (weights, self.clone()),
            Some(reason),
        ))
    }

    fn connect(&self) -> Result<Connection, Trouble> {
        Connection::open(&self.place, SILENCE)
    }

    fn refused(&self, model: &str, trouble: Trouble) -> Refused {
        let place = self.place.socket().display().to_string();
        match trouble {
            Trouble::Nobody => Refused::NoServer(InProcessReason::NoServer { place }),
            Trouble::Gone { cause } if is_interrupted() => {
                tracing::debug!(cause, "the wait for the server of models was ended");
                Refused::Final(LoadError::Interrupted {
                    model: model.to_owned(),
                })
            }
            Trouble::Gone { cause } => Refused::NoServer(InProcessReason::ServerGone { cause }),
            Trouble::NotShared { cause } => Refused::NoServer(InProcessReason::NotShared { cause }),
            Trouble::Changed(what) => Refused::Final(LoadError::Changed {
                model: model.to_owned(),
                what,
            }),
            Trouble::TooManyOpenFiles => Refused::Final(LoadError::TooManyOpenFiles {
                model: model.to_owned(),
            }),
            Trouble::Refused(LoadError::Ending) => {
                let cause = String::from("it is ending");
                Refused::NoServer(InProcessReason::ServerGone { cause })
            }
            Trouble::Refused(error) => Refused::Final(error),
            Trouble::Unusable { cause } => Refused::Final(self.server_error(cause)),
        }
    }

    fn server_error(&self, cause: String) -> LoadError {
        LoadError::Server {
            place: self.place.socket().display().to_string(),
            cause,
        }
    }
}

enum Refused {
    /// There is none to ask.
    NoServer(InProcessReason),
    Final(LoadError),
}
