//! What subscribers and publishers say of themselves, as keys of zenoh's liveliness tokens.
//!
//! The chunk `@zpin` is verbatim: no wildcard of an application matches it. Key expressions are written as hexadecimal
//! digits, because a token's key may have no wildcards.

use zenoh::{
    config::ZenohId,
    key_expr::{KeyExpr, OwnedKeyExpr},
    session::EntityGlobalId,
};
use zenoh_pinned::bindings::line::{InboxAddress, NoLine, PROTOCOL};

/// A publisher of zenoh's: its session, and its number there.
pub(in crate::pubsub) type Source = (u128, u32);

pub(in crate::pubsub) fn source_of(id: &EntityGlobalId) -> Source {
    (number_of(id.zid()), id.eid())
}

fn number_of(zid: ZenohId) -> u128 {
    u128::from_le_bytes(zid.to_le_bytes())
}

/// Where a subscriber's inbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pubsub) struct InboxToken {
    pub(in crate::pubsub) address: InboxAddress,
    pub(in crate::pubsub) session: u128,
    pub(in crate::pubsub) key: OwnedKeyExpr,
}

impl InboxToken {
    /// Matches the token of every subscriber, of any version.
    pub(in crate::pubsub) const ALL: &'static str = "@zpin/inbox/*/*/*/*";

    pub(in crate::pubsub) fn new(address: InboxAddress, zid: ZenohId, key: &KeyExpr<'_>) -> Self {
        Self {
            address,
            session: number_of(zid),
            key: OwnedKeyExpr::from(key.clone()),
        }
    }

    pub(in crate::pubsub) fn key(&self) -> String {
        let Self {
            address,
            session,
            key,
        } = self;
        let key = to_digits(key);
        format!("@zpin/inbox/{PROTOCOL}/{address}/{session:x}/{key}")
    }

    pub(in crate::pubsub) fn parse(token: &str) -> Result<Self, NoLine> {
        let chunks: Vec<_> = token.split('/').collect();
        let Ok(["@zpin", "inbox", version, address, session, key]) = <[&str; 6]>::try_from(chunks)
        else {
            return Err(NoLine::OtherVersion);
        };
        if version != PROTOCOL {
            return Err(NoLine::OtherVersion);
        }
        let session = u128::from_str_radix(session, 16);
        let key = from_digits(key).and_then(|key| OwnedKeyExpr::new(key).ok());
        Ok(Self {
            address: address.parse()?,
            session: session.map_err(|_| NoLine::OtherVersion)?,
            key: key.ok_or(NoLine::OtherVersion)?,
        })
    }
}

/// That a publisher alone publishes on its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pubsub) struct AloneToken {
    pub(in crate::pubsub) source: Source,
}

impl AloneToken {
    pub(in crate::pubsub) fn key(source: Source, key: &str) -> String {
        let (session, entity) = source;
        format!(
            "@zpin/alone/{PROTOCOL}/{}/{session:x}-{entity:x}",
            to_digits(key)
        )
    }

    /// Matches those on this key.
    pub(in crate::pubsub) fn all_on(key: &str) -> String {
        format!("@zpin/alone/{PROTOCOL}/{}/*", to_digits(key))
    }

    pub(in crate::pubsub) fn parse(token: &str) -> Option<Self> {
        let (session, entity) = token.rsplit('/').next()?.split_once('-')?;
        Some(Self {
            source: (
                u128::from_str_radix(session, 16).ok()?,
                u32::from_str_radix(entity, 16).ok()?,
            ),
        })
    }
}

fn to_digits(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_digits(digits: &str) -> Option<String> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes = (0..digits.len()).step_by(2);
    let bytes: Option<Vec<u8>> = bytes
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> InboxToken {
        InboxToken {
            address: "1-2-3-4-5-6-7-8".parse().unwrap(),
            session: u128::MAX,
            key: OwnedKeyExpr::new("camera/*/é/$*x/**").unwrap(),
        }
    }

    #[test]
    fn a_token_is_a_key_without_wildcards_that_reads_back() {
        let key = token().key();
        assert!(!KeyExpr::new(&*key).unwrap().is_wild());
        assert!(
            KeyExpr::new(InboxToken::ALL)
                .unwrap()
                .includes(&KeyExpr::new(&*key).unwrap())
        );
        assert!(
            !KeyExpr::new("**")
                .unwrap()
                .intersects(&KeyExpr::new(&*key).unwrap())
        );
        assert_eq!(InboxToken::parse(&key), Ok(token()));
        let alone = AloneToken::key((u128::MAX, 7), "camera/é");
        let all = AloneToken::all_on("camera/é");
        assert!(
            KeyExpr::new(all)
                .unwrap()
                .includes(&KeyExpr::new(&*alone).unwrap())
        );
        assert_eq!(AloneToken::parse(&alone).unwrap().source, (u128::MAX, 7));
    }

    #[test]
    fn other_keys_are_other_versions_or_nothing() {
        let good = token().key();
        let newer = good.replace(PROTOCOL, "2-2");
        assert_eq!(InboxToken::parse(&newer), Err(NoLine::OtherVersion));
        for odd in [
            "",
            "@zpin/inbox",
            &good[..good.len() - 1],
            &format!("{good}zz"),
            &format!("{good}2a2a2f"),
        ] {
            assert!(InboxToken::parse(odd).is_err(), "{odd}");
        }
        assert_eq!(AloneToken::parse("@zpin/alone/1/2/x-y"), None);
    }
}
