//! Fixtures, made by code: no file is kept for the tests.

mod bits;
mod described;
mod external;
mod files;
mod graph;
mod index;
mod onnx;
mod proto;
mod safetensors;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{FormatError, Limits, ModelFiles, Source, TensorFault, open};

/// A folder that goes with the test.
pub(super) struct Temporary(PathBuf);

impl Temporary {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("model-files-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a file in it and opens it as a model.
    pub(super) fn open(&self, name: &str, bytes: &[u8]) -> Result<ModelFiles, FormatError> {
        open(&self.write(name, bytes), &Limits::default())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is wrong with a tensor, and with which.
fn fault<T: std::fmt::Debug>(result: Result<T, FormatError>) -> (String, TensorFault) {
    match result.unwrap_err() {
        FormatError::Tensor { tensor, fault, .. } => (tensor, fault),
        other => panic!("{other:?}"),
    }
}

/// The bytes of a model's tensor.
fn bytes_of(model: &ModelFiles, name: &str) -> Vec<u8> {
    let tensor = model.tensors.iter().find(|tensor| tensor.name == name);
    let Source {
        file,
        offset,
        bytes,
    } = tensor.unwrap().source;
    let mut found = vec![0; bytes as usize];
    use super::ReadAt;
    model.files[file].read_at(offset, &mut found).unwrap();
    found
}
