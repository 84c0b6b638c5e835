use tonic::{Code, Request};

use super::{
    client::{ask, client, connect},
    *,
};
use crate::control::protocol::inference::{
    InferParameter, ModelInferRequest, ServerLiveRequest, infer_parameter::ParameterChoice,
};

fn large(bytes: i64) -> ModelInferRequest {
    let mut request = ask("large", "", 1);
    let parameter = InferParameter {
        parameter_choice: Some(ParameterChoice::Int64Param(bytes)),
    };
    request.parameters.insert("bytes".into(), parameter);
    request
}

#[test]
fn limits_that_are_none_are_refused() {
    let server = |limits| {
        Server::builder(TestModels::new())
            .address(([127, 0, 0, 1], 0).into())
            .limits(limits)
            .serve()
    };
    let least = Limits::default();
    let zeros = [
        (
            "message_bytes",
            Limits {
                message_bytes: 0,
                ..least
            },
        ),
        (
            "held_bytes",
            Limits {
                held_bytes: 0,
                ..least
            },
        ),
        (
            "requests",
            Limits {
                requests: 0,
                ..least
            },
        ),
        (
            "stream_requests",
            Limits {
                stream_requests: 0,
                ..least
            },
        ),
        (
            "connections",
            Limits {
                connections: 0,
                ..least
            },
        ),
        (
            "streams",
            Limits {
                streams: 0,
                ..least
            },
        ),
        (
            "header_bytes",
            Limits {
                header_bytes: 0,
                ..least
            },
        ),
        (
            "keep_alive",
            Limits {
                keep_alive: Duration::ZERO,
                ..least
            },
        ),
        (
            "receive_within",
            Limits {
                receive_within: Duration::ZERO,
                ..least
            },
        ),
        (
            "take_within",
            Limits {
                take_within: Duration::ZERO,
                ..least
            },
        ),
    ];
    for (name, limits) in zeros {
        let refused = server(limits).unwrap_err();
        assert!(
            matches!(refused, ServeError::Zero { name: said } if said == name),
            "{refused}"
        );
    }
    let refused = server(Limits {
        message_bytes: 1 << 32,
        held_bytes: 1 << 40,
        ..least
    });
    assert!(matches!(refused, Err(ServeError::MessageBytes)));
    let refused = server(Limits {
        held_bytes: 1 << 20,
        ..least
    });
    assert!(matches!(refused, Err(ServeError::HeldBytes)));
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let models = TestModels::new();
    let server = serve(&models, Limits::default());
    let second = Server::builder(models).address(server.address()).serve();
    assert!(
        matches!(second, Err(ServeError::Address { address, .. }) if address == server.address())
    );
}

#[test]
fn requests_beyond_what_may_be_under_way_are_refused_at_once_and_counted() {
    let models = TestModels::new();
    let server = serve(
        &models,
        Limits {
            requests: 2,
            ..Limits::default()
        },
    );
    run(async {
        let client = client(server.address()).await;
        let asked: Vec<_> = (0..2)
            .map(|_| {
                let mut client = client.clone();
                tokio::spawn(async move { client.model_infer(ask("gate", "", 1)).await })
            })
            .collect();
        until("two are under way", || models.asked.load(Relaxed) == 2).await;
        for _ in 0..10 {
            let status = client
                .clone()
                .model_infer(ask("identity", "", 1))
                .await
                .unwrap_err();
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        }
        assert_eq!(server.counts().refused, 10);
        models.gate.add_permits(2);
        for asked in asked {
            asked.await.unwrap().unwrap();
        }
        client
            .clone()
            .model_infer(ask("identity", "", 1))
            .await
            .unwrap();
    });
    assert_eq!(server.counts().answered, 3);
}

#[test]
fn a_message_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let server = serve(
        &TestModels::new(),
        Limits {
            message_bytes: 1 << 20,
            ..Limits::default()
        },
    );
    run(async {
        let mut client = client(server.address()).await;
        for bytes in [(1 << 20) + 1, 40 << 20] {
            let status = client
                .model_infer(ask("identity", "", bytes))
                .await
                .unwrap_err();
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            assert!(status.message().contains("1048576"), "{status}");
            client.model_infer(ask("identity", "", 1000)).await.unwrap();
        }
        // The limit is one of what comes.
        let answer = client
            .model_infer(large(8 << 20))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.raw_output_contents[0].len(), 8 << 20);
    });
}

#[test]
fn a_message_of_too_many_fields_is_refused_and_the_connection_goes_on() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let mut many = ask("identity", "", 1);
        many.outputs = vec![Default::default(); 200_000];
        let status = client.model_infer(many.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains("fields"), "{status}");
        many.outputs.truncate(2000);
        let status = client.model_infer(many).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        client.model_infer(ask("identity", "", 1)).await.unwrap();
    });
}

#[test]
fn bytes_beyond_what_may_be_held_are_refused_both_ways() {
    let models = TestModels::new();
    let limits = Limits {
        message_bytes: 1 << 20,
        held_bytes: 2 << 20,
        ..Limits::default()
    };
    let server = serve(&models, limits);
    run(async {
        let client = client(server.address()).await;
        let mut first = client.clone();
        let first =
            tokio::spawn(async move { first.model_infer(ask("gate", "", 1_000_000)).await });
        let mut second = client.clone();
        let second =
            tokio::spawn(async move { second.model_infer(ask("gate", "", 1_000_000)).await });
        until("two are under way", || models.asked.load(Relaxed) == 2).await;
        assert!(server.counts().held_bytes > 2_000_000);
        let status = client
            .clone()
            .model_infer(ask("identity", "", 500_000))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains("hold"), "{status}");
        client
            .clone()
            .model_infer(ask("identity", "", 100))
            .await
            .unwrap();
        models.gate.add_permits(2);
        let ended = [first.await.unwrap(), second.await.unwrap()];
        assert!(
            ended.iter().any(Result::is_ok),
            "their answers may not fit both at once"
        );
        until("all is given back", || server.counts().held_bytes == 0).await;
        let status = client
            .clone()
            .model_infer(large(3 << 20))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        client.clone().model_infer(large(1 << 20)).await.unwrap();
        until("all is given back", || server.counts().held_bytes == 0).await;
    });
}

#[test]
fn connections_beyond_what_may_be_open_are_closed() {
    let server = serve(
        &TestModels::new(),
        Limits {
            connections: 2,
            ..Limits::default()
        },
    );
    run(async {
        let first = connect(server.address()).await;
        let mut second = client(server.address()).await;
        until("two are open", || server.counts().connections == 2).await;
        let mut third = tokio::net::TcpStream::connect(server.address())
            .await
            .unwrap();
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(&mut third, &mut byte).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        assert_eq!(server.counts().connections_refused, 1);
        second.server_live(ServerLiveRequest {}).await.unwrap();
        drop(first);
        until("one is open", || server.counts().connections == 1).await;
        client(server.address())
            .await
            .server_live(ServerLiveRequest {})
            .await
            .unwrap();
    });
}

#[test]
fn calls_beyond_what_one_connection_may_have_wait_with_the_client() {
    let models = TestModels::new();
    let server = serve(
        &models,
        Limits {
            streams: 2,
            ..Limits::default()
        },
    );
    run(async {
        let mut client = client(server.address()).await;
        client.server_live(ServerLiveRequest {}).await.unwrap();
        let asked: Vec<_> = (0..20)
            .map(|number| {
                let mut client = client.clone();
                tokio::spawn(async move {
                    client
                        .model_infer(ask("gate", &number.to_string(), 1))
                        .await
                })
            })
            .collect();
        for number in 0..20 {
            until("two are under way", || {
                models.asked.load(Relaxed) >= 20.min(number + 2)
            })
            .await;
            assert!(server.counts().under_way <= 2);
            models.gate.add_permits(1);
            until("one is answered", || {
                server.counts().answered as usize > number
            })
            .await;
        }
        for asked in asked {
            asked.await.unwrap().unwrap();
        }
    });
}

#[test]
fn headers_that_are_too_long_are_refused_and_the_connection_goes_on() {
    let server = serve(
        &TestModels::new(),
        Limits {
            header_bytes: 4096,
            ..Limits::default()
        },
    );
    run(async {
        let mut client = client(server.address()).await;
        let mut request = Request::new(ServerLiveRequest {});
        request
            .metadata_mut()
            .insert("x-long", "x".repeat(8192).parse().unwrap());
        client.server_live(request).await.unwrap_err();
        client.server_live(ServerLiveRequest {}).await.unwrap();
    });
}
