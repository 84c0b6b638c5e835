//! Figures as Markdown tables.

use std::fmt::Write;

use super::{Latency, Record, Summary};
use crate::{arm::Arm, copies::BySize, placement::Placement, workload::Workload};

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
    let _ = write!(text, "\n### Aims\n\n{}", aims(record));
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
        let (workload, on_device) = (summary.workload, summary.arm.copies_to_device());
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
    match name {
        "camera-host" => one_by_one(false),
        "camera-device" => one_by_one(true),
        "scaling" => scaling(record),
        "break-even" => record.copies.as_ref().map(by_size),
        "aims" => Some(aims(record)),
        _ => None,
    }
}

fn table(summaries: &[&Summary]) -> String {
    let mut text = String::from(
        "| arm | in hand p50 / p99 us | used p50 / p99 / p99.9 / max us | frames/s | GB/s | CPU ms a frame: camera / \
         consumer | MB copied by a CPU a frame | missed / lost / wrong |\n|---|---|---|---|---|---|---|---|\n",
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
        let daemon = match summary.daemon_cpu_milliseconds {
            Some(daemon) => format!(" (daemon {daemon:.2})"),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {used} | {:.1} | {:.2} | {:.2} / {:.2}{daemon} | {:.1} | {} / {} / {} |",
            summary.arm.name(),
            short(&summary.in_hand),
            summary.frames_per_second,
            summary.gigabytes_per_second,
            summary.camera_cpu_milliseconds,
            summary.consumer_cpu_milliseconds,
            summary.copied_bytes_per_frame / 1e6,
            summary.missed,
            summary.lost,
            summary.wrong
        );
    }
    text
}

fn scaling(record: &Record) -> Option<String> {
    let mut text = String::from(
        "| cameras x consumers | arm | used p50 / p99 us at 30 Hz | missed + lost at 30 Hz | GB/s at full speed, all \
         consumers |\n|---|---|---|---|---|\n",
    );
    let mut rows = 0;
    let paced = |summary: &&Summary| {
        summary.workload.rate.is_some() && summary.workload.placement == Placement::Apart
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
        let [plain, caller, ours, ceiling] = Arm::DEVICE.map(rate);
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

/// The ratios that this library wants to reach, and what they are.
fn aims(record: &Record) -> String {
    let device = record.environment.device.as_ref();
    let is_double = device.is_some_and(|device| device.is_double);
    let mut text = String::from("| aim | ratio | reached |\n|---|---|---|\n");
    let mut row = |aim: &str, ratio: Option<f64>, reached: &dyn Fn(f64) -> bool| {
        let _ = match ratio {
            Some(ratio) => {
                let reached = if reached(ratio) { "yes" } else { "no" };
                writeln!(text, "| {aim} | {ratio:.2} | {reached} |")
            }
            None => writeln!(text, "| {aim} | not measured | |"),
        };
    };
    let at_30_hz = |arm: Arm| {
        // A double of the driver proves order, not speed.
        if is_double && arm.copies_to_device() {
            return None;
        }
        record.summaries.iter().find(|summary| {
            let workload = &summary.workload;
            summary.arm == arm
                && workload.rate.is_some()
                && (workload.cameras, workload.consumers) == (1, 1)
                && (workload.placement == Placement::Free) == arm.is_dora()
        })
    };
    let used = |arm: Arm| Some(at_30_hz(arm)?.used.as_ref()?.p50);
    let in_hand = |arm: Arm| Some(at_30_hz(arm)?.in_hand.as_ref()?.p50);
    let cpu = |arm: Arm| Some(at_30_hz(arm)?.consumer_cpu_milliseconds);
    let rate = |arm: Arm| {
        let copies = record.copies.as_ref().filter(|_| !is_double)?;
        Some(copies.of(arm, record.frame_bytes)?.gigabytes_per_second)
    };
    let link = device.and_then(|device| device.link_at_most.as_deref());
    let (generation, generation_aim) = match link {
        Some(link) if link.starts_with("16") => ("PCIe gen 4", 1.3),
        Some(link) if link.starts_with("32") => ("PCIe gen 5", 3.0),
        // Where the kernel does not say, the higher aim counts.
        _ => ("PCIe gen 5", 3.0),
    };
    let ratio = |of: Option<f64>, to: Option<f64>| Some(of? / to?);
    let (a, b, c, d) = (
        Arm::DevicePlain,
        Arm::DeviceCallerPinned,
        Arm::DevicePinned,
        Arm::DeviceCeiling,
    );
    row(
        "GB/s of (c) to (d), one frame's size: at least 0.98",
        ratio(rate(c), rate(d)),
        &|ratio| ratio >= 0.98,
    );
    row(
        &format!("GB/s of (c) to (a): at least {generation_aim} on {generation}"),
        ratio(rate(c), rate(a)),
        &|ratio| ratio >= generation_aim,
    );
    row(
        "sent to bytes on the device, p50, (c) to (b): at most 0.6",
        ratio(used(c), used(b)),
        &|ratio| ratio <= 0.6,
    );
    row(
        "a consumer's CPU time a frame, (c) to (b): at most 0.2",
        ratio(cpu(c), cpu(b)),
        &|ratio| ratio <= 0.2,
    );
    row(
        "sent to in hand, p50, dora's default pool to dora with zenoh-pinned: at least 40",
        ratio(in_hand(Arm::DoraDefault), in_hand(Arm::DoraPinned)),
        &|ratio| ratio >= 40.0,
    );
    text
}
