//! The library exports what the header declares, and nothing else.

use std::{collections::BTreeSet, fs, process::Command};

use crate::compiler::{expect_success, library, source};

/// Functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(source("include/zenoh_pinned.h")).unwrap();
    let declarations = header
        .lines()
        .filter(|line| line.starts_with("zp_status zp_") || line.starts_with("const char *zp_"));
    let names = declarations.filter_map(|line| {
        let (before, _) = line.split_once('(')?;
        Some(before.rsplit([' ', '*']).next()?.to_owned())
    });
    names.collect()
}

fn exported(arguments: &[&str], file: &str) -> BTreeSet<String> {
    let output = expect_success(Command::new("nm").args(arguments).arg(library(file)));
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2));
    names.map(str::to_owned).collect()
}

#[test]
fn the_shared_library_has_the_functions_of_the_header_and_no_other_symbol() {
    let declared = declared();
    assert!(
        declared.len() > 50 && declared.contains("zp_publisher_put"),
        "{declared:?}"
    );
    let exported_by = exported(&["--dynamic", "--defined-only"], "libzenoh_pinned.so");
    assert_eq!(exported_by, declared);
}

#[test]
fn the_static_library_has_them_too() {
    let all = exported(
        &["--defined-only", "--extern-only", "--quiet"],
        "libzenoh_pinned.a",
    );
    let ours: BTreeSet<_> = all
        .into_iter()
        .filter(|name| name.starts_with("zp_"))
        .collect();
    assert_eq!(ours, declared());
}

#[test]
fn the_shared_library_is_found_by_a_name_with_its_version_and_stays_once_it_is_loaded() {
    let output = expect_success(
        Command::new("readelf")
            .args(["--dynamic", "--wide"])
            .arg(library("libzenoh_pinned.so")),
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("soname: [libzenoh_pinned.so.0.1]"), "{text}");
    assert!(text.contains("NODELETE"), "{text}");
}
