//! The head of an encoded request or answer: JSON, in the protocol's own names.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};

use super::{Parameter, request::Parameters};

/// A request's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestHead {
    pub(super) model_name: String,
    pub(super) model_version: String,
    pub(super) id: String,
    #[serde(deserialize_with = "once_each")]
    pub(super) parameters: Parameters,
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Wanted>,
}

/// An answer's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerHead {
    pub(super) model_name: String,
    pub(super) model_version: String,
    pub(super) id: String,
    #[serde(deserialize_with = "once_each")]
    pub(super) parameters: Parameters,
    pub(super) outputs: Vec<Place>,
}

/// A tensor, and where its bytes lie.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) datatype: String,
    pub(super) shape: Vec<u64>,
    /// From where the data begin.
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// An output that is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) name: String,
}

/// Parameters none of which is there twice.
fn once_each<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Parameters, D::Error> {
    struct OnceEach;

    impl<'de> Visitor<'de> for OnceEach {
        type Value = Parameters;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("parameters")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
            let mut parameters = Parameters::new();
            while let Some((name, value)) = map.next_entry::<String, Parameter>()? {
                if let Some(twice) = parameters.insert(name, value) {
                    return Err(A::Error::custom(format_args!(
                        "a parameter is there twice, also as {twice:?}"
                    )));
                }
            }
            Ok(parameters)
        }
    }

    deserializer.deserialize_map(OnceEach)
}
