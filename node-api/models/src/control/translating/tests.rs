use super::{
    super::protocol::inference::{
        InferTensorContents, model_infer_request::InferRequestedOutputTensor,
    },
    *,
};
use crate::{element::ElementType, inference::TensorError};

fn input(name: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.into(),
        datatype: "UINT8".into(),
        shape: shape.into(),
        ..Default::default()
    }
}

fn message() -> ModelInferRequest {
    ModelInferRequest {
        model_name: "m".into(),
        model_version: "2".into(),
        id: "i".into(),
        inputs: vec![input("a", &[2]), input("b", &[0])],
        raw_input_contents: vec![b"xy"[..].into(), b""[..].into()],
        ..Default::default()
    }
}

fn parameter_of(choice: ParameterChoice) -> InferParameter {
    InferParameter {
        parameter_choice: Some(choice),
    }
}

fn of(message: ModelInferRequest) -> Result<InferenceRequest, ControlError> {
    request(message, Instant::now(), None)
}

fn invalid(message: ModelInferRequest) -> InvalidRequest {
    match of(message) {
        Err(ControlError::Invalid(invalid)) => invalid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_becomes_a_request_whose_tensors_lie_where_they_came() {
    let raw = message();
    let at = raw.raw_input_contents[0].as_ptr();
    let request = of(raw).unwrap();
    assert_eq!(
        (
            &request.model_name[..],
            &request.model_version[..],
            &request.id[..]
        ),
        ("m", "2", "i")
    );
    let shapes: Vec<_> = request
        .inputs
        .iter()
        .map(|tensor| (tensor.name(), tensor.shape()))
        .collect();
    assert_eq!(shapes, [("a", &[2][..]), ("b", &[0])]);
    assert_eq!(request.inputs[0].data().as_ptr(), at, "nothing was copied");
    let none = of(ModelInferRequest::default()).unwrap();
    assert_eq!(none, InferenceRequest::default());
}

#[test]
fn every_kind_of_parameter_goes_there_and_back() {
    let choices = [
        (ParameterChoice::BoolParam(true), Parameter::Bool(true)),
        (ParameterChoice::Int64Param(-1), Parameter::Int64(-1)),
        (ParameterChoice::Uint64Param(1), Parameter::Uint64(1)),
        (ParameterChoice::DoubleParam(0.5), Parameter::Double(0.5)),
        (
            ParameterChoice::StringParam("s".into()),
            Parameter::String("s".into()),
        ),
    ];
    for (choice, expected) in choices {
        let mut asked = message();
        asked
            .parameters
            .insert("p".into(), parameter_of(choice.clone()));
        let request = of(asked).unwrap();
        assert_eq!(request.parameters["p"], expected);
        assert_eq!(parameter(expected), parameter_of(choice));
    }
    let mut asked = message();
    asked
        .parameters
        .insert("p".into(), InferParameter::default());
    assert!(matches!(invalid(asked), InvalidRequest::NoValue { name } if name == "p"));
}

#[test]
fn the_earlier_of_the_calls_and_the_requests_deadline_counts() {
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let with = |choice, until| {
        let mut asked = message();
        asked
            .parameters
            .insert("timeout".into(), parameter_of(choice));
        request(asked, now, until)
    };
    let micros = ParameterChoice::Int64Param;
    let table = [
        (micros(1_000_000), None, Some(now + second)),
        (
            micros(1_000_000),
            Some(now + 2 * second),
            Some(now + second),
        ),
        (
            micros(3_000_000),
            Some(now + 2 * second),
            Some(now + 2 * second),
        ),
        (micros(0), None, None),
        (micros(0), Some(now), Some(now)),
        (
            ParameterChoice::Uint64Param(1_000_000),
            None,
            Some(now + second),
        ),
    ];
    for (choice, until, expected) in table {
        assert_eq!(with(choice, until).unwrap().deadline, expected);
    }
    for wrong in [
        micros(-1),
        ParameterChoice::StringParam("1".into()),
        ParameterChoice::BoolParam(true),
    ] {
        let refused = with(wrong, None);
        assert!(matches!(
            refused,
            Err(ControlError::Invalid(InvalidRequest::Parameter {
                name: "timeout",
                ..
            }))
        ));
    }
}

#[test]
fn contents_are_raw_or_typed_and_for_each_input() {
    let typed = Some(InferTensorContents {
        uint_contents: vec![1, 2],
        ..Default::default()
    });
    let mut only_typed = message();
    only_typed.raw_input_contents.clear();
    only_typed.inputs[0].contents = typed.clone();
    assert_eq!(of(only_typed).unwrap().inputs[0].data(), &[1, 2][..]);
    let mut both = message();
    both.inputs[0].contents = typed;
    assert!(matches!(invalid(both), InvalidRequest::BothContents { name } if name == "a"));
    for raw in [1, 3] {
        let mut other = message();
        other.raw_input_contents.resize(raw, b"xy"[..].into());
        assert!(
            matches!(invalid(other), InvalidRequest::RawContents { raw: there, inputs: 2 } if there == raw)
        );
    }
    let mut none = message();
    none.raw_input_contents.clear();
    let InvalidRequest::Tensor { name, error } = invalid(none) else {
        panic!("there are no bytes");
    };
    assert!(matches!(
        (&name[..], error),
        (
            "a",
            TensorError::Bytes {
                expected: 2,
                got: 0,
                ..
            }
        )
    ));
}

#[test]
fn what_no_model_can_take_is_refused() {
    let changed = |change: &dyn Fn(&mut ModelInferRequest)| {
        let mut asked = message();
        change(&mut asked);
        asked
    };
    let twice = invalid(changed(&|asked| asked.inputs[1].name = "a".into()));
    assert!(matches!(twice, InvalidRequest::Twice { name } if name == "a"));
    let many = invalid(changed(&|asked| {
        asked.inputs.resize(MOST_TENSORS + 1, Default::default())
    }));
    assert!(matches!(many, InvalidRequest::TooMany { .. }));
    let many = invalid(changed(&|asked| {
        asked.outputs.resize(MOST_TENSORS + 1, Default::default())
    }));
    assert!(matches!(many, InvalidRequest::TooMany { .. }));
    let negative = invalid(changed(&|asked| asked.inputs[0].shape = vec![-2]));
    assert!(matches!(
        negative,
        InvalidRequest::Tensor {
            error: TensorError::Negative { .. },
            ..
        }
    ));
    let unknown = invalid(changed(&|asked| asked.inputs[0].datatype = "INT7".into()));
    assert!(matches!(unknown, InvalidRequest::Datatype { datatype, .. } if datatype == "INT7"));

    let some = parameter_of(ParameterChoice::Int64Param(1));
    let output = |key: &str| {
        let parameters = HashMap::from([(key.into(), some.clone())]);
        vec![InferRequestedOutputTensor {
            name: "y".into(),
            parameters,
        }]
    };
    for (asked, expected) in [
        (
            changed(&|asked| {
                drop(
                    asked.inputs[0]
                        .parameters
                        .insert(MEMORY.into(), some.clone()),
                )
            }),
            Unsupported::SharedMemory,
        ),
        (
            changed(&|asked| asked.outputs = output(MEMORY)),
            Unsupported::SharedMemory,
        ),
        (
            changed(&|asked| asked.outputs = output(CLASSES)),
            Unsupported::Classification,
        ),
    ] {
        assert!(matches!(of(asked), Err(ControlError::Unsupported(what)) if what == expected));
    }
    let harmless = changed(&|asked| asked.outputs = output("binary_data"));
    assert_eq!(of(harmless).unwrap().outputs, ["y"]);
}

#[test]
fn an_answer_has_what_was_wanted_in_that_order() {
    let tensor = |name: &str| Tensor::new(name, ElementType::Int8, [1, 1], vec![1]).unwrap();
    let answer = || InferenceAnswer {
        id: "i".into(),
        outputs: ["a", "b", "c"].map(tensor).into(),
        ..Default::default()
    };
    let names = |wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).into()).collect();
        response(answer(), &wanted).map(|message| {
            assert_eq!(message.outputs.len(), message.raw_output_contents.len());
            let names = message.outputs.into_iter().map(|output| output.name);
            names.collect::<Vec<_>>()
        })
    };
    assert_eq!(names(&[]).unwrap(), ["a", "b", "c"]);
    assert_eq!(names(&["c", "a"]).unwrap(), ["c", "a"]);
    assert!(matches!(names(&["z"]), Err(ControlError::OutputMissing { name }) if name == "z"));
    let message = response(answer(), &[]).unwrap();
    assert_eq!(
        (
            &message.outputs[0].datatype[..],
            &message.outputs[0].shape[..]
        ),
        ("INT8", &[1, 1][..])
    );
}
