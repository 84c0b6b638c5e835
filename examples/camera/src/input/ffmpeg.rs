//! Finds an ffmpeg to decode with.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::bail;

const VARIABLE: &str = "ZENOH_PINNED_FFMPEG";

pub(crate) fn find() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE).map(PathBuf::from) {
        if !is_executable(&path) {
            bail!("${VARIABLE}: {} is not an executable file.", path.display());
        }
        return Ok(path);
    }
    if let Some(path) = on_path().or_else(of_python_package) {
        return Ok(path);
    }
    bail!(
        "No ffmpeg was found, and a clip or a camera cannot be decoded without one. Install it (for \
         example `apt install ffmpeg`, or `pip install imageio-ffmpeg` in the virtual environment \
         .venv), name one in ${VARIABLE}, or use `--input pattern`, which needs none."
    )
}

fn on_path() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join("ffmpeg"))
        .find(|path| is_executable(path))
}

/// The package imageio-ffmpeg has an ffmpeg inside.
fn of_python_package() -> Option<PathBuf> {
    let in_venv = env::current_dir().ok().and_then(|directory| {
        directory
            .ancestors()
            .map(|ancestor| ancestor.join(".venv/bin/python"))
            .find(|path| is_executable(path))
    });
    let python = in_venv.unwrap_or_else(|| PathBuf::from("python3"));
    let output = Command::new(python)
        .args([
            "-c",
            "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let path = PathBuf::from(OsString::from_vec(output.stdout.trim_ascii().to_vec()));
    is_executable(&path).then_some(path)
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_can_be_executed_is_taken() {
        assert!(is_executable(&env::current_exe().unwrap()));
        for path in [env!("CARGO_MANIFEST_PATH"), "no/such/ffmpeg", "."] {
            assert!(!is_executable(Path::new(path)), "{path}");
        }
    }
}
