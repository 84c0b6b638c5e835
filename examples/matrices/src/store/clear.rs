//! Makes room for a new store, and removes nothing that is not of an old one.
//!
//! What goes is named as this program names it and lies where it puts it; a folder goes when it is empty
//! then. The group's metadata stays until the new one takes its place, so that a removal that was cut
//! short can be done again. Symbolic links are neither followed nor removed.

use std::fs::{self, FileType};
use std::io;
use std::path::Path;

use super::StoreError;
use super::chunks::{names, number};
use super::layout;
use super::replace::is_unfinished;

/// Leaves `folder` with nothing of a store in it but `zarr.json`.
pub(super) fn make_room(folder: &Path, overwrite: bool) -> Result<(), StoreError> {
    let mut entries = fs::read_dir(folder).map_err(|source| StoreError::read(folder, source))?;
    let Some(entry) = entries.next() else {
        return Ok(());
    };
    let name = entry
        .map_err(|source| StoreError::read(folder, source))?
        .file_name();
    match layout::read_attributes(folder) {
        // Damaged as it may be, this program made it.
        Ok(_) | Err(StoreError::Metadata { .. }) if overwrite => remove(folder),
        Ok(_) | Err(StoreError::Metadata { .. }) => Err(StoreError::Occupied {
            folder: folder.into(),
        }),
        Err(StoreError::NotAStore { .. }) => Err(StoreError::Foreign {
            folder: folder.into(),
            name: name.to_string_lossy().into_owned(),
        }),
        Err(error) => Err(error),
    }
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    let chunks = layout::chunks(folder);
    for matrix in numbered(&chunks)? {
        let matrix = chunks.join(matrix);
        if !is(&matrix, FileType::is_dir) {
            continue;
        }
        remove_file(&matrix.join("0").join("0"))?;
        remove_folder(&matrix.join("0"))?;
        remove_folder(&matrix)?;
    }
    let unfinished = layout::unfinished(folder);
    if is(&unfinished, FileType::is_dir) {
        for name in names(&unfinished)?
            .iter()
            .filter(|name| is_unfinished(name))
        {
            remove_file(&unfinished.join(name))?;
        }
    }
    let checksums = layout::checksum_chunks(folder);
    for chunk in numbered(&checksums)? {
        remove_file(&checksums.join(chunk))?;
    }
    for part in [&chunks, &unfinished, &checksums] {
        remove_folder(part)?;
    }
    for array in [layout::MATRICES, layout::CHECKSUMS] {
        let array = folder.join(array);
        remove_file(&layout::metadata(&array))?;
        remove_folder(&array)?;
    }
    Ok(())
}

/// The names in `folder` that are a chunk's, where it is a folder below another and no link.
fn numbered(folder: &Path) -> Result<Vec<String>, StoreError> {
    if !is(folder, FileType::is_dir) {
        return Ok(Vec::new());
    }
    let mut names = names(folder)?;
    names.retain(|name| number(name).is_some());
    Ok(names)
}

/// Whether `path` and the folder it lies in are no links, and `path` is what is asked.
fn is(path: &Path, kind: fn(&FileType) -> bool) -> bool {
    let file_type = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.file_type());
    let parent = path
        .parent()
        .is_some_and(|parent| file_type(parent).is_ok_and(|kind| kind.is_dir()));
    parent && file_type(path).is_ok_and(|found| kind(&found))
}

fn remove_file(path: &Path) -> Result<(), StoreError> {
    if !is(path, FileType::is_file) {
        return Ok(());
    }
    fs::remove_file(path).map_err(|source| StoreError::write(path, source))
}

/// Removes a folder that is empty.
fn remove_folder(path: &Path) -> Result<(), StoreError> {
    if !is(path, FileType::is_dir) {
        return Ok(());
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
            Err(StoreError::write(path, error))
        }
        _ => Ok(()),
    }
}
