//! The header `grpc-timeout`.

use std::time::{Duration, Instant};

use hyper::http::HeaderValue;

use super::InvalidRequest;

/// When a call of this header ends; `None` where that is beyond all time.
pub(super) fn deadline(
    value: &HeaderValue,
    now: Instant,
) -> Result<Option<Instant>, InvalidRequest> {
    let text = value.to_str().unwrap_or_default();
    match timeout(text) {
        Some(timeout) => Ok(now.checked_add(timeout)),
        None => Err(InvalidRequest::Timeout {
            value: text.chars().take(32).collect(),
        }),
    }
}

fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The earlier of two deadlines.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_and_every_wrong_word() {
        let table = [
            ("1H", Some(Duration::from_secs(3600))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("6n", Some(Duration::from_nanos(6))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("1", None),
            ("1s", None),
            ("+1S", None),
            ("-1S", None),
            ("1 S", None),
            ("123456789S", None),
            ("1.5S", None),
            ("1ä", None),
        ];
        for (text, expected) in table {
            assert_eq!(timeout(text), expected, "{text:?}");
        }
        let now = Instant::now();
        let header = |text: &'static str| deadline(&HeaderValue::from_static(text), now);
        assert_eq!(header("3S").unwrap(), Some(now + Duration::from_secs(3)));
        let wrong = header("soon").unwrap_err();
        assert!(matches!(wrong, InvalidRequest::Timeout { value } if value == "soon"));
        let binary = deadline(&HeaderValue::from_bytes(b"\xff").unwrap(), now);
        assert!(matches!(binary, Err(InvalidRequest::Timeout { .. })));
    }

    #[test]
    fn the_earlier_deadline_counts() {
        let (one, other) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let table = [
            (None, None, None),
            (Some(one), None, Some(one)),
            (None, Some(other), Some(other)),
            (Some(other), Some(one), Some(one)),
        ];
        for (first, second, expected) in table {
            assert_eq!(earlier(first, second), expected);
        }
    }
}
