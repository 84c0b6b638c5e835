//! Files that look like this library's and make no sense. Pure.

use super::section::{Section, left};
use crate::{
    top::{
        seen::Seen,
        table::{Column, Row, Table},
    },
    words,
};

pub(super) fn files(seen: &Seen) -> Section {
    const COLUMNS: &[Column] = &[left("FILE THAT MAKES NO SENSE", 28), left("WHY", 40)];
    let of_memory = seen.observation.unreadable.iter();
    let of_memory = of_memory.map(|one| (&one.file, one.why));
    let of_workers = seen.workers.iter().flat_map(|workers| &workers.unreadable);
    let of_workers = of_workers.map(|one| (&one.file, one.why));
    let rows = of_memory.chain(of_workers);
    let rows = rows.map(|(file, why)| Row::Cells(vec![words::tame(file), why.to_owned()]));
    let rows: Vec<_> = rows.collect();
    Section {
        title: "Files",
        count: rows.len(),
        table: Table {
            columns: COLUMNS,
            wide: 1,
            rows,
        },
    }
}
