//! Where a measurement leaves what it found.

use std::{io, path::Path};

use serde_json::Value;

/// Writes the record, makes its folder where there is none, and says where it is.
///
/// # Errors
/// The system's.
pub fn write(path: &Path, record: &Value) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, format!("{record:#}\n"))?;
    println!("Written to {}", path.display());
    Ok(())
}
