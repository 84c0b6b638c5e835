//! The messages and services of `proto/`, as `build.rs` makes them.

/// `inference.GRPCInferenceService`.
#[allow(clippy::all)]
pub(super) mod inference {
    tonic::include_proto!("inference");
}

/// `grpc.health.v1.Health`.
#[allow(clippy::all)]
pub(super) mod health {
    tonic::include_proto!("grpc.health.v1");
}
