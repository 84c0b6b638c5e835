//! Where a run leaves its results.

use std::path::PathBuf;

/// The file that says what was left out: one line for each, what and why with a tab between them.
pub const LEFT_OUT: &str = "left-out.txt";

/// The file that says in one line where the run was made.
pub const ENVIRONMENT: &str = "environment.txt";

/// The folder of Criterion's results and of the two files above: `CRITERION_HOME`, else where Criterion puts them
/// under cargo, else `criterion` in the working folder.
pub fn folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let target = || {
        variable("CARGO_TARGET_DIR")
            .or_else(|| Some(variable("CARGO_MANIFEST_DIR")?.join("../../target")))
    };
    variable("CRITERION_HOME")
        .or_else(|| Some(target()?.join("criterion")))
        .unwrap_or_else(|| PathBuf::from("criterion"))
}
