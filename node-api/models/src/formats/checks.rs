//! What must hold of every tensor, whatever the format.

use super::fault::{NameFault, TensorFault};
use super::{FormatError, Limits};
use zenoh_pinned_node::tensor::ElementType;

/// Whether a tensor can be called that.
pub(super) fn name(name: &str, limits: &Limits) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > limits.name_bytes {
        let (bytes, limit) = (name.len() as u64, limits.name_bytes);
        return Err(NameFault::TooLong { bytes, limit });
    }
    if name.contains('\0') {
        return Err(NameFault::Zero);
    }
    Ok(())
}

/// The bytes that a shape has; `None` where they cannot be counted. As in safetensors' own reader, a zero behind
/// dimensions that cannot be counted does not help.
pub(super) fn bytes(shape: &[u64], element: ElementType) -> Option<u64> {
    let elements = shape
        .iter()
        .try_fold(1_u64, |product, dimension| product.checked_mul(*dimension));
    elements?.checked_mul(element.bytes() as u64)
}

/// Whether `bytes` are those of the shape.
pub(super) fn fits(shape: &[u64], element: ElementType, has: u64) -> Result<(), TensorFault> {
    match bytes(shape, element) {
        None => Err(TensorFault::Uncountable),
        Some(expected) if expected == has => Ok(()),
        Some(expected) => Err(TensorFault::Misfit {
            bytes: has,
            expected,
        }),
    }
}

/// Whether bytes lie within a file of `left` bytes.
pub(super) fn inside(offset: u64, bytes: u64, left: u64) -> Result<(), TensorFault> {
    match offset.checked_add(bytes) {
        Some(end) if end <= left => Ok(()),
        _ => Err(TensorFault::Outside {
            offset,
            bytes,
            left,
        }),
    }
}

/// The error of a tensor.
pub(super) fn of_tensor(file: &std::path::Path, tensor: &str, fault: TensorFault) -> FormatError {
    FormatError::Tensor {
        file: file.into(),
        tensor: tensor.into(),
        fault,
    }
}
