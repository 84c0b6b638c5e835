//! The second connection to the daemon.
//!
//! It tells the daemon that an output was sent: input deadlines and circuit breakers live there, and hear of
//! messages only this way. It also carries whole messages for consumers that cannot attach shared memory. (The node's
//! own connection cannot be reached, and `send_output` would try dora's own shared memory first: such a consumer would
//! lose the message without a word.)
//!
//! Specified by dora-message 1.1: length (eight bytes, little endian), then the encoded request.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use dora_message::{
    DataflowId, MAX_MESSAGE_BYTES,
    aligned_vec::{AVec, ConstAlign},
    daemon_to_node::DaemonReply,
    id::{DataId, NodeId},
    metadata::Metadata,
    node_to_daemon::{DaemonRequest, DataMessage, NodeRegisterRequest, Timestamped},
    uhlc::HLC,
};

use super::framing;

/// How long the daemon may take to answer, or to take bytes.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message for the daemon, aligned as Arrow needs it.
pub(crate) type DaemonMessage = AVec<u8, ConstAlign<128>>;

/// Memory for a message of `bytes` bytes, all zero.
pub(crate) fn message_of(bytes: usize) -> DaemonMessage {
    let mut message = AVec::new(128);
    message.resize(bytes, 0);
    message
}

/// Why the daemon could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The connection failed; the daemon has probably ended.
    #[error("the connection to the dora daemon failed: {0}")]
    Connection(#[from] io::Error),
    /// The daemon refused the node, for instance because of its version.
    #[error("the dora daemon refused: {0}")]
    Refused(String),
    /// The message is larger than the daemon takes.
    #[error(
        "a message of {bytes} bytes is larger than the {MAX_MESSAGE_BYTES} that the dora daemon takes"
    )]
    TooLarge {
        /// Bytes of the message.
        bytes: usize,
    },
    /// A message could not be encoded or decoded.
    #[error("a message of the dora daemon's protocol is broken: {0}")]
    Protocol(String),
}

/// A connection that is registered as the node's, and made again after a failure.
pub(crate) struct DaemonLink {
    address: SocketAddr,
    registration: (DataflowId, NodeId),
    /// `None` after a failure: half a message may be in it, and nothing can follow that.
    stream: Option<TcpStream>,
    clock: HLC,
}

impl DaemonLink {
    pub(crate) fn connect(
        address: SocketAddr,
        dataflow_id: DataflowId,
        node_id: NodeId,
    ) -> Result<Self, DaemonError> {
        let mut link = Self {
            address,
            registration: (dataflow_id, node_id),
            stream: None,
            clock: HLC::default(),
        };
        link.register()?;
        Ok(link)
    }

    fn register(&mut self) -> Result<(), DaemonError> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.stream = Some(stream);
        let (dataflow_id, node_id) = self.registration.clone();
        let register = NodeRegisterRequest::new(dataflow_id, node_id);
        self.write(DaemonRequest::Register(register))?;
        let refusal = match self.receive()? {
            DaemonReply::Result(Ok(())) => return Ok(()),
            DaemonReply::Result(Err(refusal)) => DaemonError::Refused(refusal),
            other => DaemonError::Protocol(format!("unexpected reply {other:?}")),
        };
        self.stream = None;
        Err(refusal)
    }

    /// Reports one message that zenoh has delivered. The daemon does not answer.
    pub(crate) fn output_sent(
        &mut self,
        output: &DataId,
        metadata: Metadata,
    ) -> Result<(), DaemonError> {
        self.send(DaemonRequest::OutputSent {
            output_id: output.clone(),
            metadata,
        })
    }

    /// Sends one message by way of the daemon, which hands it to each consumer.
    pub(crate) fn send_message(
        &mut self,
        output: &DataId,
        metadata: Metadata,
        message: DaemonMessage,
    ) -> Result<(), DaemonError> {
        self.send(DaemonRequest::SendMessage {
            output_id: output.clone(),
            metadata,
            data: Some(DataMessage::Vec(message)),
        })
    }

    /// Waits until the daemon has taken everything that was sent on this connection.
    pub(crate) fn flush(&mut self) -> Result<(), DaemonError> {
        // A request that changes nothing. The daemon takes requests in order, so its answer comes after all of them.
        self.send(DaemonRequest::ExtensionLoad {
            namespace: String::from("zenoh-pinned"),
            key: String::from("flush"),
            remove: false,
        })?;
        self.receive().map(drop)
    }

    fn send(&mut self, request: DaemonRequest) -> Result<(), DaemonError> {
        if self.stream.is_none() {
            self.register()?;
        }
        self.write(request)
    }

    fn write(&mut self, request: DaemonRequest) -> Result<(), DaemonError> {
        let request = Timestamped {
            inner: request,
            timestamp: self.clock.new_timestamp(),
        };
        let bulk_bytes = request.inner.encode_size_hint();
        let encoded = dora_message::encode_presized(&request, bulk_bytes)
            .map_err(|error| DaemonError::Protocol(error.to_string()))?;
        if encoded.len() > MAX_MESSAGE_BYTES {
            let bytes = encoded.len();
            return Err(DaemonError::TooLarge { bytes });
        }
        // One write, because without Nagle's algorithm each write is a packet.
        let mut message = Vec::with_capacity(8 + encoded.len());
        message.extend_from_slice(&(encoded.len() as u64).to_le_bytes());
        message.extend_from_slice(&encoded);
        self.with_stream(|stream| Ok(stream.write_all(&message)?))
    }

    fn receive(&mut self) -> Result<DaemonReply, DaemonError> {
        let reply = self.with_stream(receive_message)?;
        dora_message::decode(&reply).map_err(|error| DaemonError::Protocol(error.to_string()))
    }

    /// Uses the connection, and drops it if that fails.
    fn with_stream<T>(
        &mut self,
        use_it: impl FnOnce(&mut TcpStream) -> Result<T, DaemonError>,
    ) -> Result<T, DaemonError> {
        let lost = || DaemonError::Connection(io::ErrorKind::NotConnected.into());
        let used = use_it(self.stream.as_mut().ok_or_else(lost)?);
        if used.is_err() {
            self.stream = None;
        }
        used
    }
}

fn receive_message(stream: &mut TcpStream) -> Result<Vec<u8>, DaemonError> {
    let reply = framing::read_message(stream, MAX_MESSAGE_BYTES)?;
    reply.ok_or_else(|| DaemonError::Protocol(String::from("the reply is too long")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Reads a request, and answers it as a daemon that accepts does.
    fn accept(listener: &TcpListener) -> TcpStream {
        let (mut stream, _) = listener.accept().unwrap();
        receive_message(&mut stream).unwrap();
        let reply = dora_message::encode(&DaemonReply::Result(Ok(()))).unwrap();
        stream
            .write_all(&(reply.len() as u64).to_le_bytes())
            .unwrap();
        stream.write_all(&reply).unwrap();
        stream
    }

    #[test]
    fn a_lost_connection_is_made_again_for_the_next_message() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let daemon = std::thread::spawn(move || {
            drop(accept(&listener));
            let mut second = accept(&listener);
            receive_message(&mut second).unwrap()
        });
        let node = NodeId::from(String::from("camera"));
        let mut link = DaemonLink::connect(address, DataflowId::new_v4(), node).unwrap();
        let output = DataId::from(String::from("image"));
        let message = |link: &mut DaemonLink| {
            let metadata = Metadata::startup_marker(HLC::default().new_timestamp());
            link.output_sent(&output, metadata)
        };
        // Until the closed connection shows itself, what is written goes nowhere.
        while message(&mut link).is_ok() {}
        message(&mut link).unwrap();
        assert!(!daemon.join().unwrap().is_empty());
    }
}
