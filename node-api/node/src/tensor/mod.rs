//! Tensors: a frame, the type of its elements, and a shape.
//!
//! Holds: [`Tensor`] (here), the types of elements (`element`), which of them are Rust's own (`native`), what can go wrong
//! (`error`), and, with the feature `dora`, Arrow's arrays of them (`arrow`).
//!
//! Who may write what: nobody; a tensor is as read-only as its frame. It is written before, as a slot.
//!
//! Locks: none.
//!
//! Invariant: a tensor's elements are all of the bytes of its frame, in row-major order, one behind the other, and begin at a
//! multiple of their size. Sizes are multiplied with a check, before anything is read or copied.
//!
//! Knowingly weak: any bytes are elements. A `bool` of another process may be neither 0 nor 1, so it is shown as `u8`.

#[cfg(feature = "dora")]
mod arrow;
mod element;
mod error;
mod native;

use std::ops::Range;

use zenoh_pinned::{Frame, PinnedPool, Pinner, Slot};

#[cfg(feature = "dora")]
pub use arrow::IntoArrowError;
pub use element::ElementType;
pub use error::{SliceError, TensorCopyError, TensorError};
pub use native::Native;

/// A frame whose bytes are elements of one type and of a shape. Usable from any thread.
///
/// ```
/// use zenoh_pinned::{Frame, Pinner};
/// use zenoh_pinned_node::tensor::{ElementType, Tensor};
///
/// let frame = Frame::from_owner(vec![0u8; 24], &Pinner::host_only())?;
/// let tensor = Tensor::new(frame, ElementType::Float8E4M3, [4, 6])?;
/// assert_eq!((tensor.shape(), tensor.bytes()), (&[4, 6][..], 24));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Tensor {
    frame: Frame,
    element: ElementType,
    shape: Vec<usize>,
}

impl Tensor {
    /// The bytes of a frame as elements of a shape, in row-major order. Copies nothing. No sizes at all are the shape of
    /// one element.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, Pinner};
    /// use zenoh_pinned_node::tensor::{ElementType, Tensor, TensorError};
    ///
    /// let frame = Frame::from_owner(vec![7u8; 6], &Pinner::host_only())?;
    /// match Tensor::new(frame, ElementType::Uint8, [2, 4]) {
    ///     Err(TensorError::Bytes { needed, given, .. }) => assert_eq!((needed, given), (8, 6)),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TensorError::Overflow`], [`TensorError::Bytes`], [`TensorError::Misaligned`].
    pub fn new(
        frame: Frame,
        element: ElementType,
        shape: impl Into<Vec<usize>>,
    ) -> Result<Self, TensorError> {
        let shape = shape.into();
        check(&frame, element, &shape)?;
        Ok(Self {
            frame,
            element,
            shape,
        })
    }

    /// A part of a frame, for instance one tensor of many: `range` is in bytes. Copies nothing; either keeps all of the
    /// frame's bytes.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, Pinner};
    /// use zenoh_pinned_node::tensor::{ElementType, Tensor};
    ///
    /// let weights = Frame::from_owner(vec![1u8; 100], &Pinner::host_only())?;
    /// let bias = Tensor::part_of(&weights, 96..100, ElementType::Int8, [2, 2])?;
    /// assert_eq!(bias.as_slice::<i8>()?, [1; 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TensorError::Outside`], and as [`Tensor::new`].
    pub fn part_of(
        frame: &Frame,
        range: Range<usize>,
        element: ElementType,
        shape: impl Into<Vec<usize>>,
    ) -> Result<Self, TensorError> {
        let part = frame.part(range.clone()).ok_or(TensorError::Outside {
            range,
            bytes: frame.len(),
        })?;
        Self::new(part, element, shape)
    }

    /// A slot that was written, which nobody writes any more.
    ///
    /// ```
    /// use zenoh_pinned::{PinnedPool, Pinner};
    /// use zenoh_pinned_node::tensor::{ElementType, Tensor};
    ///
    /// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let mut slot = pool.alloc(8)?;
    /// slot.copy_from_slice(&[0x80, 0x3f, 0, 0, 0, 0, 0, 0]); // 1, and three times 0
    /// let tensor = Tensor::from_slot(slot, ElementType::BFloat16, [4], &Pinner::host_only())?;
    /// assert_eq!(tensor.as_slice::<u16>()?, [0x3f80, 0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Tensor::new`], and [`TensorError::Frame`]. The slot has then gone back to its pool.
    pub fn from_slot(
        slot: Slot,
        element: ElementType,
        shape: impl Into<Vec<usize>>,
        pinner: &Pinner,
    ) -> Result<Self, TensorError> {
        let shape = shape.into();
        check(&slot, element, &shape)?;
        let frame = Frame::from_payload(&slot.into_shm(), pinner)?;
        Self::new(frame, element, shape)
    }

    /// Elements, copied once into a slot of a pool; waits for one as [`PinnedPool::alloc`] does.
    ///
    /// For types that are not Rust's own there is [`Tensor::from_slot`].
    ///
    /// ```
    /// use zenoh_pinned::{PinnedPool, Pinner};
    /// use zenoh_pinned_node::tensor::Tensor;
    ///
    /// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let tensor = Tensor::copy_from(&[1.5f32, 2.5, 3.5, 4.5], [2, 2], &pool, &Pinner::host_only())?;
    /// assert_eq!(tensor.as_slice::<f32>()?, [1.5, 2.5, 3.5, 4.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TensorCopyError`]: the shape does not fit, which is found out before there is a slot; or there is no slot.
    pub fn copy_from<T: Native>(
        elements: &[T],
        shape: impl Into<Vec<usize>>,
        pool: &PinnedPool,
        pinner: &Pinner,
    ) -> Result<Self, TensorCopyError> {
        let shape = shape.into();
        let bytes: &[u8] = bytemuck::cast_slice(elements);
        check(bytes, T::ELEMENT, &shape)?;
        let mut slot = pool.alloc(bytes.len())?;
        slot.copy_from_slice(bytes);
        Ok(Self::from_slot(slot, T::ELEMENT, shape, pinner)?)
    }

    /// The frame.
    ///
    /// To publish the tensor as it lies, give [`Frame::shared_payload`] of it to
    /// [`PinnedPublisher::put_payload`](crate::pubsub::PinnedPublisher::put_payload).
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The frame alone, for instance as the payload of a request to workers.
    pub fn into_frame(self) -> Frame {
        self.frame
    }

    /// The type of the elements.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// The sizes of the dimensions, in elements.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// The elements where they lie. Those that Rust has no type for are shown by their bits, as
    /// [`ElementType::shown_as`] says.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, Pinner};
    /// use zenoh_pinned_node::tensor::{ElementType, Tensor};
    ///
    /// let frame = Frame::from_owner(vec![1u8, 0, 1], &Pinner::host_only())?;
    /// let mask = Tensor::new(frame, ElementType::Bool, [3])?;
    /// assert_eq!(mask.as_slice::<u8>()?, [1, 0, 1]);
    /// println!("{}", mask.as_slice::<f32>().unwrap_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SliceError`]: the elements are of another type.
    pub fn as_slice<T: Native>(&self) -> Result<&[T], SliceError> {
        let other = SliceError {
            element: self.element,
            asked: T::ELEMENT,
        };
        if self.element.shown_as() != T::ELEMENT {
            return Err(other);
        }
        // Their number and alignment were checked when the tensor was made.
        bytemuck::try_cast_slice(&self.frame).map_err(|_| other)
    }
}

/// Whether `bytes` are so many elements, and lie where such elements can be read.
fn check(bytes: &[u8], element: ElementType, shape: &[usize]) -> Result<(), TensorError> {
    let needed = bytes_of(element, shape).ok_or_else(|| TensorError::Overflow {
        element,
        shape: shape.to_vec(),
    })?;
    if needed != bytes.len() {
        return Err(TensorError::Bytes {
            element,
            shape: shape.to_vec(),
            needed,
            given: bytes.len(),
        });
    }
    let address = bytes.as_ptr() as usize;
    if needed > 0 && !address.is_multiple_of(element.bytes()) {
        return Err(TensorError::Misaligned { element, address });
    }
    Ok(())
}

/// Bytes of so many elements; `None` where they overflow, also beside a size of zero.
fn bytes_of(element: ElementType, shape: &[usize]) -> Option<usize> {
    let mut sizes = shape.iter().map(|size| (*size).max(1));
    let most = sizes.try_fold(element.bytes(), usize::checked_mul)?;
    isize::try_from(most).ok()?;
    Some(if shape.contains(&0) { 0 } else { most })
}

#[cfg(test)]
mod tests;
