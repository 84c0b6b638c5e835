use std::collections::HashMap;

use tonic::{Code, Request};

use super::{
    client::{ask, client, input, output},
    *,
};
use crate::control::protocol::inference::{
    InferParameter, InferTensorContents, ModelInferRequest, infer_parameter::ParameterChoice,
};

fn typed() -> ModelInferRequest {
    let contents = |fp32: &[f32], int64: &[i64]| {
        Some(InferTensorContents {
            fp32_contents: fp32.into(),
            int64_contents: int64.into(),
            ..Default::default()
        })
    };
    let mut x = input("x", "FP32", &[1, 3]);
    x.contents = contents(&[1.0, 2.0, 3.0], &[]);
    let mut n = input("n", "INT64", &[2]);
    n.contents = contents(&[], &[4, 5]);
    ModelInferRequest {
        model_name: "typed".into(),
        id: "r".into(),
        inputs: vec![x, n],
        ..Default::default()
    }
}

fn with(name: &str, choice: ParameterChoice) -> HashMap<String, InferParameter> {
    let parameter = InferParameter {
        parameter_choice: Some(choice),
    };
    HashMap::from([(name.into(), parameter)])
}

#[test]
fn a_request_is_answered() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let answer = client
            .model_infer(ask("identity", "r", 100_000))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            (
                &answer.id[..],
                &answer.model_name[..],
                &answer.model_version[..]
            ),
            ("r", "identity", "1")
        );
        assert_eq!(answer.raw_output_contents, [vec![7; 100_000]]);

        let answer = client.model_infer(typed()).await.unwrap().into_inner();
        let outputs: Vec<_> = answer
            .outputs
            .iter()
            .map(|tensor| (&tensor.name[..], &tensor.datatype[..], &tensor.shape[..]))
            .collect();
        assert_eq!(outputs, [("x", "FP32", &[1, 3][..]), ("n", "INT64", &[2])]);
        let expected: [Vec<u8>; 2] = [
            [1_f32, 2.0, 3.0]
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
            [4_i64, 5]
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        ];
        assert_eq!(answer.raw_output_contents, expected);

        let one = ModelInferRequest {
            outputs: vec![output("n")],
            ..typed()
        };
        let answer = client.model_infer(one).await.unwrap().into_inner();
        assert_eq!(
            (answer.outputs.len(), &answer.outputs[0].name[..]),
            (1, "n")
        );
        let turned = ModelInferRequest {
            outputs: vec![output("n"), output("x")],
            ..typed()
        };
        let answer = client.model_infer(turned).await.unwrap().into_inner();
        assert_eq!(
            answer
                .outputs
                .iter()
                .map(|tensor| &tensor.name[..])
                .collect::<Vec<_>>(),
            ["n", "x"]
        );
    });
    let counts = server.counts();
    assert_eq!(
        (counts.answered, counts.failed, counts.under_way),
        (4, 0, 0)
    );
}

#[test]
fn a_request_that_does_not_fit_is_refused_by_what_is_wrong() {
    let models = TestModels::new();
    let server = serve(&models, Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let broken = |change: &dyn Fn(&mut ModelInferRequest)| {
            let mut request = typed();
            change(&mut request);
            request
        };
        let table: [(ModelInferRequest, Code, &str); 13] = [
            (ask("none", "", 1), Code::NotFound, "unknown model"),
            (ask("later", "", 1), Code::Unavailable, "not at ready state"),
            (
                broken(&|request| request.model_version = "2".into()),
                Code::NotFound,
                "version 2",
            ),
            (
                broken(&|request| request.inputs[0].shape = vec![1, 4]),
                Code::InvalidArgument,
                "12 bytes",
            ),
            (
                broken(&|request| request.inputs[0].shape = vec![3]),
                Code::InvalidArgument,
                "Expected [1,-1], got [3]",
            ),
            (
                broken(&|request| request.inputs[0].shape = vec![1, -3]),
                Code::InvalidArgument,
                "[1, -3]",
            ),
            (
                broken(&|request| request.inputs[0].datatype = "FP31".into()),
                Code::InvalidArgument,
                "FP31",
            ),
            (
                broken(&|request| drop(request.inputs.pop())),
                Code::InvalidArgument,
                "'n' is missing",
            ),
            (
                broken(&|request| request.inputs[0].name = "z".into()),
                Code::InvalidArgument,
                "unexpected inference input 'z'",
            ),
            (
                broken(&|request| request.inputs[0].name = "n".into()),
                Code::InvalidArgument,
                "twice",
            ),
            (
                broken(&|request| request.outputs = vec![output("z")]),
                Code::InvalidArgument,
                "unexpected inference output 'z'",
            ),
            (
                broken(&|request| request.raw_input_contents = vec![vec![0; 12].into()]),
                Code::InvalidArgument,
                "1 raw contents for 2 inputs",
            ),
            (
                broken(&|request| {
                    request.inputs[1].parameters = with(
                        "shared_memory_region",
                        ParameterChoice::StringParam("a".into()),
                    )
                }),
                Code::Unimplemented,
                "register",
            ),
        ];
        let wrong = table.len() as u64;
        for (request, code, word) in table {
            let status = client.model_infer(request).await.unwrap_err();
            assert_eq!(status.code(), code, "{status}");
            assert!(status.message().contains(word), "{word}: {status}");
        }
        let mut other = input("x", "INT32", &[1, 3]);
        other.contents = Some(InferTensorContents {
            int_contents: vec![1, 2, 3],
            ..Default::default()
        });
        let status = client
            .model_infer(broken(&|request| request.inputs[0] = other.clone()))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(
            status.message().contains("'INT32'") && status.message().contains("'FP32'"),
            "{status}"
        );
        assert_eq!(models.asked.load(Relaxed), 0, "no model was asked");
        assert_eq!(server.counts().failed, wrong + 1);
    });
}

#[test]
fn a_model_that_fails_fails_one_request() {
    let server = serve(&TestModels::new(), Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        for (model, word) in [
            ("fails", "on purpose"),
            ("panics", "broke"),
            ("breaks", "broke"),
        ] {
            let status = client.model_infer(ask(model, "", 1)).await.unwrap_err();
            assert_eq!(status.code(), Code::Internal, "{status}");
            assert!(status.message().contains(word), "{status}");
        }
        let forgotten = ModelInferRequest {
            outputs: vec![output("x")],
            ..ask("forgets", "", 1)
        };
        let status = client.model_infer(forgotten).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert!(status.message().contains("left out"), "{status}");
        client.model_infer(ask("identity", "", 1)).await.unwrap();
    });
    let counts = server.counts();
    assert_eq!(
        (counts.answered, counts.failed, counts.held_bytes),
        (1, 4, 0)
    );
}

#[test]
fn a_deadline_ends_a_request_and_the_model_is_not_asked_any_more() {
    let models = TestModels::new();
    let server = serve(&models, Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        let mut by_header = Request::new(ask("gate", "", 1));
        by_header
            .metadata_mut()
            .insert("grpc-timeout", "50m".parse().unwrap());
        let status = client.model_infer(by_header).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        until("the model's answer is given up", || {
            models.given_up.load(Relaxed) == 1
        })
        .await;

        let mut by_parameter = ask("gate", "", 1);
        by_parameter.parameters = with("timeout", ParameterChoice::Int64Param(50_000));
        let status = client.model_infer(by_parameter).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        until("the model's answer is given up", || {
            models.given_up.load(Relaxed) == 2
        })
        .await;

        let mut wrong = Request::new(ask("identity", "", 1));
        wrong
            .metadata_mut()
            .insert("grpc-timeout", "soon".parse().unwrap());
        assert_eq!(
            client.model_infer(wrong).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    });
}

#[test]
fn a_request_whose_client_has_gone_is_given_up() {
    let models = TestModels::new();
    let server = serve(&models, Limits::default());
    run(async {
        let mut client = client(server.address()).await;
        for number in 1..=3 {
            let asking = client.model_infer(ask("gate", "", 1));
            let asked = until("it is asked", || models.asked.load(Relaxed) == number);
            tokio::select! {
                answer = asking => panic!("{answer:?}"),
                () = asked => {}
            }
            until("it is given up", || models.given_up.load(Relaxed) == number).await;
        }
        until("all is given back", || {
            let counts = server.counts();
            (counts.given_up, counts.under_way, counts.held_bytes) == (3, 0, 0)
        })
        .await;
    });
}

#[test]
fn many_requests_are_answered_once_each_and_to_whom_they_belong() {
    let models = TestModels::new();
    let server = serve(
        &models,
        Limits {
            requests: 10_000,
            streams: 5_000,
            ..Limits::default()
        },
    );
    run(async {
        let mut asked = Vec::new();
        for _ in 0..2 {
            let client = client(server.address()).await;
            for number in 0..5_000 {
                let mut client = client.clone();
                asked.push(tokio::spawn(async move {
                    let answer = client
                        .model_infer(ask("gate", &number.to_string(), number % 97))
                        .await;
                    let answer = answer.unwrap().into_inner();
                    assert_eq!(answer.id, number.to_string());
                    assert_eq!(answer.raw_output_contents, [vec![7; number % 97]]);
                }));
            }
        }
        until("all are under way", || models.asked.load(Relaxed) == 10_000).await;
        assert_eq!(server.counts().under_way, 10_000);
        models.gate.add_permits(10_000);
        for asked in asked {
            asked.await.unwrap();
        }
    });
    assert_eq!(server.counts().answered, 10_000);
    assert_eq!(models.given_up.load(Relaxed), 0);
}
