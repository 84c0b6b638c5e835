//! The JSON of a header, read within the limits. Each tensor's shape and length have been compared when it is returned.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::of_safetensors;
use crate::formats::fault::{NameFault, TensorFault};
use crate::formats::json::{Stop, Texts};
use crate::formats::{Counted, FormatError, Limits, checks};
use zenoh_pinned_node::tensor::ElementType;

const METADATA: &str = "__metadata__";

/// A tensor as a header has it; `from` and `to` count from the header's end.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) element: ElementType,
    pub(super) shape: Vec<u64>,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Reads a header.
pub(super) struct Header<'l> {
    pub(super) stop: Stop<'l>,
    pub(super) limits: &'l Limits,
}

impl<'de> DeserializeSeed<'de> for Header<'_> {
    type Value = (Vec<Described>, BTreeMap<String, String>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Header<'_> {
    type Value = (Vec<Described>, BTreeMap<String, String>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        let mut metadata = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                if metadata.is_some() {
                    return Err(self.stop.repeated(name));
                }
                let (stop, limit) = (self.stop.clone(), self.limits.tensors);
                let of = Counted::Metadata;
                metadata = Some(map.next_value_seed(Texts { stop, of, limit })?);
                continue;
            }
            if tensors.len() >= self.limits.tensors {
                return Err(self.stop.too_many(Counted::Tensors, self.limits.tensors));
            }
            let fault = checks::name(&name, self.limits).err();
            let taken = || (!names.insert(name.clone())).then(|| NameFault::Taken(name.clone()));
            if let Some(fault) = fault.or_else(taken) {
                return Err(self.stop.with(FormatError::Name {
                    file: self.stop.file().into(),
                    number: tensors.len(),
                    fault,
                }));
            }
            let (stop, limits) = (&self.stop, self.limits);
            tensors.push(map.next_value_seed(Tensor { name, stop, limits })?);
        }
        Ok((tensors, metadata.unwrap_or_default()))
    }
}

/// Reads a tensor's object.
struct Tensor<'r> {
    name: String,
    stop: &'r Stop<'r>,
    limits: &'r Limits,
}

impl Tensor<'_> {
    fn refuse<E: Error>(self, fault: TensorFault) -> E {
        let error = checks::of_tensor(self.stop.file(), &self.name, fault);
        self.stop.with(error)
    }
}

impl<'de> DeserializeSeed<'de> for Tensor<'_> {
    type Value = Described;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tensor<'_> {
    type Value = Described;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tensor's dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut dtype, mut shape, mut offsets) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "dtype" if dtype.is_none() => dtype = Some(map.next_value::<String>()?),
                "shape" if shape.is_none() => {
                    let limit = self.limits.rank;
                    match map.next_value_seed(Shape { limit })? {
                        Some(read) => shape = Some(read),
                        None => return Err(self.refuse(TensorFault::Rank { limit })),
                    }
                }
                "data_offsets" if offsets.is_none() => {
                    offsets = Some(map.next_value::<(u64, u64)>()?);
                }
                _ => return Err(self.refuse(TensorFault::Unexpected(key))),
            }
        }
        let Some(dtype) = dtype else {
            return Err(self.refuse(TensorFault::Missing("dtype")));
        };
        let Some(shape) = shape else {
            return Err(self.refuse(TensorFault::Missing("shape")));
        };
        let Some((from, to)) = offsets else {
            return Err(self.refuse(TensorFault::Missing("data_offsets")));
        };
        let Some(element) = of_safetensors(&dtype) else {
            return Err(self.refuse(TensorFault::Element { dtype }));
        };
        let Some(bytes) = to.checked_sub(from) else {
            return Err(self.refuse(TensorFault::Reversed { from, to }));
        };
        match checks::fits(&shape, element, bytes) {
            Err(fault) => Err(self.refuse(fault)),
            Ok(()) => Ok(Described {
                name: self.name,
                element,
                shape,
                from,
                to,
            }),
        }
    }
}

/// Reads a shape; `None` where it has more dimensions than allowed.
struct Shape {
    limit: usize,
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = Option<Vec<u64>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = Option<Vec<u64>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of dimensions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut shape = Vec::new();
        while shape.len() < self.limit {
            match list.next_element()? {
                Some(dimension) => shape.push(dimension),
                None => return Ok(Some(shape)),
            }
        }
        Ok(list
            .next_element::<IgnoredAny>()?
            .is_none()
            .then_some(shape))
    }
}
