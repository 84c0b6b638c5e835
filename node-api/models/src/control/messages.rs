//! What is told of models, as messages.

use std::time::UNIX_EPOCH;

use super::{
    BatchStatistics, Description, Listed, ModelState, Port, Spent, Statistics,
    protocol::inference::{
        DataType, InferBatchStatistics, InferStatistics, ModelConfig, ModelInput,
        ModelMetadataResponse, ModelOutput, ModelStatistics, StatisticDuration,
        model_metadata_response::TensorMetadata, repository_index_response::ModelIndex,
    },
};
use crate::{element::ElementType, inference::Datatype};

pub(super) fn listed(listed: Listed) -> ModelIndex {
    ModelIndex {
        name: listed.name,
        version: listed.version,
        state: listed.state.name().into(),
        reason: listed.reason,
    }
}

/// Of a model with its versions that are ready.
pub(super) fn metadata(described: &Description, index: &[Listed]) -> ModelMetadataResponse {
    let of_it = |listed: &&Listed| listed.name == described.name && !listed.version.is_empty();
    let ready = index
        .iter()
        .filter(|listed| listed.state == ModelState::Ready);
    let mut versions: Vec<String> = ready
        .filter(of_it)
        .map(|listed| listed.version.clone())
        .collect();
    if versions.is_empty() {
        versions.push(described.version.clone());
    }
    let tensor = |port: &Port| TensorMetadata {
        name: port.name.clone(),
        datatype: port.datatype.name().into(),
        shape: port.shape.clone(),
    };
    ModelMetadataResponse {
        name: described.name.clone(),
        versions,
        platform: described.platform.clone(),
        inputs: described.inputs.iter().map(tensor).collect(),
        outputs: described.outputs.iter().map(tensor).collect(),
    }
}

pub(super) fn config(described: &Description) -> ModelConfig {
    let input = |port: &Port| ModelInput {
        name: port.name.clone(),
        data_type: data_type(port.datatype).into(),
        dims: port.shape.clone(),
    };
    let output = |port: &Port| ModelOutput {
        name: port.name.clone(),
        data_type: data_type(port.datatype).into(),
        dims: port.shape.clone(),
    };
    ModelConfig {
        name: described.name.clone(),
        platform: described.platform.clone(),
        max_batch_size: 0,
        input: described.inputs.iter().map(input).collect(),
        output: described.outputs.iter().map(output).collect(),
    }
}

/// As a model's configuration has it, which knows none of 8 bits.
fn data_type(datatype: Datatype) -> DataType {
    match datatype {
        Datatype::Bytes => DataType::TypeString,
        Datatype::Element(element) => match element {
            ElementType::Bool => DataType::TypeBool,
            ElementType::Uint8 => DataType::TypeUint8,
            ElementType::Uint16 => DataType::TypeUint16,
            ElementType::Uint32 => DataType::TypeUint32,
            ElementType::Uint64 => DataType::TypeUint64,
            ElementType::Int8 => DataType::TypeInt8,
            ElementType::Int16 => DataType::TypeInt16,
            ElementType::Int32 => DataType::TypeInt32,
            ElementType::Int64 => DataType::TypeInt64,
            ElementType::Float16 => DataType::TypeFp16,
            ElementType::BFloat16 => DataType::TypeBf16,
            ElementType::Float32 => DataType::TypeFp32,
            ElementType::Float64 => DataType::TypeFp64,
            ElementType::Float8E4M3 | ElementType::Float8E5M2 => DataType::TypeInvalid,
        },
    }
}

pub(super) fn statistics(name: String, statistics: &Statistics) -> ModelStatistics {
    let since = statistics
        .last_inference
        .map(|at| at.duration_since(UNIX_EPOCH));
    let last = since.and_then(Result::ok).unwrap_or_default();
    ModelStatistics {
        name,
        version: statistics.version.clone(),
        last_inference: u64::try_from(last.as_millis()).unwrap_or(u64::MAX),
        inference_count: statistics.inferences,
        execution_count: statistics.executions,
        inference_stats: Some(InferStatistics {
            success: spent(statistics.success),
            fail: spent(statistics.fail),
            queue: spent(statistics.queue),
            compute_input: spent(statistics.compute_input),
            compute_infer: spent(statistics.compute_infer),
            compute_output: spent(statistics.compute_output),
            cache_hit: spent(Spent::default()),
            cache_miss: spent(Spent::default()),
        }),
        batch_stats: statistics.batches.iter().map(batch).collect(),
        ..Default::default()
    }
}

fn batch(batch: &BatchStatistics) -> InferBatchStatistics {
    InferBatchStatistics {
        batch_size: batch.size,
        compute_input: spent(batch.compute_input),
        compute_infer: spent(batch.compute_infer),
        compute_output: spent(batch.compute_output),
    }
}

fn spent(spent: Spent) -> Option<StatisticDuration> {
    Some(StatisticDuration {
        count: spent.count,
        ns: spent.nanoseconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_datatype_has_the_protocols_number() {
        let numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 11, 12, 0, 0];
        let found = ElementType::ALL.map(|element| data_type(element.into()) as i32);
        assert_eq!(found, numbers);
        assert_eq!(data_type(Datatype::Bytes) as i32, 13);
    }

    #[test]
    fn a_models_versions_are_those_that_are_ready() {
        let described = Description::new("a", "2", "onnx");
        let line = |name, version, state| Listed::new(name, version, state);
        let index = [
            line("a", "1", ModelState::Ready),
            line("a", "2", ModelState::Ready),
            line("a", "3", ModelState::Loading),
            line("a", "", ModelState::Ready),
            line("b", "4", ModelState::Ready),
        ];
        assert_eq!(metadata(&described, &index).versions, ["1", "2"]);
        assert_eq!(metadata(&described, &index[2..]).versions, ["2"]);
    }

    #[test]
    fn a_time_before_1970_is_none() {
        let mut asked = Statistics::default();
        let at = |asked: &Statistics| statistics("a".into(), asked).last_inference;
        assert_eq!(at(&asked), 0);
        asked.last_inference = Some(UNIX_EPOCH - std::time::Duration::from_secs(1));
        assert_eq!(at(&asked), 0);
        asked.last_inference = Some(UNIX_EPOCH + std::time::Duration::from_millis(1234));
        assert_eq!(at(&asked), 1234);
    }
}
