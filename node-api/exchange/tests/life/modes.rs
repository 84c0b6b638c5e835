//! The file's permissions are those that were asked for.

use super::*;
use zenoh_pinned_exchange::CreateError;

#[test]
fn the_mode_is_the_one_that_was_asked_for_whatever_the_umask() {
    for (umask, mode) in [
        ("777", "660"),
        ("000", "600"),
        ("077", "666"),
        ("022", "664"),
    ] {
        let name = Name::new();
        let mut worker = worker::orders("modes::worker_with_a_umask")
            .with("NAME", &*name)
            .with("UMASK", umask)
            .with("MODE", mode)
            .start();
        worker.line("made");
        assert_eq!(format!("{:o}", name.mode()), mode, "umask {umask}");
        worker.end();
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_a_umask() {
    let octal = |key| u32::from_str_radix(&worker::order(key), 8).unwrap();
    // SAFETY: no other thread of this process makes files.
    unsafe { libc::umask(octal("UMASK")) };
    let name = worker::order("NAME");
    let made = DataPlane::builder(&name).mode(octal("MODE")).create();
    println!("made");
    worker::wait_for_end();
    drop(made.unwrap());
}

#[test]
fn the_mode_is_set_anew_where_a_region_is_adopted() {
    let name = Name::new();
    process_with("data plane", &name).kill();
    assert_eq!(name.mode(), 0o600);
    let data_plane = DataPlane::builder(&name).mode(0o640).create().unwrap();
    assert_eq!(name.mode(), 0o640);
    // Not by one that is refused.
    DataPlane::builder(&name).mode(0o666).create().unwrap_err();
    assert_eq!(name.mode(), 0o640);
    drop(data_plane);
}

#[test]
fn a_mode_that_no_region_has_is_refused_before_anything_is_made() {
    for mode in [
        0,
        0o400,
        0o200,
        0o060,
        0o700,
        0o4600,
        0o1666,
        0o10_0600,
        u32::MAX,
    ] {
        let name = Name::new();
        let error = DataPlane::builder(&name).mode(mode).create().unwrap_err();
        assert!(matches!(error, CreateError::Mode { mode: told } if told == mode));
        assert!(!name.is_taken());
    }
}
