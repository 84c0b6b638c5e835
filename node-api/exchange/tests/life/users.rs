//! Regions between users: the mode says who may, and nobody takes over another user's.

use super::*;
use zenoh_pinned_exchange::{AttachError, CreateError};

/// A user that owns nothing.
const NOBODY: u32 = 65534;

/// Runs a part of a test, which a worker holds, as nobody.
fn as_nobody(part: &str, name: &Name) -> bool {
    // SAFETY: changes nothing.
    if unsafe { libc::geteuid() } != 0 {
        println!("skipped: only root can become another user");
        return false;
    }
    let mut worker = worker::orders("users::worker_as_nobody")
        .with("PART", part)
        .with("NAME", &**name)
        .start();
    worker.line("done");
    if part == "leave a region" {
        worker.kill();
    } else {
        worker.end();
    }
    true
}

#[test]
#[ignore = "a worker of another test"]
fn worker_as_nobody() {
    // SAFETY: changes the user of this process, which is this test's alone.
    let changed = unsafe {
        [
            libc::setgroups(0, std::ptr::null()),
            libc::setgid(NOBODY),
            libc::setuid(NOBODY),
        ]
    };
    assert_eq!(changed, [0; 3]);
    let name = worker::order("NAME");
    match worker::order("PART").as_str() {
        "attach as a stranger" => {
            for error in [
                Agent::attach(&name).map(drop).unwrap_err(),
                Observer::attach(&name).map(drop).unwrap_err(),
            ] {
                assert!(matches!(error, AttachError::NotAllowed { .. }), "{error:?}");
            }
        }
        "observe" => {
            let error = Agent::attach(&name).unwrap_err();
            assert!(matches!(error, AttachError::NotAllowed { .. }), "{error:?}");
            let mut observer = Observer::attach(&name).unwrap();
            assert!(observer.read_observation().unwrap().is_some());
        }
        "answer" => {
            let mut agent = Agent::attach(&name).unwrap();
            agent.read_observation().unwrap().unwrap();
            agent.write_action(1, &[1.0]).unwrap();
        }
        "make it" => {
            let error = DataPlane::create(&name).unwrap_err();
            assert!(
                matches!(error, CreateError::OtherOwner { owner: 0, .. }),
                "{error:?}"
            );
        }
        "leave a region" => std::mem::forget(DataPlane::create(&name).unwrap()),
        part => panic!("{part}"),
    }
    println!("done");
    worker::wait_for_end();
}

#[test]
fn who_may_not_read_and_write_is_told_so() {
    let name = Name::new();
    let mut data_plane = DataPlane::create(&name).unwrap();
    write(&mut data_plane, 1);
    as_nobody("attach as a stranger", &name);
}

#[test]
fn who_may_read_observes_and_does_not_answer() {
    let name = Name::new();
    let mut data_plane = DataPlane::builder(&name).mode(0o644).create().unwrap();
    write(&mut data_plane, 1);
    as_nobody("observe", &name);
}

#[test]
fn who_may_write_answers() {
    let name = Name::new();
    let mut data_plane = DataPlane::builder(&name).mode(0o666).create().unwrap();
    write(&mut data_plane, 1);
    if as_nobody("answer", &name) {
        assert!(data_plane.read_action().unwrap().is_some());
    }
}

#[test]
fn another_users_region_is_not_adopted_even_if_it_may_be_written() {
    for mode in [0o666, 0o600] {
        let name = Name::new();
        let _data_plane = DataPlane::builder(&name).mode(mode).create().unwrap();
        as_nobody("make it", &name);
    }
}

#[test]
fn nor_by_root() {
    let name = Name::new();
    if as_nobody("leave a region", &name) {
        let error = DataPlane::create(&name).unwrap_err();
        assert!(
            matches!(error, CreateError::OtherOwner { owner: NOBODY, .. }),
            "{error:?}"
        );
        assert!(name.is_taken());
    }
}
