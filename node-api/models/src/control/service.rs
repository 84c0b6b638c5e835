//! The calls of `inference.GRPCInferenceService`.

use std::{sync::Arc, time::Instant};

use tonic::{Request, Response, Status, Streaming};

use super::{
    ControlError, Limits, ModelState, Models, Unsupported,
    call::Call,
    health,
    infer::Inference,
    messages,
    protocol::inference::{
        grpc_inference_service_server::GrpcInferenceService, model_repository_parameter, *,
    },
    stream::AnswersInOrder,
};

const EXTENSIONS: [&str; 4] = [
    "model_repository",
    "model_configuration",
    "parameters",
    "statistics",
];
/// A model that others need goes alone here, so this changes nothing.
const UNLOAD_DEPENDENTS: &str = "unload_dependents";

pub(super) struct Service {
    models: Arc<dyn Models>,
    inference: Arc<Inference>,
    stream_requests: usize,
}

impl Service {
    pub(super) fn new(inference: Arc<Inference>, limits: &Limits) -> Self {
        Self {
            models: Arc::clone(&inference.models),
            inference,
            stream_requests: limits.stream_requests,
        }
    }

    /// Does it on a thread for what takes long.
    async fn long(
        &self,
        call: impl FnOnce(&dyn Models) -> Result<(), ControlError> + Send + 'static,
    ) -> Result<(), ControlError> {
        let models = Arc::clone(&self.models);
        let ended = tokio::task::spawn_blocking(move || call(&*models)).await;
        ended.unwrap_or(Err(ControlError::Panicked))
    }

    fn statistics(&self, name: &str, version: &str) -> Result<ModelStatistics, ControlError> {
        let statistics = self.models.statistics(name, version)?;
        Ok(messages::statistics(name.into(), &statistics))
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(message: T) -> Answer<T> {
    Ok(Response::new(message))
}

fn refused<T>(what: Unsupported) -> Answer<T> {
    Err(ControlError::from(what).into())
}

fn check_repository(name: &str) -> Result<(), ControlError> {
    if name.is_empty() {
        Ok(())
    } else {
        Err(Unsupported::RepositoryName.into())
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    type ModelStreamInferStream = AnswersInOrder;

    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Answer<ServerLiveResponse> {
        answer(ServerLiveResponse { live: true })
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Answer<ServerReadyResponse> {
        let ready = health::is_ready(&self.models.index());
        answer(ServerReadyResponse { ready })
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Answer<ModelReadyResponse> {
        let ModelReadyRequest { name, version } = request.into_inner();
        let ready = self.models.index().iter().any(|listed| {
            listed.state == ModelState::Ready
                && listed.name == name
                && (version.is_empty() || listed.version == version)
        });
        answer(ModelReadyResponse { ready })
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Answer<ServerMetadataResponse> {
        answer(ServerMetadataResponse {
            name: "zenoh-pinned".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            extensions: EXTENSIONS.map(String::from).into(),
        })
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Answer<ModelMetadataResponse> {
        let ModelMetadataRequest { name, version } = request.into_inner();
        let described = self.models.described(&name, &version)?;
        answer(messages::metadata(&described, &self.models.index()))
    }

    async fn model_config(
        &self,
        request: Request<ModelConfigRequest>,
    ) -> Answer<ModelConfigResponse> {
        let ModelConfigRequest { name, version } = request.into_inner();
        let described = self.models.described(&name, &version)?;
        answer(ModelConfigResponse {
            config: Some(messages::config(&described)),
        })
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Answer<ModelStatisticsResponse> {
        let ModelStatisticsRequest { name, version } = request.into_inner();
        let model_stats = if name.is_empty() {
            let mut index = self.models.index();
            index.retain(|listed| listed.state == ModelState::Ready);
            let each = index
                .iter()
                .map(|listed| self.statistics(&listed.name, &listed.version));
            // One that has gone meanwhile has none.
            each.filter_map(Result::ok).collect()
        } else {
            let of_it = self
                .statistics(&name, &version)
                .map_err(|error| match error {
                    // As Triton has it, and here alone.
                    ControlError::UnknownModel { name } => ControlError::NotAvailable { name },
                    other => other,
                })?;
            vec![of_it]
        };
        answer(ModelStatisticsResponse { model_stats })
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Answer<ModelInferResponse> {
        let call = Call::of(&request, &self.inference.capacity);
        let held = call.received.take();
        let message = request.into_inner();
        let (message, held) = self.inference.infer(message, call.until, held).await?;
        let mut response = Response::new(message);
        response.extensions_mut().insert(Arc::new(held));
        Ok(response)
    }

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> Answer<AnswersInOrder> {
        let call = Call::of(&request, &self.inference.capacity);
        let (requests, inference) = (request.into_inner(), Arc::clone(&self.inference));
        answer(AnswersInOrder::new(
            requests,
            inference,
            call,
            self.stream_requests,
        ))
    }

    async fn repository_index(
        &self,
        request: Request<RepositoryIndexRequest>,
    ) -> Answer<RepositoryIndexResponse> {
        let request = request.into_inner();
        check_repository(&request.repository_name)?;
        let mut index = self.models.index();
        index.retain(|listed| !request.ready || listed.state == ModelState::Ready);
        answer(RepositoryIndexResponse {
            models: index.into_iter().map(messages::listed).collect(),
        })
    }

    async fn repository_model_load(
        &self,
        request: Request<RepositoryModelLoadRequest>,
    ) -> Answer<RepositoryModelLoadResponse> {
        let request = request.into_inner();
        check_repository(&request.repository_name)?;
        if !request.parameters.is_empty() {
            return refused(Unsupported::LoadParameters);
        }
        let (name, began) = (request.model_name, Instant::now());
        self.long(move |models| {
            models.load(&name)?;
            tracing::info!(model = name, took = ?began.elapsed(), "a client had a model loaded");
            Ok(())
        })
        .await?;
        answer(RepositoryModelLoadResponse {})
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> Answer<RepositoryModelUnloadResponse> {
        let request = request.into_inner();
        check_repository(&request.repository_name)?;
        for (name, value) in &request.parameters {
            let value = value.parameter_choice.as_ref();
            let is_flag = matches!(
                value,
                Some(model_repository_parameter::ParameterChoice::BoolParam(_))
            );
            if name != UNLOAD_DEPENDENTS || !is_flag {
                return refused(Unsupported::LoadParameters);
            }
        }
        let name = request.model_name;
        self.long(move |models| {
            models.unload(&name)?;
            tracing::info!(model = name, "a client had a model unloaded");
            Ok(())
        })
        .await?;
        answer(RepositoryModelUnloadResponse {})
    }

    async fn system_shared_memory_status(
        &self,
        _: Request<SystemSharedMemoryStatusRequest>,
    ) -> Answer<SystemSharedMemoryStatusResponse> {
        answer(SystemSharedMemoryStatusResponse::default())
    }

    async fn system_shared_memory_register(
        &self,
        _: Request<SystemSharedMemoryRegisterRequest>,
    ) -> Answer<SystemSharedMemoryRegisterResponse> {
        refused(Unsupported::SharedMemory)
    }

    // Clients begin and end with this, also those that register nothing; and afterwards nothing is registered.
    async fn system_shared_memory_unregister(
        &self,
        _: Request<SystemSharedMemoryUnregisterRequest>,
    ) -> Answer<SystemSharedMemoryUnregisterResponse> {
        answer(SystemSharedMemoryUnregisterResponse {})
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<CudaSharedMemoryStatusRequest>,
    ) -> Answer<CudaSharedMemoryStatusResponse> {
        answer(CudaSharedMemoryStatusResponse::default())
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<CudaSharedMemoryRegisterRequest>,
    ) -> Answer<CudaSharedMemoryRegisterResponse> {
        refused(Unsupported::SharedMemory)
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<CudaSharedMemoryUnregisterRequest>,
    ) -> Answer<CudaSharedMemoryUnregisterResponse> {
        answer(CudaSharedMemoryUnregisterResponse {})
    }

    async fn trace_setting(&self, _: Request<TraceSettingRequest>) -> Answer<TraceSettingResponse> {
        refused(Unsupported::TraceSettings)
    }

    async fn log_settings(&self, _: Request<LogSettingsRequest>) -> Answer<LogSettingsResponse> {
        refused(Unsupported::LogSettings)
    }
}
