//! A table of one group of benchmarks: a column for each arm, a row for each parameter.

use crate::{measured::Measured, unit::Unit};

/// The group's table; without parameters, one row for each arm.
pub(crate) fn of(group: &[Measured]) -> String {
    let Some(first) = group.first() else {
        return String::new();
    };
    let unit = Unit::of(&first.group);
    let title = format!("{} ({})", first.group, unit.name());
    let arms = in_order(group.iter().map(|measured| measured.arm.as_str()));
    let parameters = in_order(group.iter().map(|measured| measured.parameter.as_str()));
    if parameters == [""] {
        let mut lines = vec![format!("| {title} | median |"), String::from("|---|---|")];
        let row = |measured: &Measured| format!("| {} | {} |", measured.arm, unit.show(measured));
        lines.extend(group.iter().map(row));
        return lines.join("\n");
    }
    let mut lines = vec![
        format!("| {title} | {} |", arms.join(" | ")),
        "|---".repeat(1 + arms.len()) + "|",
    ];
    for parameter in parameters {
        let cell = |arm: &&str| {
            let found =
                |measured: &&Measured| measured.arm == **arm && measured.parameter == parameter;
            let found = group.iter().find(found);
            found.map_or_else(|| String::from("-"), |measured| unit.show(measured))
        };
        let cells: Vec<String> = arms.iter().map(cell).collect();
        lines.push(format!("| {parameter} | {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

/// Each once, in the order of the first.
fn in_order<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_columns_and_parameters_rows() {
        let group = [
            Measured::with_median("put", "ours", "64", 1500.0),
            Measured::with_median("put", "stock", "64", 250.0),
            Measured::with_median("put", "ours", "4096", 100_000.0),
        ];
        let expected = "| put (us) | ours | stock |\n|---|---|---|\n\
                        | 64 | 1.50 [1.50, 1.50] | 0.250 [0.250, 0.250] |\n\
                        | 4096 | 100 [100, 100] | - |";
        assert_eq!(of(&group), expected);
    }

    #[test]
    fn without_parameters_arms_are_rows() {
        let group = [Measured::with_median("head", "ours", "", 20_000.0)];
        let expected = "| head (us) | median |\n|---|---|\n| ours | 20.0 [20.0, 20.0] |";
        assert_eq!(of(&group), expected);
    }

    #[test]
    fn registration_is_scaled_to_a_gibibyte_and_copies_have_a_rate() {
        let mut group = [Measured::with_median("registration", "mlock", "", 25e6)];
        group[0].bytes = Some(f64::from(256 << 20));
        assert!(of(&group).ends_with("| mlock | 100 [100, 100] |"));
        let mut group = [Measured::with_median("copy", "ours", "4096", 1e3)];
        group[0].bytes = Some(4096.0);
        assert!(of(&group).ends_with("| 4096 | 1.00 [1.00, 1.00]; 4.10 |"));
    }
}
