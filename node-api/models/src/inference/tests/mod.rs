use super::{InferenceAnswer, InferenceRequest, Parameter, Parameters, Tensor};
use crate::element::ElementType;

mod hostile;
mod round;
mod tables;

fn parameters() -> Parameters {
    Parameters::from([
        ("flag".into(), Parameter::Bool(true)),
        ("least".into(), Parameter::Int64(i64::MIN)),
        ("most".into(), Parameter::Uint64(u64::MAX)),
        ("share".into(), Parameter::Double(0.25)),
        ("whole".into(), Parameter::Double(1e16)),
        ("wörd".into(), Parameter::String("a \"quoted\" €\n".into())),
    ])
}

fn words() -> Tensor {
    let bytes = &b"\x03\0\0\0one\0\0\0\0\x05\0\0\0three"[..];
    Tensor::new("words", super::Datatype::Bytes, [3, 1], bytes).unwrap()
}

/// One that has everything.
fn request() -> InferenceRequest {
    InferenceRequest {
        model_name: "ocr".into(),
        model_version: "3".into(),
        id: "r-1".into(),
        parameters: parameters(),
        inputs: vec![
            Tensor::new("image", ElementType::Uint8, [1, 70], vec![7; 70]).unwrap(),
            Tensor::new("none", ElementType::Float64, [0, 4], vec![]).unwrap(),
            Tensor::new("scale", ElementType::Float16, [], vec![0, 0x3c]).unwrap(),
            words(),
        ],
        outputs: vec!["text".into()],
        deadline: None,
    }
}

fn answer() -> InferenceAnswer {
    InferenceAnswer {
        model_name: "ocr".into(),
        model_version: "3".into(),
        id: "r-1".into(),
        parameters: parameters(),
        outputs: vec![
            words(),
            Tensor::new("score", ElementType::Float32, [1], vec![0, 0, 128, 63]).unwrap(),
        ],
    }
}

fn encoded(request: &InferenceRequest) -> Vec<u8> {
    let encoder = request.encoder().unwrap();
    let mut payload = vec![0xAA; encoder.bytes()];
    encoder.write(&mut payload).unwrap();
    payload
}

fn encoded_answer(answer: &InferenceAnswer) -> Vec<u8> {
    let encoder = answer.encoder().unwrap();
    let mut payload = vec![0xAA; encoder.bytes()];
    encoder.write(&mut payload).unwrap();
    payload
}
