//! Where sockets of this user lie.

use std::path::PathBuf;

/// `XDG_RUNTIME_DIR`, or `/tmp` where that is none: as short as can be, as a socket's path has 108 bytes.
pub fn runtime_folder() -> PathBuf {
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let named = named.filter(|path| path.as_os_str().len() < 48 && path.is_dir());
    named.unwrap_or_else(|| PathBuf::from("/tmp"))
}
