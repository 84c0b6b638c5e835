//! ONNX: a protocol buffer whose large tensors are left where they are, and which is written again without them.
//!
//! Of a graph's initializers and `Constant` nodes, those with raw data of [`INLINE_BELOW`] bytes and more and those with
//! data in another file become [`TensorEntry`](crate::formats::TensorEntry)s. In the graph they are initializers of the same name, dimensions and
//! type, which say that their data is in a file called `zenoh-pinned`; it never exists, as an engine is given the data
//! by name (ONNX Runtime: `add_external_initializers` and, for no copy, `add_initializer`).
//! All else stays as it was, byte by byte: small tensors, which engines want to read while they optimise; typed data;
//! elements that [`ElementType`](zenoh_pinned_node::tensor::ElementType) does not have; whatever is in functions and subgraphs.
//! A tensor that stays and has its data in another file is refused. So what is written asks for no file.
//!
//! What is in memory is the written graph and the list of tensors, both bounded by the limits; never a tensor's data.
//!
//! Knowingly weak:
//! - Weights in subgraphs, and those of old exporters in `float_data`, stay in the graph: every worker has its own.
//! - What is kept is not examined beyond the search for tensors; the engine parses it.
//! - A small tensor in another file is taken out, too; ONNX Runtime refuses such a shape, with and without us.

mod constant;
mod external;
mod graph;
mod inside;
mod port;
mod tensor;
mod wire;
mod written;

use std::collections::BTreeMap;
use std::ops::Range;

use super::fault::GraphFault;
use super::file::ReadAt;
use super::{Contents, Counted, FormatError, Limits, PortEntry};
use graph::Graph;
use inside::{Kind, refuse_external};
use wire::{Field, Reader};

pub use tensor::of_onnx;

/// Bytes from which on a tensor is taken out of the graph: as ONNX's own tools do it.
pub const INLINE_BELOW: u64 = 1_024;

const MODEL_GRAPH: u32 = 7;
const MODEL_METADATA: u32 = 14;
const MODEL_TRAINING: u32 = 20;
const MODEL_FUNCTIONS: u32 = 25;

/// Finds the file that a model calls so, for the tensor of that name: its number and its bytes.
pub(super) type Beside<'b> = &'b mut dyn FnMut(&str, &str) -> Result<(usize, u64), FormatError>;

/// Whether `beginning`, a file's first bytes, looks like that of a model: its first field is `ir_version`.
pub(super) fn is_one(beginning: &[u8]) -> bool {
    beginning.first() == Some(&0x08)
}

/// Reads a model, which is the file of number zero.
pub(super) fn read(
    source: &dyn ReadAt,
    beside: Beside<'_>,
    limits: &Limits,
) -> Result<Contents, FormatError> {
    let mut reader = Reader::new(source, limits);
    let mut graph = Graph::default();
    let mut metadata = BTreeMap::new();
    let mut has_graph = false;
    let mut model = reader.whole();
    while let Some(field) = model.next(&mut reader)? {
        match field.number {
            MODEL_GRAPH if has_graph => return Err(reader.refuse(GraphFault::TwoGraphs)),
            MODEL_GRAPH => {
                has_graph = true;
                let begin = graph.written.len();
                graph.read(field.message(&reader)?, beside, &mut reader)?;
                graph.written.enclose(begin, MODEL_GRAPH, &reader)?;
                continue;
            }
            MODEL_METADATA => note(&field, &mut metadata, &mut reader)?,
            MODEL_TRAINING => {
                refuse_external(Kind::Training, field.message(&reader)?, &mut reader)?
            }
            MODEL_FUNCTIONS => {
                refuse_external(Kind::Function, field.message(&reader)?, &mut reader)?
            }
            _ => {}
        }
        graph.written.keep(field.whole, &mut reader)?;
    }
    if !has_graph {
        return Err(reader.refuse(GraphFault::NoGraph));
    }
    Ok(Contents {
        // An initializer that is an input, too, has only its default there.
        inputs: ports(
            &graph.inputs,
            |name| !graph.names.contains(name),
            &mut reader,
        )?,
        outputs: ports(&graph.outputs, |_| true, &mut reader)?,
        tensors: graph.tensors,
        graph: Some(graph.written.into_bytes()),
        metadata,
    })
}

fn ports(
    values: &[Range<u64>],
    is_one: impl Fn(&str) -> bool,
    reader: &mut Reader<'_>,
) -> Result<Vec<PortEntry>, FormatError> {
    let mut ports = Vec::new();
    for value in values {
        let name = port::name(value.clone(), reader)?;
        if is_one(&name) {
            ports.push(port::read(name, value.clone(), reader)?);
        }
    }
    Ok(ports)
}

/// Notes an entry of the model's metadata. Text that is none is taken as well as it can be: it decides nothing.
fn note(
    field: &Field,
    to: &mut BTreeMap<String, String>,
    reader: &mut Reader<'_>,
) -> Result<(), FormatError> {
    if to.len() >= reader.limits.tensors {
        return Err(reader.too_many(Counted::Metadata));
    }
    let (mut key, mut value) = (0..0, 0..0);
    let mut entry = field.message(reader)?;
    while let Some(field) = entry.next(reader)? {
        match field.number {
            1 => key = field.bytes(reader)?,
            2 => value = field.bytes(reader)?,
            _ => {}
        }
    }
    let mut text = |range: Range<u64>| {
        if range.end - range.start > reader.limits.graph_bytes {
            let limit = reader.limits.graph_bytes;
            return Err(reader.refuse(GraphFault::TooLong { limit }));
        }
        let mut text = Vec::new();
        reader.append(range, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let (key, value) = (text(key)?, text(value)?);
    to.insert(key, value);
    Ok(())
}
