//! Model files that tests load.

use std::{fs, path::PathBuf};

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zpin-models-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A safetensors file of float32 tensors; every element is told by its tensor's number and its place.
    pub fn safetensors(&self, name: &str, tensors: &[(&str, usize)]) -> PathBuf {
        let path = self.0.join(format!("{name}.safetensors"));
        let (mut header, mut data) = (String::from("{"), Vec::new());
        for (number, (tensor, elements)) in tensors.iter().enumerate() {
            let start = data.len();
            data.extend((0..*elements).flat_map(|at| element(number, at).to_le_bytes()));
            let comma = if number == 0 { "" } else { "," };
            let end = data.len();
            header += &format!(
                r#"{comma}"{tensor}":{{"dtype":"F32","shape":[{elements}],"data_offsets":[{start},{end}]}}"#
            );
        }
        header += "}";
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(&data);
        fs::write(&path, file).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn element(tensor: usize, at: usize) -> f32 {
    (tensor * 1_000_003 + at) as f32
}

/// Whether the tensor of this number is as it was written.
pub fn is_whole(weights: &zenoh_pinned_models::Weights, number: usize) -> bool {
    let info = &weights.tensors()[number];
    let tensor = weights.tensor(info.name()).unwrap().unwrap();
    let elements = tensor.as_slice::<f32>().unwrap();
    let mut elements = elements.iter().enumerate();
    elements.all(|(at, found)| *found == element(number, at))
}
