//! What is called what in a store, and what its metadata says.
//!
//! Metadata is written down here once as JSON, which zarrs has to accept before it is written and after
//! it was read.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zarrs::array::{Array, ArrayMetadata, ArrayMetadataV3};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::GroupMetadataV3;

use super::{Finished, StoreError};
use crate::matrix::{ElementType, Form, Shape};

pub(super) const MATRICES: &str = "matrices";
pub(super) const CHECKSUMS: &str = "checksums";

/// Checksums in one chunk of theirs.
pub(super) const CHECKSUMS_OF_A_CHUNK: u64 = 4096;

/// How the attribute `made_by` of every store begins.
const MADE_BY: &str = "zenoh-pinned matrices";

pub(super) fn metadata(folder: &Path) -> PathBuf {
    folder.join("zarr.json")
}

pub(super) fn chunks(folder: &Path) -> PathBuf {
    folder.join(MATRICES).join("c")
}

pub(super) fn chunk(folder: &Path, number: u64) -> PathBuf {
    chunks(folder).join(number.to_string()).join("0").join("0")
}

pub(super) fn unfinished(folder: &Path) -> PathBuf {
    folder.join(MATRICES).join("unfinished")
}

pub(super) fn checksum_chunks(folder: &Path) -> PathBuf {
    folder.join(CHECKSUMS).join("c")
}

/// The attributes of the group.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Attributes {
    made_by: String,
    pub(super) expected: Option<u64>,
    pub(super) note: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) finished: Option<Finished>,
}

pub(super) fn attributes(note: Map<String, Value>, expected: Option<u64>) -> Attributes {
    Attributes {
        made_by: format!("{MADE_BY} {}", env!("CARGO_PKG_VERSION")),
        expected,
        note,
        finished: None,
    }
}

/// The group's attributes; [`StoreError::NotAStore`] where another program made it, or nobody.
pub(super) fn read_attributes(folder: &Path) -> Result<Attributes, StoreError> {
    let not_a_store = || StoreError::NotAStore {
        folder: folder.into(),
    };
    let path = metadata(folder);
    let text = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => not_a_store(),
        _ => StoreError::read(&path, source),
    })?;
    let group: GroupMetadataV3 = serde_json::from_slice(&text).map_err(|_| not_a_store())?;
    let made_by = group.attributes.get("made_by").and_then(Value::as_str);
    if !made_by.is_some_and(|by| by.starts_with(MADE_BY)) {
        return Err(not_a_store());
    }
    serde_json::from_value(Value::Object(group.attributes))
        .map_err(|error| StoreError::metadata(folder, error))
}

/// The group's metadata.
pub(super) fn group(attributes: Attributes) -> Value {
    json!({"zarr_format": 3, "node_type": "group", "attributes": attributes})
}

/// The array of matrices.
pub(super) fn matrices(form: Form, count: u64, codecs: Vec<Value>) -> Value {
    let (rows, columns) = (form.shape().rows(), form.shape().columns());
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": [count, rows, columns],
        "data_type": form.element(),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, rows, columns]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": codecs,
        "dimension_names": ["number", "row", "column"],
        "attributes": {},
    })
}

/// The array of the raw matrices' checksums.
pub(super) fn checksums(count: u64) -> Value {
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": [count],
        "data_type": "uint32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [CHECKSUMS_OF_A_CHUNK]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
        "dimension_names": ["number"],
        "attributes": {"description": "CRC-32C of each matrix's bytes, little-endian, row after row; 0: not told"},
    })
}

/// What is read of the metadata of the array of matrices.
#[derive(Deserialize)]
struct Matrices {
    shape: [u64; 3],
    data_type: ElementType,
}

/// The array of matrices, the form of each and how many there are.
pub(super) fn open_matrices(
    folder: &Path,
    files: &Arc<FilesystemStore>,
) -> Result<(Array<FilesystemStore>, Form, u64), StoreError> {
    let path = folder.join(MATRICES);
    let wrong = |error: Box<dyn Error + Send + Sync>| StoreError::metadata(&path, error);
    let described = described(folder, MATRICES)?;
    let array = array(folder, MATRICES, &described, files)?;
    let read = Matrices::deserialize(&described).map_err(|error| wrong(error.into()))?;
    let [count, rows, columns] = read.shape;
    let shape = Shape::new(rows, columns).map_err(|error| wrong(error.into()))?;
    let form = Form::new(shape, read.data_type).map_err(|error| wrong(error.into()))?;
    has_chunks_of(&path, &described, json!([1, rows, columns]))?;
    Ok((array, form, count))
}

/// The array of checksums.
pub(super) fn open_checksums(
    folder: &Path,
    files: &Arc<FilesystemStore>,
) -> Result<Array<FilesystemStore>, StoreError> {
    let described = described(folder, CHECKSUMS)?;
    has_chunks_of(
        &folder.join(CHECKSUMS),
        &described,
        json!([CHECKSUMS_OF_A_CHUNK]),
    )?;
    array(folder, CHECKSUMS, &described, files)
}

fn has_chunks_of(path: &Path, described: &Value, shape: Value) -> Result<(), StoreError> {
    if described["chunk_grid"]["configuration"]["chunk_shape"] == shape {
        return Ok(());
    }
    Err(StoreError::metadata(
        path,
        format!("its chunks are not of {shape}"),
    ))
}

/// An array's metadata as it was written. What zarrs makes of it would not do to write it again:
/// `{"name": "crc32c"}` becomes `"crc32c"`, which Python's zarr does not read.
pub(super) fn described(folder: &Path, name: &str) -> Result<Value, StoreError> {
    let path = metadata(&folder.join(name));
    let text = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => StoreError::metadata(&path, source),
        _ => StoreError::read(&path, source),
    })?;
    serde_json::from_slice(&text).map_err(|error| StoreError::metadata(&path, error))
}

/// The array that `described` means to zarrs, if it means one.
pub(super) fn array(
    folder: &Path,
    name: &str,
    described: &Value,
    files: &Arc<FilesystemStore>,
) -> Result<Array<FilesystemStore>, StoreError> {
    let path = folder.join(name);
    let metadata = ArrayMetadataV3::deserialize(described);
    let metadata = metadata.map_err(|error| StoreError::metadata(&path, error))?;
    Array::new_with_metadata(
        files.clone(),
        &format!("/{name}"),
        ArrayMetadata::V3(metadata),
    )
    .map_err(|error| StoreError::metadata(&path, error))
}
