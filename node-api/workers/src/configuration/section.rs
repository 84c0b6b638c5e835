//! One mapping of the file: its keys are known, each is read once.

use std::collections::BTreeMap;

use yaml_serde::Value;

use super::error::{ConfigurationError, ValueFault};

/// A mapping, and where it stands.
pub(super) struct Section {
    /// The keys around it, with dots between; empty for the file itself.
    path: String,
    values: BTreeMap<String, Value>,
}

impl Section {
    /// Nothing is a section without keys, so that one whose keys are all commented out is fine.
    pub(super) fn of(path: &str, value: Value) -> Result<Self, ConfigurationError> {
        let mut values = BTreeMap::new();
        match value {
            Value::Null => {}
            Value::Mapping(mapping) => {
                for (key, value) in mapping {
                    let Value::String(key) = key else {
                        let key_must_be_text =
                            "a text as a key, in quotes where it looks like a number";
                        return Err(fault(path, &key, ValueFault::Form(key_must_be_text)));
                    };
                    values.insert(key, value);
                }
            }
            other => {
                let keys = "keys with values, one a line, indented";
                return Err(fault(path, &other, ValueFault::Form(keys)));
            }
        }
        let path = path.to_owned();
        Ok(Self { path, values })
    }

    /// Refuses every other key.
    pub(super) fn with_only(
        self,
        known: &'static [&'static str],
    ) -> Result<Self, ConfigurationError> {
        let mut keys = self.values.keys();
        match keys.find(|key| !known.contains(&key.as_str())) {
            None => Ok(self),
            Some(key) => Err(ConfigurationError::UnknownKey {
                key: self.key(key),
                nearest: nearest(key, known),
                known,
            }),
        }
    }

    /// A key with the sections around it.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            return key.to_owned();
        }
        format!("{}.{key}", self.path)
    }

    /// The section under this key, empty where there is none.
    pub(super) fn section(&mut self, key: &str) -> Result<Self, ConfigurationError> {
        let value = self.values.remove(key).unwrap_or_default();
        Self::of(&self.key(key), value)
    }

    /// Every value as a section, with its key.
    pub(super) fn sections(mut self) -> Result<Vec<(String, Self)>, ConfigurationError> {
        let values = std::mem::take(&mut self.values).into_iter();
        let section = |(key, value): (String, Value)| {
            let section = Self::of(&self.key(&key), value)?;
            Ok((key, section))
        };
        values.map(section).collect()
    }

    /// The value under this key; `None` where there is none, or nothing stands there.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Value) -> Result<T, ValueFault>,
    ) -> Result<Option<T>, ConfigurationError> {
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(&value) {
                Ok(read) => Ok(Some(read)),
                Err(reason) => Err(fault(&self.key(key), &value, reason)),
            },
        }
    }
}

fn fault(key: &str, value: &Value, fault: ValueFault) -> ConfigurationError {
    let found = match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Tagged(_) => "tagged".to_owned(),
    };
    let key = if key.is_empty() { "the file" } else { key };
    let key = key.to_owned();
    ConfigurationError::Value { key, found, fault }
}

/// The known key that takes the fewest changes, unless it would take more than every second letter.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let near = known.iter().map(|known| (changes(key, known), *known));
    let near = near.filter(|(changes, known)| changes * 2 <= known.len().max(key.len()));
    near.min().map(|(_, known)| known)
}

/// How many letters have to be added, left out or replaced.
fn changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], place + 1);
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
