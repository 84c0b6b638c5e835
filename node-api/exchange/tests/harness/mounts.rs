//! A `/dev/shm` of one's own, however small.

use std::{path::Path, process::Command};

/// A command that runs another one where `/dev/shm` is a file system of its own; `None` where that is not permitted.
pub fn in_shared_memory_of(options: &str, program: &Path) -> Option<Command> {
    let script = format!("mount -t tmpfs -o {options} tmpfs /dev/shm && exec \"$@\"");
    let of_its_own = |program: &Path| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--user", "--map-root-user", "sh", "-c", &script]);
        command.arg("sh").arg(program);
        command
    };
    let is_permitted = of_its_own("true".as_ref())
        .output()
        .is_ok_and(|tried| tried.status.success());
    is_permitted.then(|| of_its_own(program))
}
