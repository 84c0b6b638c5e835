//! The samples as an SVG: one panel for each kind of number, one line for each of whom.

use std::fmt::Write;

use crate::{Outcome, watch::Series};

const WIDTH: usize = 560;
const HEIGHT: usize = 150;
const MARGIN: usize = 70;
const COLOURS: [&str; 8] = [
    "#1b6ca8", "#d1495b", "#66a182", "#edae49", "#7b4fa3", "#8d8d8d", "#00798c", "#a15c38",
];

/// Draws every group of series into a panel of its own, two side by side.
pub fn draw(series: &[Series]) -> Outcome<String> {
    let mut groups: Vec<&str> = Vec::new();
    for one in series {
        if !groups.contains(&one.group) {
            groups.push(one.group);
        }
    }
    let panel = (WIDTH + 2 * MARGIN, HEIGHT + MARGIN);
    let rows = groups.len().div_ceil(2);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        2 * panel.0,
        rows * panel.1 + MARGIN / 2
    );
    for (place, group) in groups.iter().enumerate() {
        let of_group: Vec<_> = series.iter().filter(|one| one.group == *group).collect();
        let (left, top) = (
            place % 2 * panel.0 + MARGIN,
            place / 2 * panel.1 + MARGIN / 2,
        );
        draw_panel(&mut text, group, &of_group, left, top)?;
    }
    text.push_str("</svg>\n");
    Ok(text)
}

fn draw_panel(
    text: &mut String,
    group: &str,
    series: &[&Series],
    left: usize,
    top: usize,
) -> Outcome<()> {
    let largest = series.iter().flat_map(|one| &one.values).max();
    let largest = largest.copied().unwrap_or(1).max(1);
    let seconds = series.iter().map(|one| one.values.len()).max().unwrap_or(1);
    let bottom = top + HEIGHT;
    writeln!(
        text,
        "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{group}</text>\n\
         <rect x=\"{left}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#ccc\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{largest}</text>\n\
         <text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{seconds} s</text>",
        top - 6,
        left - 5,
        top + 10,
        left - 5,
        left + WIDTH,
        bottom + 14,
    )?;
    for (index, one) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<String> = one
            .values
            .iter()
            .enumerate()
            .map(|(second, value)| {
                let x = left as f64 + second as f64 * WIDTH as f64 / seconds as f64;
                let y = bottom as f64 - *value as f64 * HEIGHT as f64 / largest as f64;
                format!("{x:.1},{y:.1}")
            })
            .collect();
        writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{}\"/>\n\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\" font-size=\"9\">{}</text>",
            points.join(" "),
            left + 4 + index % 4 * 135,
            bottom + 14 + index / 4 * 11,
            one.name
        )?;
    }
    Ok(())
}
