//! Our consumer copies pinned and unpinned inputs to the device.

use crate::dataflow::{self, camera, rust};

#[test]
fn our_consumer_copies_pinned_frames_to_the_device_directly() {
    let run = dataflow::run(&[
        camera(60).with("INTERVAL_US", 10_000),
        rust("device", "device::device")
            .input("image", "camera/image")
            .with_driver("copy_delay_us=5000"),
    ]);
    let device = run.journal("device");
    device.assert_all_shared(60);
    let paths = device.with("device_path");
    let direct = paths
        .iter()
        .filter(|entry| entry["device_path"] == "direct");
    // The first ones may be staged, while the segment is being registered.
    assert!(direct.count() >= 50, "{paths:?}");
}

#[test]
fn our_consumer_copies_a_stock_producers_frames_directly_too() {
    let run = dataflow::run(&[
        rust("camera", "camera::camera")
            .output("image")
            .line("shared_memory_pool_size: 64MB")
            .with("HOW", "dora")
            .with("BYTES", 1 << 20)
            .with("FRAMES", 60)
            .with("INTERVAL_US", 40_000),
        rust("device", "device::device")
            .input("image", "camera/image")
            .with_driver("copy_delay_us=5000"),
    ]);
    let device = run.journal("device");
    assert_eq!(device.count("equal"), device.frames().len());
    assert!(device.count("shared") >= 50, "{device:?}");
    let paths = device.with("device_path");
    let direct = paths
        .iter()
        .filter(|entry| entry["device_path"] == "direct");
    assert!(direct.count() >= 40, "{paths:?}");
}

#[test]
fn without_a_driver_our_consumer_reads_the_same_bytes_and_knows_why() {
    if crate::driver::is_real() {
        return;
    }
    let run = dataflow::run(&[
        camera(10).with("INTERVAL_US", 5000),
        rust("device", "device::device").input("image", "camera/image"),
    ]);
    let device = run.journal("device");
    device.assert_all_shared(10);
    let reason = device.last("ended")["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("no CUDA driver"), "{reason}");
}
