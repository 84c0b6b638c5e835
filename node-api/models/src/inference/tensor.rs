//! A tensor whose bytes are as many as its shape calls for.

use bytes::Bytes;

use super::Datatype;

/// The most dimensions of a tensor.
pub const MOST_DIMENSIONS: usize = 32;
/// The longest name of a tensor, in bytes.
pub const NAME_BYTES: usize = 1024;
/// The most elements that a shape may tell of, where its zeros count as ones.
const MOST_ELEMENTS: u64 = 1 << 60;
/// Of the length before each element of [`Datatype::Bytes`].
const PREFIX: usize = 4;

/// A tensor is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The name is empty or too long.
    #[error("its name is of {bytes} bytes: give it one of 1 to {NAME_BYTES}")]
    Name {
        /// How many it has.
        bytes: usize,
    },
    /// The shape has too many dimensions.
    #[error("it has {rank} dimensions: reshape it to {MOST_DIMENSIONS} at most")]
    Rank {
        /// How many there are.
        rank: usize,
    },
    /// A dimension is negative.
    #[error("its shape is {shape:?}: say each dimension, 0 or more")]
    Negative {
        /// What was said.
        shape: Vec<i64>,
    },
    /// The shape's elements are more than any memory holds.
    #[error(
        "its shape {shape:?} has more elements than memory can hold: see whether it is the right one"
    )]
    TooLarge {
        /// The shape.
        shape: Vec<u64>,
    },
    /// There are more or fewer bytes than the shape and the datatype call for.
    #[error(
        "it has {got} bytes, but its shape {shape:?} of {datatype} takes {expected}: send exactly as many, without padding"
    )]
    Bytes {
        /// The shape.
        shape: Vec<u64>,
        /// The elements' type.
        datatype: Datatype,
        /// How many bytes it takes.
        expected: u64,
        /// How many there are.
        got: u64,
    },
    /// Elements of bytes end too early, or begin after the last.
    #[error(
        "its {expected} elements of BYTES do not fill its {bytes} bytes (wrong from element {element} on): \
         write each one's length in four bytes, little-endian, before it"
    )]
    Elements {
        /// How many there are to be.
        expected: u64,
        /// Over how many bytes.
        bytes: usize,
        /// The first that is not there, or that there is one too many.
        element: u64,
    },
}

/// A tensor of a request or an answer. Its bytes fit its shape, always; they belong to it or to whatever they came with, and
/// cloning it copies none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    name: String,
    datatype: Datatype,
    shape: Vec<u64>,
    data: Bytes,
}

impl Tensor {
    /// A tensor of these bytes: row after row, little-endian.
    ///
    /// # Errors
    /// See [`TensorError`].
    ///
    /// ```
    /// use zenoh_pinned_models::{ElementType, inference::Tensor};
    ///
    /// let image = Tensor::new("image", ElementType::Uint8, [2, 3], vec![0; 6])?;
    /// assert!(Tensor::new("image", ElementType::Uint8, [2, 3], vec![0; 7]).is_err());
    /// # Ok::<(), zenoh_pinned_models::inference::TensorError>(())
    /// ```
    pub fn new(
        name: impl Into<String>,
        datatype: impl Into<Datatype>,
        shape: impl Into<Vec<u64>>,
        data: impl Into<Bytes>,
    ) -> Result<Self, TensorError> {
        let (name, datatype) = (name.into(), datatype.into());
        let (shape, data) = (shape.into(), data.into());
        if name.is_empty() || name.len() > NAME_BYTES {
            return Err(TensorError::Name { bytes: name.len() });
        }
        let elements = elements(&shape)?;
        match datatype {
            Datatype::Element(element) => {
                let (expected, got) = (elements * element.bytes() as u64, data.len() as u64);
                if expected != got {
                    return Err(TensorError::Bytes {
                        shape,
                        datatype,
                        expected,
                        got,
                    });
                }
            }
            Datatype::Bytes => check_prefixes(elements, &data)?,
        }
        Ok(Self {
            name,
            datatype,
            shape,
            data,
        })
    }

    /// Its name, of 1 to 1024 bytes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its elements' type.
    pub fn datatype(&self) -> Datatype {
        self.datatype
    }

    /// Its dimensions, the outermost first.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Its bytes.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The elements of [`Datatype::Bytes`] one by one; none for any other.
    ///
    /// ```
    /// use zenoh_pinned_models::inference::{Datatype, Tensor};
    ///
    /// let words = Tensor::new("words", Datatype::Bytes, [2], &b"\x02\0\0\0ab\0\0\0\0"[..])?;
    /// assert_eq!(words.strings().collect::<Vec<_>>(), [&b"ab"[..], b""]);
    /// # Ok::<(), zenoh_pinned_models::inference::TensorError>(())
    /// ```
    pub fn strings(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = match self.datatype {
            Datatype::Bytes => &self.data[..],
            Datatype::Element(_) => &[],
        };
        std::iter::from_fn(move || {
            let element;
            (element, rest) = split_element(rest)?;
            Some(element)
        })
    }

    pub(crate) fn into_parts(self) -> (String, Datatype, Vec<u64>, Bytes) {
        (self.name, self.datatype, self.shape, self.data)
    }
}

/// How many elements a shape has.
fn elements(shape: &[u64]) -> Result<u64, TensorError> {
    if shape.len() > MOST_DIMENSIONS {
        return Err(TensorError::Rank { rank: shape.len() });
    }
    // An array of no elements may still have dimensions that nobody can make an array of.
    let room = shape
        .iter()
        .try_fold(1_u64, |all, dimension| all.checked_mul((*dimension).max(1)))
        .filter(|room| *room <= MOST_ELEMENTS);
    if room.is_none() {
        return Err(TensorError::TooLarge {
            shape: shape.to_vec(),
        });
    }
    Ok(shape.iter().product())
}

fn check_prefixes(elements: u64, data: &[u8]) -> Result<(), TensorError> {
    let wrong = |element| TensorError::Elements {
        expected: elements,
        bytes: data.len(),
        element,
    };
    let mut rest = data;
    for element in 0..elements {
        (_, rest) = split_element(rest).ok_or_else(|| wrong(element))?;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(wrong(elements))
    }
}

fn split_element(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = data.split_first_chunk::<PREFIX>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*prefix)).ok()?)
}
