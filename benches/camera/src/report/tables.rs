//! Figures as Markdown tables.

use std::fmt::Write;

use super::{Latency, Record, Summary, aims};
use crate::{
    arm::Arm,
    copies::BySize,
    placement::Placement,
    registering::{Registering, Seen},
    workload::Workload,
};

/// All tables of a record, with the machine they were taken on.
pub fn all(record: &Record) -> String {
    let mut text = format!(
        "Environment: {}\nFrames of {} bytes, {} slots. \"In hand\": from sending to the consuming thread; \"used\": \
         to its last byte read on the host, or there on the device. Microseconds.\n",
        record.environment.text(),
        record.frame_bytes,
        record.slots
    );
    for (workload, _, summaries) in by_workload(record) {
        let _ = write!(text, "\n### {}\n\n{}", workload.name(), table(&summaries));
    }
    if let Some(copies) = &record.copies {
        let _ = write!(
            text,
            "\n### Copies to the device by size\n\n{}",
            by_size(copies)
        );
    }
    if let Some(registering) = &record.registering {
        let _ = write!(
            text,
            "\n### Processes that register one pool\n\n{}",
            processes(registering)
        );
    }
    let _ = write!(text, "\n### Aims\n\n{}", aims::table(record));
    if !record.left_out.is_empty() {
        text += "\n### Left out\n\n";
        for left_out in &record.left_out {
            let _ = writeln!(text, "- {}: {}", left_out.what, left_out.why);
        }
    }
    text
}

/// Workloads, whether their frames go to a device, and the summaries of each.
fn by_workload(record: &Record) -> impl Iterator<Item = (Workload, bool, Vec<&Summary>)> {
    let mut groups: Vec<(Workload, bool, Vec<&Summary>)> = Vec::new();
    for summary in &record.summaries {
        let (workload, on_device) = (summary.workload, summary.arm.is_of_device());
        match groups
            .iter_mut()
            .find(|(other, device, _)| (*other, *device) == (workload, on_device))
        {
            Some((_, _, summaries)) => summaries.push(summary),
            None => groups.push((workload, on_device, vec![summary])),
        }
    }
    groups.into_iter()
}

/// The table that documents know by this name; `None` where the record has none.
pub fn named(record: &Record, name: &str) -> Option<String> {
    let one_by_one = |on_device: bool| {
        let of_one = |workload: &Workload| (workload.cameras, workload.consumers) == (1, 1);
        let text: String = by_workload(record)
            .filter(|(workload, device, _)| of_one(workload) && *device == on_device)
            .map(|(workload, _, summaries)| {
                format!("{}:\n\n{}\n", workload.name(), table(&summaries))
            })
            .collect();
        (!text.is_empty()).then_some(text)
    };
    let is_double = record.environment.device.as_ref();
    let is_double = is_double.is_some_and(|device| device.is_double);
    match name {
        // What a double of the driver takes says nothing.
        "camera-device" | "break-even" | "registering" | "device-summary" if is_double => None,
        "camera-summary" => host_summary(record),
        "camera-host" => one_by_one(false),
        "camera-device" => one_by_one(true),
        "scaling" => scaling(record, is_double),
        "break-even" => record.copies.as_ref().map(by_size),
        "registering" => record.registering.as_ref().map(processes),
        "device-summary" => device_summary(record),
        "aims" => Some(aims::table(record)),
        _ => None,
    }
}

fn table(summaries: &[&Summary]) -> String {
    let mut text = String::from(
        "| arm | in hand p50 / p99 us | used p50 / p99 / p99.9 / max us | frames/s | GB/s | CPU ms a frame: camera / \
         consumer | MB copied by a CPU a frame | missed / lost / wrong | path |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for summary in summaries {
        let short = |latency: &Option<Latency>| match latency {
            Some(latency) => format!("{:.0} / {:.0}", latency.p50, latency.p99),
            None => String::from("-"),
        };
        let used = match &summary.used {
            Some(used) => {
                let p999 = used
                    .p999
                    .map_or(String::from("-"), |p999| format!("{p999:.0}"));
                format!("{} / {p999} / {:.0}", short(&summary.used), used.maximum)
            }
            None => String::from("-"),
        };
        let daemon = daemon(summary);
        let _ = writeln!(
            text,
            "| {} | {} | {used} | {:.1} | {:.2} | {:.2} / {:.2}{daemon} | {:.1} | {} / {} / {} | {} |",
            summary.arm.name(),
            short(&summary.in_hand),
            summary.frames_per_second,
            summary.gigabytes_per_second,
            summary.camera_cpu_milliseconds,
            summary.consumer_cpu_milliseconds,
            summary.copied_bytes_per_frame / 1e6,
            summary.missed,
            summary.lost,
            summary.wrong,
            paths(summary)
        );
    }
    text
}

/// The ways that frames took, each with its number where there are several.
fn paths(summary: &Summary) -> String {
    let name = |path: &char| match path {
        'd' => "direct",
        's' => "staged",
        'p' => "pageable",
        'c' => "caller's buffers",
        'o' => "driver's memory",
        'n' => "none",
        _ => "host",
    };
    let several = summary.paths.len() > 1;
    let named = summary.paths.iter().map(|(path, frames)| match several {
        true => format!("{} {frames}", name(path)),
        false => name(path).to_owned(),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// One row for each memory that a device was fed from, at 30 Hz, with the rate of its copies alone.
fn device_summary(record: &Record) -> Option<String> {
    let mut text = String::from(
        "| one camera, one consumer, 30 Hz | sent to bytes on the device, p50 / p99 us | consumer's CPU ms a frame | MB \
         copied by a CPU a frame | frames/s at full speed | GB/s of copies alone |\n|---|---|---|---|---|---|\n",
    );
    let of = |arm: Arm, is_paced: bool| {
        record.summaries.iter().find(|summary| {
            let workload = &summary.workload;
            (summary.arm, workload.cameras, workload.consumers) == (arm, 1, 1)
                && workload.rate.is_some() == is_paced
        })
    };
    let mut rows = 0;
    for arm in Arm::COPYING {
        let Some(paced) = of(arm, true) else { continue };
        let Some(used) = &paced.used else { continue };
        let or_nothing = |value: Option<String>| value.unwrap_or_else(|| String::from("-"));
        let fast = of(arm, false).map(|fast| format!("{:.0}", fast.frames_per_second));
        let alone = record
            .copies
            .as_ref()
            .and_then(|copies| copies.of(arm, record.frame_bytes));
        let alone = alone.map(|copies| format!("{:.1}", copies.gigabytes_per_second));
        rows += 1;
        let _ = writeln!(
            text,
            "| {} | {:.0} / {:.0} | {:.2} | {:.1} | {} | {} |",
            arm.name(),
            used.p50,
            used.p99,
            paced.consumer_cpu_milliseconds,
            paced.copied_bytes_per_frame / 1e6,
            or_nothing(fast),
            or_nothing(alone)
        );
    }
    (rows > 0).then_some(text)
}

fn processes(registering: &Registering) -> String {
    let mut text = String::from(
        "| processes | pool MiB | first frame to registered, ms: quickest / slowest process | a bystander's copies of 64 \
         KiB before, p50 / p99 / max us | meanwhile, p50 / p99 / max us |\n|---|---|---|---|---|\n",
    );
    for row in &registering.rows {
        let seen = |seen: &Seen| format!("{:.0} / {:.0} / {:.0}", seen.p50, seen.p99, seen.maximum);
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} / {:.1} | {} | {} |",
            row.processes,
            row.pool_bytes >> 20,
            row.quickest,
            row.slowest,
            seen(&row.quiet),
            seen(&row.meanwhile)
        );
    }
    text
}

/// One row for each arm on the host, placed freely: 30 Hz, and the rate at full speed.
fn host_summary(record: &Record) -> Option<String> {
    let mut text = String::from(
        "| one camera, one consumer | in hand at 30 Hz, p50 / p99 us | CPU ms a frame at 30 Hz: camera / consumer | \
         MB copied by a CPU a frame | frames/s at full speed |\n|---|---|---|---|---|\n",
    );
    let of = |arm: Arm, is_paced: bool| {
        record.summaries.iter().find(|summary| {
            let Workload {
                cameras,
                consumers,
                rate,
                placement,
                ..
            } = summary.workload;
            (summary.arm, cameras, consumers, rate.is_some()) == (arm, 1, 1, is_paced)
                && placement == Placement::Free
        })
    };
    let mut rows = 0;
    for arm in Arm::HOST {
        let Some(paced) = of(arm, true) else { continue };
        let Some(in_hand) = &paced.in_hand else {
            continue;
        };
        let fast = of(arm, false).map_or(String::from("-"), |fast| {
            format!("{:.0}", fast.frames_per_second)
        });
        rows += 1;
        let _ = writeln!(
            text,
            "| {} | {:.0} / {:.0} | {:.2} / {:.2}{} | {:.1} | {fast} |",
            arm.name(),
            in_hand.p50,
            in_hand.p99,
            paced.camera_cpu_milliseconds,
            paced.consumer_cpu_milliseconds,
            daemon(paced),
            paced.copied_bytes_per_frame / 1e6
        );
    }
    (rows > 0).then_some(text)
}

/// The CPU time of dora's daemon, in brackets; nothing without dora.
fn daemon(summary: &Summary) -> String {
    match summary.daemon_cpu_milliseconds {
        Some(daemon) => format!(" (daemon {daemon:.2})"),
        None => String::new(),
    }
}

fn scaling(record: &Record, is_double: bool) -> Option<String> {
    let mut text = String::from(
        "| cameras x consumers | arm | used p50 / p99 us at 30 Hz | missed + lost at 30 Hz | GB/s at full speed, all \
         consumers |\n|---|---|---|---|---|\n",
    );
    let mut rows = 0;
    let paced = |summary: &&Summary| {
        let means_something = !(is_double && summary.arm.is_of_device());
        means_something
            && summary.workload.rate.is_some()
            && summary.workload.placement == Placement::Apart
    };
    for at_30_hz in record.summaries.iter().filter(paced) {
        let workload = at_30_hz.workload;
        let same = |other: &&Summary| {
            other.arm == at_30_hz.arm
                && other.workload.rate.is_none()
                && other.workload.cameras == workload.cameras
                && other.workload.consumers == workload.consumers
        };
        let Some(used) = &at_30_hz.used else { continue };
        let fast = record.summaries.iter().find(same);
        let fast = fast.map_or(String::from("-"), |fast| {
            format!("{:.2}", fast.gigabytes_per_second)
        });
        rows += 1;
        let _ = writeln!(
            text,
            "| {} x {} | {} | {:.0} / {:.0} | {} | {fast} |",
            workload.cameras,
            workload.consumers,
            at_30_hz.arm.name(),
            used.p50,
            used.p99,
            at_30_hz.missed + at_30_hz.lost
        );
    }
    (rows > 0).then_some(text)
}

fn by_size(copies: &BySize) -> String {
    let mut text = String::from(
        "| bytes | (a) GB/s | (b) GB/s | (c) GB/s | (d) GB/s | (b) alone us | (c) alone us | registration paid after \
         frames |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mut sizes: Vec<_> = copies.copies.iter().map(|copies| copies.bytes).collect();
    sizes.dedup();
    for bytes in sizes {
        let rate = |arm| match copies.of(arm, bytes) {
            Some(copies) => format!("{:.2}", copies.gigabytes_per_second),
            None => String::from("-"),
        };
        let alone = |arm| match copies.of(arm, bytes) {
            Some(copies) => format!("{:.1}", copies.alone_microseconds),
            None => String::from("-"),
        };
        let paid = match copies.break_even(bytes) {
            Some(frames) => format!("{frames:.0}"),
            None => String::from("never"),
        };
        let [plain, caller, ours, ceiling] = Arm::COPYING.map(rate);
        let _ = writeln!(
            text,
            "| {bytes} | {plain} | {caller} | {ours} | {ceiling} | {} | {} | {paid} |",
            alone(Arm::DeviceCallerPinned),
            alone(Arm::DevicePinned)
        );
    }
    let _ = writeln!(
        text,
        "\nRegistration of a pool of {} MiB, from its first frame: {:.0} us.",
        copies.registered_bytes >> 20,
        copies.registration_microseconds
    );
    text
}
