//! No driver, one that works, and one that refuses.

use std::{os::unix::fs::symlink, path::PathBuf};

use super::report::{Surroundings, folder};

/// Whether this machine has a driver of its own.
fn has_driver() -> bool {
    // SAFETY: opens a library by its name, as a CUDA process does.
    let library = unsafe { libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_LAZY) };
    !library.is_null()
}

#[test]
fn no_driver_is_a_fact_and_a_fault_for_whoever_asks_for_a_device() {
    if has_driver() {
        eprintln!("SKIPPED: this machine has a CUDA driver");
        return;
    }
    let report = Surroundings::well().examined(&[]);
    report.assert_note("CUDA driver", "without a GPU nothing");
    report.assert_well();
    let report = Surroundings::well().examined(&["--device", "0"]);
    report.assert_fails("CUDA device", "install NVIDIA's driver");
}

/// The double of the driver under the driver's name, and a device with these settings.
fn with_double(settings: &str) -> (Surroundings, PathBuf) {
    let program = std::env::current_exe().unwrap();
    let double = program
        .ancestors()
        .nth(2)
        .unwrap()
        .join("libcuda_driver_double.so");
    assert!(
        double.exists(),
        "{} is missing: run `cargo build -p cuda-driver-double` first, as `make test` does",
        double.display()
    );
    let folder = folder("double");
    for name in ["libcuda.so", "libcuda.so.1"] {
        symlink(&double, folder.join(name)).unwrap();
    }
    let surroundings = Surroundings::well().set("LD_LIBRARY_PATH", &folder.to_string_lossy());
    (surroundings.set("CUDA_DOUBLE", settings), folder)
}

fn examined(settings: &str, arguments: &[&str]) -> super::report::Report {
    let (surroundings, folder) = with_double(settings);
    let report = surroundings.examined(arguments);
    std::fs::remove_dir_all(folder).unwrap();
    report
}

#[test]
fn a_device_that_registers_is_well_and_the_trial_goes_there_and_back() {
    let report = examined("copy_delay_us=1000", &["--device", "0"]);
    report.assert_well();
    assert!(report.line("copy to device").fact.contains("direct"));
}

#[test]
fn a_driver_is_told_without_a_context_unless_a_device_is_asked_for() {
    let (surroundings, folder) = with_double("devices=2");
    let seen = folder.join("seen.json");
    let surroundings = surroundings.set("CUDA_DOUBLE_REPORT", &seen.to_string_lossy());
    let report = surroundings.examined(&[]);
    let seen: serde_json::Value = serde_json::from_slice(&std::fs::read(seen).unwrap()).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(
        report
            .lines
            .iter()
            .filter(|line| line.about == "CUDA device")
            .count(),
        2
    );
    report.assert_well();
    assert_eq!(seen["calls"]["cuInit"], 1, "{seen:#}");
    for made in [
        "cuDevicePrimaryCtxRetain",
        "cuCtxCreate_v2",
        "cuMemHostRegister_v2",
    ] {
        assert_eq!(seen["calls"][made].as_u64().unwrap_or(0), 0, "{made}");
    }
    let report = examined("fail=cuDevicePrimaryCtxRetain:46", &["--device", "0"]);
    let refused = report
        .lines
        .iter()
        .find(|line| line.state == "fails")
        .unwrap();
    assert!(
        refused.fact.contains("cuDevicePrimaryCtxRetain"),
        "{refused:?}"
    );
    assert!(refused.remedy.as_ref().unwrap().contains("nvidia-smi"));
}

#[test]
fn a_driver_that_refuses_to_register_is_named_with_its_code() {
    let report = examined("fail=cuMemHostRegister_v2:304", &["--device", "0"]);
    report.assert_fails("copy to device", "nvidia-smi");
    let fact = &report.line("copy to device").fact;
    assert!(
        fact.contains("cuMemHostRegister") && fact.contains("304"),
        "{fact}"
    );
}

#[test]
fn a_device_that_there_is_not_is_told_with_how_many_there_are() {
    let report = examined("devices=2", &["--device", "5"]);
    let refused = report
        .lines
        .iter()
        .find(|line| line.state == "fails")
        .unwrap();
    assert!(refused.fact.contains("the driver counts 2"), "{refused:?}");
    assert!(
        refused
            .remedy
            .as_ref()
            .unwrap()
            .contains("CUDA_VISIBLE_DEVICES")
    );
}
