//! Models for clients of the Open Inference Protocol, through workers that are processes.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
    time::{Duration, Instant},
};

use zenoh_pinned::Pinner;
use zenoh_pinned_models::{
    ElementType, ModelServer, Models as WeightsOf, Registry,
    control::{ControlError, ModelState, Models},
    inference::{InferenceAnswer, InferenceRequest, Tensor},
    offering::{Offered, Offering},
};
use zenoh_pinned_workers::{Payload, Worker};

use crate::files::Folder;

/// A worker that multiplies what it is asked by the model's first number.
#[test]
#[ignore = "another process of these tests"]
fn other_multiplies() {
    let Ok(model) = std::env::var("ZENOH_PINNED_MODEL") else {
        return;
    };
    let server = std::env::var("ZENOH_PINNED_MODELS_SERVER").unwrap();
    let worker = Worker::connect().unwrap();
    let weights = WeightsOf::builder().server(server).build().attach(&model);
    let weights = weights.unwrap();
    let scale = weights
        .tensor("a")
        .unwrap()
        .unwrap()
        .as_slice::<f32>()
        .unwrap()[1];
    worker
        .serve(|batch| {
            let answers = batch.iter().map(|request| {
                let payload = request.payload.to_vec();
                let asked = InferenceRequest::decode(payload.into()).unwrap();
                let x = &asked.inputs[0];
                let numbers = x.data().chunks_exact(4);
                let scaled: Vec<u8> = numbers
                    .map(|number| f32::from_le_bytes(number.try_into().unwrap()) * scale)
                    .flat_map(f32::to_le_bytes)
                    .collect();
                if asked.id == "die" {
                    std::process::abort();
                }
                let y = Tensor::new("y", ElementType::Float32, x.shape(), scaled).unwrap();
                let answer = InferenceAnswer {
                    model_name: asked.model_name,
                    id: asked.id,
                    outputs: vec![y],
                    ..InferenceAnswer::default()
                };
                let encoder = answer.encoder().unwrap();
                let mut bytes = vec![0; encoder.bytes()];
                encoder.write(&mut bytes).unwrap();
                Ok(Payload::from(bytes))
            });
            answers.collect()
        })
        .unwrap();
}

struct Waking(Thread);

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Waking(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park_timeout(Duration::from_secs(1)),
        }
    }
}

struct Served {
    offering: Offering,
    _server: ModelServer,
    registry: Registry,
    _folder: Folder,
}

fn served(name: &str, workers: std::ops::RangeInclusive<usize>, queue: usize) -> Served {
    let folder = Folder::new(name);
    let path = folder.safetensors("m", &[("a", 1000)]);
    let registry = Registry::builder().build();
    let place = format!("{name}-{}", std::process::id());
    let server = ModelServer::serve(&registry, &place).unwrap();
    let mut config = zenoh::Config::default();
    config
        .insert_json5("scouting/multicast/enabled", "false")
        .unwrap();
    let session = zenoh_pinned_node::pubsub::open(config, &Pinner::host_only()).unwrap();
    let program = std::env::current_exe().unwrap();
    let command = [
        program.to_str().unwrap(),
        "--exact",
        "offering::other_multiplies",
        "--include-ignored",
        "--nocapture",
    ];
    let mut offered = Offered::new(format!("{name}-m"), path).worker(command, workers);
    if let Some(worker) = &mut offered.worker {
        worker.queue = queue;
    }
    let bare = Offered::new("bare", folder.safetensors("bare", &[("a", 10)]));
    let offering = Offering::new(&registry, &session, &place, [offered, bare]);
    Served {
        offering,
        _server: server,
        registry,
        _folder: folder,
    }
}

fn request(model: &str, id: &str, numbers: &[f32]) -> InferenceRequest {
    let bytes: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let x = Tensor::new("x", ElementType::Float32, [numbers.len() as u64], bytes).unwrap();
    InferenceRequest {
        model_name: model.into(),
        id: id.into(),
        inputs: vec![x],
        ..InferenceRequest::default()
    }
}

#[test]
fn a_model_is_loaded_asked_and_unloaded() {
    let served = served("offering", 1..=1, 1024);
    let offering = &served.offering;
    let model = "offering-m";
    let state = |name: &str| {
        let index = offering.index();
        index
            .into_iter()
            .find(|listed| listed.name == name)
            .unwrap()
            .state
    };
    assert_eq!(state(model), ModelState::Unavailable);
    let early = wait(offering.infer(request(model, "1", &[1.0])));
    assert!(
        matches!(early, Err(ControlError::NotReady { .. })),
        "{early:?}"
    );
    offering.load(model).unwrap();
    offering.load(model).unwrap(); // it is
    assert_eq!(state(model), ModelState::Ready);
    let answer = wait(offering.infer(request(model, "seven", &[1.0, 2.5]))).unwrap();
    assert_eq!(answer.id, "seven");
    let expected: Vec<u8> = [1.0f32, 2.5]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    assert_eq!(
        answer.outputs[0].data()[..],
        expected,
        "the model's second number is 1"
    );
    let statistics = offering.statistics(model, "").unwrap();
    assert_eq!((statistics.success.count, statistics.executions), (1, 1));
    assert_eq!(
        served.registry.statistics().models[0].leases,
        2,
        "here and in the worker"
    );

    let unknown = wait(offering.infer(request("other", "1", &[1.0])));
    assert!(matches!(unknown, Err(ControlError::UnknownModel { .. })));
    assert!(matches!(
        offering.described(model, "2"),
        Err(ControlError::UnknownVersion { .. })
    ));
    offering.load("bare").unwrap();
    let nobody = wait(offering.infer(request("bare", "1", &[1.0])));
    assert!(
        matches!(nobody, Err(ControlError::NoWorker { .. })),
        "{nobody:?}"
    );

    offering.unload(model).unwrap();
    assert_eq!(state(model), ModelState::Unavailable);
    let end = Instant::now() + Duration::from_secs(30);
    while served.registry.statistics().models.len() > 1 {
        assert!(Instant::now() < end, "its weights go with its workers");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn many_requests_at_once_are_answered_once_each_and_refused_beyond_the_bound() {
    let served = served("many", 2..=2, 5_000);
    let model = "many-m";
    served.offering.load(model).unwrap();
    let pending: Vec<_> = (0..10_000)
        .map(|number: u32| {
            let request = request(model, &number.to_string(), &[number as f32]);
            let mut answer = served.offering.infer(request);
            // Begun at once, as a server does.
            let waker = Waker::from(Arc::new(Waking(std::thread::current())));
            let first = answer.as_mut().poll(&mut Context::from_waker(&waker));
            (number, first, answer)
        })
        .collect();
    let (mut answered, mut refused) = (0, 0);
    for (number, first, answer) in pending {
        let outcome = match first {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => wait(answer),
        };
        match outcome {
            Ok(answer) => {
                assert_eq!(answer.id, number.to_string());
                assert_eq!(answer.outputs[0].data()[..], (number as f32).to_le_bytes());
                answered += 1;
            }
            Err(ControlError::Full { queued: 5_000 }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(answered + refused, 10_000);
    assert!(answered >= 5_000, "{answered} answered, {refused} refused");
}

#[test]
fn a_worker_that_dies_is_back_without_a_read_and_a_poisoned_request_is_told() {
    let served = served("dies", 1..=1, 1024);
    let model = "dies-m";
    served.offering.load(model).unwrap();
    let read = served.registry.statistics().read_bytes;
    let poisoned = wait(served.offering.infer(request(model, "die", &[1.0])));
    assert!(
        matches!(poisoned, Err(ControlError::Poisoned { deaths: 2 })),
        "{poisoned:?}"
    );
    let answer = wait(served.offering.infer(request(model, "after", &[3.0]))).unwrap();
    assert_eq!(answer.outputs[0].data()[..], 3f32.to_le_bytes());
    let statistics = served.registry.statistics();
    assert_eq!((statistics.loads, statistics.read_bytes), (1, read));
    // The same by a slot, for it is long.
    let long: Vec<f32> = (0..100_000).map(|number| number as f32).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let answer = runtime.block_on(served.offering.infer(request(model, "long", &long)));
    let expected: Vec<u8> = long
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    assert_eq!(answer.unwrap().outputs[0].data()[..], expected);
}
