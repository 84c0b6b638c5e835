//! Other versions of zenoh and dora on the machine.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::report::{Surroundings, folder};

fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn another_minor_version_of_zenoh_is_named_with_the_one_to_install() {
    let packages = folder("packages");
    let package = packages.join("eclipse_zenoh-1.9.0.dist-info");
    fs::create_dir_all(&package).unwrap();
    let metadata = "Metadata-Version: 2.1\nName: eclipse-zenoh\nVersion: 1.9.0\n";
    fs::write(package.join("METADATA"), metadata).unwrap();
    let set = Surroundings::well().set("PYTHONPATH", &packages.to_string_lossy());
    let report = set.examined(&[]);
    fs::remove_dir_all(packages).unwrap();
    report.assert_note("zenoh", "eclipse-zenoh~=1.10.0");
    assert!(
        report
            .line("zenoh")
            .fact
            .contains("1.9.0 of the package eclipse-zenoh")
    );
    report.assert_well();
}

#[test]
fn routers_and_dora_on_the_path_tell_their_versions_and_one_that_hangs_is_left() {
    let programs = folder("programs");
    program(
        &programs,
        "zenohd",
        "echo 'zenohd v1.11.0 built with rustc'",
    );
    program(&programs, "dora", "echo 'dora-cli 0.3.12'");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display());
    let asked = || {
        Surroundings::well()
            .run_by(&format!("env PATH={path}"))
            .examined(&[])
    };
    let report = asked();
    report.assert_note("zenoh", "zenoh 1.10");
    report.assert_note("dora", "dora-rs~=1.1.0");
    program(&programs, "dora", "exec sleep 600");
    let report = asked();
    fs::remove_dir_all(programs).unwrap();
    assert!(report.line("dora").fact.contains("does not answer"));
}
