//! Numbers of bytes that environment variables give.
//!
//! Holds: the one parser of sizes for this crate and those above it. It reads; nobody writes anything.
//!
//! Invariant: a variable that is set is either obeyed or named in a warning.

/// What the environment variable `name` says: a number of bytes, alone or with the suffix KiB, MiB or GiB.
///
/// `None` where it is not set; a value that is no size is reported under its name, and `None` as well. Any thread.
pub fn bytes_from_environment(name: &str) -> Option<u64> {
    let value = std::env::var_os(name)?;
    let bytes = value.to_str().and_then(parsed);
    if bytes.is_none() {
        tracing::warn!(
            "{name} is ignored: {value:?} is no size in bytes, such as 1048576, 1024KiB, 64MiB or 2GiB"
        );
    }
    bytes
}

/// Bytes, as users write them: a number, alone or with the suffix KiB, MiB or GiB.
pub fn parsed(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = match text.find(|character: char| !character.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn sizes_have_binary_suffixes_or_none() {
        assert_eq!(parsed("4096"), Some(4096));
        assert_eq!(parsed(" 64 MiB "), Some(64 << 20));
        assert_eq!(parsed("2GiB"), Some(2 << 30));
        assert_eq!(parsed("1KiB"), Some(1024));
        assert_eq!(parsed("0"), Some(0));
    }

    #[test]
    fn what_is_not_a_size_is_none() {
        for text in [
            "",
            "MiB",
            "-1",
            "+1",
            "1MB",
            "18446744073709551615GiB",
            "1.5GiB",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
