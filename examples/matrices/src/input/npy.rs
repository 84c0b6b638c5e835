//! The header of a `.npy` file, and the matrices behind it.
//!
//! A parser of our own: what is needed is one dictionary of three known keys, and the offset where the
//! numbers begin. What is not exactly as NumPy writes it is refused. The header is anybody's bytes: no
//! length in it is believed before it is compared with the file's.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::{InputError, NpyProblem};
use crate::matrix::{ElementType, Form, Shape};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// NumPy itself refuses to read more than 10,000 without being told to.
const MOST_HEADER_BYTES: u32 = 1 << 16;

/// An open `.npy` file whose length is what its header says.
#[derive(Debug)]
pub(super) struct Npy {
    pub(super) form: Form,
    /// Matrices in the file.
    pub(super) count: u64,
    file: File,
    /// Where the first matrix begins.
    offset: u64,
}

impl Npy {
    pub(super) fn open(path: &Path) -> Result<Self, InputError> {
        let unreadable = |source| InputError::Unreadable {
            path: path.into(),
            source,
        };
        let wrong = |problem| InputError::Npy {
            path: path.into(),
            problem,
        };
        // Opening a pipe or a device could wait for ever.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(wrong(NpyProblem::NotNpy));
        }
        let file = File::open(path).map_err(unreadable)?;
        let (header, offset) = match header(&file) {
            Ok(found) => found.map_err(wrong)?,
            Err(error) => return Err(unreadable(error)),
        };
        let (form, count) = header.and_then(|header| header.matrices()).map_err(wrong)?;
        let found = file.metadata().map_err(unreadable)?.len();
        // A length that overflows is longer than any file.
        let expected = count
            .checked_mul(form.bytes())
            .and_then(|bytes| bytes.checked_add(offset))
            .unwrap_or(u64::MAX);
        if found != expected {
            return Err(wrong(NpyProblem::Length { found, expected }));
        }
        Ok(Self {
            form,
            count,
            file,
            offset,
        })
    }

    /// Opens a file that was looked at before and has to be the same still.
    pub(super) fn open_again(path: &Path, form: Form, count: u64) -> Result<Self, InputError> {
        let npy = Self::open(path)?;
        if npy.form != form {
            return Err(InputError::OtherForm {
                path: path.into(),
                found: npy.form,
                expected: form,
            });
        }
        if npy.count != count {
            return Err(InputError::OtherCount {
                path: path.into(),
                found: npy.count,
                expected: count,
            });
        }
        Ok(npy)
    }

    /// Reads the matrix of `number` into `matrix`, which has the form's bytes.
    pub(super) fn read(
        &self,
        path: &Path,
        number: u64,
        matrix: &mut [u8],
    ) -> Result<(), InputError> {
        if number >= self.count {
            return Err(InputError::NoSuchMatrix {
                number,
                count: self.count,
            });
        }
        let at = self.offset + number * self.form.bytes();
        self.file
            .read_exact_at(matrix, at)
            .map_err(|source| InputError::Unreadable {
                path: path.into(),
                source,
            })
    }
}

/// The three entries of a header, as they were written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<u64>,
}

type Parsed = (Result<Header, NpyProblem>, u64);

/// The header and where it ends. The outer error is the system's, the inner one the file's.
fn header(file: &File) -> io::Result<Result<Parsed, NpyProblem>> {
    let mut start = [0; 12];
    let read = read_up_to(file, &mut start)?;
    if read < MAGIC.len() || !start.starts_with(MAGIC) {
        return Ok(Err(NpyProblem::NotNpy));
    }
    let [.., major, minor, low, high, third, fourth] = start;
    let (length, offset) = match (major, minor) {
        _ if read < 10 => return Ok(Err(NpyProblem::Header)),
        (1, 0) => (u32::from(u16::from_le_bytes([low, high])), 10),
        (2 | 3, 0) if read < 12 => return Ok(Err(NpyProblem::Header)),
        (2 | 3, 0) => (u32::from_le_bytes([low, high, third, fourth]), 12),
        _ => return Ok(Err(NpyProblem::Version { major, minor })),
    };
    if length > MOST_HEADER_BYTES {
        return Ok(Err(NpyProblem::Header));
    }
    let mut text = vec![0; length as usize];
    match file.read_exact_at(&mut text, offset) {
        Ok(()) => Ok(Ok((parse(&text), offset + u64::from(length)))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Err(NpyProblem::Header)),
        Err(error) => Err(error),
    }
}

fn read_up_to(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }` and the blanks behind it.
pub(super) fn parse(text: &[u8]) -> Result<Header, NpyProblem> {
    let text = str::from_utf8(text).map_err(|_| NpyProblem::Header)?;
    let mut rest = Rest(text);
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    rest.skip("{")?;
    while rest.skip("}").is_err() {
        let key = rest.string()?;
        rest.skip(":")?;
        match key {
            "descr" if descr.is_none() => descr = Some(rest.descr()?.to_owned()),
            "fortran_order" if fortran_order.is_none() => {
                fortran_order = Some(rest.skip("True").is_ok());
                if fortran_order == Some(false) {
                    rest.skip("False")?;
                }
            }
            "shape" if shape.is_none() => shape = Some(rest.tuple()?),
            _ => return Err(NpyProblem::Header),
        }
        if rest.skip(",").is_err() {
            rest.skip("}")?;
            break;
        }
    }
    match (descr, fortran_order, shape) {
        (Some(descr), Some(fortran_order), Some(shape)) if rest.0.trim_ascii().is_empty() => {
            Ok(Header {
                descr,
                fortran_order,
                shape,
            })
        }
        _ => Err(NpyProblem::Header),
    }
}

impl Header {
    /// The form of each matrix, and how many there are.
    pub(super) fn matrices(self) -> Result<(Form, u64), NpyProblem> {
        let element = element(&self.descr)?;
        if self.fortran_order {
            return Err(NpyProblem::FortranOrder);
        }
        let (count, rows, columns) = match self.shape[..] {
            [rows, columns] => (1, rows, columns),
            [count, rows, columns] => (count, rows, columns),
            _ => {
                return Err(NpyProblem::Dimensions {
                    dimensions: self.shape.len(),
                });
            }
        };
        match Shape::new(rows, columns).map(|shape| Form::new(shape, element)) {
            Ok(Ok(form)) if count > 0 => Ok((form, count)),
            _ => Err(NpyProblem::Shape { shape: self.shape }),
        }
    }
}

fn element(descr: &str) -> Result<ElementType, NpyProblem> {
    Ok(match descr {
        "<f4" => ElementType::F32,
        "<f8" => ElementType::F64,
        "|i1" => ElementType::I8,
        "<i2" => ElementType::I16,
        "<i4" => ElementType::I32,
        "<i8" => ElementType::I64,
        "|u1" => ElementType::U8,
        "<u2" => ElementType::U16,
        "<u4" => ElementType::U32,
        "<u8" => ElementType::U64,
        _ if descr.starts_with('>') => {
            return Err(NpyProblem::BigEndian {
                descr: descr.into(),
            });
        }
        _ => {
            return Err(NpyProblem::Type {
                descr: descr.into(),
            });
        }
    })
}

/// What of the text is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, token: &str) -> Result<(), NpyProblem> {
        let rest = self.0.trim_ascii_start().strip_prefix(token);
        self.0 = rest.ok_or(NpyProblem::Header)?;
        Ok(())
    }

    fn string(&mut self) -> Result<&'a str, NpyProblem> {
        let quote = if self.skip("'").is_ok() { '\'' } else { '"' };
        if quote == '"' {
            self.skip("\"")?;
        }
        let (string, rest) = self.0.split_once(quote).ok_or(NpyProblem::Header)?;
        self.0 = rest;
        Ok(string)
    }

    /// A type's name; a list stands for a record of several.
    fn descr(&mut self) -> Result<&'a str, NpyProblem> {
        if self.skip("[").is_ok() {
            return Err(NpyProblem::Type {
                descr: "record".into(),
            });
        }
        self.string()
    }

    fn tuple(&mut self) -> Result<Vec<u64>, NpyProblem> {
        let mut numbers = Vec::new();
        self.skip("(")?;
        while self.skip(")").is_err() {
            let text = self.0.trim_ascii_start();
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            let (digits, rest) = text.split_at(end);
            numbers.push(digits.parse().map_err(|_| NpyProblem::Header)?);
            self.0 = rest;
            if self.skip(",").is_err() {
                self.skip(")")?;
                break;
            }
        }
        Ok(numbers)
    }
}
