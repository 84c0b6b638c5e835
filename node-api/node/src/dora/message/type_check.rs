//! dora's check of messages against the declared types of their outputs; `DORA_RUNTIME_TYPE_CHECK` switches it on.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use dora_core::types::TypeRegistry;
use dora_message::{
    config::NodeRunConfig,
    id::DataId,
    metadata::{MetadataParameters, carries_pattern_correlation},
};

const SWITCH: &str = "DORA_RUNTIME_TYPE_CHECK";

/// An output was given another type than it declares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "output `{output}` declares {expected:?} but was given {found:?} (DORA_RUNTIME_TYPE_CHECK)"
)]
pub struct TypeMismatch {
    /// The output.
    pub output: DataId,
    /// The declared type.
    pub expected: DataType,
    /// The type of the array.
    pub found: DataType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnMismatch {
    Warn,
    Fail,
}

/// The declared types, where the check is on.
#[derive(Debug)]
pub(crate) struct TypeCheck {
    on_mismatch: OnMismatch,
    declared: BTreeMap<DataId, DataType>,
}

impl TypeCheck {
    /// What the environment and the node's configuration ask for; `None` where the check is off.
    pub(crate) fn from_environment(config: &NodeRunConfig) -> Option<Self> {
        let on_mismatch = on_mismatch(&std::env::var(SWITCH).ok()?)?;
        let registry = TypeRegistry::new();
        let declared = config.output_types.iter().filter_map(|(output, name)| {
            // dora does not check types that Arrow cannot express, and says so itself.
            let data_type = registry.resolve_arrow_type(name)?;
            Some((output.clone(), data_type))
        });
        Some(Self {
            on_mismatch,
            declared: declared.collect(),
        })
    }

    /// Checks a message. Those of service and action patterns and empty ones may have any type.
    pub(crate) fn check(
        &self,
        output: &DataId,
        found: &DataType,
        parameters: &MetadataParameters,
    ) -> Result<(), TypeMismatch> {
        let Some(expected) = self.declared.get(output) else {
            return Ok(());
        };
        if found == expected || found == &DataType::Null || carries_pattern_correlation(parameters)
        {
            return Ok(());
        }
        let mismatch = TypeMismatch {
            output: output.clone(),
            expected: expected.clone(),
            found: found.clone(),
        };
        match self.on_mismatch {
            OnMismatch::Fail => Err(mismatch),
            OnMismatch::Warn => {
                tracing::warn!(%mismatch, "sent all the same");
                Ok(())
            }
        }
    }
}

/// The spellings that dora takes.
fn on_mismatch(switch: &str) -> Option<OnMismatch> {
    match switch {
        "error" => Some(OnMismatch::Fail),
        "1" | "warn" | "true" | "on" => Some(OnMismatch::Warn),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dora_message::metadata::Parameter;

    use super::*;

    fn check(on_mismatch: OnMismatch) -> TypeCheck {
        TypeCheck {
            on_mismatch,
            declared: [(DataId::from(String::from("image")), DataType::UInt8)].into(),
        }
    }

    fn image() -> DataId {
        DataId::from(String::from("image"))
    }

    #[test]
    fn a_mismatch_fails_or_warns_as_the_switch_says() {
        let parameters = MetadataParameters::new();
        let failing = check(OnMismatch::Fail);
        assert!(
            failing
                .check(&image(), &DataType::UInt8, &parameters)
                .is_ok()
        );
        let mismatch = failing.check(&image(), &DataType::Float32, &parameters);
        assert_eq!(mismatch.unwrap_err().found, DataType::Float32);
        let warning = check(OnMismatch::Warn);
        assert!(
            warning
                .check(&image(), &DataType::Float32, &parameters)
                .is_ok()
        );
    }

    #[test]
    fn empty_messages_undeclared_outputs_and_patterns_are_not_checked() {
        let mut parameters = MetadataParameters::new();
        let check = check(OnMismatch::Fail);
        assert!(check.check(&image(), &DataType::Null, &parameters).is_ok());
        let other = DataId::from(String::from("other"));
        assert!(check.check(&other, &DataType::Utf8, &parameters).is_ok());
        let request = Parameter::String(String::from("1"));
        parameters.insert(String::from("request_id"), request);
        assert!(check.check(&image(), &DataType::Utf8, &parameters).is_ok());
    }

    #[test]
    fn the_switch_takes_doras_spellings() {
        assert_eq!(on_mismatch("error"), Some(OnMismatch::Fail));
        assert_eq!(on_mismatch("warn"), Some(OnMismatch::Warn));
        assert_eq!(on_mismatch("off"), None);
        assert_eq!(on_mismatch("maybe"), None);
    }
}
