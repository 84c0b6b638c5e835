//! Where the matrices come from: a generator, a `.npy` file, or a folder of them.
//!
//! An [`Input`] is a plain value. It is handed to the processes that write matrices as JSON, and it is
//! kept in a store's note, so that what was stored can be compared with it later. Each process may
//! write any number's matrix, in any order, straight into the memory it is given: there is no buffer
//! in between.
//!
//! Invariants:
//! - The same input and number give the same bytes, in every process and on every machine.
//! - What [`Input::read`] found out holds when a matrix is written, or the write is an error: a file
//!   that was cut or changed its form in the meantime is never taken for zeros.
//!
//! Knowingly weak: a file whose numbers change in the meantime, and not its form, is not noticed.

mod error;
mod folder;
mod generate;
mod npy;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::error::{InputError, KindError, NpyProblem};
use self::npy::Npy;
use crate::matrix::Form;

/// What a generated matrix looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Noise: floats from 0 to 1, integers of all bits. It hardly compresses.
    Random,
    /// A field as an instrument of 16 bits measures it: a few waves and a little noise.
    Smooth,
    /// The numbers from `number * elements` upwards, wrapping where the type ends.
    Ramp,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::Random, Self::Smooth, Self::Ramp];

    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Smooth => "smooth",
            Self::Ramp => "ramp",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| KindError { name: name.into() })
    }
}

/// Where a run's matrices come from.
///
/// ```
/// use matrices::input::{Input, Kind};
/// use matrices::matrix::{ElementType, Form, Shape};
///
/// let form = Form::new(Shape::new(2, 3)?, ElementType::U16)?;
/// let input = Input::generated(Kind::Ramp, form, 0);
/// let mut slot = [0; 12];
/// input.write(1, &mut slot)?;
/// assert_eq!(slot, [6, 0, 7, 0, 8, 0, 9, 0, 10, 0, 11, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Input {
    /// Made up, as many as are asked for.
    Generated {
        /// What they look like.
        kind: Kind,
        /// Their form.
        form: Form,
        /// Another seed gives other matrices.
        seed: u64,
    },
    /// One `.npy` file: one matrix, or as many as its first of three dimensions says.
    File {
        /// The file, from the root.
        path: PathBuf,
        /// Form of each of its matrices.
        form: Form,
        /// How many there are.
        count: u64,
    },
    /// A folder of `.npy` files of one matrix each, in the order of their names.
    Folder {
        /// The folder, from the root.
        path: PathBuf,
        /// Form of every matrix.
        form: Form,
        /// The files' names.
        names: Vec<String>,
    },
}

impl Input {
    /// Matrices of `form` that are made up.
    pub fn generated(kind: Kind, form: Form, seed: u64) -> Self {
        Self::Generated { kind, form, seed }
    }

    /// A `.npy` file of two or three dimensions, or a folder of `.npy` files of two. All headers and
    /// lengths are looked at, no matrix is read.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let path = path
            .canonicalize()
            .map_err(|source| InputError::Unreadable {
                path: path.into(),
                source,
            })?;
        if path.is_dir() {
            return folder::read(path);
        }
        let Npy { form, count, .. } = Npy::open(&path)?;
        Ok(Self::File { path, form, count })
    }

    /// The form of every matrix.
    pub fn form(&self) -> Form {
        match self {
            Self::Generated { form, .. } | Self::File { form, .. } | Self::Folder { form, .. } => {
                *form
            }
        }
    }

    /// How many matrices there are; none where there are as many as are asked for.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Generated { .. } => None,
            Self::File { count, .. } => Some(*count),
            Self::Folder { names, .. } => Some(names.len() as u64),
        }
    }

    /// Writes the matrix of `number`, counted from 0, over all of `matrix`, which has the form's bytes.
    /// After an error `matrix` holds anything.
    pub fn write(&self, number: u64, matrix: &mut [u8]) -> Result<(), InputError> {
        let form = self.form();
        if matrix.len() as u64 != form.bytes() {
            return Err(InputError::WrongLength {
                bytes: matrix.len(),
                form,
            });
        }
        match self {
            Self::Generated { kind, seed, .. } => {
                generate::write(*kind, form, *seed, number, matrix);
                Ok(())
            }
            Self::File { path, count, .. } => {
                Npy::open_again(path, form, *count)?.read(path, number, matrix)
            }
            Self::Folder { path, names, .. } => {
                let name = usize::try_from(number)
                    .ok()
                    .and_then(|number| names.get(number));
                let name = name.ok_or(InputError::NoSuchMatrix {
                    number,
                    count: names.len() as u64,
                })?;
                let path = path.join(name);
                Npy::open_again(&path, form, 1)?.read(&path, 0, matrix)
            }
        }
    }
}

#[cfg(test)]
mod tests;
