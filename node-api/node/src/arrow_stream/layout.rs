//! Which buffers an array is made of, and where in the body of its message each one goes.
//!
//! Slices are cut to what they show: a slice of a large array sends its own elements only.
//!
//! A received array's offsets lie in shared memory, where its producer can change them after its decoder has
//! checked them. So they are copied and checked again before anything is cut by them.

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, GenericByteArray,
        GenericListArray, OffsetSizeTrait,
    },
    buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer},
    datatypes::{ByteArrayType, DataType},
    ipc::{Buffer as IpcBuffer, FieldNode},
};

use super::{EncodeError, PAGE_BYTES, as_bytes};

/// Least alignment of a buffer in the body, as the Arrow format recommends.
const ALIGNMENT: usize = 64;

/// The buffers of an array in the order of the format, depth first.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) nodes: Vec<FieldNode>,
    pub(super) buffers: Vec<IpcBuffer>,
    parts: Vec<Part>,
    body_bytes: usize,
}

/// A buffer's place in the body.
struct Part {
    offset: usize,
    bytes: usize,
    /// `None` for elements that the caller writes in place.
    source: Option<Buffer>,
}

/// An array whose type has no lean form.
struct NotLean;

enum Failure {
    NotLean,
    Sizes(&'static str),
}

impl From<NotLean> for Failure {
    fn from(_: NotLean) -> Self {
        Self::NotLean
    }
}

impl Layout {
    /// The layout of an array; `Ok(None)` for types that Arrow's own writer has to write.
    pub(super) fn of(array: &ArrayRef) -> Result<Option<Self>, EncodeError> {
        let mut layout = Self::default();
        match layout.add(array.as_ref()) {
            Ok(()) => Ok(Some(layout)),
            Err(Failure::NotLean) => Ok(None),
            Err(Failure::Sizes(what)) => Err(EncodeError::Sizes { what }),
        }
    }

    /// The layout of `count` elements that are written in place.
    pub(super) fn in_place(data_type: &DataType, count: usize) -> Result<Self, EncodeError> {
        let what = "elements times their width";
        let width = match data_type {
            DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
            primitive => primitive.primitive_width(),
        };
        let bytes = width.and_then(|width| count.checked_mul(width));
        let bytes = bytes.ok_or(EncodeError::Sizes { what })?;
        let mut layout = Self::default();
        layout.nodes.push(FieldNode::new(count as i64, 0));
        let placed = layout.place(0, None).and(layout.place(bytes, None));
        placed.map_err(|_| EncodeError::Sizes { what })?;
        Ok(layout)
    }

    /// Whether the whole stream is in the head.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Length of the body in bytes.
    pub(super) fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The alignment that the first byte of the body needs.
    pub(super) fn alignment(&self) -> usize {
        match self.parts.iter().any(|part| part.bytes >= PAGE_BYTES) {
            true => PAGE_BYTES,
            false => ALIGNMENT,
        }
    }

    /// Where in the body the last buffer begins.
    pub(super) fn last_offset(&self) -> usize {
        self.parts.last().map_or(0, |part| part.offset)
    }

    /// The last buffer, where no element of any level is null.
    pub(super) fn values_without_nulls(&self) -> Option<Buffer> {
        let any_null = self.nodes.iter().any(|node| node.null_count() > 0);
        let values = self.parts.last()?.source.clone();
        values.filter(|_| !any_null)
    }

    /// Copies every buffer to its place. Zeroes the bytes between them, which an earlier message has left in the slot.
    pub(super) fn write_to(&self, body: &mut [u8]) {
        let mut written = 0;
        for part in &self.parts {
            body[written..part.offset].fill(0);
            let place = &mut body[part.offset..part.offset + part.bytes];
            if let Some(source) = &part.source {
                place.copy_from_slice(as_bytes(source));
            }
            written = part.offset + part.bytes;
        }
        body[written..].fill(0);
    }

    fn add(&mut self, array: &dyn Array) -> Result<(), Failure> {
        let data_type = array.data_type();
        let nulls = match data_type {
            DataType::Null => array.len(),
            _ => array.null_count(),
        };
        self.nodes
            .push(FieldNode::new(array.len() as i64, nulls as i64));
        match data_type {
            DataType::Null => return Ok(()),
            DataType::Dictionary(..) | DataType::Union(..) | DataType::RunEndEncoded(..) => {
                return Err(Failure::NotLean);
            }
            _ => self.add_validity(array.nulls())?,
        }
        match data_type {
            DataType::Boolean => self.add_booleans(array.as_boolean()),
            DataType::Utf8 => self.add_bytes(array.as_string::<i32>()),
            DataType::LargeUtf8 => self.add_bytes(array.as_string::<i64>()),
            DataType::Binary => self.add_bytes(array.as_binary::<i32>()),
            DataType::LargeBinary => self.add_bytes(array.as_binary::<i64>()),
            DataType::List(_) => self.add_list(array.as_list::<i32>()),
            DataType::LargeList(_) => self.add_list(array.as_list::<i64>()),
            DataType::FixedSizeList(..) => self.add_fixed_size_list(array.as_fixed_size_list()),
            DataType::FixedSizeBinary(width) => {
                let width = usize::try_from(*width).map_err(|_| Failure::Sizes("its width"))?;
                self.add_fixed_width(array, width)
            }
            DataType::Struct(_) => {
                let fields = array.as_struct().columns();
                fields.iter().try_for_each(|field| self.add(field.as_ref()))
            }
            primitive => {
                let width = primitive.primitive_width().ok_or(NotLean)?;
                self.add_fixed_width(array, width)
            }
        }
    }

    fn add_validity(&mut self, nulls: Option<&NullBuffer>) -> Result<(), Failure> {
        match nulls.filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) => self.add_bits(nulls.inner()),
            None => self.place(0, None),
        }
    }

    fn add_booleans(&mut self, array: &BooleanArray) -> Result<(), Failure> {
        self.add_bits(array.values())
    }

    fn add_bits(&mut self, bits: &BooleanBuffer) -> Result<(), Failure> {
        let sliced = bits.sliced();
        let bytes = bits.len().div_ceil(8);
        self.add_buffer(&sliced, 0, bytes)
    }

    fn add_fixed_width(&mut self, array: &dyn Array, width: usize) -> Result<(), Failure> {
        let data = array.to_data();
        let [values] = data.buffers() else {
            return Err(Failure::NotLean);
        };
        let offset = data.offset().checked_mul(width);
        let bytes = data.len().checked_mul(width);
        let what = Failure::Sizes("elements times their width");
        let (Some(offset), Some(bytes)) = (offset, bytes) else {
            return Err(what);
        };
        self.add_buffer(values, offset, bytes)
    }

    fn add_bytes<T: ByteArrayType>(&mut self, array: &GenericByteArray<T>) -> Result<(), Failure> {
        let (first, last) = self.add_offsets(array.offsets())?;
        self.add_buffer(array.values(), first, last - first)
    }

    fn add_list<O: OffsetSizeTrait>(&mut self, array: &GenericListArray<O>) -> Result<(), Failure> {
        let (first, last) = self.add_offsets(array.offsets())?;
        if last > array.values().len() {
            return Err(Failure::Sizes("a list reaches beyond its elements"));
        }
        self.add(array.values().slice(first, last - first).as_ref())
    }

    fn add_fixed_size_list(&mut self, array: &FixedSizeListArray) -> Result<(), Failure> {
        let size = usize::try_from(array.value_length()).map_err(|_| Failure::Sizes("its size"))?;
        let what = Failure::Sizes("lists times their size");
        let elements = array.len().checked_mul(size).ok_or(what)?;
        self.add(array.values().slice(0, elements).as_ref())
    }

    /// Adds the offsets, moved to begin at zero; returns the first and the last of them as they were, in ascending order.
    fn add_offsets<O: OffsetSizeTrait>(
        &mut self,
        offsets: &OffsetBuffer<O>,
    ) -> Result<(usize, usize), Failure> {
        let descending = || Failure::Sizes("its offsets do not ascend from zero");
        let end = |offset: Option<&O>| match offset {
            Some(offset) => offset.to_usize().ok_or_else(descending),
            None => Ok(0),
        };
        let (first, last) = (end(offsets.first())?, end(offsets.last())?);
        if first > last {
            return Err(descending());
        }
        let bytes = std::mem::size_of_val::<[O]>(offsets);
        if first == 0 {
            self.add_buffer(offsets.inner().inner(), 0, bytes)?;
        } else {
            let rebased = |offset: &O| O::from_usize(offset.to_usize()?.checked_sub(first)?);
            let rebased: Option<Vec<O>> = offsets.iter().map(rebased).collect();
            let rebased = Buffer::from_vec(rebased.ok_or_else(descending)?);
            self.add_buffer(&rebased, 0, bytes)?;
        }
        Ok((first, last))
    }

    fn add_buffer(&mut self, buffer: &Buffer, offset: usize, bytes: usize) -> Result<(), Failure> {
        let end = offset.checked_add(bytes);
        if end.is_none_or(|end| end > buffer.len()) {
            return Err(Failure::Sizes("a buffer is shorter than its elements"));
        }
        self.place(bytes, Some(buffer.slice_with_length(offset, bytes)))
    }

    fn place(&mut self, bytes: usize, source: Option<Buffer>) -> Result<(), Failure> {
        let alignment = match bytes >= PAGE_BYTES {
            true => PAGE_BYTES,
            false => ALIGNMENT,
        };
        let offset = self.body_bytes.checked_next_multiple_of(alignment);
        let end = offset
            .and_then(|offset| offset.checked_add(bytes))
            .and_then(|end| end.checked_next_multiple_of(ALIGNMENT))
            .filter(|end| i64::try_from(*end).is_ok());
        let (Some(offset), Some(end)) = (offset, end) else {
            return Err(Failure::Sizes("its buffers together"));
        };
        self.buffers
            .push(IpcBuffer::new(offset as i64, bytes as i64));
        self.parts.push(Part {
            offset,
            bytes,
            source,
        });
        self.body_bytes = end;
        Ok(())
    }
}
