//! The libraries export what the header declares, and nothing else under its prefix.

use std::{collections::BTreeSet, fs, process::Command};

use crate::harness::compiler::{expect_success, library, source};

/// Functions that the header declares, without the one that it defines itself.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(source("include/zenoh_pinned_exchange.h")).unwrap();
    let declarations = header.lines().filter(|line| {
        line.starts_with("zpx_")
            || line.starts_with("void ")
            || line.starts_with("uint32_t ")
            || line.starts_with("const ")
    });
    declarations
        .filter_map(|line| {
            let (before, _) = line.split_once('(')?;
            let name = before.rsplit([' ', '*']).next()?;
            Some(name.to_owned())
        })
        .collect()
}

fn exported(arguments: &[&str], file: &str) -> BTreeSet<String> {
    let output = expect_success(Command::new("nm").args(arguments).arg(library(file)));
    let text = String::from_utf8_lossy(&output.stdout);
    let words = text.split_whitespace().map(str::to_owned);
    words.filter(|word| word.starts_with("zpx_")).collect()
}

#[test]
fn the_libraries_have_the_functions_of_the_header_and_no_others() {
    if Command::new("nm").arg("--version").output().is_err() {
        println!("skipped: there is no nm");
        return;
    }
    let declared = declared();
    assert!(
        declared.len() >= 14 && declared.contains("zpx_write_observation"),
        "{declared:?}"
    );
    assert_eq!(
        exported(
            &["--defined-only", "--dynamic"],
            "libzenoh_pinned_exchange.so"
        ),
        declared
    );
    assert_eq!(
        exported(
            &["--defined-only", "--extern-only"],
            "libzenoh_pinned_exchange.a"
        ),
        declared
    );
}
