//! The datatypes of the protocol.

use std::fmt;

use crate::element::ElementType;

/// The type of a tensor's elements, as the Open Inference Protocol has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Datatype {
    /// Elements of one size.
    Element(ElementType),
    /// Each element is some bytes, with their number in four bytes (little-endian) before them.
    Bytes,
}

impl Datatype {
    /// What the protocol calls it. The two of 8 bits are no part of it: they are called `FP8_E4M3` and `FP8_E5M2` here.
    ///
    /// ```
    /// use zenoh_pinned_models::{ElementType, inference::Datatype};
    ///
    /// let half = Datatype::Element(ElementType::Float16);
    /// assert_eq!(half.name(), "FP16");
    /// assert_eq!(Datatype::of_name("FP16"), Some(half));
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Element(element) => match element {
                ElementType::Bool => "BOOL",
                ElementType::Uint8 => "UINT8",
                ElementType::Uint16 => "UINT16",
                ElementType::Uint32 => "UINT32",
                ElementType::Uint64 => "UINT64",
                ElementType::Int8 => "INT8",
                ElementType::Int16 => "INT16",
                ElementType::Int32 => "INT32",
                ElementType::Int64 => "INT64",
                ElementType::Float16 => "FP16",
                ElementType::BFloat16 => "BF16",
                ElementType::Float32 => "FP32",
                ElementType::Float64 => "FP64",
                ElementType::Float8E4M3 => "FP8_E4M3",
                ElementType::Float8E5M2 => "FP8_E5M2",
            },
            Self::Bytes => "BYTES",
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        let elements = ElementType::ALL.into_iter().map(Self::Element);
        elements
            .chain([Self::Bytes])
            .find(|datatype| datatype.name() == name)
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl From<ElementType> for Datatype {
    fn from(element: ElementType) -> Self {
        Self::Element(element)
    }
}
