//! C and C++ programs of a test, compiled against the headers and the library, with every compiler that is here.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// Those of addresses and of undefined behaviour, fatal.
pub const SANITIZED: [&str; 3] = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
];

/// A language as a program of this test is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    C,
    Cpp,
}

impl Language {
    pub fn standard(self) -> &'static str {
        match self {
            Self::C => "-std=c11",
            Self::Cpp => "-std=c++17",
        }
    }

    pub fn compilers(self) -> [&'static str; 2] {
        match self {
            Self::C => ["gcc", "clang"],
            Self::Cpp => ["g++", "clang++"],
        }
    }

    /// The compilers that are here; which ones is said, and it is one at least.
    pub fn present(self) -> Vec<&'static str> {
        let (here, missing): (Vec<_>, Vec<_>) = self.compilers().into_iter().partition(|name| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|version| version.status.success())
        });
        println!("{self:?}: compiled by {here:?}, not here: {missing:?}");
        assert!(!here.is_empty(), "install gcc and g++, or clang");
        here
    }
}

/// A file of this crate's sources, or of the repository's by `../..`.
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where cargo leaves libraries.
pub fn built() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(2).unwrap().to_owned()
}

/// A library that cargo does not build for the tests by itself.
pub fn library(name: &str) -> PathBuf {
    let library = built().join(name);
    assert!(
        library.exists(),
        "{} is missing: run `cargo build --workspace --all-features` first, as `make test` does",
        library.display()
    );
    library
}

/// A folder in which the library has the name that programs look for at run time.
pub fn library_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = temporary("libraries");
        fs::create_dir_all(&folder).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let so_version = version.rsplit_once('.').unwrap().0;
        for name in [
            "libzenoh_pinned.so",
            &format!("libzenoh_pinned.so.{so_version}"),
        ] {
            let _ = symlink(library("libzenoh_pinned.so"), folder.join(name));
        }
        folder
    })
}

/// A name that no other test process has.
pub fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// A compiler with the warnings that all our C and C++ has to pass.
pub fn compiler(name: &str, language: Language) -> Command {
    let mut command = Command::new(name);
    command.args([
        language.standard(),
        "-Wall",
        "-Wextra",
        "-pedantic",
        "-Werror",
        "-g",
        "-O1",
    ]);
    command.arg("-I").arg(source("include"));
    command
}

/// Compiles and links a program.
pub fn program(by: &str, language: Language, path: &str, flags: &[&str]) -> PathBuf {
    let path = source(path);
    let name = path.file_name().unwrap().to_str().unwrap();
    let program = temporary(&format!("{name}-{by}-{}", flags.len()));
    let folder = library_folder();
    let mut command = compiler(by, language);
    command.args(flags).arg(path).arg("-L").arg(folder);
    command.args(["-lzenoh_pinned", "-lpthread", "-ldl"]);
    command.arg(format!("-Wl,-rpath,{}", folder.display()));
    expect_success(command.arg("-o").arg(&program));
    program
}

/// The first compiler of a language that is here.
pub fn any(language: Language) -> &'static str {
    language.present()[0]
}

/// Runs a command, and gives what it printed.
pub fn expect_success(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
