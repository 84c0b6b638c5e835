//! What lies where in the shards of a model: the table that is shared beside them.
//!
//! The registry writes it once, when a model is loaded, into a slot of its own. Whoever attaches copies it out of shared
//! memory and checks all of it before anything is looked up: another process can have written anything there.
//!
//! Invariant: each tensor of a [`Manifest`] lies inside its shard, at a multiple of its element's size, and has as many bytes
//! as its shape says.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use zenoh_pinned_node::tensor::ElementType;

/// An input or output of a model, as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// What its elements are, by the name that [`ElementType::name`] gives; `None` for strings and what has no such type.
    pub element: Option<String>,
    /// How long each dimension is, `None` where the model leaves that open; `None` where it leaves the rank open.
    pub shape: Option<Vec<Option<u64>>>,
}

/// Where some bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) shard: u32,
    /// From the shard's first byte, in bytes.
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// One tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    pub(crate) name: String,
    pub(crate) element: ElementType,
    pub(crate) shape: Vec<usize>,
    pub(crate) place: Place,
}

impl TensorInfo {
    /// Its name in the model's file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its elements are.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// How long each dimension is, the outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.place.bytes
    }

    /// In which shard it lies, and from which byte on.
    pub fn place(&self) -> (usize, u64) {
        (self.place.shard as usize, self.place.offset)
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) shards: Vec<ShardRecord>,
    pub(crate) tensors: Vec<TensorInfo>,
    /// The graph without its weights, for formats that have one.
    pub(crate) graph: Option<Place>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    pub(crate) metadata: BTreeMap<String, String>,
    by_name: HashMap<String, usize>,
}

/// One shard: how long it is, and the CRC-32C of its bytes as they were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardRecord {
    pub(crate) bytes: u64,
    /// Little-endian, and so as long as any other: the table's length is known before anything is summed.
    pub(crate) checksum: [u8; 4],
}

/// Why bytes are no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("its bytes are none")]
    Unreadable,
    #[error("tensor {name} of {bytes} bytes does not lie in a shard")]
    Outside { name: String, bytes: u64 },
    #[error("tensor {name} has {bytes} bytes, and its shape says otherwise")]
    Shape { name: String, bytes: u64 },
    #[error("the element type of tensor {name} is not known")]
    Element { name: String },
    #[error("there are two tensors {name}")]
    Twice { name: String },
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    shards: Vec<ShardRecord>,
    tensors: Vec<WrittenTensor>,
    graph: Option<Place>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    metadata: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct WrittenTensor {
    name: String,
    element: u8,
    shape: Vec<u64>,
    place: Place,
}

const VERSION: u32 = 1;

impl Manifest {
    /// A manifest of what has been loaded, checked like any other.
    pub(crate) fn new(
        shards: Vec<ShardRecord>,
        tensors: Vec<TensorInfo>,
        graph: Option<Place>,
        ports: (Vec<Port>, Vec<Port>),
        metadata: BTreeMap<String, String>,
    ) -> Result<Self, ManifestError> {
        let mut by_name = HashMap::with_capacity(tensors.len());
        for (index, tensor) in tensors.iter().enumerate() {
            tensor.check(&shards)?;
            if by_name.insert(tensor.name.clone(), index).is_some() {
                let name = tensor.name.clone();
                return Err(ManifestError::Twice { name });
            }
        }
        if let Some(place) = graph
            && !place.is_inside(&shards)
        {
            let (name, bytes) = (String::from("(the graph)"), place.bytes);
            return Err(ManifestError::Outside { name, bytes });
        }
        Ok(Self {
            shards,
            tensors,
            graph,
            inputs: ports.0,
            outputs: ports.1,
            metadata,
            by_name,
        })
    }

    pub(crate) fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(*self.by_name.get(name)?)
    }

    /// Bytes of all shards.
    pub(crate) fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.bytes).sum()
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let tensors = self.tensors.iter().map(|tensor| WrittenTensor {
            name: tensor.name.clone(),
            element: code_of(tensor.element),
            shape: tensor.shape.iter().map(|length| *length as u64).collect(),
            place: tensor.place,
        });
        let written = Written {
            version: VERSION,
            shards: self.shards.clone(),
            tensors: tensors.collect(),
            graph: self.graph,
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            metadata: self.metadata.clone(),
        };
        postcard::to_allocvec(&written).map_err(|_| ManifestError::Unreadable)
    }

    /// Checks all that it says, but for the lengths of the shards that have come with it.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let written: Written =
            postcard::from_bytes(bytes).map_err(|_| ManifestError::Unreadable)?;
        if written.version != VERSION {
            return Err(ManifestError::Unreadable);
        }
        let tensors = written.tensors.into_iter().map(WrittenTensor::read);
        Self::new(
            written.shards,
            tensors.collect::<Result<_, _>>()?,
            written.graph,
            (written.inputs, written.outputs),
            written.metadata,
        )
    }
}

impl TensorInfo {
    fn check(&self, shards: &[ShardRecord]) -> Result<(), ManifestError> {
        let bytes = self.place.bytes;
        let name = || self.name.clone();
        let element = self.element.bytes() as u64;
        if !self.place.is_inside(shards) || !self.place.offset.is_multiple_of(element) {
            return Err(ManifestError::Outside {
                name: name(),
                bytes,
            });
        }
        let expected = self.shape.iter().try_fold(element, |product, length| {
            product.checked_mul(*length as u64)
        });
        match expected == Some(bytes) {
            true => Ok(()),
            false => Err(ManifestError::Shape {
                name: name(),
                bytes,
            }),
        }
    }
}

impl WrittenTensor {
    fn read(self) -> Result<TensorInfo, ManifestError> {
        let Some(element) = ElementType::ALL.get(usize::from(self.element)).copied() else {
            return Err(ManifestError::Element { name: self.name });
        };
        let shape = self.shape.iter().map(|length| usize::try_from(*length));
        let Ok(shape) = shape.collect() else {
            return Err(ManifestError::Shape {
                name: self.name,
                bytes: self.place.bytes,
            });
        };
        Ok(TensorInfo {
            name: self.name,
            element,
            shape,
            place: self.place,
        })
    }
}

impl Place {
    fn is_inside(self, shards: &[ShardRecord]) -> bool {
        let Some(shard) = shards.get(self.shard as usize) else {
            return false;
        };
        let end = self.offset.checked_add(self.bytes);
        end.is_some_and(|end| end <= shard.bytes)
    }
}

fn code_of(element: ElementType) -> u8 {
    let position = ElementType::ALL.iter().position(|known| *known == element);
    // There are fewer than 256, and each is in the list.
    position.map_or(u8::MAX, |position| position as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize], offset: u64) -> TensorInfo {
        let elements: usize = shape.iter().product();
        TensorInfo {
            name: name.to_owned(),
            element: ElementType::Float32,
            shape: shape.to_vec(),
            place: Place {
                shard: 0,
                offset,
                bytes: 4 * elements as u64,
            },
        }
    }

    fn manifest(tensors: Vec<TensorInfo>) -> Result<Manifest, ManifestError> {
        let shards = vec![ShardRecord {
            bytes: 1024,
            checksum: [7, 0, 0, 0],
        }];
        let metadata = BTreeMap::from([(String::from("format"), String::from("pt"))]);
        Manifest::new(shards, tensors, None, (Vec::new(), Vec::new()), metadata)
    }

    #[test]
    fn a_manifest_reads_back_as_written() {
        let tensors = vec![
            tensor("a", &[2, 3], 0),
            tensor("b", &[], 256),
            tensor("none", &[0, 5], 1024),
        ];
        let written = manifest(tensors).unwrap();
        assert_eq!(
            Manifest::of_bytes(&written.to_bytes().unwrap()),
            Ok(written)
        );
    }

    #[test]
    fn a_tensor_outside_its_shard_or_of_another_size_is_none() {
        let cases = [
            (tensor("beyond", &[1], 1024), "beyond"),
            (tensor("odd", &[1], 2), "odd"),
            (tensor("overflows", &[1], u64::MAX - 3), "overflows"),
        ];
        for (tensor, name) in cases {
            assert!(
                matches!(manifest(vec![tensor]), Err(ManifestError::Outside { name: found, .. }) if found == name)
            );
        }
        let mut long = tensor("long", &[4], 0);
        long.place.bytes = 12;
        assert!(matches!(
            manifest(vec![long]),
            Err(ManifestError::Shape { .. })
        ));
        let mut vast = tensor("vast", &[1], 0);
        vast.shape = vec![usize::MAX, usize::MAX];
        assert!(matches!(
            manifest(vec![vast]),
            Err(ManifestError::Shape { .. })
        ));
        let twice = vec![tensor("a", &[1], 0), tensor("a", &[1], 4)];
        assert!(matches!(manifest(twice), Err(ManifestError::Twice { .. })));
    }

    #[test]
    fn whatever_somebody_writes_is_a_checked_manifest_or_an_error() {
        let whole = manifest(vec![tensor("a", &[2, 3], 0), tensor("b", &[4], 256)]);
        let whole = whole.unwrap().to_bytes().unwrap();
        for end in 0..whole.len() {
            assert!(Manifest::of_bytes(&whole[..end]).is_err(), "{end} bytes");
        }
        for bit in 0..8 * whole.len() {
            let mut turned = whole.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Manifest::of_bytes(&turned) {
                for tensor in &read.tensors {
                    assert!(tensor.check(&read.shards).is_ok(), "bit {bit}");
                }
            }
        }
    }
}
