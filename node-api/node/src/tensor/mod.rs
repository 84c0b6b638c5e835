//! Tensors: a frame, the type of its elements, and a shape.
#![allow(missing_docs, clippy::all)]

mod element;

pub use element::ElementType;
use zenoh_pinned::Frame;

#[derive(Debug)]
pub struct Tensor {
    frame: Frame,
    element: ElementType,
    shape: Vec<usize>,
}

#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    #[error("size")]
    Size,
}

impl Tensor {
    pub fn new(frame: Frame, element: ElementType, shape: Vec<usize>) -> Result<Self, TensorError> {
        let bytes = shape
            .iter()
            .try_fold(element.bytes(), |bytes, length| bytes.checked_mul(*length));
        if bytes != Some(frame.len()) {
            return Err(TensorError::Size);
        }
        Ok(Self {
            frame,
            element,
            shape,
        })
    }
    pub fn frame(&self) -> &Frame {
        &self.frame
    }
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    pub fn element(&self) -> ElementType {
        self.element
    }
    pub fn as_slice<T: Copy>(&self) -> Result<&[T], TensorError> {
        // SAFETY: stub
        let (a, b, c) = unsafe { self.frame.align_to::<T>() };
        if !a.is_empty() || !c.is_empty() {
            return Err(TensorError::Size);
        }
        Ok(b)
    }
}
