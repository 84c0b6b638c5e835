//! What clients of the control plane are offered: the models of a registry, and the workers that answer for them.
//!
//! Holds: for each model what is known of it (`repository`), and while it is loaded a lease on its weights, its pool of
//! workers, and what it takes and gives. A model without workers can be loaded, listed and attached, but not asked.
//!
//! Locks: one mutex around the table of what is loaded, held for look-ups; nothing is loaded, started, asked or ended under it.
//!
//! Invariants:
//! - A model that is ready has a lease, so that its weights stay, and its pool had a worker that was ready.
//! - A request goes to the pool once, and is told what the pool tells: answered once, or failed with a reason.

mod asking;
mod repository;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub use repository::{Offered, RepositoryError, WorkerCommand, repository};
use zenoh::Session;
use zenoh_pinned_workers::Workers;

use crate::{
    Registry, Weights,
    control::{Answering, ControlError, Description, Listed, ModelState, Models, Statistics},
    inference::{Datatype, InferenceRequest},
};
use asking::Asked;

/// Weights have no versions of their own: a file that was changed is another model, or the same one after it was loaded anew.
const VERSION: &str = "1";
/// How long an unload waits for requests that are under way.
const UNLOAD_WITHIN: Duration = Duration::from_secs(10);

/// Models of a registry for [`control::Server`](crate::control::Server).
///
/// ```no_run
/// use std::sync::Arc;
/// use zenoh_pinned_models::{Registry, control::Server, offering::{Offered, Offering}};
///
/// let session = zenoh_pinned_node::pubsub::open(zenoh::Config::default(), &zenoh_pinned::Pinner::host_only())?;
/// let registry = Registry::builder().build();
/// let ocr = Offered::new("ocr", "models/ocr.onnx").worker(["python3", "ocr_worker.py"], 1..=4);
/// let offering = Offering::new(&registry, &session, "default", [ocr]);
/// let server = Server::builder(Arc::new(offering)).serve()?;
/// println!("http://{}", server.address());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct Offering {
    registry: Registry,
    session: Session,
    server: String,
    offered: BTreeMap<String, Offered>,
    loaded: Mutex<BTreeMap<String, Slot>>,
}

enum Slot {
    Loading,
    Unloading,
    Ready(Arc<Ready>),
    Failed(String),
}

/// A model that can be asked.
struct Ready {
    _weights: Weights,
    workers: Option<Workers>,
    description: Arc<Description>,
    asked: Asked,
}

impl Offering {
    /// Offers these models. Their workers find the weights at the server that is named `server`, by the environment variable
    /// `ZENOH_PINNED_MODELS_SERVER`, and their model's name in `ZENOH_PINNED_MODEL`. Nothing is loaded yet.
    pub fn new(
        registry: &Registry,
        session: &Session,
        server: &str,
        offered: impl IntoIterator<Item = Offered>,
    ) -> Self {
        let offered = offered.into_iter();
        let offered: BTreeMap<_, _> = offered.map(|one| (one.name.clone(), one)).collect();
        for one in offered.values() {
            registry.add_source(&one.name, &one.source);
        }
        Self {
            registry: registry.clone(),
            session: session.clone(),
            server: server.to_owned(),
            offered,
            loaded: Mutex::default(),
        }
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, name: &str) -> Result<&Offered, ControlError> {
        let unknown = || ControlError::UnknownModel { name: name.into() };
        self.offered.get(name).ok_or_else(unknown)
    }

    fn ready(&self, name: &str, version: &str) -> Result<Arc<Ready>, ControlError> {
        self.known(name)?;
        if !version.is_empty() && version != VERSION {
            return Err(ControlError::UnknownVersion {
                name: name.into(),
                version: version.into(),
            });
        }
        let not_ready = |state, reason: &str| ControlError::NotReady {
            name: name.into(),
            state,
            reason: reason.into(),
        };
        match self.loaded().get(name) {
            Some(Slot::Ready(ready)) => Ok(ready.clone()),
            Some(Slot::Loading) => Err(not_ready(ModelState::Loading, "")),
            Some(Slot::Unloading) => Err(not_ready(ModelState::Unloading, "")),
            Some(Slot::Failed(why)) => Err(not_ready(ModelState::Unavailable, why)),
            None => Err(not_ready(ModelState::Unavailable, "")),
        }
    }

    fn make_ready(&self, offered: &Offered) -> Result<Ready, String> {
        let weights = self.registry.lease(&offered.name);
        let weights = weights.map_err(|error| error.to_string())?;
        let workers = match &offered.worker {
            Some(command) => Some(self.start(offered, command)?),
            None => None,
        };
        Ok(Ready {
            description: Arc::new(described(offered, &weights)),
            _weights: weights,
            workers,
            asked: Asked::default(),
        })
    }

    fn start(&self, offered: &Offered, command: &WorkerCommand) -> Result<Workers, String> {
        let workers = Workers::builder(&offered.name)
            .command(&command.command)
            .environment("ZENOH_PINNED_MODELS_SERVER", &self.server)
            .environment("ZENOH_PINNED_MODEL", &offered.name)
            .range(command.workers.clone())
            .batch(command.batch, command.delay)
            .queue(command.queue)
            .load_within(command.load_within)
            .build(&self.session)
            .map_err(|error| error.to_string())?;
        // From none on, the first request starts the first one.
        let wanted = (*command.workers.start()).min(1);
        if workers.wait_until_ready(wanted, command.load_within) {
            return Ok(workers);
        }
        let why = workers.statistics().not_ready;
        Err(why.unwrap_or_else(|| format!("no worker was ready within {:?}", command.load_within)))
    }
}

impl Models for Offering {
    fn index(&self) -> Vec<Listed> {
        let loaded = self.loaded();
        let listed = self.offered.keys().map(|name| {
            let (state, reason) = match loaded.get(name) {
                Some(Slot::Ready(ready)) => match &ready.workers {
                    Some(_) => (ModelState::Ready, ""),
                    None => (
                        ModelState::Ready,
                        "it has no workers: it can be attached, but not asked",
                    ),
                },
                Some(Slot::Loading) => (ModelState::Loading, ""),
                Some(Slot::Unloading) => (ModelState::Unloading, ""),
                Some(Slot::Failed(why)) => (ModelState::Unavailable, &**why),
                None => (ModelState::Unavailable, ""),
            };
            Listed {
                reason: reason.to_owned(),
                ..Listed::new(name, VERSION, state)
            }
        });
        listed.collect()
    }

    fn load(&self, name: &str) -> Result<(), ControlError> {
        let offered = self.known(name)?;
        let failed = |why: String| ControlError::LoadFailed {
            name: name.into(),
            why,
        };
        match self.loaded().entry(name.to_owned()) {
            std::collections::btree_map::Entry::Occupied(mut slot) => match slot.get() {
                Slot::Ready(_) => return Ok(()),
                Slot::Loading | Slot::Unloading => {
                    return Err(failed(String::from(
                        "somebody else is at it: ask for its state",
                    )));
                }
                Slot::Failed(_) => drop(slot.insert(Slot::Loading)),
            },
            std::collections::btree_map::Entry::Vacant(slot) => drop(slot.insert(Slot::Loading)),
        }
        // A panic would leave the model loading for ever.
        let work = std::panic::AssertUnwindSafe(|| self.make_ready(offered));
        let made = std::panic::catch_unwind(work)
            .unwrap_or_else(|_| Err(String::from("loading it panicked: see the log")));
        match made {
            Ok(ready) => {
                self.loaded()
                    .insert(name.to_owned(), Slot::Ready(Arc::new(ready)));
                Ok(())
            }
            Err(why) => {
                self.loaded()
                    .insert(name.to_owned(), Slot::Failed(why.clone()));
                Err(failed(why))
            }
        }
    }

    fn unload(&self, name: &str) -> Result<(), ControlError> {
        self.known(name)?;
        let failed = |why: &str| ControlError::UnloadFailed {
            name: name.into(),
            why: why.into(),
        };
        let taken = {
            let mut loaded = self.loaded();
            match loaded.get_mut(name) {
                Some(slot @ Slot::Ready(_)) => std::mem::replace(slot, Slot::Unloading),
                Some(Slot::Failed(_)) => {
                    loaded.remove(name);
                    return Ok(());
                }
                Some(_) => return Err(failed("somebody else is at it: ask for its state")),
                // As Triton has it: what is not loaded has been unloaded.
                None => return Ok(()),
            }
        };
        // The workers end in order, once the requests that are under way have been told.
        let_go(taken);
        let unloaded = self.registry.unload(name);
        self.loaded().remove(name);
        match unloaded {
            Ok(_) => Ok(()),
            // Somebody has unloaded it past this.
            Err(error) => {
                tracing::debug!(name, %error, "a model was not in the registry any more");
                Ok(())
            }
        }
    }

    fn described(&self, name: &str, version: &str) -> Result<Arc<Description>, ControlError> {
        Ok(self.ready(name, version)?.description.clone())
    }

    fn statistics(&self, name: &str, version: &str) -> Result<Statistics, ControlError> {
        let ready = self.ready(name, version)?;
        let of_workers = ready.workers.as_ref().map(Workers::statistics);
        Ok(ready.asked.statistics(VERSION, of_workers.as_ref()))
    }

    fn infer(&self, request: InferenceRequest) -> Answering {
        match self.ready(&request.model_name, &request.model_version) {
            Ok(ready) => asking::ask(ready, request),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Waits for requests that hold the model, up to [`UNLOAD_WITHIN`]; the last of them ends it then.
fn let_go(slot: Slot) {
    let Slot::Ready(mut ready) = slot else {
        return;
    };
    let until = Instant::now() + UNLOAD_WITHIN;
    loop {
        match Arc::try_unwrap(ready) {
            Ok(last) => return drop(last),
            Err(held) if Instant::now() < until => ready = held,
            Err(_) => return,
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the repository says a model takes and gives, or what its file does.
fn described(offered: &Offered, weights: &Weights) -> Description {
    let platform = match weights.graph() {
        Some(_) => "onnx",
        None => "safetensors",
    };
    let mut description = Description::new(&offered.name, VERSION, platform);
    description.inputs = offered.inputs.clone();
    description.outputs = offered.outputs.clone();
    if description.inputs.is_empty() {
        description.inputs = weights.inputs().iter().filter_map(port).collect();
        // One that cannot be described would refuse every request that has it.
        if description.inputs.len() != weights.inputs().len() {
            description.inputs.clear();
        }
    }
    if description.outputs.is_empty() {
        description.outputs = weights.outputs().iter().filter_map(port).collect();
        if description.outputs.len() != weights.outputs().len() {
            description.outputs.clear();
        }
    }
    description
}

fn port(port: &crate::Port) -> Option<crate::control::Port> {
    let element = zenoh_pinned_node::tensor::ElementType::of_name(port.element.as_deref()?)?;
    let length = |length: &Option<u64>| length.map_or(-1, |length| length as i64);
    Some(crate::control::Port {
        name: port.name.clone(),
        datatype: Datatype::Element(element),
        shape: port.shape.as_ref()?.iter().map(length).collect(),
    })
}

impl std::fmt::Debug for Offering {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Offering")
            .field("models", &self.offered.keys())
            .finish_non_exhaustive()
    }
}
