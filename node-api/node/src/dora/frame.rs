//! A received dora input as a frame: its elements on their way to a device.

use arrow::{array::ArrayRef, buffer::Buffer};
use dora_node_api::{DoraArray, Metadata};
use zenoh_pinned::{Frame, FrameError, Pinner};

use super::message::telemetry;
use crate::arrow_stream;

/// Why an array is not a frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FromArrowError {
    /// The elements are not one run of bytes: a struct, booleans, a dictionary, or elements that are null.
    #[error(
        "an array of type {data_type} is not one run of bytes: send numbers, binary data or lists of them, without nulls"
    )]
    NotOneBuffer {
        /// The array's type.
        data_type: String,
    },
    /// The bytes are not where they seem to be.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Frames of dora's inputs.
///
/// ```
/// use dora_node_api::IntoArrow;
/// use zenoh_pinned::{Frame, Pinner};
/// use zenoh_pinned_node::dora::FromArrow;
///
/// let data = vec![1u8, 2, 3].into_arrow(); // a node finds it in `Event::Input { data, .. }`
/// let frame = Frame::from_arrow(&data, &Pinner::host_only())?;
/// assert_eq!(&frame[..], [1, 2, 3]);
/// # Ok::<(), zenoh_pinned_node::dora::FromArrowError>(())
/// ```
pub trait FromArrow: Sized {
    /// The elements of an array: numbers, binary data, strings, or (nested) lists of them, as one run of
    /// bytes. Copies nothing, and keeps the array's memory, that is, the producer's slot.
    ///
    /// Works for any input that arrived in zenoh's shared memory, pinned or not.
    ///
    /// # Errors
    /// [`FromArrowError`].
    fn from_arrow(array: &DoraArray, pinner: &Pinner) -> Result<Self, FromArrowError> {
        Self::from_array(array.as_array(), pinner)
    }

    /// As [`FromArrow::from_arrow`], for an array that did not come from dora's Rust API.
    ///
    /// # Errors
    /// [`FromArrowError`].
    fn from_array(array: &ArrayRef, pinner: &Pinner) -> Result<Self, FromArrowError>;

    /// The same frame, whose copies to a device are told of in the trace that its message carries, where the sender was
    /// in one and somebody collects spans (`zenoh-pinned-observe`).
    ///
    /// ```
    /// # use dora_node_api::{IntoArrow, Metadata};
    /// # use zenoh_pinned::{Frame, Pinner};
    /// use zenoh_pinned_node::dora::FromArrow;
    ///
    /// # fn consume(metadata: &Metadata) -> Result<(), zenoh_pinned_node::dora::FromArrowError> {
    /// # let data = vec![1u8].into_arrow();
    /// # let pinner = Pinner::host_only();
    /// // In `Event::Input { data, metadata, .. }`:
    /// let frame = Frame::from_arrow(&data, &pinner)?.in_trace_of(metadata);
    /// # Ok(())
    /// # }
    /// ```
    fn in_trace_of(self, metadata: &Metadata) -> Self;
}

impl FromArrow for Frame {
    fn from_array(array: &ArrayRef, pinner: &Pinner) -> Result<Self, FromArrowError> {
        let Some(values) = arrow_stream::values_of(array) else {
            return Err(FromArrowError::NotOneBuffer {
                data_type: array.data_type().to_string(),
            });
        };
        Ok(Self::from_owner(Values(values), pinner)?)
    }

    fn in_trace_of(self, metadata: &Metadata) -> Self {
        self.in_trace(telemetry::carried_by(metadata))
    }
}

/// The elements' bytes.
struct Values(Buffer);

impl AsRef<[u8]> for Values {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}
