//! Reads chunks on two threads and compares each with what the input gives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use zarrs::array::Array;
use zarrs::array::codec::CodecOptions;
use zarrs::filesystem::FilesystemStore;

use crate::input::Input;
use crate::matrix::checksum;

const THREADS: usize = 2;

/// One chunk that was read.
pub(super) struct Read {
    pub(super) number: u64,
    /// What came of it; what zarrs said where it does not decode.
    pub(super) decoded: Result<Decoded, String>,
}

pub(super) struct Decoded {
    /// Of the raw matrix.
    pub(super) checksum: u32,
    /// Whether it is what the input gives, where there is one; what the input said where it cannot.
    pub(super) as_input: Option<Result<bool, String>>,
}

/// Reads the chunks of `numbers`, and gives them in that order.
pub(super) fn read(
    array: &Array<FilesystemStore>,
    numbers: &[u64],
    input: Option<&Input>,
    progress: &mut dyn FnMut(u64, u64),
) -> Vec<Read> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let mut all: Vec<Read> = thread::scope(|scope| {
        for _ in 0..THREADS {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let mut expected = Vec::new();
                while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let number = *number;
                    let decoded = decode(array, number).map(|matrix| Decoded {
                        checksum: checksum(&matrix),
                        as_input: input.map(|input| equals(input, number, &matrix, &mut expected)),
                    });
                    if sender.send(Read { number, decoded }).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let told = (1..).zip(receiver).map(|(done, read)| {
            progress(done, numbers.len() as u64);
            read
        });
        told.collect()
    });
    all.sort_unstable_by_key(|read| read.number);
    all
}

fn decode(array: &Array<FilesystemStore>, number: u64) -> Result<Vec<u8>, String> {
    let mut options = CodecOptions::default();
    options.set_concurrent_target(1);
    let bytes = array
        .retrieve_chunk_opt(&[number, 0, 0], &options)
        .map_err(|error| error.to_string())?;
    let bytes = bytes.into_fixed().map_err(|error| error.to_string())?;
    Ok(bytes.into_owned())
}

/// `expected` is memory to use again.
fn equals(
    input: &Input,
    number: u64,
    matrix: &[u8],
    expected: &mut Vec<u8>,
) -> Result<bool, String> {
    expected.resize(matrix.len(), 0);
    let written = input
        .write(number, expected)
        .map_err(|error| error.to_string());
    written.map(|()| expected == matrix)
}
