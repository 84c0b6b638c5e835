use std::io;
use std::process::Command;

use rustix::io::Errno;

use super::*;

#[test]
fn what_the_system_says_is_told_apart() {
    let meant = |errno: Errno| StoreError::write(Path::new("x"), io::Error::from(errno));
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        assert!(matches!(meant(errno), StoreError::DiskFull { .. }));
    }
    for errno in [Errno::ROFS, Errno::ACCESS, Errno::PERM] {
        assert!(matches!(meant(errno), StoreError::ReadOnly { .. }));
    }
    for errno in [Errno::IO, Errno::NAMETOOLONG, Errno::MFILE] {
        assert!(matches!(meant(errno), StoreError::Write { .. }));
    }
}

/// A file system of its own, where this user may mount one.
struct Small(TempDir);

impl Small {
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => {
                eprintln!("skipped: this user may not mount a file system");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount
            .args(["-o", &format!("remount,{options}")])
            .arg(self.0.path());
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn create(folder: &Path) -> Result<Store, StoreError> {
    let encoding = Encoding::new(1, false).unwrap();
    Store::create(
        folder,
        form(ElementType::U8),
        Some(9),
        &encoding,
        Map::new(),
        false,
    )
}

#[test]
fn a_full_disk_is_an_error_that_says_so_and_leaves_nothing_half_written() {
    let Some(small) = Small::mount("size=256k") else {
        return;
    };
    let store = create(&small.0.path().join("run")).unwrap();
    store.put(0, &[7; 64 << 10]).unwrap();
    let refused = store.put(1, &[7; 400 << 10]).unwrap_err();
    assert!(matches!(refused, StoreError::DiskFull { .. }), "{refused}");
    assert!(refused.to_string().contains("--output-dir"), "{refused}");
    let unfinished = store.folder().join("matrices/unfinished");
    assert_eq!(fs::read_dir(unfinished).unwrap().count(), 0);
    assert_eq!(store.stored().unwrap(), ranges([0]));
    // What was removed gave its room back.
    store.put(1, &[7; 64 << 10]).unwrap();
}

#[test]
fn a_device_without_another_name_is_full_as_well() {
    let Some(small) = Small::mount("nr_inodes=4") else {
        return;
    };
    assert!(matches!(
        create(&small.0.path().join("run")),
        Err(StoreError::DiskFull { .. })
    ));
}

#[test]
fn a_read_only_device_is_an_error_at_once() {
    let Some(small) = Small::mount("size=256k") else {
        return;
    };
    let folder = small.0.path().join("run");
    fs::create_dir(&folder).unwrap();
    small.remount("ro");
    for folder in [folder, small.0.path().join("other")] {
        let refused = create(&folder).unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    }
}

#[test]
fn a_folder_that_this_user_may_not_write_to_is_an_error_at_once() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let may = |mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(folder.path(), permissions).unwrap();
    };
    may(0o555);
    let refused = create(folder.path()).unwrap_err();
    may(0o755);
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
}

#[test]
fn a_put_that_fails_at_the_rename_removes_its_file() {
    let run = Run::smooth(2);
    fs::remove_file(run.chunk(1)).unwrap();
    fs::create_dir(run.chunk(1)).unwrap();
    assert!(matches!(
        run.store.put(1, b"x"),
        Err(StoreError::Write { .. })
    ));
    let unfinished = run.store.folder().join("matrices/unfinished");
    assert_eq!(fs::read_dir(unfinished).unwrap().count(), 0);
}
