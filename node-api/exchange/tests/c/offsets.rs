//! Every field of the header lies where this crate has it.

use std::{fmt::Write, mem::offset_of, path::Path};

use zenoh_pinned_exchange::{Action, AliasColumn, Observation, Reservoir, ServerStatistics};

use crate::harness::compiler::{compiler, expect_success};

/// Asserts for a structure of C, where the names of the fields are the same in both.
macro_rules! asserts {
    ($text:ident, $c:literal, $rust:ident, [$($field:ident),*]) => {
        writeln!($text, "ZPX_TEST(sizeof({}) == {});", $c, size_of::<$rust>()).unwrap();
        writeln!($text, "ZPX_TEST(ALIGNMENT({}) == {});", $c, align_of::<$rust>()).unwrap();
        let mut bytes = 0;
        $(
            let offset = offset_of!($rust, $field);
            writeln!($text, "ZPX_TEST(offsetof({}, {}) == {offset});", $c, stringify!($field)).unwrap();
            let size = size_of_field(|record: &$rust| size_of_val(&record.$field));
            writeln!($text, "ZPX_TEST(sizeof((({} *)0)->{}) == {size});", $c, stringify!($field)).unwrap();
            bytes += size;
        )*
        assert_eq!(bytes, size_of::<$rust>(), "all fields are named, and there is nothing between them");
    };
}

fn size_of_field<T: zenoh_pinned_exchange::bytemuck::Zeroable>(
    size: impl Fn(&T) -> usize,
) -> usize {
    size(&T::zeroed())
}

fn text() -> String {
    let mut text = String::from(
        "#include \"zenoh_pinned_exchange.h\"\n\
         #ifdef __cplusplus\n\
         #define ZPX_TEST(condition) static_assert(condition, #condition)\n\
         #define ALIGNMENT(type) alignof(type)\n\
         #else\n\
         #define ZPX_TEST(condition) _Static_assert(condition, #condition)\n\
         #define ALIGNMENT(type) _Alignof(type)\n\
         #endif\n",
    );
    asserts!(
        text,
        "zpx_server_statistics",
        ServerStatistics,
        [n_flow_on, reservoir_features]
    );
    asserts!(
        text,
        "zpx_observation",
        Observation,
        [
            sequence_id,
            timestamp_us,
            active_as_bitmap,
            num_active_as,
            reserved,
            as_stats,
            incarnation,
            reserved_for_later
        ]
    );
    asserts!(text, "zpx_alias_column", AliasColumn, [probability, alias]);
    asserts!(
        text,
        "zpx_action",
        Action,
        [
            sequence_id,
            timestamp_us,
            num_servers,
            reserved,
            weights,
            alias_table,
            incarnation,
            reserved_for_later
        ]
    );
    asserts!(
        text,
        "zpx_reservoir",
        Reservoir,
        [values, timestamps, seen, count, reserved]
    );
    for (name, value) in [
        ("ZPX_SERVERS", zenoh_pinned_exchange::SERVERS),
        ("ZPX_FEATURES", zenoh_pinned_exchange::FEATURES),
        (
            "ZPX_RESERVOIR_SAMPLES",
            zenoh_pinned_exchange::RESERVOIR_SAMPLES,
        ),
    ] {
        writeln!(text, "ZPX_TEST({name} == {value});").unwrap();
    }
    text
}

#[test]
fn every_field_lies_where_this_crate_has_it() {
    for (by, standard, language) in [
        ("gcc", "c11", "c"),
        ("g++", "c++17", "c++"),
        ("clang", "c11", "c"),
        ("clang++", "c++17", "c++"),
    ] {
        let Some(mut command) = compiler(by) else {
            println!("skipped: there is no {by}");
            continue;
        };
        let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("offsets-{by}-{}.txt", std::process::id()));
        std::fs::write(&file, text()).unwrap();
        command
            .arg(format!("-std={standard}"))
            .args(["-fsyntax-only", "-x", language]);
        expect_success(command.arg(&file));
        std::fs::remove_file(file).unwrap();
    }
}
