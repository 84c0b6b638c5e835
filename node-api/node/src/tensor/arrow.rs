//! Arrow's arrays of a tensor's elements.

use arrow::{
    array::{ArrayData, ArrayRef, make_array},
    buffer::Buffer,
    datatypes::DataType,
    error::ArrowError,
};
use bytes::Bytes;

use super::{ElementType, Tensor};

/// Why a tensor is no Arrow array.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntoArrowError {
    /// Arrow does not take the elements as they lie.
    #[error("Arrow takes no array of {} {}: send the frame's bytes as they are ({source})", elements, element.name())]
    Refused {
        /// The type of the elements.
        element: ElementType,
        /// Their number.
        elements: usize,
        /// What Arrow says.
        source: ArrowError,
    },
}

impl ElementType {
    /// The Arrow type of an array of such elements, one behind the other.
    ///
    /// Arrow's own booleans are bits: these are `Int8`, which Arrow's canonical extension `arrow.bool8` stores. It has
    /// no `bfloat16` and no `float8`: these are binary data of a fixed width.
    ///
    /// ```
    /// # use arrow::datatypes::DataType;
    /// use zenoh_pinned_node::tensor::ElementType;
    ///
    /// assert_eq!(ElementType::Float32.data_type(), DataType::Float32);
    /// assert_eq!(ElementType::BFloat16.data_type(), DataType::FixedSizeBinary(2));
    /// ```
    pub fn data_type(self) -> DataType {
        match self {
            Self::Bool | Self::Int8 => DataType::Int8,
            Self::Uint8 => DataType::UInt8,
            Self::Uint16 => DataType::UInt16,
            Self::Uint32 => DataType::UInt32,
            Self::Uint64 => DataType::UInt64,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float16 => DataType::Float16,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::BFloat16 => DataType::FixedSizeBinary(2),
            Self::Float8E4M3 | Self::Float8E5M2 => DataType::FixedSizeBinary(1),
        }
    }
}

impl Tensor {
    /// The elements as a flat Arrow array of [`ElementType::data_type`], without a copy; it keeps the frame.
    ///
    /// ```
    /// # use arrow::array::{Array, AsArray, types::UInt8Type};
    /// # use zenoh_pinned::{Frame, Pinner};
    /// use zenoh_pinned_node::tensor::{ElementType, Tensor};
    ///
    /// let frame = Frame::from_owner(vec![1u8, 2, 3, 4], &Pinner::host_only())?;
    /// let array = Tensor::new(frame, ElementType::Uint8, [2, 2])?.into_arrow()?;
    /// assert_eq!(array.as_primitive::<UInt8Type>().values()[..], [1, 2, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IntoArrowError`].
    pub fn into_arrow(self) -> Result<ArrayRef, IntoArrowError> {
        let (element, elements) = (self.element, self.bytes() / self.element.bytes());
        let buffer = Buffer::from(Bytes::from_owner(self.frame));
        let data = ArrayData::builder(element.data_type())
            .len(elements)
            .add_buffer(buffer)
            .build();
        let data = data.map_err(|source| IntoArrowError::Refused {
            element,
            elements,
            source,
        })?;
        Ok(make_array(data))
    }
}
