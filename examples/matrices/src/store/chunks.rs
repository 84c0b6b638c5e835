//! Which chunks there are, by the names of their files.

use std::fs;
use std::io;
use std::path::Path;

use super::{Ranges, StoreError};

/// The names in `folder` that are text; none where there is no such folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| StoreError::read(folder, source))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(|source| StoreError::read(folder, source))?
            .file_name();
        names.extend(name.into_string());
    }
    Ok(names)
}

/// The number that a chunk's name stands for, spelled as Zarr does.
pub(super) fn number(name: &str) -> Option<u64> {
    let number: u64 = name.parse().ok()?;
    (number.to_string() == name).then_some(number)
}

/// The numbers below `folder` whose matrix is stored.
pub(super) fn stored(folder: &Path) -> Result<Ranges, StoreError> {
    let names = names(folder)?.into_iter();
    let stored = names.filter(|name| folder.join(name).join("0").join("0").is_file());
    Ok(stored.filter_map(|name| number(&name)).collect())
}
