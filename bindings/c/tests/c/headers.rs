//! The headers by themselves.

use std::fs;

use crate::compiler::{Language, compiler, expect_success, source, temporary};

#[test]
fn each_header_compiles_by_itself_without_a_warning() {
    for (language, header) in [
        (Language::C, "zenoh_pinned.h"),
        (Language::Cpp, "zenoh_pinned.h"),
        (Language::Cpp, "zenoh_pinned.hpp"),
    ] {
        let extension = if language == Language::C { "c" } else { "cpp" };
        let file = temporary(&format!("{header}.{extension}"));
        let twice = format!(
            "#include \"{header}\"\n#include \"{header}\"\nint main(void) {{ return 0; }}\n"
        );
        fs::write(&file, twice).unwrap();
        for by in language.present() {
            let mut command = compiler(by, language);
            expect_success(command.arg("-fsyntax-only").arg(&file));
            // Of C++20 too, whose rules for initializing structures are others.
            if language == Language::Cpp {
                let mut command = compiler(by, language);
                expect_success(command.args(["-std=c++20", "-fsyntax-only"]).arg(&file));
            }
        }
        fs::remove_file(file).unwrap();
    }
}

/// The numbers of an enumeration in the header, by their names.
fn numbers(header: &str, prefix: &str) -> Vec<(String, i64)> {
    let lines = header.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" = ")?;
        let number: String = rest
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '-')
            .collect();
        name.starts_with(prefix)
            .then(|| (name.to_owned(), number.parse().unwrap()))
    });
    lines.collect()
}

#[test]
fn every_status_of_the_header_is_one_of_the_library_and_the_other_way_round() {
    let header = fs::read_to_string(source("include/zenoh_pinned.h")).unwrap();
    let until = header.split("} zp_status;").next().unwrap();
    let told = numbers(until, "ZP_");
    let library = fs::read_to_string(source("src/status.rs")).unwrap();
    let library = library.split("pub(crate) enum Status {").nth(1).unwrap();
    let library = library.split('}').next().unwrap();
    let had = numbers(library, "");
    assert_eq!(told.len(), had.len());
    for ((told, number), (had, same)) in told.iter().zip(&had) {
        let plain = told
            .trim_start_matches("ZP_")
            .replace('_', "")
            .to_lowercase();
        assert_eq!((plain, number), (had.to_lowercase(), same));
    }
}

#[test]
fn the_structures_of_the_header_have_the_size_that_the_library_has() {
    // Fields by their sizes, as a reader counts them: a field that one side lacks moves all behind it.
    let sizes = [
        ("zp_pinner_options", 88),
        ("zp_pinner_statistics", 24),
        ("zp_publisher_options", 72),
        ("zp_pool_statistics", 112),
        ("zp_subscriber_options", 48),
    ];
    let mut text = String::from("#include \"zenoh_pinned.h\"\n");
    for (name, bytes) in sizes {
        text += &format!("_Static_assert(sizeof({name}) == {bytes}, \"{name}\");\n");
    }
    let file = temporary("sizes.c");
    fs::write(&file, text).unwrap();
    for by in Language::C.present() {
        let mut command = compiler(by, Language::C);
        expect_success(command.arg("-fsyntax-only").arg(&file));
    }
    fs::remove_file(file).unwrap();
}
