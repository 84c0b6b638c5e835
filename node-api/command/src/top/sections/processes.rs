//! Processes, the paths of their frames, and the reasons for detours. Pure.

use zenoh_pinned::bindings::observation::{Observation, ObservedProcess};

use super::section::{Section, left, named, right};
use crate::{
    top::table::{Column, Row, Table},
    words,
};

pub(super) fn processes(seen: &Observation) -> Section {
    const COLUMNS: &[Column] = &[
        left("PROCESS", 18),
        right("MEMORY", 10),
        right("REGISTERED", 10),
        right("DIRECT", 7),
        right("STAGED", 7),
        right("PAGEABLE", 8),
        right("HOST", 7),
        right("FLYING", 6),
    ];
    Section {
        title: "Processes",
        count: seen.processes.len(),
        table: Table {
            columns: COLUMNS,
            wide: 0,
            rows: seen.processes.iter().flat_map(process_rows).collect(),
        },
    }
}

fn process_rows(process: &ObservedProcess) -> Vec<Row> {
    let usage = &process.usage;
    let mut cells = vec![
        named(&process.process),
        words::bytes(usage.segment_bytes.saturating_add(usage.staging_bytes)),
        words::bytes(usage.registered_bytes),
    ];
    let Some(figures) = &process.figures else {
        cells.resize(8, String::from("-"));
        return vec![Row::Cells(cells)];
    };
    let frames = figures.frames;
    let counted = [
        frames.direct,
        frames.staged,
        frames.pageable,
        frames.host,
        figures.copies_in_flight,
    ];
    cells.extend(counted.map(|number| number.to_string()));
    let mut rows = vec![Row::Cells(cells)];
    rows.extend(figures.reasons.iter().map(|reason| {
        let frames = words::count(reason.frames as usize, "frame", "frames");
        Row::Detail(format!("{frames}: {}", words::tame(&reason.latest)))
    }));
    rows
}
