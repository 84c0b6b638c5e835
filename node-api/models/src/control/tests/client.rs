//! A client over a connection of its own.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{Request, Response, body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::{body::Body, codegen::Service};

use crate::control::protocol::{
    health::health_client::HealthClient,
    inference::{
        ModelInferRequest,
        grpc_inference_service_client::GrpcInferenceServiceClient,
        model_infer_request::{InferInputTensor, InferRequestedOutputTensor},
    },
};

#[derive(Clone)]
pub(super) struct Channel(http2::SendRequest<Body>);

impl Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

pub(super) async fn connect(address: SocketAddr) -> Channel {
    let stream = TcpStream::connect(address).await.unwrap();
    let connecting = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = connecting.await.unwrap();
    tokio::spawn(connection);
    Channel(sender)
}

fn origin(address: SocketAddr) -> hyper::Uri {
    format!("http://{address}").parse().unwrap()
}

pub(super) async fn client(address: SocketAddr) -> GrpcInferenceServiceClient<Channel> {
    let channel = connect(address).await;
    GrpcInferenceServiceClient::with_origin(channel, origin(address))
        .max_decoding_message_size(1 << 30)
}

pub(super) async fn health(address: SocketAddr) -> HealthClient<Channel> {
    HealthClient::with_origin(connect(address).await, origin(address))
}

/// A request with one input.
pub(super) fn ask(model: &str, id: &str, bytes: usize) -> ModelInferRequest {
    ModelInferRequest {
        model_name: model.into(),
        id: id.into(),
        inputs: vec![input("x", "UINT8", &[bytes as i64])],
        raw_input_contents: vec![vec![7; bytes].into()],
        ..Default::default()
    }
}

pub(super) fn input(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.into(),
        datatype: datatype.into(),
        shape: shape.into(),
        ..Default::default()
    }
}

pub(super) fn output(name: &str) -> InferRequestedOutputTensor {
    InferRequestedOutputTensor {
        name: name.into(),
        ..Default::default()
    }
}
