//! What the dynamic loader is to know of the library.

fn main() {
    // Before 1.0 each minor version may change the calls.
    let version = env!("CARGO_PKG_VERSION");
    let so_version = version.rsplit_once('.').map_or(version, |(so, _)| so);
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libzenoh_pinned.so.{so_version}");
    // It has threads of its own, so it stays where dlclose() is called.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
