//! Publishers in this process and a subscriber in another one.

use zenoh::{Session, Wait, bytes::ZBytes, pubsub::Publisher};

use crate::{
    Error,
    other_process::OtherProcess,
    session::{self, TOLD, UNTOLD},
    transport::Transport,
};

pub(crate) struct Line {
    told: Publisher<'static>,
    untold: Publisher<'static>,
    pub(crate) consumer: OtherProcess,
    _session: Session,
}

impl Line {
    /// With the other process in a role of `consumer`, and messages sent as the flag of `session::publisher` says.
    fn new(transport: Transport, role: &str, is_express: bool) -> Result<Self, Error> {
        let endpoint = session::endpoint();
        let session = session::listen(transport, &endpoint)?;
        let consumer = OtherProcess::start(&[role, transport.name(), &endpoint])?;
        Ok(Self {
            told: session::publisher(&session, TOLD, is_express)?,
            untold: session::publisher(&session, UNTOLD, is_express)?,
            consumer,
            _session: session,
        })
    }

    /// Sends what the consumer tells a time of.
    pub(crate) fn put(&self, message: ZBytes) -> Result<(), Error> {
        self.told.put(message).wait()
    }

    /// Sends what the consumer only takes.
    pub(crate) fn put_untold(&self, message: ZBytes) -> Result<(), Error> {
        self.untold.put(message).wait()
    }
}

/// A line for each transport that is asked for.
pub(crate) struct Lines {
    lines: [Option<Line>; 3],
    role: &'static str,
    is_express: bool,
}

impl Lines {
    /// See [`Line::new`].
    pub(crate) fn new(role: &'static str, is_express: bool) -> Self {
        Self {
            lines: [const { None }; 3],
            role,
            is_express,
        }
    }

    pub(crate) fn of(&mut self, transport: Transport) -> Result<&mut Line, Error> {
        match &mut self.lines[transport as usize] {
            Some(line) => Ok(line),
            none => Ok(none.insert(Line::new(transport, self.role, self.is_express)?)),
        }
    }
}
