//! What a server is to show, where, and under which names.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use super::{
    application::{Application, Card},
    error::ServeError,
    guard::Guard,
    serving::Serving,
};
use crate::Source;

/// Keys of `/api/stats` and paths below `/api/` that are no source's.
const RESERVED: [&str; 3] = ["at", "stats", "version"];
/// The one after zenoh's.
const PORT: u16 = 7448;

/// What shows the figures of some sources over HTTP; see the crate's README for the paths.
#[derive(Debug)]
pub struct Observer;

impl Observer {
    /// A server with no sources yet, at 127.0.0.1:7448.
    ///
    /// ```
    /// use std::net::{Ipv4Addr, SocketAddr};
    ///
    /// let serving = zenoh_pinned_observe::Observer::builder()
    ///     .sources(zenoh_pinned_observe::host())
    ///     .address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))) // any free port
    ///     .serve()?;
    /// println!("open http://{}/", serving.address());
    /// # Ok::<(), zenoh_pinned_observe::ServeError>(())
    /// ```
    pub fn builder() -> ObserverBuilder {
        ObserverBuilder {
            sources: Vec::new(),
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT),
            hosts: Vec::new(),
            application: Application::default(),
        }
    }
}

/// See [`Observer::builder`].
#[must_use]
pub struct ObserverBuilder {
    sources: Vec<Arc<dyn Source>>,
    address: SocketAddr,
    hosts: Vec<String>,
    application: Application,
}

impl ObserverBuilder {
    /// One source more. They are looked at in the order in which they were given.
    pub fn source(self, source: Arc<dyn Source>) -> Self {
        self.sources([source])
    }

    /// Some sources more.
    pub fn sources(mut self, sources: impl IntoIterator<Item = Arc<dyn Source>>) -> Self {
        self.sources.extend(sources);
        self
    }

    /// Where to listen; 127.0.0.1:7448 unless told otherwise. Port 0 is any that is free. Whoever can connect sees everything:
    /// there is no password.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Answers to this name too, besides `localhost`, loopback addresses and the address that a client has connected to.
    /// Without a port: any is taken, so that a forwarded port works.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// What the page is called in its heading and in the browser's tab: any text; `zenoh-pinned` unless told otherwise.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.application.title = title.into();
        self
    }

    /// Cards of the application's own, which come before the page's, in the order in which they were given.
    pub fn card(mut self, card: Card) -> Self {
        self.application.cards.push(card);
        self
    }

    /// Listens, and answers on threads of its own from then on.
    ///
    /// # Errors
    /// The address cannot be listened at, a name is none, or no thread can be started.
    pub fn serve(self) -> Result<Serving, ServeError> {
        let mut names = BTreeSet::new();
        for source in &self.sources {
            let name = source.name();
            if !may_be_a_name(name) {
                return Err(ServeError::SourceName { name: name.into() });
            }
            if !names.insert(name) {
                return Err(ServeError::SourceTwice { name: name.into() });
            }
        }
        let mut names = BTreeSet::new();
        for Card { name, .. } in &self.application.cards {
            if !may_be_a_name(name) {
                return Err(ServeError::CardName {
                    name: name.to_string(),
                });
            }
            if !names.insert(name) {
                return Err(ServeError::CardTwice {
                    name: name.to_string(),
                });
            }
        }
        let guard = Guard::new(self.hosts).map_err(|name| ServeError::HostName { name })?;
        Serving::begin(self.sources.into(), self.application, self.address, guard)
    }
}

/// Whether a source may be called so, or a card.
pub(crate) fn may_be_a_name(name: &str) -> bool {
    let word = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    name.len() <= 32
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(word)
        && !RESERVED.contains(&name)
}
