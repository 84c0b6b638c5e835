//! Messages on a connection to the daemon: a length of eight bytes, little endian, then that many bytes.

use std::io::{self, Read};

/// Reads one message; `Ok(None)` where its length is beyond `most_bytes`, so that nothing after it can be
/// read. Takes memory for what has arrived, not for what the length claims.
pub fn read_message(connection: &mut impl Read, most_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    connection.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if usize::try_from(length).map_or(true, |length| length > most_bytes) {
        return Ok(None);
    }
    let mut message = Vec::new();
    let read = connection.take(length).read_to_end(&mut message)?;
    match read as u64 == length {
        true => Ok(Some(message)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
