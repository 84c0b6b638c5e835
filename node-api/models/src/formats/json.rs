//! JSON objects without repeated keys and within the limits, for the headers and indices of safetensors.
//!
//! serde takes the last of two equal keys, and can say only in words why it stopped; so the error is kept beside it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::fault::HeaderFault;
use super::{Counted, FormatError};

/// Reads all of `text`, which is of `file`, by what `seed` makes of the means to stop.
pub(super) fn read<'t, 'p, S, T>(
    file: &'p Path,
    text: &'t [u8],
    seed: impl FnOnce(Stop<'p>) -> S,
) -> Result<T, FormatError>
where
    S: DeserializeSeed<'t, Value = T>,
{
    let stop = Stop {
        file,
        error: Rc::default(),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = seed(stop.clone()).deserialize(&mut deserializer);
    read.and_then(|value| deserializer.end().map(|()| value))
        .map_err(|source| {
            stop.error.take().unwrap_or(FormatError::Header {
                file: file.into(),
                fault: HeaderFault::Json { source },
            })
        })
}

/// Stops the parser, with an error of ours.
#[derive(Clone)]
pub(super) struct Stop<'p> {
    file: &'p Path,
    error: Rc<Cell<Option<FormatError>>>,
}

impl<'p> Stop<'p> {
    pub(super) fn file(&self) -> &'p Path {
        self.file
    }

    /// What the parser is to return.
    pub(super) fn with<E: Error>(&self, error: FormatError) -> E {
        self.error.set(Some(error));
        E::custom("refused")
    }

    pub(super) fn repeated<E: Error>(&self, key: String) -> E {
        self.with(FormatError::Header {
            file: self.file.into(),
            fault: HeaderFault::Repeated { key },
        })
    }

    pub(super) fn too_many<E: Error>(&self, of: Counted, limit: usize) -> E {
        self.with(FormatError::TooMany {
            file: self.file.into(),
            of,
            limit,
        })
    }
}

/// An object of texts.
pub(super) struct Texts<'p> {
    pub(super) stop: Stop<'p>,
    pub(super) of: Counted,
    pub(super) limit: usize,
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = BTreeMap<String, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if texts.len() >= self.limit {
                return Err(self.stop.too_many(self.of, self.limit));
            }
            if texts.contains_key(&key) {
                return Err(self.stop.repeated(key));
            }
            texts.insert(key, map.next_value()?);
        }
        Ok(texts)
    }
}
