//! A registry as a table.

use zenoh_pinned_models::{ModelState, RegistryStatistics};

use crate::words;

/// A line for each model, and one for what has been done.
pub(super) fn table(statistics: &RegistryStatistics) -> String {
    let mut lines = Vec::new();
    let mut rows =
        vec![["model", "state", "memory", "leases", "used by", "file"].map(String::from)];
    for model in &statistics.models {
        let state = match model.state {
            ModelState::Loading => {
                let percent = model.read_bytes.saturating_mul(100) / model.bytes.max(1);
                format!("loading {percent} %")
            }
            ModelState::Ready if model.leases == 0 => {
                format!("idle {} s", model.idle.as_secs())
            }
            state => state.name().to_owned(),
        };
        let sessions: Vec<_> = model.sessions.iter().map(u32::to_string).collect();
        let source = model.source.as_ref().map(|path| path.display().to_string());
        rows.push([
            model.model.clone(),
            state,
            words::bytes(model.bytes),
            model.leases.to_string(),
            sessions.join(" "),
            source.unwrap_or_default(),
        ]);
    }
    for model in &statistics.known {
        if statistics
            .models
            .iter()
            .all(|loaded| loaded.model != *model)
        {
            rows.push([model, "not loaded", "", "", "", ""].map(String::from));
        }
    }
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    for row in &rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        lines.push(cells.join("  ").trim_end().to_owned());
    }
    let used: u64 = statistics.models.iter().map(|model| model.bytes).sum();
    lines.push(format!(
        "{} of {} in use; {} loads read {}, {} failed; {} went for others, {} because nobody used them, {} because somebody \
         had written into them",
        words::bytes(used),
        words::bytes(statistics.max_bytes),
        statistics.loads,
        words::bytes(statistics.read_bytes),
        statistics.failures,
        statistics.evictions,
        statistics.expired,
        statistics.changed,
    ));
    lines.join("\n")
}
