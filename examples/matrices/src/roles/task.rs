//! What a worker is told of the matrix that it is given, as JSON beside the request.
//!
//! | key | of whom | what |
//! |---|---|---|
//! | `matrix` | all | its number, from 0 |
//! | `shape` | compressor | rows and columns |
//! | `dtype` | compressor | the numbers' type, as NumPy writes it |
//! | `level`, `shuffle` | compressor | how it is to be compressed |
//!
//! A worker in another language needs nothing else.

use serde::{Deserialize, Serialize};
use zenoh_pinned_workers::BatchRequest;

use crate::{
    encoding::Encoding,
    matrix::{ElementType, Form},
};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The matrix's number.
    pub matrix: u64,
    /// How to compress it.
    #[serde(flatten)]
    pub compression: Option<Compression>,
}

/// What a compressor is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compression {
    shape: [u64; 2],
    dtype: ElementType,
    level: i32,
    shuffle: bool,
}

impl Compression {
    /// Of matrices of this form.
    pub fn of(form: Form, encoding: Encoding) -> Self {
        Self {
            shape: [form.shape().rows(), form.shape().columns()],
            dtype: form.element(),
            level: encoding.level(),
            shuffle: encoding.shuffle(),
        }
    }
}

impl Task {
    /// What stands beside the request.
    pub fn to_attachment(self) -> Vec<u8> {
        // Numbers and short texts always are.
        serde_json::to_vec(&self).unwrap_or_default()
    }

    /// What stands there, or what is wrong with it.
    pub fn of(request: &BatchRequest) -> Result<Self, String> {
        serde_json::from_slice(&request.attachment)
            .map_err(|error| format!("the request says nothing of its matrix: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressor_in_any_language_reads_what_it_needs() {
        let shape = "10x20".parse().unwrap();
        let form = Form::new(shape, ElementType::F64).unwrap();
        let encoding = Encoding::new(3, true).unwrap();
        let task = Task {
            matrix: 7,
            compression: Some(Compression::of(form, encoding)),
        };
        let text = String::from_utf8(task.to_attachment()).unwrap();
        assert_eq!(
            text,
            r#"{"matrix":7,"shape":[10,20],"dtype":"float64","level":3,"shuffle":true}"#
        );
        assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
        let short: Task = serde_json::from_str(r#"{"matrix":1}"#).unwrap();
        assert_eq!(short.compression, None);
    }
}
