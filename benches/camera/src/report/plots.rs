//! Plots: how latencies are distributed, how copies go by size, and how arms scale with consumers.

use std::path::Path;

use plotters::{
    coord::Shift,
    prelude::{
        BindKeyPoints, ChartBuilder, Color, DrawingArea, IntoDrawingArea, IntoLogRange, LineSeries,
        PathElement, RGBColor, SVGBackend, Text, WHITE,
    },
};

use serde::{Deserialize, Serialize};

use super::{Summary, axis::Axis};
use crate::{
    Outcome, arm::Arm, copies::BySize, placement::Placement, round::Round, workload::Workload,
};

/// One colour for each arm, in the order of [`Arm`].
const COLOURS: [RGBColor; 11] = [
    RGBColor(0x8d, 0x8d, 0x8d),
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0x66, 0xa1, 0x82),
    RGBColor(0xd1, 0x49, 0x5b),
    RGBColor(0xed, 0xae, 0x49),
    RGBColor(0x7b, 0x4f, 0xa3),
    RGBColor(0x8d, 0x8d, 0x8d),
    RGBColor(0xed, 0xae, 0x49),
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0x2b, 0x2b, 0x2b),
    RGBColor(0x66, 0xa1, 0x82),
];
/// As wide as a page of text.
const PANEL: (u32, u32) = (800, 300);
/// Beside each plot, for the names of its lines.
const LEGEND: u32 = 296;
/// Some 12 pixels high.
const FONT: (&str, u32) = ("sans-serif", 15);
/// Points of a distribution's line.
const POINTS: usize = 200;

type Area<'out> = DrawingArea<SVGBackend<'out>, Shift>;

/// The distribution of an arm's times from sending to use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Curve {
    arm: Arm,
    workload: Workload,
    /// Microseconds within which equally growing shares of the frames were used, from the first to the last.
    microseconds: Vec<f64>,
}

impl Curve {
    pub fn of(arm: Arm, workload: &Workload, rounds: &[Round]) -> Self {
        let consumers = rounds.iter().flat_map(|round| &round.consumers);
        let mut times: Vec<u64> = consumers
            .flat_map(|consumer| &consumer.sightings)
            .map(|seen| seen.used.saturating_sub(seen.sent))
            .collect();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        let point = |step: usize| {
            let time = times.get(last * step / POINTS)?;
            // To a tenth, which is more than the clock is good for.
            Some((*time as f64 / 100.0).round() / 10.0)
        };
        Self {
            arm,
            workload: *workload,
            microseconds: (0..=POINTS).filter_map(point).collect(),
        }
    }
}

fn colour(arm: Arm) -> RGBColor {
    COLOURS[arm as usize % COLOURS.len()]
}

/// A panel for each comparison of one camera and one consumer.
pub fn latencies(path: &Path, curves: &[Curve]) -> Outcome {
    let of_one = |curve: &&Curve| (curve.workload.cameras, curve.workload.consumers) == (1, 1);
    let mut panels: Vec<(String, Vec<Line>)> = Vec::new();
    // An arm that failed has none.
    let has_points = |curve: &&Curve| !curve.microseconds.is_empty();
    for curve in curves.iter().filter(of_one).filter(has_points) {
        let place = if curve.arm.is_of_device() {
            "device"
        } else {
            "host"
        };
        let title = format!("Sent to used on the {place}: {}", curve.workload.name());
        let share = |index: usize| index as f64 / POINTS as f64;
        let points = curve.microseconds.iter().enumerate();
        let line = Line {
            arm: curve.arm,
            points: points.map(|(index, time)| (*time, share(index))).collect(),
        };
        match panels.iter_mut().find(|(name, _)| *name == title) {
            Some((_, lines)) => lines.push(line),
            None => panels.push((title, vec![line])),
        }
    }
    draw(path, &panels, Axis::Microseconds, "share of frames")
}

/// GB/s by the size of a copy.
pub fn by_size(path: &Path, copies: &BySize) -> Outcome {
    let lines = Arm::COPYING.map(|arm| {
        let of_arm = copies.copies.iter().filter(|copies| copies.arm == arm);
        let points = of_arm.map(|copies| (copies.bytes as f64, copies.gigabytes_per_second));
        Line {
            arm,
            points: points.collect(),
        }
    });
    let title = String::from("Copies to the device by size");
    draw(path, &[(title, lines.into())], Axis::Bytes, "GB/s")
}

/// GB/s of all consumers by their number, one camera, full speed.
pub fn scaling(path: &Path, summaries: &[Summary]) -> Outcome {
    let mut panels = Vec::new();
    for (place, arms) in [("host", &Arm::HOST[..4]), ("device", &Arm::COPYING[..])] {
        let lines: Vec<_> = arms.iter().map(|arm| scaling_of(*arm, summaries)).collect();
        if lines.iter().any(|line| line.points.len() > 1) {
            panels.push((
                format!("One camera at full speed, used on the {place}"),
                lines,
            ));
        }
    }
    draw(path, &panels, Axis::Consumers, "GB/s, all consumers")
}

fn scaling_of(arm: Arm, summaries: &[Summary]) -> Line {
    let of_arm = summaries.iter().filter(|summary| {
        let workload = &summary.workload;
        summary.arm == arm
            && workload.cameras == 1
            && workload.rate.is_none()
            && workload.placement == Placement::Apart
    });
    let point = |summary: &Summary| {
        (
            summary.workload.consumers as f64,
            summary.gigabytes_per_second,
        )
    };
    let mut points: Vec<_> = of_arm.map(point).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    Line { arm, points }
}

struct Line {
    arm: Arm,
    points: Vec<(f64, f64)>,
}

/// Panels one below the other, the x axis logarithmic.
fn draw(path: &Path, panels: &[(String, Vec<Line>)], x: Axis, y: &str) -> Outcome {
    let has_points =
        |(_, lines): &(String, Vec<Line>)| lines.iter().any(|line| !line.points.is_empty());
    if panels.is_empty() || !panels.iter().all(has_points) {
        return Ok(());
    }
    let size = (PANEL.0, PANEL.1 * panels.len() as u32);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, (title, lines)) in root.split_evenly((panels.len(), 1)).iter().zip(panels) {
        draw_panel(area, title, lines, x, y)?;
    }
    Ok(root.present()?)
}

fn draw_panel(area: &Area<'_>, title: &str, lines: &[Line], x: Axis, y: &str) -> Outcome {
    let all = || lines.iter().flat_map(|line| &line.points);
    let least = all().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let most = all().map(|point| point.0).fold(least, f64::max);
    let ticks = x.ticks(least, most);
    let least = ticks.first().map_or(least, |first| first.min(least));
    let most = ticks.last().map_or(most, |last| last.max(most));
    let height = all().map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max);
    let (plot, legend) = area.split_horizontally(PANEL.0 - LEGEND);
    let mut chart = ChartBuilder::on(&plot)
        .caption(title, ("sans-serif", 17))
        .margin(8)
        .margin_right(28)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(
            (least..most).log_scale().with_key_points(ticks),
            0.0..height * 1.02,
        )?;
    chart
        .configure_mesh()
        .y_labels(6)
        .x_label_formatter(&|value| x.label(*value))
        .x_desc(format!("{}, logarithmic scale", x.name()))
        .y_desc(y)
        .label_style(FONT)
        .axis_desc_style(FONT)
        .light_line_style(WHITE)
        .draw()?;
    let drawn = || lines.iter().filter(|line| !line.points.is_empty());
    for line in drawn() {
        let style = colour(line.arm).stroke_width(2);
        chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
    }
    for (index, line) in drawn().enumerate() {
        let height = 40 + 18 * index as i32;
        let style = colour(line.arm).stroke_width(2);
        legend.draw(&PathElement::new([(0, height), (18, height)], style))?;
        legend.draw(&Text::new(line.arm.name(), (24, height - 6), FONT))?;
    }
    Ok(())
}
