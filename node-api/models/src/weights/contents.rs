//! The bytes of a model in shared memory, and the table of what lies where in them.

use std::{path::Path, sync::Arc};

use zenoh_pinned::Frame;

use crate::{
    error::LoadError,
    manifest::{Manifest, Place},
};

/// Shards as frames; checked against the manifest when it is made.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) model: String,
    /// The file that they are from.
    pub(crate) source: Arc<Path>,
    pub(crate) manifest: Manifest,
    pub(crate) shards: Vec<Frame>,
}

impl Contents {
    /// `None` where the shards are not those that the manifest tells of.
    pub(crate) fn new(
        (model, source): (String, Arc<Path>),
        manifest: Manifest,
        shards: Vec<Frame>,
    ) -> Option<Self> {
        let lengths = shards.iter().map(|shard| shard.len() as u64);
        let told = manifest.shards.iter().map(|shard| shard.bytes);
        lengths.eq(told).then_some(Self {
            model,
            source,
            manifest,
            shards,
        })
    }

    /// That they are from this file, however it is called.
    pub(crate) fn check_source(&self, source: &Path) -> Result<(), LoadError> {
        let is_same = source == &*self.source
            || matches!(
                (source.canonicalize(), self.source.canonicalize()),
                (Ok(asked), Ok(loaded)) if asked == loaded
            );
        match is_same {
            true => Ok(()),
            false => Err(LoadError::OtherSource {
                model: self.model.clone(),
                loaded_from: self.source.display().to_string(),
            }),
        }
    }

    /// The first shard whose bytes are not those that were loaded.
    pub(crate) fn first_changed(&self) -> Option<usize> {
        let mut shards = self.manifest.shards.iter().zip(&self.shards);
        shards.position(|(told, shard)| crc32c::crc32c(shard).to_le_bytes() != told.checksum)
    }

    pub(crate) fn part(&self, place: Place) -> Option<Frame> {
        let start = usize::try_from(place.offset).ok()?;
        let bytes = usize::try_from(place.bytes).ok()?;
        let shard = self.shards.get(place.shard as usize)?;
        shard.part(start..start.checked_add(bytes)?)
    }
}
