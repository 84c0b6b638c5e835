//! The folder of a model, and the files in it that the model names.
//!
//! The names come out of foreign files. So they are followed only below the folder, which was opened before, and over no
//! link: by the kernel's own `openat2`, or one component after the other where a sandbox or an old kernel has none.
//! The model's own file is another matter: the caller has named it, and links to it are followed.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::fault::PathFault;
use super::file::{FLAGS, ModelFile};
use super::{Counted, FormatError, Limits};

/// A folder, and the files of it that a model has named.
#[derive(Debug)]
pub(super) struct Folder {
    directory: OwnedFd,
    path: PathBuf,
    /// What errors call the model.
    model: PathBuf,
    files: Vec<ModelFile>,
    /// Which of the files are called so.
    named: BTreeMap<PathBuf, usize>,
    /// Files that may be open, the model's own included.
    limit: usize,
}

impl Folder {
    /// The model at `path`, opened, and its folder.
    pub(super) fn of_model(path: &Path, limits: &Limits) -> Result<(ModelFile, Self), FormatError> {
        let failed = |source: Errno| FormatError::Open {
            file: path.into(),
            source: source.into(),
        };
        let not_a_file = || FormatError::NotAFile { file: path.into() };
        let name = path.file_name().ok_or_else(not_a_file)?;
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, parent, flags, Mode::empty()).map_err(failed)?;
        let opened = rustix::fs::openat(&directory, name, FLAGS, Mode::empty()).map_err(
            |error| match error {
                // What opening a socket says.
                Errno::NXIO => not_a_file(),
                error => failed(error),
            },
        )?;
        let model = ModelFile::new(path.into(), opened).map_err(|source| FormatError::Open {
            file: path.into(),
            source,
        })?;
        let folder = Self {
            directory,
            path: parent.into(),
            model: path.into(),
            files: Vec::new(),
            named: BTreeMap::new(),
            limit: limits.files,
        };
        Ok((model.ok_or_else(not_a_file)?, folder))
    }

    /// The file that the model calls `location`, opened if it was not yet, and its number: the model's own is zero.
    pub(super) fn open(
        &mut self,
        location: &str,
        tensor: &str,
    ) -> Result<(usize, &ModelFile), FormatError> {
        let model = &self.model;
        let refused = |fault| FormatError::Path {
            file: model.into(),
            tensor: tensor.into(),
            location: location.into(),
            fault,
        };
        let below = below(location).map_err(refused)?;
        let known = self.named.get(&below).copied();
        let number = known.unwrap_or(self.files.len() + 1);
        if known.is_none() {
            if number >= self.limit {
                return Err(FormatError::TooMany {
                    file: model.into(),
                    of: Counted::Files,
                    limit: self.limit,
                });
            }
            let opened = beneath(&self.directory, &below).map_err(refused)?;
            let file = ModelFile::new(self.path.join(&below), opened)
                .map_err(|error| refused(PathFault::System(error)))?
                .ok_or_else(|| refused(PathFault::NotAFile))?;
            self.files.push(file);
            self.named.insert(below, number);
        }
        let file = self
            .files
            .get(number - 1)
            .ok_or_else(|| refused(PathFault::Empty))?;
        Ok((number, file))
    }

    /// The files, from number one on.
    pub(super) fn into_files(self) -> Vec<ModelFile> {
        self.files
    }
}

/// The path below the folder that `location` means, spelt in one way.
fn below(location: &str) -> Result<PathBuf, PathFault> {
    if location.contains('\0') {
        return Err(PathFault::Zero);
    }
    let mut below = PathBuf::new();
    for component in Path::new(location).components() {
        match component {
            Component::Normal(name) => below.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err(PathFault::Parent),
            Component::RootDir | Component::Prefix(_) => return Err(PathFault::Absolute),
        }
    }
    if below.as_os_str().is_empty() {
        return Err(PathFault::Empty);
    }
    Ok(below)
}

fn beneath(directory: &OwnedFd, below: &Path) -> Result<OwnedFd, PathFault> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(directory, below, FLAGS, Mode::empty(), resolve) {
        // Older kernels and sandboxes; where it is the file that may not be opened, the other way says so too.
        Err(Errno::NOSYS | Errno::PERM) => by_components(directory, below),
        Err(error) => Err(fault(error)),
        Ok(opened) => Ok(opened),
    }
}

/// As [`beneath`], without `openat2`.
fn by_components(directory: &OwnedFd, below: &Path) -> Result<OwnedFd, PathFault> {
    let folders = below.parent().into_iter().flat_map(Path::components);
    let mut within = None;
    for name in folders {
        let here = within.as_ref().unwrap_or(directory).as_fd();
        let name = Path::new(&name);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(here, name, flags, Mode::empty()).map_err(|error| {
            // A link is no folder either, and that is all that the kernel says.
            let stat = rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW);
            let is_link = |mode| FileType::from_raw_mode(mode) == FileType::Symlink;
            match stat.is_ok_and(|stat| is_link(stat.st_mode)) {
                true => PathFault::Link,
                false => fault(error),
            }
        })?;
        within = Some(opened);
    }
    let here = within.as_ref().unwrap_or(directory);
    let name = below.file_name().ok_or(PathFault::Empty)?;
    rustix::fs::openat(here, name, FLAGS | OFlags::NOFOLLOW, Mode::empty()).map_err(fault)
}

fn fault(error: Errno) -> PathFault {
    match error {
        Errno::LOOP => PathFault::Link,
        // What opening a socket says.
        Errno::NXIO => PathFault::NotAFile,
        error => PathFault::System(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::formats::tests::Temporary;

    #[test]
    fn a_name_leads_to_one_place_below_or_nowhere() {
        for (location, path) in [
            ("a", "a"),
            ("./a", "a"),
            ("a//b/./c", "a/b/c"),
            ("a/", "a"),
            ("..a", "..a"),
        ] {
            assert_eq!(below(location).unwrap(), Path::new(path), "{location}");
        }
        for location in ["", ".", "./", "//."] {
            let fault = below(location).unwrap_err();
            assert!(
                matches!(fault, PathFault::Empty | PathFault::Absolute),
                "{location}"
            );
        }
        for location in ["..", "../a", "a/..", "a/../../b", "./../a"] {
            assert!(
                matches!(below(location), Err(PathFault::Parent)),
                "{location}"
            );
        }
        assert!(matches!(below("/etc/passwd"), Err(PathFault::Absolute)));
        assert!(matches!(below("a\0b"), Err(PathFault::Zero)));
    }

    #[test]
    fn neither_way_follows_a_link_or_blocks() {
        let folder = Temporary::new();
        let root = folder.path();
        let _ = fs::create_dir_all(root.join("in/deep"));
        fs::create_dir(root.join("out")).unwrap();
        fs::write(root.join("out/secret"), "x").unwrap();
        fs::write(root.join("in/deep/data"), "x").unwrap();
        symlink("../out/secret", root.join("in/file-link")).unwrap();
        symlink("deep/data", root.join("in/link-that-stays")).unwrap();
        symlink("../out", root.join("in/folder-link")).unwrap();
        symlink("loop", root.join("in/loop")).unwrap();
        symlink("nowhere", root.join("in/dangling")).unwrap();
        let fifo = rustix::fs::CWD;
        rustix::fs::mknodat(fifo, root.join("in/fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = UnixListener::bind(root.join("in/socket")).unwrap();

        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let directory = rustix::fs::open(root.join("in"), flags, Mode::empty()).unwrap();
        for way in [beneath, by_components] {
            let open = |name: &str| {
                let opened = way(&directory, Path::new(name))?;
                let file = ModelFile::new(name.into(), opened).map_err(PathFault::System)?;
                file.ok_or(PathFault::NotAFile)
            };
            assert_eq!(open("deep/data").unwrap().bytes(), 1);
            for link in [
                "file-link",
                "link-that-stays",
                "folder-link/secret",
                "loop",
                "dangling",
                "folder-link",
            ] {
                assert!(
                    matches!(open(link), Err(PathFault::Link)),
                    "{link}: {:?}",
                    open(link)
                );
            }
            for other in ["fifo", "socket", "deep"] {
                assert!(matches!(open(other), Err(PathFault::NotAFile)), "{other}");
            }
            for missing in ["none", "none/data", "deep/data/more"] {
                assert!(
                    matches!(open(missing), Err(PathFault::System(_))),
                    "{missing}"
                );
            }
        }
    }
}
