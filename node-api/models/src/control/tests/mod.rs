//! The server with clients over its own sockets.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use tokio::sync::Semaphore;

use super::*;
use crate::{
    ElementType,
    inference::{InferenceAnswer, InferenceRequest, Parameter, Tensor},
};

mod calls;
mod client;
mod ending;
mod inferring;
mod limiting;
mod standing_still;
mod streaming;

/// Models that do what a test needs.
struct TestModels {
    states: Mutex<BTreeMap<&'static str, ModelState>>,
    /// `gate` answers one request for each permit.
    gate: Semaphore,
    /// Requests that were asked, and that were given up.
    asked: AtomicUsize,
    given_up: AtomicUsize,
    this: std::sync::Weak<Self>,
}

const READY: [&str; 8] = [
    "identity", "typed", "gate", "fails", "panics", "large", "forgets", "breaks",
];

impl TestModels {
    fn new() -> Arc<Self> {
        let ready = READY.map(|name| (name, ModelState::Ready));
        let mut states = BTreeMap::from(ready);
        states.insert("later", ModelState::Unavailable);
        Arc::new_cyclic(|this| Self {
            states: Mutex::new(states),
            gate: Semaphore::new(0),
            asked: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            this: this.clone(),
        })
    }

    fn set(&self, name: &str, state: ModelState) -> Result<(), ControlError> {
        match self.states.lock().unwrap().get_mut(name) {
            Some(there) => *there = state,
            None => return Err(ControlError::UnknownModel { name: name.into() }),
        }
        Ok(())
    }
}

/// Counts a request that is dropped before it is answered.
struct Asked(Arc<TestModels>, bool);

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.1 {
            self.0.given_up.fetch_add(1, Relaxed);
        }
    }
}

impl Models for TestModels {
    fn index(&self) -> Vec<Listed> {
        let states = self.states.lock().unwrap();
        let listed = |(name, state): (&&str, &ModelState)| Listed::new(*name, "1", *state);
        states.iter().map(listed).collect()
    }

    fn load(&self, name: &str) -> Result<(), ControlError> {
        match name {
            "breaks" => panic!("on purpose"),
            "fails" => Err(ControlError::LoadFailed {
                name: name.into(),
                why: "on purpose".into(),
            }),
            _ => self.set(name, ModelState::Ready),
        }
    }

    fn unload(&self, name: &str) -> Result<(), ControlError> {
        self.set(name, ModelState::Unavailable)
    }

    fn described(&self, name: &str, version: &str) -> Result<Arc<Description>, ControlError> {
        let name = || name.to_owned();
        match self.states.lock().unwrap().get(&name()[..]) {
            None => return Err(ControlError::UnknownModel { name: name() }),
            Some(ModelState::Ready) if version.is_empty() || version == "1" => {}
            Some(ModelState::Ready) => {
                let version = version.to_owned();
                return Err(ControlError::UnknownVersion {
                    name: name(),
                    version,
                });
            }
            Some(state) => {
                return Err(ControlError::NotReady {
                    name: name(),
                    state: *state,
                    reason: String::new(),
                });
            }
        }
        let described = Description::new(name(), "1", "test");
        Ok(Arc::new(match &name()[..] {
            "typed" => described
                .input("x", ElementType::Float32, [1, -1])
                .input("n", ElementType::Int64, [2])
                .output("x", ElementType::Float32, [1, -1])
                .output("n", ElementType::Int64, [2]),
            _ => described,
        }))
    }

    fn statistics(&self, name: &str, version: &str) -> Result<Statistics, ControlError> {
        self.described(name, version)?;
        let inferences = self.asked.load(Relaxed) as u64;
        Ok(Statistics {
            version: "1".into(),
            last_inference: Some(SystemTime::now()),
            inferences,
            executions: inferences,
            success: Spent {
                count: inferences,
                nanoseconds: 7,
            },
            batches: vec![BatchStatistics {
                size: 1,
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    fn infer(&self, request: InferenceRequest) -> Answering {
        self.asked.fetch_add(1, Relaxed);
        let models = self.this.upgrade().unwrap();
        if request.model_name == "breaks" {
            panic!("on purpose");
        }
        Box::pin(async move {
            let mut asked = Asked(Arc::clone(&models), false);
            let mut outputs = request.inputs;
            match &request.model_name[..] {
                "gate" => models.gate.acquire().await.unwrap().forget(),
                "fails" => {
                    asked.1 = true;
                    let message = "on purpose".into();
                    return Err(ControlError::Engine { message });
                }
                "panics" => panic!("on purpose"),
                "large" => {
                    let Some(Parameter::Int64(bytes)) = request.parameters.get("bytes") else {
                        panic!("it says how many bytes it wants");
                    };
                    let zeros = vec![0; *bytes as usize];
                    outputs =
                        vec![Tensor::new("y", ElementType::Uint8, [*bytes as u64], zeros).unwrap()];
                }
                "forgets" => outputs.clear(),
                _ => {}
            }
            asked.1 = true;
            Ok(InferenceAnswer {
                model_name: request.model_name,
                model_version: "1".into(),
                id: request.id,
                parameters: request.parameters,
                outputs,
            })
        })
    }
}

/// A server of these models at a port that was free.
fn serve(models: &Arc<TestModels>, limits: Limits) -> Server {
    let models: Arc<dyn Models> = models.clone();
    let server = Server::builder(models).address(([127, 0, 0, 1], 0).into());
    server.limits(limits).serve().unwrap()
}

/// What a test does as a client.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test)
}

/// Waits until it is so, and for a minute at most.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within a minute: {what}");
}
