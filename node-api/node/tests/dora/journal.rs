//! What a node has seen and done, one JSON object a line, readable while it runs and after it was killed.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
};

use serde_json::Value;

/// Where a node finds its journal's path.
pub const VARIABLE: &str = "JOURNAL";

/// A node's journal, while it writes it.
pub struct Journal(File);

impl Journal {
    /// The journal that the dataflow gave this node.
    pub fn open() -> Self {
        let path = super::nodes::order(VARIABLE);
        let file = OpenOptions::new().append(true).create(true).open(path);
        Self(file.unwrap())
    }

    pub fn note(&mut self, entry: Value) {
        writeln!(self.0, "{entry}").unwrap();
    }
}

/// The entries of a journal, whole ones only.
pub struct Entries(Vec<Value>);

impl std::fmt::Debug for Entries {
    /// The frames as numbers, everything else as it was noted.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut list = formatter.debug_list();
        for entry in &self.0 {
            match &entry["frame"] {
                Value::Null => list.entry(&entry.to_string()),
                frame => list.entry(&format!("frame {frame}")),
            };
        }
        list.finish()
    }
}

impl Entries {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Self(lines.collect())
    }

    /// Those that have `key`.
    pub fn with(&self, key: &str) -> Vec<&Value> {
        self.0
            .iter()
            .filter(|entry| !entry[key].is_null())
            .collect()
    }

    /// The numbers of the frames received, in the order of their arrival.
    pub fn frames(&self) -> Vec<u64> {
        let frames = self.with("frame");
        frames
            .iter()
            .filter_map(|entry| entry["frame"].as_u64())
            .collect()
    }

    /// How many frames have `key` true.
    pub fn count(&self, key: &str) -> usize {
        let frames = self.with("frame");
        frames.iter().filter(|entry| entry[key] == true).count()
    }

    /// Where the first entry with `key` is among all.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|entry| !entry[key].is_null())
    }

    /// The last entry with `key`.
    pub fn last(&self, key: &str) -> &Value {
        let entries = self.with(key);
        entries
            .last()
            .unwrap_or_else(|| panic!("nobody noted {key:?}: {self:?}"))
    }

    /// Fails unless frames `0..count` have arrived, in order, in shared memory, whole, and page-aligned.
    pub fn assert_all_shared(&self, count: u64) {
        assert_eq!(
            self.frames(),
            (0..count).collect::<Vec<_>>(),
            "frames in order"
        );
        for key in ["shared", "aligned", "equal"] {
            assert_eq!(self.count(key) as u64, count, "{key}");
        }
    }
}
