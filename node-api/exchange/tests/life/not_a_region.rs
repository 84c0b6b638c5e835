//! Names that belong to something else: a typed error, and it stays as it is.

use std::{ffi::CString, fs, os::unix::fs::symlink, path::Path};

use super::*;
use zenoh_pinned_exchange::{AttachError, CreateError};

fn is_refused(name: &Name) {
    let error = DataPlane::create(name).unwrap_err();
    assert!(matches!(error, CreateError::NotARegion { .. }), "{error:?}");
    let error = Agent::attach(name).unwrap_err();
    assert!(matches!(error, AttachError::NotARegion { .. }), "{error:?}");
    let error = Observer::attach(name).unwrap_err();
    assert!(matches!(error, AttachError::NotARegion { .. }), "{error:?}");
    assert!(name.is_taken());
}

#[test]
fn files_of_any_size() {
    let probe = Name::new();
    let data_plane = DataPlane::create(&probe).unwrap();
    let region = fs::metadata(probe.path()).unwrap().len() as usize;
    drop(data_plane);
    for bytes in [0, 1, 15, 16, 4096, region - 1, region, region + 1] {
        let name = Name::new();
        let text = "a text, no region. ".repeat(1 + bytes / 10);
        fs::write(name.path(), &text[..bytes]).unwrap();
        is_refused(&name);
        assert_eq!(fs::read(name.path()).unwrap(), text.as_bytes()[..bytes]);
    }
}

#[test]
fn a_pipe_a_folder_and_a_socket() {
    let pipe = Name::new();
    let path = CString::new(pipe.path().to_str().unwrap()).unwrap();
    // SAFETY: a path that ends with a null byte.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    is_refused(&pipe);

    let folder = Name::new();
    fs::create_dir(folder.path()).unwrap();
    is_refused(&folder);

    let socket = Name::new();
    let _listener = std::os::unix::net::UnixListener::bind(socket.path()).unwrap();
    is_refused(&socket);
}

#[test]
fn links_are_not_followed_wherever_they_lead() {
    let (link, region) = (Name::new(), Name::new());
    let _data_plane = DataPlane::create(&region).unwrap();
    let nowhere = Path::new("/nowhere/at/all");
    for target in [
        &region.path(),
        nowhere,
        Path::new("/etc/passwd"),
        &link.path(),
    ] {
        symlink(target, link.path()).unwrap();
        is_refused(&link);
        assert_eq!(fs::read_link(link.path()).unwrap(), target);
        fs::remove_file(link.path()).unwrap();
    }
}
