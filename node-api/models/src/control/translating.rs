//! From the protocol's messages to requests, and from answers back.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    ControlError, InvalidRequest, Unsupported, contents, deadline,
    protocol::inference::{
        InferParameter, ModelInferRequest, ModelInferResponse, infer_parameter::ParameterChoice,
        model_infer_request::InferInputTensor, model_infer_response::InferOutputTensor,
    },
};
use crate::inference::{
    Datatype, InferenceAnswer, InferenceRequest, MOST_TENSORS, Parameter, Parameters, Tensor,
};

/// Parameters of the protocol's own, of inputs and outputs.
const MEMORY: &str = "shared_memory_region";
const CLASSES: &str = "classification";
/// How long a request may take, in microseconds.
const TIMEOUT: &str = "timeout";

/// The request of a message that came in a call that ends at `until`.
pub(super) fn request(
    message: ModelInferRequest,
    now: Instant,
    until: Option<Instant>,
) -> Result<InferenceRequest, ControlError> {
    let tensors = message.inputs.len().max(message.outputs.len());
    if tensors > MOST_TENSORS {
        return Err(InvalidRequest::TooMany { tensors }.into());
    }
    let parameters = parameters(message.parameters)?;
    let timeout = timeout(&parameters)?.and_then(|timeout| now.checked_add(timeout));
    let mut outputs = Vec::with_capacity(message.outputs.len());
    for output in message.outputs {
        if output.parameters.contains_key(MEMORY) {
            return Err(Unsupported::SharedMemory.into());
        }
        if output.parameters.contains_key(CLASSES) {
            return Err(Unsupported::Classification.into());
        }
        outputs.push(output.name);
    }
    let (raw, typed) = (message.raw_input_contents, message.inputs);
    let shares_memory = |input: &InferInputTensor| input.parameters.contains_key(MEMORY);
    if typed.iter().any(shares_memory) {
        return Err(Unsupported::SharedMemory.into());
    }
    if !raw.is_empty() && raw.len() != typed.len() {
        let (raw, inputs) = (raw.len(), typed.len());
        return Err(InvalidRequest::RawContents { raw, inputs }.into());
    }
    let mut raw = raw.into_iter();
    let mut inputs: Vec<Tensor> = Vec::with_capacity(typed.len());
    for input in typed {
        let name = &input.name;
        if inputs.iter().any(|tensor| tensor.name() == name) {
            return Err(InvalidRequest::Twice { name: name.clone() }.into());
        }
        inputs.push(tensor(input, raw.next())?);
    }
    Ok(InferenceRequest {
        model_name: message.model_name,
        model_version: message.model_version,
        id: message.id,
        parameters,
        inputs,
        outputs,
        deadline: deadline::earlier(until, timeout),
    })
}

fn tensor(input: InferInputTensor, raw: Option<bytes::Bytes>) -> Result<Tensor, InvalidRequest> {
    let name = input.name;
    let Some(datatype) = Datatype::of_name(&input.datatype) else {
        let datatype = input.datatype;
        return Err(InvalidRequest::Datatype { name, datatype });
    };
    let data = match (raw, input.contents) {
        (Some(_), Some(_)) => return Err(InvalidRequest::BothContents { name }),
        (Some(raw), None) => raw,
        (None, Some(typed)) => contents::raw(&name, datatype, &typed)?,
        (None, None) => bytes::Bytes::new(),
    };
    let shape: Result<Vec<u64>, _> = input
        .shape
        .iter()
        .map(|size| u64::try_from(*size))
        .collect();
    let tensor = match shape {
        Ok(shape) => Tensor::new(name.clone(), datatype, shape, data),
        Err(_) => Err(crate::inference::TensorError::Negative { shape: input.shape }),
    };
    tensor.map_err(|error| InvalidRequest::Tensor { name, error })
}

fn parameters(from: HashMap<String, InferParameter>) -> Result<Parameters, InvalidRequest> {
    let each = from.into_iter().map(|(name, value)| {
        let value = match value.parameter_choice {
            Some(ParameterChoice::BoolParam(value)) => Parameter::Bool(value),
            Some(ParameterChoice::Int64Param(value)) => Parameter::Int64(value),
            Some(ParameterChoice::StringParam(value)) => Parameter::String(value),
            Some(ParameterChoice::DoubleParam(value)) => Parameter::Double(value),
            Some(ParameterChoice::Uint64Param(value)) => Parameter::Uint64(value),
            None => return Err(InvalidRequest::NoValue { name }),
        };
        Ok((name, value))
    });
    each.collect()
}

fn timeout(parameters: &Parameters) -> Result<Option<Duration>, InvalidRequest> {
    let microseconds = match parameters.get(TIMEOUT) {
        None => return Ok(None),
        Some(Parameter::Int64(value)) => u64::try_from(*value).ok(),
        Some(Parameter::Uint64(value)) => Some(*value),
        Some(_) => None,
    };
    match microseconds {
        // As Triton has it.
        Some(0) => Ok(None),
        Some(value) => Ok(Some(Duration::from_micros(value))),
        None => Err(InvalidRequest::Parameter {
            name: TIMEOUT,
            expected: "a whole number of microseconds, 0 or more",
        }),
    }
}

/// The message of an answer: with these outputs in this order, or all where none is named.
pub(super) fn response(
    mut answer: InferenceAnswer,
    wanted: &[String],
) -> Result<ModelInferResponse, ControlError> {
    if !wanted.is_empty() {
        let mut given = std::mem::take(&mut answer.outputs);
        for name in wanted {
            let Some(at) = given.iter().position(|tensor| tensor.name() == name) else {
                return Err(ControlError::OutputMissing { name: name.clone() });
            };
            answer.outputs.push(given.swap_remove(at));
        }
    }
    let mut outputs = Vec::with_capacity(answer.outputs.len());
    let mut raw_output_contents = Vec::with_capacity(answer.outputs.len());
    for tensor in answer.outputs {
        let (name, datatype, shape, data) = tensor.into_parts();
        outputs.push(InferOutputTensor {
            name,
            datatype: datatype.name().into(),
            // A tensor's dimensions are fewer than 2^60.
            shape: shape.into_iter().map(|size| size as i64).collect(),
            ..Default::default()
        });
        raw_output_contents.push(data);
    }
    let parameters = answer.parameters.into_iter();
    Ok(ModelInferResponse {
        model_name: answer.model_name,
        model_version: answer.model_version,
        id: answer.id,
        parameters: parameters
            .map(|(name, value)| (name, parameter(value)))
            .collect(),
        outputs,
        raw_output_contents,
    })
}

fn parameter(value: Parameter) -> InferParameter {
    let choice = match value {
        Parameter::Bool(value) => ParameterChoice::BoolParam(value),
        Parameter::Int64(value) => ParameterChoice::Int64Param(value),
        Parameter::Uint64(value) => ParameterChoice::Uint64Param(value),
        Parameter::Double(value) => ParameterChoice::DoubleParam(value),
        Parameter::String(value) => ParameterChoice::StringParam(value),
    };
    InferParameter {
        parameter_choice: Some(choice),
    }
}

#[cfg(test)]
mod tests;
