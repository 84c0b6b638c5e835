//! The environment variables of this library, and what is wrong with those that are set. Reads only what it is given.

use std::ffi::OsString;

use zenoh_pinned::bindings::bytes_in;

const PREFIX: &str = "ZENOH_PINNED_";
const SIZE: &str = "a size in bytes, such as 1048576, 64MiB or 2GiB";
const NUMBER: &str = "a number, such as 8";
const COLLECTOR: &str = "a collector, such as http://127.0.0.1:4318";

/// A variable that is set and not obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    /// What it may say.
    pub(crate) expected: &'static str,
}

/// Those that begin as this library's do, and are not obeyed.
pub(crate) fn malformed(set: impl Iterator<Item = (OsString, OsString)>) -> Vec<Variable> {
    let ours = set.filter_map(|(name, value)| {
        let name = name.to_str()?.to_owned();
        let kind = name.strip_prefix(PREFIX)?.to_owned();
        Some((name, kind, value.to_string_lossy().into_owned()))
    });
    let malformed = ours.filter_map(|(name, kind, value)| {
        let (is_obeyed, expected) = match kind.as_str() {
            "HOST_BYTES" | "MAX_BYTES" | "SHARED_FROM" => (bytes_in(&value).is_some(), SIZE),
            "SLOTS" => (value.trim().parse::<u32>().is_ok(), NUMBER),
            "RECLAIM" => (
                ["proven", "namespace", "never"].contains(&value.trim()),
                "proven, namespace or never",
            ),
            "LINE" => (["on", "off", "0", "1"].contains(&value.as_str()), "off"),
            // Empty is as good as not set.
            "TRACES" => (value.is_empty() || value.starts_with("http://"), COLLECTOR),
            _ => return None,
        };
        (!is_obeyed).then_some(Variable {
            name,
            value,
            expected,
        })
    });
    malformed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_and_not_obeyed_is_named() {
        let set = [
            ("ZENOH_PINNED_HOST_BYTES", "12 potatoes"),
            ("ZENOH_PINNED_MAX_BYTES", "64MiB"),
            ("ZENOH_PINNED_RECLAIM", "always"),
            ("ZENOH_PINNED_SLOTS", "many"),
            ("ZENOH_PINNED_LINE", "off"),
            ("ZENOH_PINNED_PYTHON", "/usr/bin/python3"),
            ("ZENOH_PINNED_TRACES", "127.0.0.1:4318"),
            ("HOME", "/root"),
        ];
        let set = set.map(|(name, value)| (name.into(), value.into()));
        let found = malformed(set.into_iter());
        let names: Vec<_> = found.iter().map(|variable| &variable.name[13..]).collect();
        assert_eq!(names, ["HOST_BYTES", "RECLAIM", "SLOTS", "TRACES"]);
        assert_eq!(found[0].expected, SIZE);
        for obeyed in ["", "http://127.0.0.1:4318"] {
            let set = ("ZENOH_PINNED_TRACES".into(), obeyed.into());
            assert_eq!(malformed(std::iter::once(set)), []);
        }
    }
}
