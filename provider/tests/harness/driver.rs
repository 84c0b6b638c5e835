//! Running a test with the CUDA driver double, or with the real driver, in a process of its own.
//!
//! The double is found by the dynamic loader under the driver's name, so the library under test cannot
//! tell. `LD_LIBRARY_PATH` is read when a process starts; a test therefore starts itself once more.
//! With `ZENOH_PINNED_TEST_DRIVER=real` the same tests run against the machine's own driver.

use std::{
    ffi::{CStr, CString},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

const INSIDE: &str = "ZENOH_PINNED_TEST_INSIDE";

/// What the double has seen when its process ended; `None` from a real driver.
pub struct Report(Option<serde_json::Value>);

impl Report {
    fn value(&self) -> Option<&serde_json::Value> {
        self.0.as_ref()
    }

    /// How often the driver entry point was called.
    pub fn calls(&self, function: &str) -> Option<u64> {
        Some(self.value()?["calls"][function].as_u64().unwrap_or(0))
    }

    /// Registrations made, as (bytes, name of the calling thread).
    pub fn registrations(&self) -> Option<Vec<(u64, String)>> {
        let list = self.value()?["registrations"].as_array()?;
        let entry = |made: &serde_json::Value| {
            let thread = made["thread"].as_str().unwrap_or_default().to_owned();
            (made["bytes"].as_u64().unwrap_or(0), thread)
        };
        Some(list.iter().map(entry).collect())
    }

    /// The largest number of bytes registered at once.
    pub fn peak_registered_bytes(&self) -> Option<u64> {
        self.value()?["peak_registered_bytes"].as_u64()
    }

    /// Fails if the process misused the driver, whatever it left there.
    pub fn assert_no_violation(&self) {
        let Some(report) = self.value() else { return };
        assert_eq!(report["violations"], serde_json::json!([]), "{report:#}");
    }

    /// Fails unless the process left the driver as it should: nothing registered, nothing violated.
    pub fn assert_clean(&self) {
        let Some(report) = self.value() else { return };
        assert_eq!(report["registrations_left"], 0, "{report:#}");
        self.assert_no_violation();
    }
}

/// Whether the tests run against the machine's own driver.
pub fn is_real() -> bool {
    std::env::var("ZENOH_PINNED_TEST_DRIVER").is_ok_and(|driver| driver == "real")
}

/// Whether a test that only the double can serve is left out, which its output then says.
pub fn only_real_is_here(why: &str) -> bool {
    if is_real() {
        println!("skipped: {why}");
    }
    is_real()
}

/// The folder that holds the double under the driver's name.
pub fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let built = program.ancestors().nth(2).unwrap();
    let double = built.join("libcuda_driver_double.so");
    assert!(
        double.exists(),
        "{} is missing: run `cargo build -p cuda-driver-double` first, as `make test` does",
        double.display()
    );
    let folder = built.join("driver-double");
    fs::create_dir_all(&folder).unwrap();
    for name in ["libcuda.so", "libcuda.so.1"] {
        link(&double, &folder.join(name));
    }
    folder
}

/// Several test processes do this at once, so the link appears under its name in one step.
fn link(target: &Path, name: &Path) {
    if fs::read_link(name).is_ok_and(|present| present == target) {
        return;
    }
    let temporary = name.with_extension(format!("{}", std::process::id()));
    let _ = fs::remove_file(&temporary);
    std::os::unix::fs::symlink(target, &temporary).unwrap();
    fs::rename(&temporary, name).unwrap();
}

/// Gives a command the driver: the double with these settings, or the machine's own.
pub fn give(command: &mut Command, settings: &str, report: Option<&Path>) {
    if is_real() {
        return;
    }
    command.env("LD_LIBRARY_PATH", folder());
    command.env("CUDA_DOUBLE", settings);
    command.env_remove("CUDA_VISIBLE_DEVICES");
    match report {
        Some(report) => command.env("CUDA_DOUBLE_REPORT", report),
        None => command.env_remove("CUDA_DOUBLE_REPORT"),
    };
}

/// Runs the calling test's `body` in a process with the driver, and gives the double's report.
/// Inside that process it runs the body and exits, so what follows runs in the outer process only.
pub fn with_driver<Body: FnOnce()>(settings: &str, body: Body) -> Report {
    if std::env::var_os(INSIDE).is_some() {
        body();
        // The rest of the test is the outer process's. The harness's own exit would print a verdict.
        std::process::exit(0);
    }
    let report = temporary_file("report.json");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        &test_name::<Body>(),
        "--nocapture",
        "--include-ignored",
    ]);
    command.env(INSIDE, "1");
    give(&mut command, settings, Some(&report));
    let status = command.status().unwrap();
    assert!(
        status.success(),
        "the test failed in its process with the driver: {status}"
    );
    read_report(&report)
}

/// Reads the report that a process with the double has left.
pub fn read_report(path: &Path) -> Report {
    if is_real() {
        return Report(None);
    }
    let text = fs::read_to_string(path).expect("the driver double wrote no report");
    let late = fs::read_to_string(format!("{}.late", path.display())).unwrap_or_default();
    assert_eq!(late, "", "calls into the driver after exit");
    let _ = fs::remove_file(path);
    Report(Some(serde_json::from_str(&text).unwrap()))
}

/// The path of the test function that a closure was written in, as the test harness names it.
pub fn test_name<Body>() -> String {
    let path = std::any::type_name::<Body>();
    let path = path.trim_end_matches("::{{closure}}");
    path.split_once("::").unwrap().1.to_owned()
}

/// A name in the temporary folder that nobody else uses.
pub fn temporary_file(suffix: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("zpin-{}-{count}-{suffix}", std::process::id()))
}

/// Changes the double's behaviour from now on; see its own documentation for the settings.
pub fn set(setting: &str) {
    let setting = CString::new(setting).unwrap();
    type Control = extern "C" fn(*const libc::c_char) -> libc::c_int;
    let address = symbol(c"cuda_double_control");
    // SAFETY: the double exports this function with this signature.
    let control = unsafe { std::mem::transmute::<*mut libc::c_void, Control>(address) };
    assert_eq!(control(setting.as_ptr()), 0, "{setting:?}");
}

/// A number that the double counts.
pub fn count(what: &str) -> u64 {
    let what = CString::new(what).unwrap();
    type Count = extern "C" fn(*const libc::c_char) -> u64;
    let address = symbol(c"cuda_double_count");
    // SAFETY: the double exports this function with this signature.
    let count = unsafe { std::mem::transmute::<*mut libc::c_void, Count>(address) };
    count(what.as_ptr())
}

fn symbol(name: &CStr) -> *mut libc::c_void {
    // SAFETY: opens the library that the code under test opens, by the same name, and looks up a name.
    let address = unsafe {
        let library = libc::dlopen(c"libcuda.so".as_ptr(), libc::RTLD_LAZY);
        assert!(!library.is_null(), "no driver double");
        libc::dlsym(library, name.as_ptr())
    };
    assert!(!address.is_null(), "the driver double has no {name:?}");
    address
}
