mod broken;
mod disk;
mod layout;
mod overwrite;
mod ranges;
mod round_trip;

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::input::{Input, Kind};
use crate::matrix::{ElementType, Shape};

fn form(element: ElementType) -> Form {
    Form::new(Shape::new(6, 50).unwrap(), element).unwrap()
}

/// A store in a folder of its own, and what is written to it.
struct Run {
    temporary: TempDir,
    input: Input,
    encoding: Encoding,
    store: Store,
    checksums: Checksums,
}

impl Run {
    fn new(kind: Kind, element: ElementType, shuffle: bool, count: Option<u64>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let input = Input::generated(kind, form(element), 5);
        let encoding = Encoding::new(3, shuffle).unwrap();
        let folder = temporary.path().join("a").join("run");
        let store = Store::create(
            &folder,
            form(element),
            count,
            &encoding,
            note(&input),
            false,
        )
        .unwrap();
        Self {
            temporary,
            input,
            encoding,
            store,
            checksums: Checksums::default(),
        }
    }

    fn smooth(count: u64) -> Self {
        let mut run = Self::new(Kind::Smooth, ElementType::F64, true, Some(count));
        run.put(0..count);
        run
    }

    fn matrix(&self, number: u64) -> Vec<u8> {
        let mut matrix = vec![0; self.store.form().bytes() as usize];
        self.input.write(number, &mut matrix).unwrap();
        matrix
    }

    fn put(&mut self, numbers: impl IntoIterator<Item = u64>) {
        let mut encoder = self.encoding.encoder(self.store.form().element()).unwrap();
        for number in numbers {
            let matrix = self.matrix(number);
            let mut encoded = vec![0; self.encoding.most_bytes(matrix.len())];
            let bytes = encoder.encode(&matrix, &mut encoded).unwrap();
            let stored = self.store.put(number, &encoded[..bytes]).unwrap();
            assert_eq!(stored, bytes as u64 + 4);
            self.checksums.note(number, checksum(&matrix));
        }
        self.checksums.write(&self.store).unwrap();
    }

    fn chunk(&self, number: u64) -> PathBuf {
        super::layout::chunk(self.store.folder(), number)
    }

    fn verify(&self) -> Verified {
        verify(self.store.folder(), &mut |_, _| ()).unwrap()
    }
}

fn note(input: &Input) -> Map<String, Value> {
    [("input".to_owned(), serde_json::to_value(input).unwrap())]
        .into_iter()
        .collect()
}

fn ranges(numbers: impl IntoIterator<Item = u64>) -> Ranges {
    numbers.into_iter().collect()
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
