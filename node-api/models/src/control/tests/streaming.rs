use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request};

use super::{
    client::{ask, client},
    *,
};
use crate::control::protocol::inference::ModelStreamInferResponse;

fn id(answer: Option<ModelStreamInferResponse>) -> (String, String) {
    let answer = answer.unwrap();
    (answer.infer_response.unwrap().id, answer.error_message)
}

#[test]
fn answers_come_in_the_order_of_their_requests_and_an_error_ends_one_alone() {
    let models = TestModels::new();
    let server = serve(&models, Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let (send, requests) = mpsc::channel(8);
        let mut answers = client
            .model_stream_infer(ReceiverStream::new(requests))
            .await
            .unwrap()
            .into_inner();
        for (model, name) in [
            ("gate", "a"),
            ("identity", "b"),
            ("none", "c"),
            ("panics", "d"),
            ("identity", "e"),
        ] {
            send.send(ask(model, name, 1)).await.unwrap();
        }
        until("all but one have been answered", || {
            server.counts().under_way == 1 && models.asked.load(Relaxed) == 4
        })
        .await;
        models.gate.add_permits(1);
        assert_eq!(
            id(answers.message().await.unwrap()),
            ("a".into(), "".into())
        );
        assert_eq!(
            id(answers.message().await.unwrap()),
            ("b".into(), "".into())
        );
        let (name, error) = id(answers.message().await.unwrap());
        assert!(
            name == "c" && error.contains("unknown model"),
            "{name}: {error}"
        );
        let (name, error) = id(answers.message().await.unwrap());
        assert!(name == "d" && error.contains("broke"), "{name}: {error}");
        assert_eq!(
            id(answers.message().await.unwrap()),
            ("e".into(), "".into())
        );
        drop(send);
        assert!(answers.message().await.unwrap().is_none());
    });
    until_given_back(&server);
}

fn until_given_back(server: &Server) {
    run(until("all is given back", || {
        let counts = server.counts();
        (counts.under_way, counts.held_bytes) == (0, 0)
    }));
}

#[test]
fn a_stream_has_no_more_under_way_than_it_may() {
    let models = TestModels::new();
    let server = serve(
        &models,
        Limits {
            stream_requests: 3,
            ..Limits::default()
        },
    );
    run(async {
        let mut client = client(server.address()).await;
        let requests = (0..100).map(|number| ask("gate", &number.to_string(), 1));
        let mut answers = client
            .model_stream_infer(tokio_stream::iter(requests.collect::<Vec<_>>()))
            .await
            .unwrap()
            .into_inner();
        until("three are asked", || models.asked.load(Relaxed) == 3).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(models.asked.load(Relaxed), 3);
        models.gate.add_permits(100);
        for number in 0..100 {
            assert_eq!(id(answers.message().await.unwrap()).0, number.to_string());
            assert!(server.counts().under_way <= 3);
        }
        assert!(answers.message().await.unwrap().is_none());
    });
}

#[test]
fn a_stream_beyond_what_the_server_takes_is_told_so_request_by_request() {
    let models = TestModels::new();
    let server = serve(
        &models,
        Limits {
            requests: 1,
            ..Limits::default()
        },
    );
    run(async {
        let mut client = client(server.address()).await;
        let requests = ["a", "b"].map(|name| ask("gate", name, 1));
        let mut answers = client
            .model_stream_infer(tokio_stream::iter(requests))
            .await
            .unwrap()
            .into_inner();
        until("one is refused", || server.counts().refused == 1).await;
        models.gate.add_permits(1);
        let told = [
            id(answers.message().await.unwrap()),
            id(answers.message().await.unwrap()),
        ];
        assert_eq!(
            told.iter()
                .filter(|(_, error)| error.contains("as many as may"))
                .count(),
            1,
            "{told:?}"
        );
    });
}

#[test]
fn a_stream_ends_at_its_deadline_and_with_its_client() {
    let models = TestModels::new();
    let server = serve(&models, Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let (send, requests) = mpsc::channel(8);
        let mut asked = Request::new(ReceiverStream::new(requests));
        asked
            .metadata_mut()
            .insert("grpc-timeout", "200m".parse().unwrap());
        let mut answers = client.model_stream_infer(asked).await.unwrap().into_inner();
        send.send(ask("gate", "", 1)).await.unwrap();
        let mut last = answers.message().await;
        while let Ok(Some(_)) = last {
            last = answers.message().await;
        }
        assert_eq!(last.unwrap_err().code(), Code::DeadlineExceeded);
        until("its request is given up", || {
            models.given_up.load(Relaxed) == 1
        })
        .await;

        let (send, requests) = mpsc::channel(8);
        let answers = client
            .model_stream_infer(ReceiverStream::new(requests))
            .await
            .unwrap();
        send.send(ask("gate", "", 1)).await.unwrap();
        until("the second is asked", || models.asked.load(Relaxed) == 2).await;
        drop((send, answers));
        until("the second is given up", || {
            models.given_up.load(Relaxed) == 2
        })
        .await;
    });
    until_given_back(&server);
}

#[test]
fn a_message_that_is_none_ends_a_stream_after_the_answers_before_it() {
    let models = TestModels::new();
    let server = serve(
        &models,
        Limits {
            message_bytes: 1000,
            ..Limits::default()
        },
    );
    run(async {
        let mut client = client(server.address()).await;
        let requests = [ask("identity", "a", 1), ask("identity", "b", 2000)];
        let mut answers = client
            .model_stream_infer(tokio_stream::iter(requests))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(id(answers.message().await.unwrap()).0, "a");
        assert_eq!(
            answers.message().await.unwrap_err().code(),
            Code::ResourceExhausted
        );
    });
}
