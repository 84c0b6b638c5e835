//! safetensors: eight bytes of length, a JSON header, the tensors' bytes.
//!
//! Stricter than the format's own reader in two things: repeated keys, on which JSON parsers do not agree, are refused,
//! and so are tensors without a name. Elements of less than a byte are refused, as nobody can serve a view of them.
//! Everything is a function of the header and the file's length, so that lengths can be tried that no disk has.

mod header;

use std::collections::BTreeMap;
use std::path::Path;

use super::fault::HeaderFault;
use super::file::ReadAt;
use super::json;
use super::{FormatError, Limits, Source, TensorEntry, TensorFault};
use header::{Described, Header};
use zenoh_pinned_node::tensor::ElementType;

/// Bytes of the header's length.
const LENGTH_BYTES: u64 = 8;

/// What a safetensors file has: its tensors in the order of their bytes, and its `__metadata__`.
pub(super) type Contents = (Vec<TensorEntry>, BTreeMap<String, String>);

/// The element that safetensors calls `dtype`, where it is one of whole bytes that is known.
pub fn of_safetensors(dtype: &str) -> Option<ElementType> {
    Some(match dtype {
        "BOOL" => ElementType::Bool,
        "U8" => ElementType::Uint8,
        "U16" => ElementType::Uint16,
        "U32" => ElementType::Uint32,
        "U64" => ElementType::Uint64,
        "I8" => ElementType::Int8,
        "I16" => ElementType::Int16,
        "I32" => ElementType::Int32,
        "I64" => ElementType::Int64,
        "F16" => ElementType::Float16,
        "BF16" => ElementType::BFloat16,
        "F32" => ElementType::Float32,
        "F64" => ElementType::Float64,
        "F8_E4M3" => ElementType::Float8E4M3,
        "F8_E5M2" => ElementType::Float8E5M2,
        _ => return None,
    })
}

/// Whether `beginning`, a file's first bytes, can only be that of a safetensors file.
pub(super) fn is_one(beginning: &[u8]) -> bool {
    match beginning.split_first_chunk::<8>() {
        Some((length, rest)) => {
            u64::from_le_bytes(*length) <= u64::from(u32::MAX) && rest.first() == Some(&b'{')
        }
        None => false,
    }
}

/// Reads the header. `file` is the number that every [`Source`] gets.
pub(super) fn read(
    source: &dyn ReadAt,
    file: usize,
    limits: &Limits,
) -> Result<Contents, FormatError> {
    let path = source.path();
    let failed = |error| FormatError::Read {
        file: path.into(),
        source: error,
    };
    let refused = |fault| FormatError::Header {
        file: path.into(),
        fault,
    };
    let bytes = source.bytes();
    let Some(left) = bytes.checked_sub(LENGTH_BYTES) else {
        return Err(refused(HeaderFault::TooShort { bytes }));
    };
    let mut length = [0; LENGTH_BYTES as usize];
    source.read_at(0, &mut length).map_err(failed)?;
    let length = u64::from_le_bytes(length);
    if length > limits.header_bytes {
        let limit = limits.header_bytes;
        return Err(refused(HeaderFault::TooLong {
            bytes: length,
            limit,
        }));
    }
    if length > left {
        return Err(refused(HeaderFault::Cut {
            bytes: length,
            left,
        }));
    }
    // Both limits have been kept, so this is no more than the file has.
    let mut header = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    source.read_at(LENGTH_BYTES, &mut header).map_err(failed)?;
    contents(path, &header, bytes, file, limits)
}

/// What a file of `file_bytes` has whose header is `header`.
pub(super) fn contents(
    path: &Path,
    header: &[u8],
    file_bytes: u64,
    file: usize,
    limits: &Limits,
) -> Result<Contents, FormatError> {
    let refused = |fault| FormatError::Header {
        file: path.into(),
        fault,
    };
    if header.first() != Some(&b'{') {
        return Err(refused(HeaderFault::NoBrace));
    }
    let (described, metadata) = json::read(path, header, |stop| Header { stop, limits })?;
    let data_at = LENGTH_BYTES.saturating_add(header.len() as u64);
    let data_bytes = file_bytes.checked_sub(data_at).ok_or_else(|| {
        refused(HeaderFault::Cut {
            bytes: header.len() as u64,
            left: file_bytes.saturating_sub(LENGTH_BYTES),
        })
    })?;
    let tensors = placed(path, described, data_at, data_bytes, file)?;
    Ok((tensors, metadata))
}

/// The tensors in the order of their bytes, which have to follow one on another from the first byte to the last.
fn placed(
    path: &Path,
    mut described: Vec<Described>,
    data_at: u64,
    data_bytes: u64,
    file: usize,
) -> Result<Vec<TensorEntry>, FormatError> {
    described.sort_by_key(|tensor| (tensor.from, tensor.to));
    let hole = |from, to| FormatError::Header {
        file: path.into(),
        fault: HeaderFault::Hole { from, to },
    };
    let mut tensors: Vec<TensorEntry> = Vec::with_capacity(described.len());
    let mut covered = 0;
    for Described {
        name,
        element,
        shape,
        from,
        to,
    } in described
    {
        let fault = if to > data_bytes {
            Some(TensorFault::Outside {
                offset: from,
                bytes: to.saturating_sub(from),
                left: data_bytes,
            })
        } else if from < covered {
            let other = tensors.last().map(|other| other.name.clone());
            Some(TensorFault::Overlap {
                other: other.unwrap_or_default(),
            })
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(FormatError::Tensor {
                file: path.into(),
                tensor: name,
                fault,
            });
        }
        if from > covered {
            return Err(hole(covered, from));
        }
        covered = to;
        tensors.push(TensorEntry {
            name,
            element,
            shape,
            // Both are within the file.
            source: Source {
                file,
                offset: data_at + from,
                bytes: to - from,
            },
        });
    }
    if covered < data_bytes {
        return Err(hole(covered, data_bytes));
    }
    Ok(tensors)
}
