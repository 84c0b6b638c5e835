//! What this library wants to reach, as ratios within one run, and what it did reach.

use std::fmt::Write;

use super::Record;
use crate::{arm::Arm, placement::Placement};

/// The ratios that this library wants to reach, and what they are.
pub fn table(record: &Record) -> String {
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
    let of_one = |arm: Arm, is_paced: bool| {
        // A double of the driver proves order, not speed.
        if is_double && arm.is_of_device() {
            return None;
        }
        record.summaries.iter().find(|summary| {
            let workload = &summary.workload;
            summary.arm == arm
                && workload.rate.is_some() == is_paced
                && (workload.cameras, workload.consumers) == (1, 1)
                && (workload.placement == Placement::Free) == arm.is_dora()
        })
    };
    let used = |arm: Arm| Some(of_one(arm, true)?.used.as_ref()?.p50);
    let in_hand = |arm: Arm| Some(of_one(arm, true)?.in_hand.as_ref()?.p50);
    let cpu = |arm: Arm, is_paced| Some(of_one(arm, is_paced)?.consumer_cpu_milliseconds);
    // What a frame costs whatever is done with it is left out.
    let beyond = |arm: Arm| Some(cpu(arm, true)? - cpu(Arm::DeviceReceived, true)?);
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
        "a consumer's CPU time a frame at 30 Hz, (c) to (b): at most 0.2",
        ratio(cpu(c, true), cpu(b, true)),
        &|ratio| ratio <= 0.2,
    );
    row(
        "the same beyond what receiving alone takes: at most 0.2",
        ratio(beyond(c), beyond(b)),
        &|ratio| ratio <= 0.2,
    );
    row(
        "the same at full speed: at most 0.2",
        ratio(cpu(c, false), cpu(b, false)),
        &|ratio| ratio <= 0.2,
    );
    row(
        "sent to in hand, p50, dora's default pool to dora with zenoh-pinned: at least 40",
        ratio(in_hand(Arm::DoraDefault), in_hand(Arm::DoraPinned)),
        &|ratio| ratio >= 40.0,
    );
    text
}
