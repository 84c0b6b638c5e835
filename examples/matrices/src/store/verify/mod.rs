//! What is wrong with a store.

mod read;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::read::Read;
use super::checksums::{Known, Told};
use super::{Ranges, Store, StoreError, layout, replace};
use crate::input::Input;

/// What was found out about a store. "Differ" is told of matrices that decode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// How many matrices there should be: the array's length.
    pub count: u64,
    /// How many have a chunk.
    pub stored: u64,
    /// Those without a chunk.
    pub missing: Ranges,
    /// Chunks behind the array's end, which no reader sees: the run ended before it said how many
    /// matrices there are.
    pub beyond: Ranges,
    /// Chunks that zarrs does not decode.
    pub undecodable: Vec<Undecodable>,
    /// Those that are not what their checksum was taken of.
    pub differ_from_checksum: Ranges,
    /// Those without a checksum.
    pub without_checksum: Ranges,
    /// Those whose checksum is in a chunk that does not decode.
    pub checksum_damaged: Ranges,
    /// What the comparison with the input came to.
    pub input: InputVerdict,
    /// Files that were never finished.
    pub unfinished: u64,
}

/// A chunk that zarrs does not decode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecodable {
    /// Number of its matrix.
    pub number: u64,
    /// What zarrs said.
    pub reason: String,
}

/// What the comparison with the input came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputVerdict {
    /// The store's note names no input.
    NotNamed,
    /// The input is not there any more, or is another one.
    Unreadable {
        /// Numbers that could not be compared.
        numbers: Ranges,
        /// What the first of them met.
        reason: String,
        /// Of the others, those that are not what the input gives.
        differ: Ranges,
    },
    /// Every matrix that decodes was compared.
    Compared {
        /// Those that are not what the input gives.
        differ: Ranges,
    },
}

impl Verified {
    /// Whether every matrix is there and nothing is known against any of them. A checksum or an input
    /// that was never told is nothing against them, nor is an unfinished file.
    pub fn is_whole(&self) -> bool {
        let differ = match &self.input {
            InputVerdict::NotNamed => None,
            InputVerdict::Unreadable { differ, .. } | InputVerdict::Compared { differ } => {
                Some(differ)
            }
        };
        let against = [
            &self.missing,
            &self.beyond,
            &self.differ_from_checksum,
            &self.checksum_damaged,
        ];
        self.undecodable.is_empty() && against.into_iter().chain(differ).all(Ranges::is_empty)
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, numbers: &Ranges| match numbers.is_empty() {
            true => Ok(()),
            false => writeln!(formatter, "{name:22}{:>10}  {numbers}", numbers.count()),
        };
        row("missing", &self.missing)?;
        row("behind the end", &self.beyond)?;
        row(
            "do not decode",
            &self.undecodable.iter().map(|chunk| chunk.number).collect(),
        )?;
        row("differ from checksum", &self.differ_from_checksum)?;
        row("checksum damaged", &self.checksum_damaged)?;
        row("without checksum", &self.without_checksum)?;
        match &self.input {
            InputVerdict::NotNamed => {}
            InputVerdict::Compared { differ } => row("differ from input", differ)?,
            InputVerdict::Unreadable {
                numbers, differ, ..
            } => {
                row("differ from input", differ)?;
                row("input not readable", numbers)?;
            }
        }
        if self.unfinished > 0 {
            writeln!(
                formatter,
                "{:22}{:>10}",
                "unfinished files", self.unfinished
            )?;
        }
        let verdict = if self.is_whole() {
            "whole"
        } else {
            "NOT WHOLE"
        };
        write!(
            formatter,
            "{:22}{:>10}  of {}: {verdict}",
            "stored", self.stored, self.count
        )
    }
}

/// Reads every chunk of the store in `folder` by zarrs, on two threads, and tells what is wrong with
/// them. `progress` is called on this thread with how many chunks were read, and how many there are.
///
/// An error is told only where the store cannot be looked at; all that is wrong with its chunks is in the
/// result.
pub fn verify(folder: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, StoreError> {
    let store = Store::open(folder)?;
    let (array, _, count) = layout::open_matrices(folder, &store.files)?;
    let mut told = Told::new(layout::open_checksums(folder, &store.files)?);
    let (stored, beyond) = store.stored()?.split(count);
    let named = layout::read_attributes(folder)?.note.remove("input");
    let input = named.as_ref().map(Input::deserialize).transpose();

    let numbers: Vec<u64> = stored.numbers().collect();
    let known = input.as_ref().ok().and_then(Option::as_ref);
    let (mut undecodable, mut first_reason) = (Vec::new(), None);
    let (mut differ_from_checksum, mut without_checksum, mut checksum_damaged) =
        (vec![], vec![], vec![]);
    let (mut differ, mut unreadable) = (vec![], vec![]);
    for Read { number, decoded } in read::read(&array, &numbers, known, progress) {
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(reason) => {
                undecodable.push(Undecodable { number, reason });
                continue;
            }
        };
        match told.of(number) {
            Known::Checksum(told) if told == decoded.checksum => {}
            Known::Checksum(_) => differ_from_checksum.push(number),
            Known::NotTold => without_checksum.push(number),
            Known::Damaged => checksum_damaged.push(number),
        }
        match decoded.as_input {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => differ.push(number),
            Some(Err(reason)) => {
                unreadable.push(number);
                first_reason.get_or_insert(reason);
            }
        }
    }
    let differ = differ.into_iter().collect();
    let input = match (input, first_reason) {
        (Ok(None), _) => InputVerdict::NotNamed,
        (Ok(Some(_)), None) => InputVerdict::Compared { differ },
        (Ok(Some(_)), Some(reason)) => InputVerdict::Unreadable {
            numbers: unreadable.into_iter().collect(),
            reason,
            differ,
        },
        (Err(error), _) => InputVerdict::Unreadable {
            numbers: stored.clone(),
            reason: error.to_string(),
            differ,
        },
    };
    Ok(Verified {
        count,
        stored: stored.count(),
        missing: stored.gaps(count),
        beyond,
        undecodable,
        differ_from_checksum: differ_from_checksum.into_iter().collect(),
        without_checksum: without_checksum.into_iter().collect(),
        checksum_damaged: checksum_damaged.into_iter().collect(),
        input,
        unfinished: replace::count_unfinished(&layout::unfinished(folder))?,
    })
}
