//! The types a matrix's numbers can have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The type of a matrix's numbers.
///
/// ```
/// use matrices::matrix::ElementType;
///
/// let element: ElementType = "float64".parse()?;
/// assert_eq!((element, element.bytes()), (ElementType::F64, 8));
/// assert_eq!(element.to_string(), "float64");
/// # Ok::<(), matrices::matrix::ElementTypeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ElementType {
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
    /// 8-bit integer with a sign.
    I8,
    /// 16-bit integer with a sign.
    I16,
    /// 32-bit integer with a sign.
    I32,
    /// 64-bit integer with a sign.
    I64,
    /// 8-bit integer without a sign.
    U8,
    /// 16-bit integer without a sign.
    U16,
    /// 32-bit integer without a sign.
    U32,
    /// 64-bit integer without a sign.
    U64,
}

/// A name that is no element type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{name}\" is no type of element. Take one of float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64."
)]
pub struct ElementTypeError {
    /// What was given.
    pub name: String,
}

impl ElementType {
    /// Every type there is.
    pub const ALL: [Self; 10] = [
        Self::F32,
        Self::F64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
    ];

    /// The name in NumPy and Zarr.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
        }
    }

    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for ElementType {
    type Err = ElementTypeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|element| element.name() == name)
            .ok_or_else(|| ElementTypeError { name: name.into() })
    }
}

impl From<ElementType> for String {
    fn from(element: ElementType) -> Self {
        element.name().into()
    }
}

impl TryFrom<String> for ElementType {
    type Error = ElementTypeError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}
