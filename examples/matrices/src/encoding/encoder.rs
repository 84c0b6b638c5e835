//! Compresses one matrix after the other.

use std::fmt;

use zstd::zstd_safe::{
    CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, get_error_name,
    zstd_sys::ZSTD_EndDirective::{ZSTD_e_continue, ZSTD_e_end},
};

use super::{EncodeError, Encoding, blosc};
use crate::matrix::ElementType;

/// Compresses matrices of one element type. It belongs to one thread at a time.
pub struct Encoder {
    encoding: Encoding,
    element: ElementType,
    /// zstd's tables, kept from one matrix to the next. blosc keeps its own.
    context: Option<CCtx<'static>>,
    /// Whether the last matrix hardly became smaller; the next one is probably like it.
    was_noise: bool,
}

impl Encoder {
    pub(super) fn new(encoding: Encoding, element: ElementType) -> Result<Self, EncodeError> {
        let context = match encoding.shuffle() {
            true => None,
            false => Some(context(encoding.level())?),
        };
        Ok(Self {
            encoding,
            element,
            context,
            was_noise: false,
        })
    }

    /// Compresses `matrix` into the first bytes of `into` and says how many they are. `into` has at least
    /// [`Encoding::most_bytes`], whatever the result comes to. What it holds after an error, or beyond
    /// the bytes that are told, is of no meaning.
    pub fn encode(&mut self, matrix: &[u8], into: &mut [u8]) -> Result<usize, EncodeError> {
        if !matrix.len().is_multiple_of(self.element.bytes()) {
            return Err(EncodeError::PartOfAnElement {
                bytes: matrix.len(),
                element: self.element,
            });
        }
        let (room, most) = (into.len(), self.encoding.most_bytes(matrix.len()));
        if room < most {
            return Err(EncodeError::NoRoom { room, most });
        }
        let bytes = match &mut self.context {
            None => blosc::compress(self.encoding.level(), self.element.bytes(), matrix, into),
            Some(context) if self.was_noise => by_parts(context, matrix, into),
            Some(context) => context.compress2(into, matrix).map_err(failed),
        }?;
        self.was_noise = bytes > matrix.len() / 4 * 3;
        Ok(bytes)
    }
}

/// The same frame by another way: zstd copies parts of the matrix into a window of its own, and looks for no better places
/// to end a block. Noise takes a quarter less time so, anything else a little more.
fn by_parts(context: &mut CCtx<'_>, matrix: &[u8], into: &mut [u8]) -> Result<usize, EncodeError> {
    context.reset(ResetDirective::SessionOnly).map_err(failed)?;
    let length = Some(matrix.len() as u64);
    context.set_pledged_src_size(length).map_err(failed)?;
    let mut from = InBuffer::around(matrix);
    let mut to = OutBuffer::around(into);
    // It never stands still: there is room for whatever comes.
    while from.pos() < matrix.len() {
        let step = context.compress_stream2(&mut to, &mut from, ZSTD_e_continue);
        step.map_err(failed)?;
    }
    while context
        .compress_stream2(&mut to, &mut from, ZSTD_e_end)
        .map_err(failed)?
        > 0
    {}
    Ok(to.pos())
}

fn failed(code: usize) -> EncodeError {
    EncodeError::Zstd {
        reason: get_error_name(code),
    }
}

fn context(level: i32) -> Result<CCtx<'static>, EncodeError> {
    let mut context = CCtx::try_create().ok_or(EncodeError::Zstd {
        reason: "Allocation error",
    })?;
    for parameter in [
        CParameter::CompressionLevel(level),
        CParameter::ChecksumFlag(true),
        CParameter::ContentSizeFlag(true),
    ] {
        context.set_parameter(parameter).map_err(failed)?;
    }
    Ok(context)
}

impl fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Encoder")
            .field("encoding", &self.encoding)
            .field("element", &self.element)
            .finish_non_exhaustive()
    }
}
