//! Files of models: which tensors they have, and where in which file each tensor's bytes lie.
//!
//! No tensor's bytes are read here, whatever its size: who asks reads them, straight to where they are wanted. Files are
//! foreign: what is said of a tensor has been checked against its file, so that every [`Source`] lies within the
//! file that was opened, and has as many bytes as shape and element make.
//!
//! | format | known by | module |
//! |---|---|---|
//! | safetensors | a length and a brace, or the name `*.safetensors` | `safetensors` |
//! | index of safetensors files | a brace | `index` |
//! | ONNX | its first field, or the name `*.onnx` | `onnx` |
//!
//! Memory is bounded by [`Limits`]. Nothing here is kept between calls, and nothing is shared between threads.

mod checks;
mod error;
mod fault;
mod file;
mod folder;
mod index;
mod json;
mod limits;
mod onnx;
mod property;
mod safetensors;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::{Counted, FormatError};
pub use fault::{GraphFault, HeaderFault, MessageFault, NameFault, PathFault, TensorFault};
pub use file::{ModelFile, ReadAt};
pub use limits::Limits;
pub use onnx::{INLINE_BELOW, of_onnx};
#[doc(hidden)]
pub use property::property;
pub use safetensors::of_safetensors;

use folder::Folder;
use zenoh_pinned_node::tensor::ElementType;

/// A model's files, open, and what they have.
#[derive(Debug)]
pub struct ModelFiles {
    /// Every file that a [`Source`] can name; the first is the one that was asked for.
    pub files: Vec<ModelFile>,
    /// Its tensors, in the order in which they are best read.
    pub tensors: Vec<TensorEntry>,
    /// ONNX: the model without the data of [`tensors`](Self::tensors).
    pub graph: Option<Vec<u8>>,
    /// What the model says of itself.
    pub metadata: BTreeMap<String, String>,
    /// ONNX: what the graph takes, without initializers.
    pub inputs: Vec<PortEntry>,
    /// ONNX: what the graph gives.
    pub outputs: Vec<PortEntry>,
}

/// A tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name, of which a model has no second. Neither empty nor with a zero byte in it.
    pub name: String,
    /// Of what it is.
    pub element: ElementType,
    /// Its dimensions, the last one contiguous.
    pub shape: Vec<u64>,
    /// Where its bytes are, little-endian.
    pub source: Source,
}

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which of [`ModelFiles::files`].
    pub file: usize,
    /// Where it begins. Aligned to nothing.
    pub offset: u64,
    /// How long it is: shape times element.
    pub bytes: u64,
}

/// An input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortEntry {
    /// Its name.
    pub name: String,
    /// Of what it is; `None` for texts and for whatever [`ElementType`] does not have.
    pub element: Option<ElementType>,
    /// Its dimensions; `None` where not even their number is known.
    pub shape: Option<Vec<Dimension>>,
}

/// A dimension of an input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Always this long.
    Fixed(u64),
    /// As long as every other dimension of this name.
    Named(String),
    /// Any length.
    Unknown,
}

impl Dimension {
    /// As inference protocols write it: -1 where it is not fixed.
    ///
    /// ```
    /// use zenoh_pinned_models::formats::Dimension;
    ///
    /// assert_eq!(Dimension::Fixed(3).number(), 3);
    /// assert_eq!(Dimension::Named("batch".into()).number(), -1);
    /// ```
    pub fn number(&self) -> i64 {
        match self {
            Self::Fixed(length) => i64::try_from(*length).unwrap_or(-1),
            Self::Named(_) | Self::Unknown => -1,
        }
    }
}

/// What was found in a file, before the files are put to it.
#[derive(Debug, Default)]
struct Contents {
    tensors: Vec<TensorEntry>,
    graph: Option<Vec<u8>>,
    metadata: BTreeMap<String, String>,
    inputs: Vec<PortEntry>,
    outputs: Vec<PortEntry>,
}

/// Bytes that tell a format. An index may begin with space.
const BEGINNING: u64 = 64;

/// What a file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Safetensors,
    Index,
    Onnx,
}

impl Format {
    /// By the file's first bytes, where they leave a doubt by its name; `None` where that says nothing.
    fn of(beginning: &[u8], path: &Path) -> Option<Self> {
        let extension = path
            .extension()
            .map(|extension| extension.to_ascii_lowercase());
        let named = |name: &str| extension.as_deref() == Some(name.as_ref());
        if safetensors::is_one(beginning) {
            Some(Self::Safetensors)
        } else if index::is_one(beginning) {
            Some(Self::Index)
        } else if named("safetensors") {
            Some(Self::Safetensors)
        } else if named("onnx") || onnx::is_one(beginning) {
            Some(Self::Onnx)
        } else {
            None
        }
    }
}

/// Opens a model and the files that it names, and finds its tensors.
///
/// Takes a safetensors file, an index of several, or an ONNX model. Links to `path` are followed; those to files that
/// the model names are not, and such files have to be beside it or below.
///
/// # Errors
/// See [`FormatError`]: a file is not there, is none of these, is damaged, asks for what is not given, or exceeds the
/// limits.
///
/// ```
/// use std::path::Path;
/// use zenoh_pinned_models::formats::{FormatError, Limits, open};
///
/// let missing = open(Path::new("/nowhere/model.safetensors"), &Limits::default());
/// assert!(matches!(missing, Err(FormatError::Open { .. })));
/// ```
pub fn open(path: &Path, limits: &Limits) -> Result<ModelFiles, FormatError> {
    let (first, mut folder) = Folder::of_model(path, limits)?;
    let of_tensors = |(tensors, metadata)| Contents {
        tensors,
        metadata,
        ..Contents::default()
    };
    let found = match Format::of(&beginning(&first)?, path) {
        Some(Format::Safetensors) => of_tensors(safetensors::read(&first, 0, limits)?),
        Some(Format::Index) => of_tensors(index::read(&first, &mut folder, limits)?),
        Some(Format::Onnx) => {
            let mut beside = |location: &str, tensor: &str| {
                let (number, file) = folder.open(location, tensor)?;
                Ok((number, file.bytes()))
            };
            onnx::read(&first, &mut beside, limits)?
        }
        None => return Err(FormatError::UnknownFormat { file: path.into() }),
    };
    let files: Vec<_> = std::iter::once(first).chain(folder.into_files()).collect();
    for file in &files {
        let unchanged = file.unchanged().map_err(|source| FormatError::Read {
            file: file.path().into(),
            source,
        })?;
        if !unchanged {
            let file = file.path().into();
            return Err(FormatError::Changed { file });
        }
    }
    Ok(ModelFiles {
        files,
        tensors: found.tensors,
        graph: found.graph,
        metadata: found.metadata,
        inputs: found.inputs,
        outputs: found.outputs,
    })
}

/// The first bytes of a file, as many as tell its format.
fn beginning(file: &ModelFile) -> Result<Vec<u8>, FormatError> {
    let bytes = file.bytes().min(BEGINNING) as usize;
    let mut beginning = vec![0; bytes];
    file.read_at(0, &mut beginning)
        .map_err(|source| FormatError::Read {
            file: file.path().into(),
            source,
        })?;
    Ok(beginning)
}
