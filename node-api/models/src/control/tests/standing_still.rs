//! Clients that do nothing where they should do something.

use hyper::{Request, body::Body as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, body::Body};

use super::{
    client::{ask, client, connect},
    *,
};
use crate::control::protocol::inference::{
    InferParameter, ModelInferRequest, ServerLiveRequest, infer_parameter::ParameterChoice,
};

const SOON: Duration = Duration::from_millis(300);

fn hasty() -> Limits {
    Limits {
        keep_alive: SOON,
        receive_within: SOON,
        take_within: SOON,
        ..Limits::default()
    }
}

fn large(bytes: i64) -> ModelInferRequest {
    let mut request = ask("large", "", 1);
    let parameter = InferParameter {
        parameter_choice: Some(ParameterChoice::Int64Param(bytes)),
    };
    request.parameters.insert("bytes".into(), parameter);
    request
}

/// Whether others are served.
async fn others_are_served(server: &Server) {
    let mut client = client(server.address()).await;
    client.server_live(ServerLiveRequest {}).await.unwrap();
    client.model_infer(ask("identity", "", 1000)).await.unwrap();
}

#[test]
fn a_client_that_sends_nothing_is_let_go() {
    let server = serve(&TestModels::new(), hasty());
    run(async {
        let mut silent = Vec::new();
        for said in [
            &b""[..],
            b"PRI * HTTP/2.0\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            stream.write_all(said).await.unwrap();
            silent.push(stream);
        }
        others_are_served(&server).await;
        for mut stream in silent {
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
        }
        until("they are gone", || server.counts().connections == 0).await;
    });
}

#[test]
fn a_client_that_reads_nothing_from_its_socket_is_let_go() {
    let server = serve(&TestModels::new(), hasty());
    run(async {
        // A preface, settings with the largest window, a larger window for the connection: then it is asked for pings, and
        // nothing is read.
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        let ping = b"\0\0\x08\x06\0\0\0\0\0abcdefgh";
        for _ in 0..10_000 {
            said.extend(ping);
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(&said)).await;
        others_are_served(&server).await;
        until("it is gone", || server.counts().connections == 0).await;
    });
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_let_go() {
    let models = TestModels::new();
    let server = serve(&models, hasty());
    run(async {
        let mut client = client(server.address()).await;
        client.model_infer(ask("identity", "", 1)).await.unwrap();
        // It reads its socket, answers pings, and never takes the body of an answer that is larger than its window.
        let mut channel = connect(server.address()).await;
        let message = prost::Message::encode_to_vec(&large(64 << 20));
        let mut framed = vec![0];
        framed.extend((message.len() as u32).to_be_bytes());
        framed.extend(message);
        let request = Request::post(format!(
            "http://{}/inference.GRPCInferenceService/ModelInfer",
            server.address()
        ));
        let request = request
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let body = Body::new(Once(Some(framed.into())));
        let answer = tonic::codegen::Service::call(&mut channel, request.body(body).unwrap())
            .await
            .unwrap();
        until("its bytes are held", || {
            server.counts().held_bytes > 64 << 20
        })
        .await;
        others_are_served(&server).await;
        until("its bytes are given back", || {
            server.counts().held_bytes == 0
        })
        .await;
        assert!(!answer.body().is_end_stream());
        until("its connection is gone", || {
            server.counts().connections <= 1
        })
        .await;
    });
}

#[test]
fn a_message_that_does_not_come_to_its_end_is_given_up() {
    let models = TestModels::new();
    let server = serve(&models, hasty());
    run(async {
        let mut channel = connect(server.address()).await;
        for (path, sent) in [
            ("ModelInfer", &b""[..]),
            ("ModelInfer", b"\0\0\0"),
            ("ModelInfer", b"\0\0\x10\0\0abc"),
            ("ModelInfer", b"\0\0\0\0\x01"),
            // Whole, but with no end of the call.
            ("ModelInfer", b"\0\0\0\0\0"),
            ("ModelStreamInfer", b"\0\0\x10\0\0abc"),
        ] {
            let (send, pieces) = mpsc::channel(8);
            let request = Request::post(format!(
                "http://{}/inference.GRPCInferenceService/{path}",
                server.address()
            ));
            let request = request
                .header("content-type", "application/grpc")
                .header("te", "trailers");
            send.send(sent.to_vec().into()).await.unwrap();
            let body = Body::new(Pieces(pieces));
            let answer = tonic::codegen::Service::call(&mut channel, request.body(body).unwrap())
                .await
                .unwrap();
            let status = match Status::from_header_map(answer.headers()) {
                Some(status) => status,
                None => end(answer.into_body()).await,
            };
            assert_eq!(
                status.code(),
                Code::DeadlineExceeded,
                "{path} {sent:?}: {status}"
            );
            drop(send);
        }
        others_are_served(&server).await;
        until("all is given back", || server.counts().held_bytes == 0).await;
        assert_eq!(models.asked.load(Relaxed), 1, "that of another client");
    });
}

#[test]
fn a_stream_may_be_silent_between_its_messages() {
    let models = TestModels::new();
    let server = serve(&models, hasty());
    run(async {
        let mut client = client(server.address()).await;
        let (send, requests) = mpsc::channel(8);
        let mut answers = client
            .model_stream_infer(ReceiverStream::new(requests))
            .await
            .unwrap()
            .into_inner();
        for _ in 0..3 {
            tokio::time::sleep(4 * SOON).await;
            send.send(ask("identity", "", 100_000)).await.unwrap();
            assert_eq!(answers.message().await.unwrap().unwrap().error_message, "");
        }
    });
}

/// The status that an answer ends with.
async fn end(mut body: hyper::body::Incoming) -> Status {
    loop {
        let frame =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context));
        if let Ok(trailers) = frame.await.unwrap().unwrap().into_trailers() {
            return Status::from_header_map(&trailers).unwrap();
        }
    }
}

/// A body that is there at once.
struct Once(Option<bytes::Bytes>);

impl hyper::body::Body for Once {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Status>>> {
        std::task::Poll::Ready(self.0.take().map(|data| Ok(hyper::body::Frame::data(data))))
    }
}

/// A body that goes on while its sender is there.
struct Pieces(mpsc::Receiver<bytes::Bytes>);

impl hyper::body::Body for Pieces {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Status>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|data| Ok(hyper::body::Frame::data(data))))
    }
}
