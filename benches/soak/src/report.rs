//! What came of it: the samples, a plot, and a table of what grew.

use std::fmt::Write;

use crate::{
    Outcome, plot,
    watch::{Samples, Series},
};

/// Growth that is not counted: a few pages, a descriptor that is open for a moment.
const SLACK: [(&str, u64); 6] = [
    ("private memory (KiB)", 4096),
    ("shared memory (KiB)", 4096),
    ("descriptors", 4),
    ("mappings", 8),
    ("/dev/shm (MiB)", 16),
    ("/dev/shm (files)", 8),
];

/// Writes `results` with its three endings; `false` where something grew or was left behind.
pub fn write(results: &str, samples: &Samples, left: &[String]) -> Outcome<bool> {
    std::fs::write(format!("{results}.csv"), table_of_samples(samples)?)?;
    plot::write(results, &samples.series)?;
    let (text, grew) = summary(samples, left)?;
    std::fs::write(format!("{results}.md"), &text)?;
    print!("{text}");
    Ok(!grew && left.is_empty())
}

fn table_of_samples(samples: &Samples) -> Outcome<String> {
    let mut text = String::from("second");
    for series in &samples.series {
        write!(text, ",{}: {}", series.group, series.name)?;
    }
    for second in 0..samples.seconds as usize {
        write!(text, "\n{second}")?;
        for series in &samples.series {
            let value = series.values.get(second).copied().unwrap_or(0);
            write!(text, ",{value}")?;
        }
    }
    text.push('\n');
    Ok(text)
}

/// Draws the plot of samples that were written before anew.
pub fn plot_again(results: &str) -> Outcome<()> {
    let text = std::fs::read_to_string(format!("{results}.csv"))?;
    let mut lines = text.lines().map(|line| line.split(',').skip(1));
    let names = lines.next().ok_or("there are no samples")?;
    let mut series: Vec<_> = names
        .filter_map(|name| name.split_once(": "))
        .map(|(group, name)| Series {
            name: name.to_owned(),
            group: group.to_owned(),
            values: Vec::new(),
            is_flat: false,
        })
        .collect();
    for line in lines {
        for (series, value) in series.iter_mut().zip(line) {
            series.values.push(value.parse()?);
        }
    }
    plot::write(results, &series)
}

fn summary(samples: &Samples, left: &[String]) -> Outcome<(String, bool)> {
    let mut text = format!(
        "{} s, {} frames of 8,294,400 bytes published, {} dropped; {} consumers left, {} were killed, {} slots \
         reclaimed. Left in /dev/shm at the end: {}.\n\n\
         | what | whose | second fifth (median) | last fifth (median) | |\n|---|---|---|---|---|\n",
        samples.seconds,
        samples.frames,
        samples.dropped,
        samples.left,
        samples.killed,
        samples.reclaimed,
        if left.is_empty() {
            String::from("nothing")
        } else {
            left.join(", ")
        }
    );
    let mut grew = false;
    for series in &samples.series {
        let (before, after) = fifths(series);
        let slack = SLACK.iter().find(|(group, _)| *group == series.group);
        let allowed = slack.map_or(0, |(_, slack)| *slack).max(before / 50);
        let grows = series.is_flat && after > before + allowed;
        grew |= grows;
        let verdict = match (series.is_flat, grows) {
            (false, _) => "",
            (true, false) => "flat",
            (true, true) => "GREW",
        };
        writeln!(
            text,
            "| {} | {} | {before} | {after} | {verdict} |",
            series.group, series.name
        )?;
    }
    Ok((text, grew))
}

/// The medians of the second and of the last fifth: the first is for starting up.
fn fifths(series: &Series) -> (u64, u64) {
    let fifth = series.values.len() / 5;
    let median = |values: &[u64]| {
        let mut values = values.to_vec();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    (
        median(&series.values[fifth..2 * fifth]),
        median(&series.values[4 * fifth..]),
    )
}
