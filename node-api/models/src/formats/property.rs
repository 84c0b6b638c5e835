//! What must hold of the parsers, whatever the bytes: for a fuzz target, and for tests.

use std::io;
use std::path::Path;

use super::file::ReadAt;
use super::{Contents, FormatError, Limits, TensorEntry, checks, index, onnx, safetensors};

/// The beginning of a file that claims to be longer.
struct Beginning<'b> {
    bytes: &'b [u8],
    claimed: u64,
}

impl ReadAt for Beginning<'_> {
    fn path(&self) -> &Path {
        Path::new("beginning")
    }

    fn bytes(&self) -> u64 {
        self.claimed
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let begin = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let rest = self.bytes.get(begin..).unwrap_or_default();
        let from = rest.get(..into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(from);
        Ok(())
    }
}

/// Reads `input`, eight bytes of claimed length and a file's beginning, as each of the formats.
///
/// # Panics
/// A parser found what is not so.
pub fn property(input: &[u8]) {
    let Some((claimed, bytes)) = input.split_first_chunk() else {
        return;
    };
    let claimed = u64::from_le_bytes(*claimed).max(bytes.len() as u64);
    let file = Beginning { bytes, claimed };
    // Small enough for a fuzzer to reach.
    let limits = Limits {
        header_bytes: 64 << 10,
        graph_bytes: 64 << 10,
        tensors: 64,
        ..Limits::default()
    };
    if let Ok((tensors, _)) = safetensors::read(&file, 0, &limits) {
        check(&tensors, |_| claimed);
        let mut end = tensors.first().map_or(claimed, |first| first.source.offset);
        for tensor in &tensors {
            assert_eq!(tensor.source.offset, end, "no holes, and no byte twice");
            end += tensor.source.bytes;
        }
        assert_eq!(end, claimed, "to the last byte");
    }
    let _ = index::shards(&file, &limits);
    if let Ok(found) = read_onnx(&file, &limits) {
        check(
            &found.tensors,
            |file| if file == 0 { claimed } else { BESIDE },
        );
        check_graph(&found, &limits);
    }
}

/// Bytes of every file beside the one that is tried.
const BESIDE: u64 = u64::MAX;

fn read_onnx(file: &Beginning<'_>, limits: &Limits) -> Result<Contents, FormatError> {
    onnx::read(file, &mut |_, _| Ok((1, BESIDE)), limits)
}

fn check(tensors: &[TensorEntry], file_bytes: impl Fn(usize) -> u64) {
    for tensor in tensors {
        let source = tensor.source;
        let end = source.offset.checked_add(source.bytes);
        assert!(
            end.is_some_and(|end| end <= file_bytes(source.file)),
            "{tensor:?}"
        );
        assert_eq!(
            checks::bytes(&tensor.shape, tensor.element),
            Some(source.bytes)
        );
        assert!(!tensor.name.is_empty() && !tensor.name.contains('\0'));
    }
}

/// What is written is a model with the same tensors in another file, and is written again as it is.
fn check_graph(found: &Contents, limits: &Limits) {
    let bytes = found.graph.as_deref().unwrap_or_default();
    assert!(bytes.len() as u64 <= limits.graph_bytes);
    let written = Beginning {
        bytes,
        claimed: bytes.len() as u64,
    };
    let again = read_onnx(&written, limits);
    assert!(again.is_ok(), "{again:?}");
    let again = again.unwrap_or_default();
    assert_eq!(again.graph.as_deref(), Some(bytes));
    assert_eq!(again.metadata, found.metadata);
    assert_eq!(
        (&again.inputs, &again.outputs),
        (&found.inputs, &found.outputs)
    );
    let said = |tensor: &TensorEntry| {
        (
            tensor.name.clone(),
            tensor.element,
            tensor.shape.clone(),
            tensor.source.bytes,
        )
    };
    assert!(
        again
            .tensors
            .iter()
            .map(said)
            .eq(found.tensors.iter().map(said))
    );
    assert!(
        again
            .tensors
            .iter()
            .all(|tensor| (tensor.source.file, tensor.source.offset) == (1, 0))
    );
}
