//! The leases of other processes, by the connections that they are.

use std::{
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, PoisonError},
};

use crate::registry::Leased;

#[derive(Debug, Default)]
pub(super) struct Leases {
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    leases: Vec<(Arc<UnixStream>, Leased)>,
    is_ended: bool,
}

impl Leases {
    pub(super) fn add(&self, stream: UnixStream, leased: Leased) {
        let mut list = self.list();
        if !list.is_ended {
            list.leases.push((Arc::new(stream), leased));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list().leases.len()
    }

    /// The connections, each kept open by whoever has it.
    pub(super) fn watched(&self) -> Vec<Arc<UnixStream>> {
        let list = self.list();
        list.leases
            .iter()
            .map(|(stream, _)| stream.clone())
            .collect()
    }

    pub(super) fn remove(&self, ended: &[Arc<UnixStream>]) {
        if ended.is_empty() {
            return;
        }
        let is_ended = |stream: &Arc<UnixStream>| ended.iter().any(|one| Arc::ptr_eq(one, stream));
        let mut list = self.list();
        let gone: Vec<_> = list
            .leases
            .extract_if(.., |(stream, _)| is_ended(stream))
            .collect();
        drop(list);
        drop(gone);
    }

    /// Lets go of all, and takes no more.
    pub(super) fn end(&self) {
        let mut list = self.list();
        list.is_ended = true;
        let gone = std::mem::take(&mut list.leases);
        drop(list);
        drop(gone);
    }

    fn list(&self) -> std::sync::MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
