//! Where figures were taken, in words.

/// The kernel and the kind of processor.
pub fn system() -> String {
    let system = rustix::system::uname();
    format!(
        "{} {} {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy()
    )
}

/// Whether shared memory gets huge pages, in the kernel's words.
pub fn shared_huge_pages() -> String {
    let path = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
    let said = std::fs::read_to_string(path);
    said.as_deref().unwrap_or("unknown").trim().to_owned()
}

/// How this program was built.
pub fn build() -> &'static str {
    match cfg!(debug_assertions) {
        true => "debug build, figures mean little",
        false => "release build",
    }
}

/// Whether a device of this name is the driver double's, whose times mean nothing.
pub fn is_double(device: &str) -> bool {
    device == "CUDA driver double"
}
