//! A folder on disk that holds a run's matrices as a Zarr v3 group, so that any reader of Zarr opens it.
//!
//! ```text
//! zarr.json                 the group: what made it, the caller's note, how the run ended
//! matrices/zarr.json        an array of (number, row, column), one chunk a matrix
//! matrices/c/12/0/0         matrix 12: what an encoder made of it, and the CRC-32C of that
//! matrices/unfinished/7.3   third file that process 7 is writing, no chunk yet
//! checksums/zarr.json       an array of the CRC-32C of each raw matrix; 0 where none was told
//! checksums/c/0             those of the first 4,096 matrices
//! ```
//!
//! Many processes may [`put`](Store::put) at the same time. Creating, growing, finishing and the
//! checksums are one process's, the run's owner.
//!
//! Invariants:
//! - A file under a chunk's name is whole. It is written under another name and then renamed, metadata
//!   too. A process that is killed leaves an unfinished file at most, which no reader takes for a chunk.
//! - Nothing is removed but what has a name that this program gives, in a group that it made.
//! - zarrs accepts the metadata before it is written and when it is read, and decodes every chunk that
//!   [`verify()`] reads.
//!
//! Knowingly weak: nothing is flushed to the device, which can take minutes; a power cut can lose or cut
//! what was written last, which `verify` finds. `sync -f FOLDER` flushes it. Nothing keeps two runs from
//! using one folder at once. One raw matrix in four thousand million has the checksum 0 and counts as
//! not told. Zarr has no way to tell a missing matrix from one of zeros but to look for its chunk.

mod checksums;
mod chunks;
mod clear;
mod error;
mod layout;
mod ranges;
mod replace;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zarrs::filesystem::FilesystemStore;

pub use self::checksums::Checksums;
pub use self::error::StoreError;
pub use self::ranges::Ranges;
pub use self::replace::Whose;
pub use self::verify::{InputVerdict, Undecodable, Verified, verify};
use crate::encoding::Encoding;
use crate::matrix::{Form, checksum};

/// A run's folder. It may be shared between threads; every process opens its own.
///
/// ```
/// use matrices::encoding::Encoding;
/// use matrices::input::{Input, Kind};
/// use matrices::matrix::{ElementType, Form, Shape, checksum};
/// use matrices::store::{Checksums, Store, verify};
///
/// # let temporary = tempfile::tempdir()?;
/// # let folder = temporary.path().join("run");
/// let form = Form::new(Shape::new(20, 30)?, ElementType::F32)?;
/// let input = Input::generated(Kind::Smooth, form, 1);
/// let encoding = Encoding::new(3, true)?;
/// let note = [("input".to_owned(), serde_json::to_value(&input)?)].into_iter().collect();
/// let store = Store::create(&folder, form, Some(2), &encoding, note, false)?;
///
/// let mut matrix = vec![0; form.bytes() as usize];
/// let mut encoded = vec![0; encoding.most_bytes(matrix.len())];
/// let mut checksums = Checksums::default();
/// for number in 0..2 {
///     input.write(number, &mut matrix)?;
///     let bytes = encoding.encoder(form.element())?.encode(&matrix, &mut encoded)?;
///     store.put(number, &encoded[..bytes])?;
///     checksums.note(number, checksum(&matrix));
/// }
/// checksums.write(&store)?;
/// assert!(store.finish(&[])?.complete);
/// assert!(verify(&folder, &mut |_, _| ())?.is_whole());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    form: Form,
    /// What the run set out to store; none where it goes on until it is stopped.
    expected: Option<u64>,
    files: Arc<FilesystemStore>,
}

/// How a run ended, as it is kept in the group's attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Matrices that have a chunk.
    pub stored: u64,
    /// Matrices that there should be: the array's length.
    pub count: u64,
    /// Whether there is a chunk for each of them and none failed.
    pub complete: bool,
    /// Numbers that the caller gave up.
    pub failed: Ranges,
    /// Numbers without a chunk.
    pub missing: Ranges,
}

impl Store {
    /// Makes a new store of `count` matrices of `form`, or of as many as [`grow`](Self::grow) says.
    /// `note` is kept in the group's attributes; an input under the name `input` lets [`verify()`] compare.
    ///
    /// The folder is made where it does not exist. One with something in it is refused; with
    /// `overwrite`, an earlier store of this program is removed from it, and nothing else.
    pub fn create(
        folder: &Path,
        form: Form,
        count: Option<u64>,
        encoding: &Encoding,
        note: Map<String, Value>,
        overwrite: bool,
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|source| StoreError::write(folder, source))?;
        clear::make_room(folder, overwrite)?;
        let store = Self {
            folder: folder.into(),
            form,
            expected: count,
            files: files(folder)?,
        };
        // The group first: whatever else is there then belongs to a store of this program.
        store.write_group(layout::attributes(note, count))?;
        let (length, codecs) = (count.unwrap_or(0), encoding.codecs(form.element()));
        store.write_array(layout::CHECKSUMS, &layout::checksums(length))?;
        store.write_array(layout::MATRICES, &layout::matrices(form, length, codecs))?;
        for part in [layout::chunks(folder), layout::checksum_chunks(folder)] {
            fs::create_dir_all(&part).map_err(|source| StoreError::write(&part, source))?;
        }
        Ok(store)
    }

    /// Opens a store that [`create`](Self::create) made, to write chunks to it or to look at it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let attributes = layout::read_attributes(folder)?;
        let files = files(folder)?;
        let (_, form, _) = layout::open_matrices(folder, &files)?;
        Ok(Self {
            folder: folder.into(),
            form,
            expected: attributes.expected,
            files,
        })
    }

    /// The form of every matrix.
    pub fn form(&self) -> Form {
        self.form
    }

    /// What whoever made it has noted.
    pub fn note(&self) -> Result<Map<String, Value>, StoreError> {
        Ok(layout::read_attributes(&self.folder)?.note)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stores what an encoder made of the matrix of `number`, whole or not at all, and says how many
    /// bytes are on disk. What was stored under the number before is replaced.
    pub fn put(&self, number: u64, encoded: &[u8]) -> Result<u64, StoreError> {
        if let Some(count) = self.expected.filter(|count| number >= *count) {
            return Err(StoreError::Beyond { number, count });
        }
        let parts = [encoded, &checksum(encoded).to_le_bytes()];
        self.replace(&layout::chunk(&self.folder, number), &parts)
    }

    /// Says that there are `count` matrices, for a run that had no count when it began. The array never
    /// becomes shorter.
    pub fn grow(&self, count: u64) -> Result<(), StoreError> {
        if count <= self.count()? {
            return Ok(());
        }
        // The checksums first: they may be longer than the matrices, never shorter.
        for name in [layout::CHECKSUMS, layout::MATRICES] {
            let mut described = layout::described(&self.folder, name)?;
            described["shape"][0] = count.into();
            self.write_array(name, &described)?;
        }
        Ok(())
    }

    /// Notes how the run ended, in the group's attributes: how many matrices are stored, whether all
    /// are, and which the caller gave up.
    pub fn finish(&self, failed: &[u64]) -> Result<Finished, StoreError> {
        let (stored, count) = (self.stored()?, self.count()?);
        let missing = stored.gaps(count);
        let failed: Ranges = failed.iter().copied().collect();
        let finished = Finished {
            stored: count - missing.count(),
            count,
            complete: missing.is_empty() && failed.is_empty(),
            failed,
            missing,
        };
        let mut attributes = layout::read_attributes(&self.folder)?;
        attributes.finished = Some(finished.clone());
        self.write_group(attributes)?;
        Ok(finished)
    }

    /// The numbers below the array's length that have no chunk.
    pub fn missing(&self) -> Result<Ranges, StoreError> {
        Ok(self.stored()?.gaps(self.count()?))
    }

    /// Removes what killed processes left half written, and says how many files that were.
    pub fn remove_unfinished(&self, whose: Whose) -> Result<u64, StoreError> {
        replace::remove_unfinished(&layout::unfinished(&self.folder), whose)
    }

    /// The numbers that have a chunk.
    fn stored(&self) -> Result<Ranges, StoreError> {
        chunks::stored(&layout::chunks(&self.folder))
    }

    /// How many matrices there are by the array's metadata.
    fn count(&self) -> Result<u64, StoreError> {
        Ok(layout::open_matrices(&self.folder, &self.files)?.2)
    }

    fn write_group(&self, attributes: layout::Attributes) -> Result<(), StoreError> {
        let path = layout::metadata(&self.folder);
        let text = format!("{:#}\n", layout::group(attributes));
        self.replace(&path, &[text.as_bytes()]).map(drop)
    }

    fn write_array(&self, name: &str, described: &Value) -> Result<(), StoreError> {
        layout::array(&self.folder, name, described, &self.files)?;
        let path = layout::metadata(&self.folder.join(name));
        let text = format!("{described:#}\n");
        self.replace(&path, &[text.as_bytes()]).map(drop)
    }

    fn replace(&self, path: &Path, parts: &[&[u8]]) -> Result<u64, StoreError> {
        replace::replace(&layout::unfinished(&self.folder), path, parts)
    }
}

fn files(folder: &Path) -> Result<Arc<FilesystemStore>, StoreError> {
    FilesystemStore::new(folder)
        .map(Arc::new)
        .map_err(|_| StoreError::NameIsNotText {
            folder: folder.into(),
        })
}

#[cfg(test)]
mod tests;
