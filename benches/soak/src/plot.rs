//! The samples as an SVG as wide as a page of text: one panel for each kind of number, one line for each of whom.

use std::fmt::Write;

use crate::{Outcome, watch::Series};

const WIDTH: usize = 690;
const HEIGHT: usize = 120;
const LEFT: usize = 80;
const TOP: usize = 24;
/// From the top of one panel to the top of the next.
const PANEL: usize = HEIGHT + 80;
const TICKS: u64 = 4;
const NAMES_IN_A_ROW: usize = 4;
const COLOURS: [&str; 8] = [
    "#1b6ca8", "#d1495b", "#66a182", "#edae49", "#7b4fa3", "#8d8d8d", "#00798c", "#a15c38",
];

/// Draws every group of series into a panel of its own, into `results` with its ending.
pub fn write(results: &str, series: &[Series]) -> Outcome<()> {
    Ok(std::fs::write(format!("{results}.svg"), draw(series)?)?)
}

fn draw(series: &[Series]) -> Outcome<String> {
    let mut groups: Vec<&str> = Vec::new();
    for one in series {
        if !groups.contains(&one.group.as_str()) {
            groups.push(&one.group);
        }
    }
    let (width, height) = (LEFT + WIDTH + 30, groups.len() * PANEL);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
         {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n"
    );
    for (place, group) in groups.iter().enumerate() {
        let of_group: Vec<_> = series.iter().filter(|one| one.group == *group).collect();
        draw_panel(&mut text, group, &of_group, place * PANEL + TOP)?;
    }
    text.push_str("</svg>\n");
    Ok(text)
}

fn draw_panel(text: &mut String, group: &str, series: &[&Series], top: usize) -> Outcome<()> {
    let largest = series.iter().flat_map(|one| &one.values).max();
    let step = round_step(largest.copied().unwrap_or(1));
    let steps = largest.copied().unwrap_or(1).div_ceil(step).max(1);
    let seconds = series.iter().map(|one| one.values.len()).max().unwrap_or(1);
    let bottom = top + HEIGHT;
    let x = |second: u64| LEFT as f64 + second as f64 * WIDTH as f64 / seconds as f64;
    let y = |value: u64| bottom as f64 - value as f64 * HEIGHT as f64 / (steps * step) as f64;
    writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{group}</text>",
        top - 8
    )?;
    for tick in (0..=steps).map(|tick| tick * step) {
        let (y, right) = (y(tick), LEFT + WIDTH);
        writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6,
            y + 4.0,
            in_thousands(tick)
        )?;
    }
    let apart = round_step(seconds as u64);
    for tick in (0..=seconds as u64).step_by(usize::try_from(apart)?) {
        let x = x(tick);
        writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#888\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{tick} s</text>",
            bottom + 4,
            bottom + 17
        )?;
    }
    for (index, one) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let values = (0..).zip(&one.values);
        let points: Vec<String> = values
            .map(|(second, value)| format!("{:.1},{:.1}", x(second), y(*value)))
            .collect();
        writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{}\"/>\n\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            LEFT + index % NAMES_IN_A_ROW * (WIDTH / NAMES_IN_A_ROW),
            bottom + 32 + index / NAMES_IN_A_ROW * 13,
            one.name
        )?;
    }
    Ok(())
}

/// 1, 2 or 5 times a power of ten, so that few ticks of it reach `largest`.
fn round_step(largest: u64) -> u64 {
    let powers = (0..19).map(|power| 10u64.pow(power));
    let mut steps = powers.flat_map(|power| [1, 2, 5].map(|step| step * power));
    let reaches = |step: &u64| step.saturating_mul(TICKS) >= largest;
    steps.find(reaches).unwrap_or(u64::MAX)
}

fn in_thousands(value: u64) -> String {
    match value / 1000 {
        0 => value.to_string(),
        thousands => format!("{},{:03}", in_thousands(thousands), value % 1000),
    }
}
