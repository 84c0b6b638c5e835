//! Tensors in nodes, functions and sparse initializers: they stay where they are, so their data has to be there too.
//!
//! An engine is given the graph as bytes, and would look for a tensor's other file by a path that nobody has checked.

use super::tensor::DATA_LOCATION;
use super::wire::{Message, Reader};
use crate::formats::FormatError;
use crate::formats::fault::{GraphFault, MessageFault};

/// As deep as protocol buffers themselves go.
const DEPTH: usize = 100;

/// Messages on the way to such a tensor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Graph,
    Node,
    Attribute,
    Function,
    Training,
    Sparse,
    Tensor,
}

impl Kind {
    /// What a field of such a message is, where a tensor can be in it.
    fn of_field(self, number: u32) -> Option<Self> {
        Some(match (self, number) {
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Self::Graph,
            _ => return None,
        })
    }
}

/// Refuses a message that has a tensor in it whose data is in another file.
pub(super) fn refuse_external(
    kind: Kind,
    message: Message,
    reader: &mut Reader<'_>,
) -> Result<(), FormatError> {
    walk(kind, message, DEPTH, reader)
}

fn walk(
    kind: Kind,
    mut message: Message,
    depth: usize,
    reader: &mut Reader<'_>,
) -> Result<(), FormatError> {
    while let Some(field) = message.next(reader)? {
        if matches!(kind, Kind::Tensor) {
            if field.number == DATA_LOCATION && field.as_number(reader)? != 0 {
                return Err(reader.refuse(GraphFault::ExternalInside {
                    at: field.whole.start,
                }));
            }
            continue;
        }
        let Some(inner) = kind.of_field(field.number) else {
            continue;
        };
        let Some(depth) = depth.checked_sub(1) else {
            return Err(reader.fault(field.whole.start, MessageFault::Depth(DEPTH)));
        };
        walk(inner, field.message(reader)?, depth, reader)?;
    }
    Ok(())
}
