//! What every process of a run has to know, as it stands in the store's note.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{encoding::Encoding, input::Input, store::Store};

/// Where matrices come from and what becomes of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Where they come from.
    pub input: Input,
    /// How they are compressed.
    pub encoding: Encoding,
}

impl Plan {
    /// For the store's note.
    ///
    /// # Errors
    /// A name of a file is no text.
    pub fn to_note(&self) -> serde_json::Result<Map<String, Value>> {
        serde_json::from_value(serde_json::to_value(self)?)
    }

    /// As the note says.
    ///
    /// # Errors
    /// The store cannot be read, or is of another version.
    pub fn of(store: &Store) -> anyhow::Result<Self> {
        Ok(serde_json::from_value(Value::Object(store.note()?))?)
    }
}
