//! What the server asks of whoever has the models.

use std::{pin::Pin, sync::Arc, time::SystemTime};

use super::{ControlError, Description, ModelState};
use crate::inference::{InferenceAnswer, InferenceRequest};

/// An answer that is still to come. Dropping it gives the request up.
pub type Answering =
    Pin<Box<dyn Future<Output = Result<InferenceAnswer, ControlError>> + Send + 'static>>;

/// The models that a server offers.
///
/// All calls but [`load`](Self::load) and [`unload`](Self::unload) are made on the server's own few threads, so they must
/// not wait for anything. A panic in one fails the call that it is made for.
///
/// ```
/// use std::sync::Arc;
/// use zenoh_pinned_models::{
///     control::{Answering, ControlError, Description, Listed, Models, ModelState, Server, Statistics},
///     inference::{InferenceAnswer, InferenceRequest},
/// };
///
/// /// One model, which says back what it is told.
/// struct Echo;
///
/// impl Models for Echo {
///     fn index(&self) -> Vec<Listed> {
///         vec![Listed::new("echo", "1", ModelState::Ready)]
///     }
///     fn load(&self, name: &str) -> Result<(), ControlError> {
///         self.described(name, "").map(drop)
///     }
///     fn unload(&self, name: &str) -> Result<(), ControlError> {
///         Err(ControlError::UnloadFailed { name: name.into(), why: "it is built in".into() })
///     }
///     fn described(&self, name: &str, _version: &str) -> Result<Arc<Description>, ControlError> {
///         match name {
///             "echo" => Ok(Arc::new(Description::new("echo", "1", "echo"))),
///             _ => Err(ControlError::UnknownModel { name: name.into() }),
///         }
///     }
///     fn statistics(&self, _name: &str, _version: &str) -> Result<Statistics, ControlError> {
///         Ok(Statistics::default())
///     }
///     fn infer(&self, request: InferenceRequest) -> Answering {
///         Box::pin(async move {
///             Ok(InferenceAnswer { model_name: "echo".into(), outputs: request.inputs, ..Default::default() })
///         })
///     }
/// }
///
/// let server = Server::builder(Arc::new(Echo)).address(([127, 0, 0, 1], 0).into()).serve()?;
/// println!("clients of the Open Inference Protocol connect to {}", server.address());
/// # Ok::<(), zenoh_pinned_models::control::ServeError>(())
/// ```
pub trait Models: Send + Sync + 'static {
    /// All models, loaded or not: a line for each version.
    fn index(&self) -> Vec<Listed>;

    /// Makes a model ready, and comes back when it is. May take long: it is called on a thread for such calls. It goes on
    /// also when the client has gone.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    fn load(&self, name: &str) -> Result<(), ControlError>;

    /// Lets a model go, and comes back when it is gone. May take long: it is called on a thread for such calls.
    ///
    /// # Errors
    /// There is no such model, or it cannot be unloaded.
    fn unload(&self, name: &str) -> Result<(), ControlError>;

    /// What a model takes and gives; of the version that is ready where none is said. Asked for each request, which is
    /// checked against it.
    ///
    /// # Errors
    /// There is no such model or version, or it is not ready.
    fn described(&self, name: &str, version: &str) -> Result<Arc<Description>, ControlError>;

    /// What a model has done so far.
    ///
    /// # Errors
    /// As [`described`](Self::described).
    fn statistics(&self, name: &str, version: &str) -> Result<Statistics, ControlError>;

    /// Asks a model. The request fits its description, and its tensors' bytes are those of the message that it came with.
    /// What is done before the first wait is done on the server's threads: a copy into a slot, say, but no more.
    fn infer(&self, request: InferenceRequest) -> Answering;
}

/// A line of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The model.
    pub name: String,
    /// Its version; empty while none is known.
    pub version: String,
    /// Whether it can be asked.
    pub state: ModelState,
    /// Why it is in that state; empty where that is no question.
    pub reason: String,
}

impl Listed {
    /// A line without a reason.
    pub fn new(name: impl Into<String>, version: impl Into<String>, state: ModelState) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            state,
            reason: String::new(),
        }
    }
}

/// How often something was done, and how long it took in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// How often.
    pub count: u64,
    /// In nanoseconds.
    pub nanoseconds: u64,
}

/// What a version of a model has done since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The version.
    pub version: String,
    /// When it was last asked.
    pub last_inference: Option<SystemTime>,
    /// How many requests it was asked, those of a batch one by one.
    pub inferences: u64,
    /// How many batches.
    pub executions: u64,
    /// Requests that were answered.
    pub success: Spent,
    /// Requests that failed.
    pub fail: Spent,
    /// Until a worker had them.
    pub queue: Spent,
    /// Until a worker could begin.
    pub compute_input: Spent,
    /// In the model itself.
    pub compute_infer: Spent,
    /// Until the answer was there.
    pub compute_output: Spent,
    /// By the batch's size.
    pub batches: Vec<BatchStatistics>,
}

/// What became of batches of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStatistics {
    /// How many requests are in one.
    pub size: u64,
    /// Until a worker could begin.
    pub compute_input: Spent,
    /// In the model itself.
    pub compute_infer: Spent,
    /// Until the answers were there.
    pub compute_output: Spent,
}
