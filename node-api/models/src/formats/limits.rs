//! What a model file may ask for before it is refused.

/// Bounds on what is kept in memory of a model file, and so on what a hostile one can cost.
///
/// ```
/// use zenoh_pinned_models::formats::Limits;
///
/// let limits = Limits { graph_bytes: 16 << 20, ..Limits::default() };
/// assert_eq!(limits.tensors, 1_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a safetensors header, and of an index of shards. 100 MB, as the format itself has it.
    pub header_bytes: u64,
    /// Bytes of an ONNX graph once its large tensors are taken out. 256 MiB.
    pub graph_bytes: u64,
    /// Tensors of a model; inputs, outputs and entries of the metadata have the same bound each. 1,000,000.
    pub tensors: usize,
    /// Files of a model, each of which stays open. 1,024.
    pub files: usize,
    /// Bytes of a tensor's name, of a file's name inside a model, and of a dimension's name. 4,096.
    pub name_bytes: usize,
    /// Dimensions of a tensor. 64, as NumPy has it.
    pub rank: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 100_000_000,
            graph_bytes: 256 << 20,
            tensors: 1_000_000,
            files: 1_024,
            name_bytes: 4_096,
            rank: 64,
        }
    }
}
