//! The table at the end of a run.

use std::fmt::Write as _;

use super::Report;

const MEGA: f64 = 1e6;

/// Named values, one a line, in columns that line up.
pub fn table(report: &Report) -> String {
    let figures = &report.figures;
    let seconds = figures.since_seconds;
    let per_second = |bytes: u64| bytes as f64 / seconds / MEGA;
    let matrices = &figures.matrices;
    let stored = match (matrices.wanted, report.interrupted) {
        (Some(wanted), false) => format!("{} of {wanted}", matrices.stored),
        (_, true) => format!("{}, then it was asked to end", matrices.stored),
        (None, false) => matrices.stored.to_string(),
    };
    let mut rows = vec![
        ("Matrices stored", stored),
        ("Each", figures.form.clone()),
        ("Took", format!("{seconds:.2} s")),
        (
            "Matrices per second",
            format!("{:.1}", figures.matrices_per_second),
        ),
        (
            "MB per second",
            format!(
                "{:.1} raw, {:.1} stored",
                per_second(figures.raw_bytes),
                per_second(figures.stored_bytes)
            ),
        ),
        (
            "Ratio",
            figures
                .ratio
                .map_or_else(|| String::from("none"), |ratio| format!("{ratio:.2}")),
        ),
        ("Processor time", processor_time(report)),
        ("Buffers", buffers(report)),
        ("Restarts", restarts(report)),
        ("Stored in", figures.output.clone()),
    ];
    if matrices.failed > 0 {
        rows.push(("Left out", matrices.failed.to_string()));
    }
    if let Some(finished) = &report.finished
        && !finished.missing.is_empty()
        && !report.interrupted
    {
        rows.push(("Missing", finished.missing.to_string()));
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<width$}  {value}");
        text
    })
}

fn processor_time(report: &Report) -> String {
    let figures = &report.figures;
    let roles = figures.roles.iter();
    let roles = roles.map(|role| format!("{}s {:.2} s", role.role, role.cpu_seconds));
    let own = std::iter::once(format!("pipeline {:.2} s", figures.cpu_seconds));
    roles.chain(own).collect::<Vec<_>>().join(", ")
}

fn buffers(report: &Report) -> String {
    let buffers = &report.figures.buffers;
    format!(
        "{} of {} in use at most, of {:.1} MB; handed out {}, used again {}",
        buffers.peak,
        buffers.most,
        buffers.buffer_bytes as f64 / MEGA,
        buffers.handed_out,
        buffers.reused
    )
}

fn restarts(report: &Report) -> String {
    let roles = report.figures.roles.iter();
    let restarted = roles.filter(|role| role.restarts > 0);
    let restarted: Vec<_> = restarted
        .map(|role| format!("{} of {}s", role.restarts, role.role))
        .collect();
    match restarted.is_empty() {
        true => String::from("0"),
        false => restarted.join(", "),
    }
}
