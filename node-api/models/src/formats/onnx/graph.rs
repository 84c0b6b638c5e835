//! A graph that is read and written again: its large tensors become [`TensorEntry`]s, the rest is kept.

use std::collections::HashSet;
use std::ops::Range;

use super::constant;
use super::external;
use super::inside::{Kind, refuse_external};
use super::tensor::Initializer;
use super::wire::{Field, Message, Reader};
use super::written::Written;
use super::{Beside, INLINE_BELOW};
use crate::formats::fault::{NameFault, TensorFault};
use crate::formats::{Counted, FormatError, Source, TensorEntry, checks};

const NODE: u32 = 1;
const INITIALIZER: u32 = 5;
const INPUT: u32 = 11;
const OUTPUT: u32 = 12;
const SPARSE: u32 = 15;

/// What has been read of a graph.
#[derive(Default)]
pub(super) struct Graph {
    /// The model as far as it is written again.
    pub(super) written: Written,
    /// What was taken out.
    pub(super) tensors: Vec<TensorEntry>,
    /// The names of initializers, and of what was taken out.
    pub(super) names: HashSet<String>,
    /// Where inputs are described.
    pub(super) inputs: Vec<Range<u64>>,
    /// Where outputs are described.
    pub(super) outputs: Vec<Range<u64>>,
}

impl Graph {
    pub(super) fn read(
        &mut self,
        mut graph: Message,
        beside: Beside<'_>,
        reader: &mut Reader<'_>,
    ) -> Result<(), FormatError> {
        while let Some(field) = graph.next(reader)? {
            match field.number {
                INITIALIZER => {
                    self.initializer(&field, beside, reader)?;
                    continue;
                }
                NODE => {
                    self.node(&field, beside, reader)?;
                    continue;
                }
                SPARSE => refuse_external(Kind::Sparse, field.message(reader)?, reader)?,
                INPUT => push_port(&mut self.inputs, &field, reader)?,
                OUTPUT => push_port(&mut self.outputs, &field, reader)?,
                _ => {}
            }
            self.written.keep(field.whole, reader)?;
        }
        Ok(())
    }

    fn initializer(
        &mut self,
        field: &Field,
        beside: Beside<'_>,
        reader: &mut Reader<'_>,
    ) -> Result<(), FormatError> {
        let number = self.names.len();
        let tensor = Initializer::read(field.message(reader)?, None, number, reader)?;
        let entry = entry(&tensor, beside, reader)?;
        self.name(&tensor.name, number, reader)?;
        match entry {
            Some(entry) => self.take_out(tensor, entry, reader),
            None => self.written.keep(field.whole.clone(), reader),
        }
    }

    fn node(
        &mut self,
        field: &Field,
        beside: Beside<'_>,
        reader: &mut Reader<'_>,
    ) -> Result<(), FormatError> {
        if let Some(constant) = constant::read(field.message(reader)?, reader)? {
            let number = self.names.len();
            let tensor = Initializer::read(constant.tensor, Some(constant.output), number, reader)?;
            if let Some(entry) = entry(&tensor, beside, reader)? {
                self.name(&tensor.name, number, reader)?;
                return self.take_out(tensor, entry, reader);
            }
        }
        refuse_external(Kind::Node, field.message(reader)?, reader)?;
        self.written.keep(field.whole.clone(), reader)
    }

    /// Notes the name of tensor number `number`.
    fn name(&mut self, name: &str, number: usize, reader: &Reader<'_>) -> Result<(), FormatError> {
        if number >= reader.limits.tensors {
            return Err(reader.too_many(Counted::Tensors));
        }
        if self.names.insert(name.into()) {
            return Ok(());
        }
        Err(FormatError::Name {
            file: reader.path().into(),
            number,
            fault: NameFault::Taken(name.into()),
        })
    }

    /// Makes a tensor of its own, and of what it was an initializer without data.
    fn take_out(
        &mut self,
        tensor: Initializer,
        entry: TensorEntry,
        reader: &mut Reader<'_>,
    ) -> Result<(), FormatError> {
        let begin = self.written.len();
        for range in tensor.kept {
            self.written.keep(range, reader)?;
        }
        self.written
            .push_elsewhere(&entry.name, entry.source.bytes, reader)?;
        self.written.enclose(begin, INITIALIZER, reader)?;
        self.tensors.push(entry);
        Ok(())
    }
}

/// The tensor as one of its own; `None` where it stays in the graph.
fn entry(
    tensor: &Initializer,
    beside: Beside<'_>,
    reader: &mut Reader<'_>,
) -> Result<Option<TensorEntry>, FormatError> {
    let file = reader.path();
    let refused = |fault| checks::of_tensor(file, &tensor.name, fault);
    let raw = match &tensor.raw {
        _ if tensor.is_external => None,
        Some(raw) if raw.end - raw.start >= INLINE_BELOW && !tensor.other_data => Some(raw),
        _ => return Ok(None),
    };
    let element = match tensor.element() {
        Ok(element) => element,
        Err(_) if raw.is_some() => return Ok(None),
        Err(fault) => return Err(refused(fault)),
    };
    let shape = tensor.shape().map_err(refused)?;
    let source = match raw {
        Some(raw) => Source {
            file: 0,
            offset: raw.start,
            bytes: raw.end - raw.start,
        },
        None if tensor.raw.is_some() || tensor.other_data => {
            return Err(refused(TensorFault::TwoSources));
        }
        None => {
            let place = external::place(tensor, reader)?;
            let uncountable = || refused(TensorFault::Uncountable);
            let counted = checks::bytes(&shape, element).ok_or_else(uncountable)?;
            let bytes = place.bytes.unwrap_or(counted);
            let (file, left) = beside(&place.location, &tensor.name)?;
            checks::inside(place.offset, bytes, left).map_err(refused)?;
            let offset = place.offset;
            Source {
                file,
                offset,
                bytes,
            }
        }
    };
    checks::fits(&shape, element, source.bytes).map_err(refused)?;
    Ok(Some(TensorEntry {
        name: tensor.name.clone(),
        element,
        shape,
        source,
    }))
}

fn push_port(
    ports: &mut Vec<Range<u64>>,
    field: &Field,
    reader: &Reader<'_>,
) -> Result<(), FormatError> {
    if ports.len() >= reader.limits.tensors {
        return Err(reader.too_many(Counted::Ports));
    }
    ports.push(field.bytes(reader)?);
    Ok(())
}
