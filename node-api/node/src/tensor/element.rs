//! The types of elements that a tensor can have.

/// A fixed-width element, named as NumPy (and `ml_dtypes` for what NumPy lacks) names it. Little-endian.
///
/// ```
/// use zenoh_pinned_node::tensor::ElementType;
///
/// assert_eq!(ElementType::BFloat16.bytes(), 2);
/// assert_eq!(ElementType::Float8E4M3.name(), "float8_e4m3fn");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum ElementType {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Float16,
    BFloat16,
    Float32,
    Float64,
    Float8E4M3,
    Float8E5M2,
}

impl ElementType {
    /// Every one, in the order of their declaration.
    pub const ALL: [Self; 15] = [
        Self::Bool,
        Self::Uint8,
        Self::Uint16,
        Self::Uint32,
        Self::Uint64,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Float16,
        Self::BFloat16,
        Self::Float32,
        Self::Float64,
        Self::Float8E4M3,
        Self::Float8E5M2,
    ];

    /// Bytes of an element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::Uint8 | Self::Int8 | Self::Float8E4M3 | Self::Float8E5M2 => 1,
            Self::Uint16 | Self::Int16 | Self::Float16 | Self::BFloat16 => 2,
            Self::Uint32 | Self::Int32 | Self::Float32 => 4,
            Self::Uint64 | Self::Int64 | Self::Float64 => 8,
        }
    }

    /// Its name in NumPy, or in `ml_dtypes`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float16 => "float16",
            Self::BFloat16 => "bfloat16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Float8E4M3 => "float8_e4m3fn",
            Self::Float8E5M2 => "float8_e5m2",
        }
    }

    /// The type that [`Tensor::as_slice`](super::Tensor::as_slice) shows such elements as: their own, or, where Rust has no
    /// such type, the unsigned integer of their bits.
    ///
    /// ```
    /// use zenoh_pinned_node::tensor::ElementType;
    ///
    /// assert_eq!(ElementType::Float32.shown_as(), ElementType::Float32);
    /// assert_eq!(ElementType::BFloat16.shown_as(), ElementType::Uint16);
    /// ```
    pub const fn shown_as(self) -> Self {
        match self {
            Self::Bool | Self::Float8E4M3 | Self::Float8E5M2 => Self::Uint8,
            Self::Float16 | Self::BFloat16 => Self::Uint16,
            own => own,
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|element| element.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::ElementType;

    #[test]
    fn every_name_is_one_elements() {
        for element in ElementType::ALL {
            assert_eq!(ElementType::of_name(element.name()), Some(element));
        }
        assert_eq!(ElementType::of_name("float128"), None);
    }
}
