//! Names of regions.

use std::{
    fs,
    ops::Deref,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

/// A name that no other test has. What has it is removed when the test ends.
pub struct Name(String);

impl Name {
    pub fn new() -> Self {
        static NAMES: AtomicU32 = AtomicU32::new(0);
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        Self(format!("exchange-test-{}-{number}", std::process::id()))
    }

    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/shm/{}", self.0))
    }

    pub fn is_taken(&self) -> bool {
        fs::symlink_metadata(self.path()).is_ok()
    }

    /// The permissions of what has the name.
    pub fn mode(&self) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(self.path()).unwrap().permissions().mode() & 0o7777
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if fs::remove_file(self.path()).is_err() {
            let _ = fs::remove_dir(self.path());
        }
    }
}
