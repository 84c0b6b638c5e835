//! A Hugging Face index: which safetensors file beside it has which tensor.
//!
//! The index decides: what a shard has beyond it is not read. The metadata is that of the shards; where two differ in a
//! value, the first shard's counts.
//!
//! Knowingly weak: huggingface_hub's cache has links in place of shards, which are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::fault::HeaderFault;
use super::file::{ModelFile, ReadAt};
use super::folder::Folder;
use super::json::{self, Stop, Texts};
use super::{Counted, FormatError, Limits, safetensors};

/// Whether `beginning`, a file's first bytes, can be that of an index.
pub(super) fn is_one(beginning: &[u8]) -> bool {
    beginning.trim_ascii_start().first() == Some(&b'{')
}

/// Reads an index, and opens its shards.
pub(super) fn read(
    index: &ModelFile,
    folder: &mut Folder,
    limits: &Limits,
) -> Result<safetensors::Contents, FormatError> {
    let map = shards(index, limits)?;
    let mut by_shard = BTreeMap::<String, BTreeSet<String>>::new();
    for (tensor, shard) in map {
        by_shard.entry(shard).or_default().insert(tensor);
    }
    let (mut tensors, mut metadata) = (Vec::new(), BTreeMap::new());
    for (shard, mut wanted) in by_shard {
        let first = wanted.first().cloned().unwrap_or_default();
        let (number, file) = folder.open(&shard, &first)?;
        let (found, said) = safetensors::read(file, number, limits)?;
        tensors.extend(
            found
                .into_iter()
                .filter(|tensor| wanted.remove(&tensor.name)),
        );
        if let Some(tensor) = wanted.pop_first() {
            return Err(FormatError::Header {
                file: index.path().into(),
                fault: HeaderFault::NotInShard { tensor, shard },
            });
        }
        for (key, value) in said {
            metadata.entry(key).or_insert(value);
        }
    }
    Ok((tensors, metadata))
}

/// Which tensor is in which shard.
pub(super) fn shards(
    index: &dyn ReadAt,
    limits: &Limits,
) -> Result<BTreeMap<String, String>, FormatError> {
    let refused = |fault| FormatError::Header {
        file: index.path().into(),
        fault,
    };
    let (bytes, limit) = (index.bytes(), limits.header_bytes);
    if bytes > limit {
        return Err(refused(HeaderFault::TooLong { bytes, limit }));
    }
    let mut text = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    index
        .read_at(0, &mut text)
        .map_err(|source| FormatError::Read {
            file: index.path().into(),
            source,
        })?;
    let limit = limits.tensors;
    json::read(index.path(), &text, |stop| Index { stop, limit })?
        .ok_or_else(|| refused(HeaderFault::NoMap))
}

struct Index<'p> {
    stop: Stop<'p>,
    limit: usize,
}

impl<'de> DeserializeSeed<'de> for Index<'_> {
    type Value = Option<BTreeMap<String, String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Index<'_> {
    type Value = Option<BTreeMap<String, String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a weight_map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut weights = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "weight_map" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if weights.is_some() {
                return Err(self.stop.repeated(key));
            }
            let (stop, limit) = (self.stop.clone(), self.limit);
            let of = Counted::Tensors;
            weights = Some(map.next_value_seed(Texts { stop, of, limit })?);
        }
        Ok(weights)
    }
}
