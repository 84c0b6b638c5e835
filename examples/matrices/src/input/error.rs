//! Why there is no matrix.

use std::io;
use std::path::PathBuf;

use crate::matrix::Form;

/// A name that is no kind of matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is no kind of matrix. Take one of random, smooth, ramp.")]
pub struct KindError {
    /// What was given.
    pub name: String,
}

/// Why an input cannot be read, or a matrix of it not written.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The system does not let it be read.
    #[error("{} cannot be read: {source}. Name a .npy file, or a folder of them, that this user may read.", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no `.npy` file of a kind that is understood.
    #[error("{}: {problem}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: NpyProblem,
    },
    /// No `.npy` file in the folder.
    #[error("The folder {} has no .npy file. Name a folder of .npy files of two dimensions.", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A name that JSON cannot hold.
    #[error("The name of {} is not UTF-8. Rename the file.", path.display())]
    NameIsNotText {
        /// The file.
        path: PathBuf,
    },
    /// A file holds matrices of another form than the first, or than it did.
    #[error("{} holds {found}, not {expected}. Give every matrix of a run the same shape and type.", path.display())]
    OtherForm {
        /// The first file that differs.
        path: PathBuf,
        /// What it holds.
        found: Form,
        /// What was expected.
        expected: Form,
    },
    /// A file holds another number of matrices than it did, or than a folder's file may.
    #[error("{} holds {found} matrices, not {expected}. Leave the file alone during a run, and give a folder files of two dimensions.", path.display())]
    OtherCount {
        /// The file.
        path: PathBuf,
        /// How many it holds.
        found: u64,
        /// How many were expected.
        expected: u64,
    },
    /// A number that the input does not have.
    #[error("There is no matrix {number}: the input has {count}, counted from 0. Ask for fewer.")]
    NoSuchMatrix {
        /// What was asked for.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// The memory to write to is not one matrix.
    #[error("{bytes} bytes are not a matrix of {form}. Give memory of exactly one matrix.")]
    WrongLength {
        /// Bytes given.
        bytes: usize,
        /// What they should hold.
        form: Form,
    },
}

/// What is wrong with a `.npy` file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NpyProblem {
    /// Not the bytes that every `.npy` file begins with.
    #[error("this is no .npy file. Write one with numpy.save.")]
    NotNpy,
    /// A version of the format that is not known.
    #[error(
        "version {major}.{minor} of the .npy format is not known. Write the file again with numpy.save."
    )]
    Version {
        /// First part.
        major: u8,
        /// Second part.
        minor: u8,
    },
    /// The header ends before it should, or says it is longer than any is.
    #[error("its header is cut or damaged. Write the file again with numpy.save.")]
    Header,
    /// Numbers with their highest byte first.
    #[error(
        "its numbers ({descr}) are big-endian. Convert it: numpy.save(path, a.astype(a.dtype.newbyteorder('<')))."
    )]
    BigEndian {
        /// NumPy's name of the type.
        descr: String,
    },
    /// A type that is not handled.
    #[error(
        "numbers of type {descr} are not handled. Convert it: numpy.save(path, a.astype('float64')), or another of float32 and the integers of 8 to 64 bits."
    )]
    Type {
        /// NumPy's name of the type.
        descr: String,
    },
    /// Column after column.
    #[error(
        "its numbers lie column after column (Fortran order). Convert it: numpy.save(path, numpy.ascontiguousarray(a))."
    )]
    FortranOrder,
    /// Not two or three dimensions.
    #[error("it has {dimensions} dimensions. Give two for one matrix, three for many.")]
    Dimensions {
        /// How many it has.
        dimensions: usize,
    },
    /// A dimension of zero, or more than a process can address.
    #[error(
        "its shape {shape:?} holds no matrix, or one larger than this machine can address. Give another file."
    )]
    Shape {
        /// The file's shape.
        shape: Vec<u64>,
    },
    /// Not as long as the header says.
    #[error(
        "it has {found} bytes where its header asks for {expected}: it was cut, or is still being written. Write it again with numpy.save."
    )]
    Length {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
}
