//! What is refused, and in which words.

use std::{path::Path, sync::Arc};

use super::catalog::{Catalog, NoLease, Shortage};
use crate::{
    error::{CapacityError, Holder, LoadError},
    loading::Loaded,
};

pub(super) fn check_name(model: &str) -> Result<(), LoadError> {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_one = matches!(model.len(), 1..=64) && model.bytes().all(may_be);
    match is_one && !model.starts_with('.') {
        true => Ok(()),
        false => Err(LoadError::Name {
            name: model.chars().take(80).collect(),
        }),
    }
}

pub(super) fn check_source(loaded: &Loaded, source: Option<&Path>) -> Result<(), LoadError> {
    match source {
        Some(source) => loaded.contents.check_source(source),
        None => Ok(()),
    }
}

pub(super) fn no_lease(model: &str, why: NoLease, catalog: &Catalog<Arc<Loaded>>) -> LoadError {
    match why {
        NoLease::NotLoaded => LoadError::NotLoaded {
            model: model.to_owned(),
        },
        NoLease::OverQuota {
            leased_bytes,
            needed_bytes,
        } => LoadError::OverQuota {
            model: model.to_owned(),
            needed_bytes,
            leased_bytes,
            quota_bytes: catalog.terms().session_bytes,
        },
    }
}

pub(super) fn capacity(
    model: &str,
    needed: u64,
    shortage: Shortage,
    cause: Option<String>,
) -> CapacityError {
    let holders = shortage
        .holders
        .into_iter()
        .filter(|(held, ..)| held != model);
    let holders = holders.map(|(model, bytes, sessions)| Holder {
        model,
        bytes,
        sessions,
    });
    CapacityError {
        model: model.to_owned(),
        needed_bytes: needed,
        free_bytes: shortage.free_bytes,
        holders: holders.collect(),
        cause,
    }
}
